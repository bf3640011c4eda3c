//! The runtime that answers: OBSERVE (conversation, search) → where wanted DELIBERATE (voices think it through) → THINK (a model
//! drafts, and may stop to read on) → VERIFY (each sentence stands on a passage).
//!
//! [`Runner::start`] stores a question with its run and works on it in a task of its own;
//! [`Runner::events`] lets anybody follow the run from any process. [`machine`] is the pure state
//! machine, [`verify`] the check of drafts, [`events`] the AG-UI events, [`eval`] the measure of all of it on a suite, and
//! [`evaluation`] what has a tenant's own suites asked.
//!
//! [`goal`] carries out plans whose steps are such runs, and [`specialist`] says who answers. It is not a web server and knows no
//! HTTP; its tools look into documents, compute, and ask other systems what these say, and it has no memory beyond the conversation and the goal.
//!
//! Invariants:
//! * The reader sees only sentences that were checked; what was shown is never taken back.
//! * A citation's quote is byte for byte what stands at its span of the page.
//! * An event is stored before it is published, and events of a run are in order.
//! * The end of a run, its message and its audit entry commit together, once.
//! * A run whose process dies loses its lease; another process takes it over, repeats its finished steps from what they
//!   recorded, without asking a model or a tool again, and goes on. What it had shown stays, and is not said twice. Every write
//!   of a run holds its lease, so a process that was thought dead writes nothing more.
//! * A reader who leaves does not stop a run; a person who asks for it does, within a second, in
//!   whatever process it is.
//! * Each call of a tool is decided by policy, and reads as the person who asks. A call that is refused, malformed or fails
//!   is told to the model and ends no run; how often a run reads on has an end.
//! * A run that asks its person something waits without a process, for a day at most, and goes on where it stood.
//! * A figure that no document holds is shown only as the result of a call of the run whose numbers stand in the sentence's
//!   sources, and with its equation. What is computed depends on the call and the day of the run alone.
//! * A tool of another system is called as somebody enabled it; a call that is recorded is never made again, and each is recorded
//!   as it ends ([`outside`]). What it says is data; a sentence that stands on it names it.
//! * Labels only rise: an answer takes the join of all that the model was given.
//! * A definition of an agent ([`specialist`]) adds to the rules, or narrows what is read and called; a run works by the one
//!   that it began with, whoever goes on with it.

mod act;
mod answer;
mod answerer;
mod brought;
mod bundle;
mod chat;
mod citation;
mod completions;
mod compute;
mod conflict;
mod context;
mod error;
pub mod eval;
pub mod evaluation;
pub mod events;
mod export;
mod follow;
mod found;
pub mod goal;
mod guard;
mod hub;
mod journal;
mod limits;
pub mod machine;
pub mod memory;
mod observe;
pub mod outside;
mod person;
mod progress;
mod prompt;
mod record;
mod refusal;
mod replay;
mod rerank;
mod resume;
mod run;
mod runner;
mod show;
pub mod specialist;
mod table;
mod think;
mod thinking;
mod tools;
pub mod verify;

pub use answer::{AnswerFailure, AnswerMessage, NOT_IN_DOCUMENTS_TEXT};
pub use answerer::OWN_AGENT;
pub use bundle::{Anchor, Anchors, Bundle, BundleReport, FORMAT as BUNDLE_FORMAT, Line, verify as verify_bundle};
pub use chat::{History, MAX_MESSAGE_CHARS, Parent, StartRun, StartedRun};
pub use citation::{Admission, Citation, Citations, Cited};
pub use completions::{Ask, CompletedAnswer, Completions, CompletionsParts, EMBEDDER, Estimate, StreamedAnswer};
pub use conflict::{Stretch, conflicts};
pub use error::AgentError;
pub use limits::RunLimits;
pub use person::MAX_ANSWER_CHARS;
pub use replay::Replay;
pub use rerank::{ModelReranker, ModelRerankerParts};
pub use runner::{Runner, RunnerParts};
pub use thinking::Thinking;
