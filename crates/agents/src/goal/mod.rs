//! Goals: what somebody wants to have done is planned, and the plan's steps are carried out by runs, side by side where they do
//! not need each other, until a report stands.
//!
//! A goal is rows, and no process owns it: whoever sees one of its runs end, or finds that nobody has looked for some seconds,
//! looks at it under its row's lock ([`advance`]), where a pure function ([`settle`]) says what comes next. So it goes on
//! whichever process dies, and no step begins twice.
//!
//! Invariants:
//! * A plan is data with a digest; it is carried out as it is stored, and what was changed is a new version.
//! * A step is a run like any other: policy, labels, verification, proof and repetition are its own.
//! * The report says only what passages hold that its steps have cited.
//! * Every goal comes to an end with a reason: its report, a step that failed, a gate that said no, a limit, or a person.

mod advance;
mod begin;
mod check;
mod control;
mod part;
mod plan;
mod planner;
mod service;
mod settle;
mod standing;
mod written;

pub use check::Check;
pub(crate) use part::Part;
pub(crate) use part::{Brought, FOR_A_MODEL, FOR_QUOTES, before, said, said_again};
pub use plan::{Does, Join, Plan, PlanError, Step};
pub use service::{Goals, Limits, NewGoalRequest};
pub use written::{Flow, MAX_PLAN_BYTES, read, write};
