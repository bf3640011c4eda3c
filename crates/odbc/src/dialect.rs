use std::time::Duration;

/// Whose SQL a database speaks, by what its driver says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// MySQL.
    MySql,
    /// SQLite.
    Sqlite,
    /// Another, by the name that its driver gives it.
    Other(String),
}

/// What keeps a statement from writing, beside the guard and the rights of the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    /// The database refuses to write in the transaction.
    Enforced,
    /// The driver was asked to read only, which it may ignore; the transaction is rolled back.
    Requested,
}

impl Dialect {
    /// By `SQL_DBMS_NAME`.
    pub fn of(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "mariadb" => Self::MariaDb,
            "mysql" => Self::MySql,
            "sqlite" => Self::Sqlite,
            _ if lower.starts_with("postgresql") => Self::Postgres,
            _ => Self::Other(name.to_owned()),
        }
    }

    /// What keeps statements from writing.
    pub const fn read_only(&self) -> ReadOnly {
        match self {
            Self::Postgres | Self::MariaDb | Self::MySql | Self::Sqlite => ReadOnly::Enforced,
            Self::Other(_) => ReadOnly::Requested,
        }
    }

    /// Whether statements are put into a transaction of our own. SQLite's driver would then read all of a result before its first
    /// row; there the connection itself does not write.
    pub(crate) fn has_transactions(&self) -> bool {
        *self != Self::Sqlite
    }

    /// Said once, when a connection is new: times in UTC, strings by the standard, nothing written.
    pub(crate) const fn session(&self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &[
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                "SET TIME ZONE 'UTC'",
                "SET DateStyle TO ISO, YMD",
                "SET standard_conforming_strings TO on",
                "SET extra_float_digits TO 1",
            ],
            // The modes decide how quotes and backslashes are read, and the guard reads them so.
            Self::MariaDb | Self::MySql => &[
                "SET SESSION TRANSACTION READ ONLY",
                "SET SESSION time_zone = '+00:00'",
                "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
            ],
            Self::Sqlite => &["PRAGMA query_only = ON"],
            Self::Other(_) => &[],
        }
    }

    /// Said before each statement, in its transaction: nothing is written, and the server itself stops it when its time is up.
    pub(crate) fn begin(&self, time: Duration, rows: u64) -> Vec<String> {
        let milliseconds = time.as_millis().clamp(1, 86_400_000);
        // One more shows that there are more. MariaDB's driver before 3.2 keeps all of a result in memory, whatever it is told.
        let rows = rows.saturating_add(1);
        match self {
            Self::Postgres => {
                vec![format!("SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = {milliseconds}")]
            }
            Self::MariaDb => vec![
                format!(
                    "SET SESSION max_statement_time = {}.{:03}, sql_select_limit = {rows}",
                    milliseconds / 1000,
                    milliseconds % 1000
                ),
                "START TRANSACTION READ ONLY".to_owned(),
            ],
            Self::MySql => vec![
                format!("SET SESSION max_execution_time = {milliseconds}, sql_select_limit = {rows}"),
                "START TRANSACTION READ ONLY".to_owned(),
            ],
            Self::Sqlite => vec!["PRAGMA query_only = ON".to_owned()],
            Self::Other(_) => Vec::new(),
        }
    }
}
