//! The evidence of a run in one file, and its verifier, which needs nothing else.
//!
//! [`Runner::bundle`](crate::Runner::bundle) puts together what is stored of a run that has ended: question and answer with
//! placeholders, steps with their records, what models were sent, the passages that the person may read, the decisions, and the entries of the audit log with MACs,
//! seals and the way along the chain. Whoever hands it out writes an entry that names its digest, the receipt, into the same file
//! ([`Bundle::into_file`]). [`verify()`] recomputes all of it without a database, and without the server's key as far as that goes.

mod chain;
mod form;
mod make;
mod passages;
pub(crate) mod trail;
mod usage;
mod verify;
mod withhold;

pub use form::{Bundle, FORMAT};
pub(crate) use make::make;
pub(crate) use usage::settled;
pub use verify::{Anchor, Anchors, BundleReport, Line, verify};
