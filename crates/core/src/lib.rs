//! The words every other crate uses, and nothing that touches the outside world.
//!
//! Main types: the entity ids in [`id`] (`run_…`, `doc_…`), [`Principal`] (a verified
//! credential) and [`TenantScope`] (the proof that a tenant was established), the closed
//! list of [`ErrorCode`]s with the public [`Problem`] body, [`Classification`], cursor pages,
//! and [`Sources`] of time, randomness and ids.
//!
//! It is not a place for helpers: a type belongs here when at least two crates on different
//! floors of the house must agree on it.
//!
//! Invariants:
//! * No I/O, no environment, no global clock: time and randomness come in through [`Sources`].
//! * A [`TenantScope`] is made only by [`TenantScope::establish`], which `clippy.toml` bans
//!   outside the two places that may call it (a verified token, a claimed job).
//! * [`ErrorCode`] is closed: each code maps once to a status, a type URI and a metric label.
//!
//! ```
//! use millwright_core::id::RunId;
//! let id: RunId = "run_0198c5a1b2c37d4e8f90123456789abc".parse().unwrap();
//! assert_eq!(id.to_string(), "run_0198c5a1b2c37d4e8f90123456789abc");
//! ```

pub mod audit;
pub mod error;
pub mod id;
mod label;
mod page;
mod permission;
mod principal;
mod sources;

pub use error::{ErrorCode, FieldProblem, Problem, ToProblem};
pub use label::{
    Allowed, Classification, Clearance, ExportControl, Group, Integrity, InvalidClassification, InvalidExportControl,
    InvalidGroup, InvalidIntegrity, Label, Obstacle,
};
pub use page::{Cursor, Page, PageRequest};
pub use permission::{InvalidPermission, Permission, Permissions};
pub use principal::{Credential, InvalidRole, Principal, Role, TenantScope};
pub use sources::{Clock, FixedClock, Randomness, SeededRandomness, Sources, SystemClock, SystemRandomness};
