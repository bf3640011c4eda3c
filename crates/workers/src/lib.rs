//! What runs beside requests.
//!
//! [`JobRunner`] claims jobs from Postgres under a lease and hands them to their [`JobHandler`]; it retries with
//! backoff and jitter and dead-letters with the reason. [`AuditSealer`] orders and chains audit entries within
//! 250 ms of their commit. [`RunReaper`] has runs
//! whose process died taken over, or ends them. [`Calendar`] lets versions
//! answer when their day comes. [`VectorKeeper`] has one embedding model take the place of another. [`folders`] keeps documents
//! as watched folders have them. [`MemorySweeper`] deletes what people had remembered for long enough, and
//! [`RetentionKeeper`] what else was kept for long enough. [`ingest`] is the one job there is.
//!
//! It is not where work is defined: a handler calls the crate that knows how.
//!
//! Invariants:
//! * A job is enqueued in the transaction that causes it and ended in one that proves it.
//! * Every write of a handler begins with the job's lease, so a worker that was thought dead repeats nothing.
//! * A process that is killed loses nothing: leases expire and another process goes on.
//! * Only one process seals at a time; no request ever waits for the sealer.

mod backoff;
mod calendar;
pub mod folders;
pub mod ingest;
mod job_runner;
mod memories;
mod reaper;
mod retention;
mod sealer;
mod vectors;

pub use calendar::Calendar;
pub use job_runner::{JobFailure, JobHandler, JobRunner, JobRunnerSettings};
pub use memories::MemorySweeper;
pub use reaper::RunReaper;
pub use retention::{KeptFor, Pruned, RetentionKeeper};
pub use sealer::{AuditSealer, SealError};
pub use vectors::VectorKeeper;
