//! Guards SQL that a language model wrote for a database of somebody else's: a statement is read, held against a policy, and printed anew
//! from its tree; or it is refused, with each reason and its place. What runs is what was printed, never what was given. No I/O.
//!
//! [`Guard::read`] judges reads: one SELECT, WITH, VALUES or combination of them. [`Guard::write`] judges changes: INSERT of literals, and
//! UPDATE and DELETE of rows that a key pins; it adds what reads the rows before and what takes the change back.
//!
//! A [`Policy`] says in YAML which tables, columns and functions may be used and how much may be asked for; `docs/sql-guard.md` describes it.
//! Catalogues of the servers, and functions that act, are refused whatever it says.
//!
//! ```
//! use millwright_sql_guard::{Dialect, Guard, Policy};
//!
//! let policy = "
//! tables: [work_orders, machines]
//! columns:
//!   work_orders: [id, status, machine_id]
//!   machines: '*'
//! limits: {rows: 200}
//! ";
//! let guard = Guard::new(Policy::parse(policy, Dialect::Postgres).unwrap());
//! let verdict = guard.read("select * from work_orders w -- all of them");
//! let allowed = verdict.allowed().unwrap();
//! assert_eq!(allowed.normalised, "SELECT w.id, w.status, w.machine_id FROM work_orders w LIMIT 200");
//! assert_eq!(guard.read("SELECT pg_sleep(9)").reasons()[0].code.as_str(), "function");
//! ```
//!
//! Invariants:
//! * Each form of a statement that is let through is named in the walk (`read`); any other is refused, also one that a new version of the parser
//!   brings.
//! * What is printed is read by our own lexer and, where its tokens are not those that were parsed, by the parser again, and has to be the same
//!   tree.
//! * Work is linear in the length of a text, which is bounded before anything else, as is the depth of its tree.
//!
//! It is no substitute for a login that may only read, a timeout and a connection in UTF-8, which the caller provides.

mod catalogue;
mod dialect;
mod functions;
mod guard;
mod policy;
mod read;
mod reason;
mod text;
mod types;
mod verdict;
mod write;

pub use dialect::{Dialect, UnknownDialect};
pub use guard::Guard;
pub use policy::{Limits, Policy, PolicyError};
pub use reason::{Code, Reason};
pub use verdict::{Allowed, Facts, Verdict};
pub use write::{Change, WriteVerdict};
