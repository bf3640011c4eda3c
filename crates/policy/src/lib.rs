//! What may happen, decided by code that no text can persuade.
//!
//! * [`labels`]: which label may flow into which sink. One function decides.
//! * [`pii`]: finds personal data, replaces it by placeholders and restores it.
//! * [`injection`]: scores text that tries to take over the assistant, and checks what a model says before it leaves.
//! * [`decision`]: ALLOW, DENY or REQUIRE_APPROVAL by Cedar policies, with the reason.
//!
//! It is not a store and not a server: nothing here reads a file, a clock or the network. Everything is a pure function
//! of its arguments, so that a decision can be made again later and come out the same.

pub mod decision;
pub mod injection;
pub mod labels;
pub mod pii;
