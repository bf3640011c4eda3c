//! What happened, in bytes that can be proved later.
//!
//! An [`AuditEvent`] says who did what to which thing. [`AuditKey::authenticate`] turns it into an
//! [`AuditRecord`](millwright_core::audit::AuditRecord): RFC 8785 JSON and its HMAC-SHA-256, which `store` writes in the
//! transaction of the change itself. Later, and apart from it, a sealer gives each entry its place with
//! [`seal`] and states the newest place with [`AuditKey::sign_head`]. [`Verifier`] recomputes all of it.
//!
//! It does no I/O and orders nothing by itself. What an event says ([`AuditEvent`], its bytes) and how events are
//! chained ([`Seal`], [`Head`]) know nothing of each other, so that the chain can become a Merkle log.
//!
//! Invariants:
//! * The bytes that were authenticated are the bytes that are stored; nothing is ever authenticated anew.
//! * Keys for entries and for heads are derived for that purpose only and wiped when dropped.
//! * A log with one change anywhere does not verify, and the first place is named. Not to be seen from storage
//!   alone: newest entries removed together with every signed head that covers them (keep a
//!   [`Report::head`] elsewhere and pass it to [`Verifier::anchor`]), and entries removed before they were sealed.
//!
//! ```
//! use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey, Head, Verifier, seal};
//! use millwright_core::{Sources, id::{DocumentId, TenantId}};
//!
//! let (sources, key) = (Sources::system(), AuditKey::derive(&[7; 32]).unwrap());
//! let (tenant, document): (TenantId, DocumentId) = (sources.new_id(), sources.new_id());
//! let event = AuditEvent::new(&sources, tenant, Actor::System("worker"), AuditAction::DocumentVersionReady, document);
//! let record = key.authenticate(&event.detail("pages", 12)).unwrap();
//! let first = seal(&Head::genesis(tenant), record.id, &record.canonical, &record.mac);
//!
//! let mut verifier = Verifier::new(&key, tenant);
//! verifier.sealed(&first, Some(&record), None).unwrap();
//! assert_eq!(verifier.finish(Some(&key.sign_head(first.head()))).unwrap().sealed, 1);
//! ```

mod action;
mod canonical;
mod chain;
mod error;
mod event;
mod key;
#[cfg(test)]
mod tests;
mod verify;

pub use action::{AuditAction, InvalidAction};
pub use canonical::canonical_json;
pub use chain::{Head, Seal, SignedHead, leaf, seal};
pub use error::AuditError;
pub use event::{Actor, AuditEvent};
pub use key::AuditKey;
pub use verify::{Finding, FindingKind, Report, Verifier};
