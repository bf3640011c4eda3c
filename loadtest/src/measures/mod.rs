//! What is measured, one file each.

pub(crate) mod chat;
pub(crate) mod gateway;
pub(crate) mod identity;
pub(crate) mod ingestion;
pub(crate) mod keyword;
pub(crate) mod memory;
pub(crate) mod requests;
pub(crate) mod retrieval;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod startup;
