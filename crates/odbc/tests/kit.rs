//! Databases with the sample, and a login for each that only reads.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use millwright_odbc::{
    Cell, Credential, Dialect, Limits, OdbcError, Pool, PoolOptions, Query, Row, Source, SourcePolicy, SourceSettings,
    drivers, sample,
};
use odbc_api::{ConnectionOptions, Environment};

/// Has what a connection string quotes.
pub(crate) const PASSWORD: &str = "pa;ss w=o{rd+é";
/// The one login that the PostgreSQL of the tests does not trust.
const READER: &str = "password_needed";

pub(crate) struct Place {
    pub(crate) dialect: Dialect,
    pub(crate) settings: SourceSettings,
    pub(crate) reader: Credential,
    pub(crate) reader_name: String,
    pub(crate) owner: Credential,
    /// Of the file of an SQLite database.
    _folder: Option<tempfile::TempDir>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.dialect)
    }
}

/// Those that this machine has.
pub(crate) fn places() -> impl Iterator<Item = &'static Place> {
    [postgres(), mariadb(), sqlite()].into_iter().flatten()
}

impl Place {
    pub(crate) fn pool(&self) -> Pool {
        self.pool_with(|_| {}, |_| {})
    }

    pub(crate) fn pool_with(
        &self,
        settings: impl FnOnce(&mut SourceSettings),
        options: impl FnOnce(&mut PoolOptions),
    ) -> Pool {
        let mut changed = (self.settings.clone(), PoolOptions::default());
        settings(&mut changed.0);
        options(&mut changed.1);
        Pool::new(Source::new(changed.0, &SourcePolicy::default()).expect("settings"), changed.1)
    }

    pub(crate) fn is(&self, dialect: &Dialect) -> bool {
        self.dialect == *dialect
    }
}

pub(crate) async fn read(pool: &Pool, credential: &Credential, query: Query) -> Result<Vec<Row>, OdbcError> {
    let mut rows = pool.query(credential, query).await?;
    let mut all = Vec::new();
    while let Some(block) = rows.next().await? {
        assert!(!block.is_empty());
        all.extend(block);
    }
    Ok(all)
}

/// The one value of a statement.
pub(crate) async fn one(pool: &Pool, place: &Place, sql: &str, parameters: Vec<Cell>) -> Result<Cell, OdbcError> {
    let rows = read(pool, &place.reader, Query::new(sql, parameters)).await?;
    assert_eq!(rows.len(), 1, "{sql}");
    Ok(rows[0][0].clone())
}

pub(crate) fn within(milliseconds: u64) -> Limits {
    Limits { time: Duration::from_millis(milliseconds), ..Limits::default() }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime")
}

#[allow(clippy::disallowed_methods, reason = "a test's settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().or_else(|| skipped(&format!("{name} is not set")))
}

fn skipped<T>(why: &str) -> Option<T> {
    eprintln!("SKIPPED: {why}");
    None
}

fn has(driver: &str) -> Option<()> {
    match drivers() {
        Ok(drivers) if drivers.iter().any(|known| known.name == driver) => Some(()),
        _ => skipped(&format!("the ODBC driver `{driver}` is not installed")),
    }
}

/// Carries statements out as who may do anything. What a statement returns is not read.
pub(crate) fn run(string: &str, statements: &[String]) {
    let environment = Environment::new().expect("environment");
    let connection =
        environment.connect_with_connection_string(string, ConnectionOptions::default()).expect("connection");
    for statement in statements {
        if let Err(error) = connection.execute(statement, (), None) {
            panic!("{statement:.200}: {error}");
        }
    }
}

fn filled(dialect: &Dialect, kinds: &str) -> Vec<String> {
    let mut statements = sample::statements(dialect);
    statements.extend(kinds.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned));
    statements
}

fn name() -> String {
    format!("odbc_test_{}", std::process::id())
}

pub(crate) fn postgres() -> Option<&'static Place> {
    static PLACE: OnceLock<Option<Place>> = OnceLock::new();
    let make = || {
        const DRIVER: &str = "PostgreSQL Unicode";
        let url = variable("MILLWRIGHT_TEST_DATABASE_URL")?;
        has(DRIVER)?;
        let port: u16 = url.rsplit_once('@')?.1.split_once('/')?.0.rsplit_once(':')?.1.parse().ok()?;
        let owner = |database: &str| {
            format!("DRIVER={{{DRIVER}}};SERVER=127.0.0.1;PORT={port};DATABASE={database};UID=postgres")
        };
        let role = format!(
            "DO $$ BEGIN CREATE ROLE {READER} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
             ALTER ROLE {READER} PASSWORD '{PASSWORD}'"
        );
        run(&owner("postgres"), &[format!("CREATE DATABASE {}", name()), role]);
        let mut statements = filled(&Dialect::Postgres, include_str!("kinds/postgres.sql"));
        statements.push(format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}"));
        run(&owner(&name()), &statements);
        Some(Place {
            dialect: Dialect::Postgres,
            settings: settings(DRIVER, Some(port), name()),
            reader: Credential::new(READER, PASSWORD),
            reader_name: READER.to_owned(),
            owner: Credential::new("postgres", ""),
            _folder: None,
        })
    };
    PLACE.get_or_init(make).as_ref()
}

pub(crate) fn mariadb() -> Option<&'static Place> {
    static PLACE: OnceLock<Option<Place>> = OnceLock::new();
    let make = || {
        const DRIVER: &str = "MariaDB Unicode";
        let port: u16 = variable("MILLWRIGHT_TEST_MARIADB_PORT")?.trim().parse().ok()?;
        has(DRIVER)?;
        let owner = |database: &str| {
            format!("DRIVER={{{DRIVER}}};SERVER=127.0.0.1;PORT={port};DATABASE={database};UID=root;CHARSET=utf8mb4")
        };
        let reader = format!("reader_{}", std::process::id());
        let first = [
            format!("CREATE DATABASE {} CHARACTER SET utf8mb4", name()),
            format!("CREATE USER IF NOT EXISTS {reader} IDENTIFIED BY '{PASSWORD}'"),
            format!("CREATE ROLE {}", name()),
            format!("GRANT SELECT, SHOW VIEW ON {}.* TO {}", name(), name()),
            format!("GRANT {} TO {reader}", name()),
            format!("SET DEFAULT ROLE {} FOR {reader}", name()),
        ];
        run(&owner("mysql"), &first);
        let mut statements = vec!["SET time_zone = '+00:00'".to_owned()];
        statements.extend(filled(&Dialect::MariaDb, include_str!("kinds/mariadb.sql")));
        run(&owner(&name()), &statements);
        Some(Place {
            dialect: Dialect::MariaDb,
            settings: settings(DRIVER, Some(port), name()),
            reader: Credential::new(reader.as_str(), PASSWORD),
            reader_name: reader,
            owner: Credential::new("root", ""),
            _folder: None,
        })
    };
    PLACE.get_or_init(make).as_ref()
}

pub(crate) fn sqlite() -> Option<&'static Place> {
    static PLACE: OnceLock<Option<Place>> = OnceLock::new();
    let make = || {
        const DRIVER: &str = "SQLite3";
        has(DRIVER)?;
        let folder = tempfile::tempdir().ok()?;
        let file = folder.path().join("mes.db").to_str()?.to_owned();
        // No letter beyond ASCII, which the driver manager would not hand over: its texts are made from their bytes.
        let statements = filled(&Dialect::Sqlite, include_str!("kinds/sqlite.sql"));
        // One transaction, because each costs the disk a flush.
        let all = [vec!["BEGIN".to_owned()], statements, vec!["COMMIT".to_owned()]].concat();
        run(&format!("DRIVER={{{DRIVER}}};DATABASE={file}"), &all);
        Some(Place {
            dialect: Dialect::Sqlite,
            settings: settings(DRIVER, None, file),
            reader: Credential::none(),
            reader_name: String::new(),
            owner: Credential::none(),
            _folder: Some(folder),
        })
    };
    PLACE.get_or_init(make).as_ref()
}

fn settings(driver: &str, port: Option<u16>, database: String) -> SourceSettings {
    SourceSettings {
        driver: driver.to_owned(),
        server: port.map(|_| "127.0.0.1".to_owned()),
        port,
        database,
        ..SourceSettings::default()
    }
}
