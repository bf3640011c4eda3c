//! Joins `policy`, which decides, with `store`, which remembers.
//!
//! [`Governance::of`] gives what holds for a tenant now ([`TenantPolicy`]): its own policies over those that ship, what it
//! chose for personal data and for injection. [`decision`] turns a person and a thing into the facts of a decision and keeps
//! its record. [`vault`] seals the placeholders of a conversation.
//!
//! It is not the place of a decision: that is `policy`, which this crate only feeds. It is no handler either.
//!
//! Invariants:
//! * A change of a tenant's policy holds in every process within a second; one that cannot be read denies.
//! * A decision is recorded with all that it was decided on, so that it can be made again.
//! * Placeholders are stored sealed, each conversation's for itself: moved to another they cannot be opened. So is each memory.

mod book;
pub mod decision;
mod error;
mod settings;
pub mod vault;

pub use book::{Governance, GovernanceParts, PolicyText, TenantPolicy, engine, files_of_json};
pub use error::GovernanceError;
pub use settings::{InjectionMode, InjectionSettings, PersonalDataSettings, RoutingSettings};
