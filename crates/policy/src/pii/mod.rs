//! Personal data: found, replaced by placeholders, restored.
//!
//! A [`Detector`] is made of a tenant's [`PiiSettings`] and finds personal data in a text: what has a shape (numbers,
//! addresses of mail and networks, dates) in one pass with check digits and the words around, names and postal addresses
//! by a learned tagger, and what the tenant's own patterns and word lists say. Each kind has a [`Mode`].
//!
//! A [`Vault`] belongs to one conversation. It replaces what is found by placeholders such as `[PERSON_1]` before the
//! text goes to a model, and a [`Restorer`] puts the values back into the stream of the answer.
//!
//! * The same value has the same placeholder as long as the vault lives; another spelling of it has a variant, such as
//!   `[PERSON_1v2]`.
//! * Restoring gives back byte for byte what stood there, also if the text talks of placeholders itself.
//! * A kind with the mode `mask` does not come back. One with the mode `block` is reported, and the caller refuses.
//! * The work is linear in the length of the text, whatever the text and the patterns are.
//!
//! It is not a proof of anonymity: what no detector recognises stays. [`eval`] measures how much that is.

mod custom;
mod days;
mod detector;
pub mod eval;
mod kind;
mod placeholder;
mod restorer;
mod scan;
mod settings;
mod tagged;
pub mod tagger;
mod vault;
#[cfg(test)]
mod vault_tests;
mod words;

pub use detector::Detector;
pub use kind::{Finding, InvalidPiiType, PiiKind, PiiType};
pub use restorer::Restorer;
pub use settings::{CustomPattern, Mode, PiiSettings, PiiSettingsError};
pub use vault::{InvalidVault, Redacted, Vault};
