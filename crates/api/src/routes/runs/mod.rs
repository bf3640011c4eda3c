//! Runs of the agent runtime.

pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod get;
