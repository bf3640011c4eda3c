//! PostgreSQL behind types that cannot forget the tenant.
//!
//! [`Store`] holds a private pool. A verified [`TenantScope`](millwright_core::TenantScope) opens a
//! [`TenantTx`], whose repositories ([`tenant`]) see that tenant's rows and no others: each
//! statement names the tenant, and forced row-level security is the second lock behind it.
//! Work that belongs to no tenant (sign-in, claiming jobs, sealing the audit log, following the
//! index feed) goes through [`SystemTx`], another type with its own few repositories ([`system`])
//! and its own database role. Nothing converts one into the other.
//!
//! It is not an ORM and not a cache: a method is one statement with a fixed verb. `get` returns an
//! `Option`, `require` turns absence into [`StoreError::NotFound`], then `find_by_…`, `list`, `insert`,
//! `set_…`, `delete`.
//!
//! Invariants:
//! * No query without a tenant: there is no public pool, no `Deref` to a connection.
//! * No change without proof: [`TenantTx::commit`] takes a [`Proof`], the audit entry of the change or
//!   the name of one of the few kinds of bookkeeping that need none.
//! * [`Store::open`] refuses a login that is a superuser, bypasses row-level security or owns the tables.
//! * `BEGIN`, role and settings travel as one message: a transaction costs one trip to open. What every call of a model
//!   needs (`reserve_budgets`, `settle_budgets`) is one trip as a whole: a function that takes the tenant's role itself.
//!
//! ```no_run
//! # async fn f(store: millwright_store::Store, scope: millwright_core::TenantScope) -> Result<(), millwright_store::StoreError> {
//! let mut tx = store.tenant(&scope).read().await?;
//! let user_count = tx.users().count().await?;
//! # Ok(()) }
//! ```

mod error;
#[cfg(doctest)]
mod guarantees;
mod ledger_connections;
mod migrate;
pub mod platform;
mod pool;
mod proof;
pub mod system;
mod system_tx;
pub mod tenant;
mod tenant_tx;
#[cfg(feature = "testkit")]
pub mod testkit;
mod vector_indexes;

pub use error::StoreError;
pub use migrate::{AppLogin, MigrationReport, migrate, pending_migrations};
pub use pool::{Store, StoreSettings, TenantStore};
pub use proof::{Bookkeeping, Proof};
pub use system_tx::SystemTx;
pub use tenant_tx::TenantTx;
pub use vector_indexes::VectorIndexes;
