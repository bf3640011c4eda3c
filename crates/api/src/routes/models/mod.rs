//! The models of the installation, and what a request would cost at them.

pub(crate) mod estimate;
pub(crate) mod list;
