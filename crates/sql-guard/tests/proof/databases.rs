//! Three real databases with the same tables: some columns and a table in them hold a word that nobody may ever read.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use millwright_sql_guard::Dialect;
use rusqlite::fallible_iterator::FallibleIterator;

use crate::wire::{Answer, MariaDb, Postgres};

/// What only a hole lets out.
pub(crate) const CANARY: &str = "CANARY";

/// Longer than this no statement may take. The servers end one after it.
pub(crate) const LONGEST: Duration = Duration::from_secs(8);

const TABLES: &str = "
CREATE TABLE machines (id int PRIMARY KEY, name varchar(40), cost varchar(40));
CREATE TABLE work_orders (id int PRIMARY KEY, status varchar(20), machine_id int, quantity int, finished_at timestamp NULL, secret_note varchar(40));
CREATE TABLE users (id int PRIMARY KEY, name varchar(40), password varchar(40));
INSERT INTO machines VALUES (1, 'P1', 'CANARY-A'), (2, 'P2', 'CANARY-B'), (3, 'Lathe', 'CANARY-C');
INSERT INTO work_orders VALUES (1, 'open', 1, 10, '2026-01-01 10:00:00', 'CANARY-D'), (2, 'open', 2, 20, '2026-01-02 11:00:00', NULL),
  (3, 'closed', 1, 30, '2026-02-03 12:00:00', 'CANARY-E'), (4, 'closed', 3, NULL, NULL, NULL);
INSERT INTO users VALUES (1, 'admin', 'CANARY-F'), (2, 'root', 'CANARY-G');
";

pub(crate) trait Database {
    fn dialect(&self) -> Dialect;

    /// Sends a text as it is.
    fn run(&mut self, sql: &str) -> Answer;

    /// All that a statement could have changed.
    fn content(&mut self) -> String;
}

pub(crate) struct PostgresDatabase(Postgres);

impl PostgresDatabase {
    /// A database of its own on the server that the tests use, or none where there is no server.
    pub(crate) fn start(name: &str) -> Option<Self> {
        let Ok(url) = std::env::var("MILLWRIGHT_TEST_DATABASE_URL") else {
            println!("SKIPPED: MILLWRIGHT_TEST_DATABASE_URL names no PostgreSQL");
            return None;
        };
        let address = url.split('@').next_back()?.split('/').next()?.to_owned();
        let mut server = Postgres::open(&address, "postgres");
        let database = format!("sql_guard_{name}_{}", std::process::id());
        server.run(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).expect("dropped");
        server.run(&format!("CREATE DATABASE {database}")).expect("made");
        let mut own = Postgres::open(&address, &database);
        own.run(TABLES).expect("tables");
        own.run("CREATE SEQUENCE numbers; SET statement_timeout = 8000").expect("a sequence");
        Some(Self(own))
    }
}

impl Database for PostgresDatabase {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn run(&mut self, sql: &str) -> Answer {
        self.0.run(sql)
    }

    fn content(&mut self) -> String {
        let queries = "SELECT * FROM machines ORDER BY 1; SELECT * FROM work_orders ORDER BY 1; SELECT * FROM users ORDER BY 1;
            SELECT last_value, is_called FROM numbers; SELECT count(*) FROM pg_class; SELECT count(*) FROM pg_proc;
            SELECT count(*) FROM pg_largeobject_metadata; SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
            SELECT setting FROM pg_settings WHERE source = 'session' ORDER BY name";
        self.0.run(queries).expect("content")
    }
}

/// Interrupts a statement that takes too long.
pub(crate) struct SqliteDatabase {
    connection: rusqlite::Connection,
    steps: Arc<AtomicU64>,
}

impl SqliteDatabase {
    pub(crate) fn start() -> Self {
        let connection = rusqlite::Connection::open_in_memory().expect("SQLite");
        connection.execute_batch(TABLES).expect("tables");
        let steps = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&steps);
        // By steps and not by the clock: the machine may be busy.
        let stop = move || counter.fetch_add(1, Ordering::Relaxed) > 20_000;
        connection.progress_handler(10_000, Some(stop)).expect("a handler");
        Self { connection, steps }
    }
}

impl Database for SqliteDatabase {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn run(&mut self, sql: &str) -> Answer {
        self.steps.store(0, Ordering::Relaxed);
        let mut found = String::new();
        let mut batch = rusqlite::Batch::new(&self.connection, sql);
        loop {
            let mut statement = match batch.next() {
                Ok(Some(statement)) => statement,
                Ok(None) => return Ok(found),
                Err(error) => return Err(error.to_string()),
            };
            let width = statement.column_count();
            let mut rows = statement.raw_query();
            loop {
                match rows.next() {
                    Ok(Some(row)) => {
                        for at in 0..width {
                            found.push_str(&format!("{:?}|", row.get_ref(at).expect("a value")));
                            if let Ok(text) = row.get::<_, String>(at) {
                                found.push_str(&text);
                            }
                        }
                        found.push('\n');
                    }
                    Ok(None) => break,
                    Err(error) => return Err(error.to_string()),
                }
            }
        }
    }

    fn content(&mut self) -> String {
        let queries =
            "SELECT * FROM machines ORDER BY 1; SELECT * FROM work_orders ORDER BY 1; SELECT * FROM users ORDER BY 1;
            SELECT * FROM sqlite_master ORDER BY name; SELECT total_changes(); SELECT * FROM pragma_database_list";
        self.run(queries).expect("content")
    }
}

/// A MariaDB of the test's own, which ends with it.
pub(crate) struct MariaDbDatabase {
    connection: MariaDb,
    server: Child,
    folder: PathBuf,
}

impl Drop for MariaDbDatabase {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl MariaDbDatabase {
    /// None where MariaDB is not installed.
    pub(crate) fn start(name: &str) -> Option<Self> {
        let found = ["/usr/sbin/mariadbd", "/usr/bin/mariadbd", "/usr/local/sbin/mariadbd"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let Some(binary) = found else {
            println!(
                "SKIPPED: MariaDB is not installed (Debian: apt-get install mariadb-server-core mariadb-client-core)"
            );
            return None;
        };
        let folder = std::env::temp_dir().join(format!("millwright-sql-guard-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let data = format!("--datadir={}/data", folder.display());
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", &data])
            .args(is_root().then_some("--user=root"))
            .output()
            .expect("mariadb-install-db");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let server = Command::new(binary)
            .args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--skip-log-bin",
                "--innodb-flush-log-at-trx-commit=0",
                "--max-statement-time=8",
            ])
            .args([
                &data,
                &format!("--port={port}"),
                &format!("--socket={}/s", folder.display()),
                &format!("--pid-file={}/p", folder.display()),
            ])
            .args(is_root().then_some("--user=root"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mariadbd");
        let address = format!("127.0.0.1:{port}");
        let begun = Instant::now();
        while std::net::TcpStream::connect(&address).is_err() {
            assert!(begun.elapsed() < Duration::from_mins(1), "MariaDB does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        let mut own = Self { connection: MariaDb::open(&address), server, folder };
        own.run("CREATE DATABASE plant; USE plant").expect("a database");
        own.run(TABLES).expect("tables");
        own.run("CREATE SEQUENCE numbers").expect("a sequence");
        Some(own)
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

impl Database for MariaDbDatabase {
    fn dialect(&self) -> Dialect {
        Dialect::MySql
    }

    fn run(&mut self, sql: &str) -> Answer {
        self.connection.run(sql)
    }

    fn content(&mut self) -> String {
        let queries = "SELECT * FROM machines ORDER BY 1; SELECT * FROM work_orders ORDER BY 1; SELECT * FROM users ORDER BY 1;
            SELECT next_not_cached_value FROM numbers; SELECT count(*) FROM information_schema.tables; SELECT count(*) FROM mysql.global_priv;
            SELECT * FROM information_schema.schemata ORDER BY 2; SELECT @@global.sql_mode, @@session.sql_mode, @@global.max_connections";
        self.connection.run(queries).expect("content")
    }
}
