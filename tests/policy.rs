//! The policy layer end to end: what a model is sent and what comes back, instructions in documents and messages, decisions
//! and their record.

#[path = "policy/decisions.rs"]
mod decisions;
#[path = "policy/injection.rs"]
mod injection;
#[path = "policy/personal_data.rs"]
mod personal_data;
