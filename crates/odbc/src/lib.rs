//! Databases over ODBC, to read only: [`Pool::query`] carries out one SELECT that the guard let through, and hands on typed rows
//! as they come; [`Pool::catalogue`] says what there is, [`Pool::check`] what the login could write. The only crate that names
//! `odbc-api`.
//!
//! It knows no tenants, keeps nothing, and does not judge SQL: that is the guard's. It holds the second line behind it. A
//! transaction only reads and is always rolled back, statements are prepared, a `;` only ends one, and time, rows, bytes and the
//! size of a value have an end.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use millwright_odbc::{Cell, Credential, Pool, PoolOptions, Query, Source, SourcePolicy, SourceSettings};
//!
//! let settings = SourceSettings { driver: "SQLite3".into(), database: "/data/mes.db".into(), ..SourceSettings::default() };
//! let pool = Pool::new(Source::new(settings, &SourcePolicy::default())?, PoolOptions::default());
//! let query = Query::new("SELECT id, opened_on FROM work_orders WHERE equipment_id = ?", vec![Cell::Text("EX-A".into())]);
//! let mut rows = pool.query(&Credential::none(), query).await?;
//! while let Some(block) = rows.next().await? {
//!     println!("{} rows", block.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Invariants:
//! * A user's value never adds a key to a connection string, and no key names a file to run or a statement to carry out.
//! * Passwords are in no `Debug`, error or log of this crate.
//! * A driver blocks only threads of the pool. One that hangs is told to stop at the deadline, then its thread is given up and
//!   replaced; of those there is a limit.
//! * A value arrives whole, or the whole fails: none is cut.
//! * The driver manager is loaded when it is first needed; without it there is a typed error, and everything else works.

mod block;
mod catalogue;
mod column;
mod credential;
mod dialect;
mod error;
mod fetch;
mod job;
mod link;
mod manager;
mod parameter;
mod pool;
mod privileges;
pub mod sample;
mod source;
mod statement;
mod value;
mod worker;

use std::time::Duration;

pub use catalogue::{Catalogue, CatalogueLimits, ForeignKey, Relation, RelationColumn};
pub use column::{Column, Kind};
pub use credential::Credential;
pub use dialect::{Dialect, ReadOnly};
pub use error::OdbcError;
pub use manager::{Driver, drivers};
pub use pool::{Pool, PoolOptions, PoolState, Rows};
pub use privileges::{Checked, Writes};
pub use source::{SAFE_OPTIONS, SettingsError, Source, SourcePolicy, SourceSettings};
pub use value::Cell;

/// The cells of a row, in the order of the columns.
pub type Row = Vec<Cell>;

/// One SELECT that the guard let through.
#[derive(Debug, Clone)]
pub struct Query {
    /// With `?` for each parameter.
    pub sql: String,
    /// In the order of their `?`.
    pub parameters: Vec<Cell>,
    /// When it ends.
    pub limits: Limits,
}

impl Query {
    /// With the limits that are set by default.
    pub fn new(sql: impl Into<String>, parameters: Vec<Cell>) -> Self {
        Self { sql: sql.into(), parameters, limits: Limits::default() }
    }
}

/// When a query ends, at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows.
    pub rows: u64,
    /// Bytes of all values.
    pub bytes: u64,
    /// Bytes of one value.
    pub cell_bytes: usize,
    /// From when it is asked for until its last row is taken, the wait for a thread and a slow reader included.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 10_000, bytes: 16 << 20, cell_bytes: 64 << 10, time: Duration::from_secs(30) }
    }
}
