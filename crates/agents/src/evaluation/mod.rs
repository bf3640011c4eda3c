//! Evaluations: a tenant's own suites of questions are asked of its agents, over its own documents, and judged by [`eval`](crate::eval).
//!
//! An evaluation is rows, and no process owns it, as with goals: whoever sees one of its runs end, or finds that nobody has looked
//! for some seconds, looks at it under its row's lock ([`advance`]), takes in what has become of its runs and begins further
//! cases, [`AT_ONCE`](advance::AT_ONCE) at a time. Of a tenant's evaluations one is asked at a time, the others wait.
//!
//! Invariants:
//! * A case is a run like any other of whoever started the evaluation: policy, labels, budgets, verification and proof are those of
//!   runs. It reads no further than its case says, and nothing that the person has had remembered.
//! * No case begins twice: it begins under its row's state, in the run's own transaction. What was judged stays judged.
//! * The words of an answer stand in its message alone, under its label and with its placeholders.
//! * An evaluation ends: with all cases judged, when a budget is used up, when whoever started it may not ask any more, or by a
//!   person.

mod advance;
mod ask;
mod control;
mod error;
mod judged;
mod service;

pub(crate) use ask::AskedCase;
pub use error::EvaluationError;
pub use service::{AgentChoice, Evaluations, MOST_UNDER_WAY, StartEvaluations};
