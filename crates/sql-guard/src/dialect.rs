use std::{fmt, str::FromStr};

use sqlparser::dialect::{
    Dialect as Grammar, GenericDialect, MsSqlDialect, MySqlDialect, OracleDialect, PostgreSqlDialect, SQLiteDialect,
};

/// The language that a statement is written in, and that the database which gets it understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL 14 and newer.
    Postgres,
    /// SQL Server (T-SQL), with `QUOTED_IDENTIFIER` on.
    SqlServer,
    /// Oracle 12c and newer.
    Oracle,
    /// MySQL 8 and MariaDB 10.5 and newer, with `ANSI_QUOTES` off.
    MySql,
    /// SQLite 3.30 and newer.
    Sqlite,
    /// Standard SQL, for a database that is none of the above: what any of them would refuse to be told is refused.
    Generic,
}

/// A name that is no dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no dialect of the SQL guard: give one of {}", Dialect::NAMES)]
pub struct UnknownDialect {
    /// What was given.
    pub name: String,
}

impl Dialect {
    /// Every name that is accepted, upper or lower case.
    pub const NAMES: &str = "postgres (postgresql, pg), sqlserver (mssql, tsql), oracle (plsql), mysql (mariadb), sqlite (sqlite3), generic (ansi, sql)";

    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Postgres, Self::SqlServer, Self::Oracle, Self::MySql, Self::Sqlite, Self::Generic];

    /// The name that is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::SqlServer => "sqlserver",
            Self::Oracle => "oracle",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
            Self::Generic => "generic",
        }
    }

    /// The grammars by which a statement may be understood, the first that understands it.
    pub(crate) fn grammars(self) -> &'static [&'static dyn Grammar] {
        match self {
            Self::Postgres => &[&PostgreSqlDialect {}],
            Self::SqlServer => &[&MsSqlDialect {}, &GenericDialect],
            Self::Oracle => &[&OracleDialect {}],
            Self::MySql => &[&MySqlDialect {}],
            Self::Sqlite => &[&SQLiteDialect {}],
            Self::Generic => &[&GenericDialect, &PostgreSqlDialect {}],
        }
    }

    /// The schema that a name without one means, unless the policy says another.
    pub(crate) const fn default_schema(self) -> Option<&'static str> {
        match self {
            Self::Postgres => Some("public"),
            Self::SqlServer => Some("dbo"),
            Self::Sqlite => Some("main"),
            Self::Oracle | Self::MySql | Self::Generic => None,
        }
    }

    /// Whether a table may be told from another by the case of its letters alone, written without quotes.
    pub(crate) const fn tables_have_case(self) -> bool {
        matches!(self, Self::MySql)
    }

    /// How a name without quotes is read: the form in which two names are the same thing.
    pub(crate) fn fold(self, name: &str, quoted: bool) -> String {
        match self {
            Self::Postgres | Self::Oracle if quoted => name.to_owned(),
            Self::Oracle => name.to_ascii_uppercase(),
            _ => name.to_ascii_lowercase(),
        }
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        match name.trim().to_ascii_lowercase().replace(['-', '_', ' '], "").as_str() {
            "postgres" | "postgresql" | "pg" | "pgsql" => Ok(Self::Postgres),
            "mssql" | "sqlserver" | "tsql" | "transactsql" | "azuresql" => Ok(Self::SqlServer),
            "oracle" | "plsql" => Ok(Self::Oracle),
            "mysql" | "mariadb" => Ok(Self::MySql),
            "sqlite" | "sqlite3" => Ok(Self::Sqlite),
            "generic" | "ansi" | "sql" | "standard" => Ok(Self::Generic),
            _ => Err(UnknownDialect { name: name.to_owned() }),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
