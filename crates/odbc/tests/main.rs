//! Against real databases: PostgreSQL, MariaDB and SQLite over unixODBC. `MILLWRIGHT_TEST_DATABASE_URL` names the PostgreSQL
//! (`scripts/test_postgres.sh`), `MILLWRIGHT_TEST_MARIADB_PORT` the MariaDB (`scripts/test_mariadb.sh`). What is not there is
//! skipped, and said.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod catalogue;
mod failures;
mod kinds;
mod kit;
mod limits;
mod proxy;
mod refusals;
