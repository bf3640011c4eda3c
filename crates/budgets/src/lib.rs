//! Budgets of model calls: reserved before the call, settled after it, in groups.
//!
//! [`Ledger::reserve`] holds the most that a call may cost in every budget that binds its [`Subjects`], or refuses with the
//! budget that has no room ([`BudgetError::Exceeded`]). [`Ledger::settle`] gives back what was held and counts what was spent,
//! together with the call's row of usage and its audit entry, in one transaction, and returns when that is on disk.
//! [`Ledger::release`] is for calls that never reached a model. Calls of one tenant that come while a transaction is under
//! way form the next one ([`batcher`]), so that a thousand calls at once cost a few commits.
//!
//! It knows no model, no price and no HTTP: what a call may cost is the caller's estimate, what it cost the caller's count.
//!
//! Invariants:
//! * No overspend: what is spent and held never passes a limit when a claim is granted, over any number of processes. The
//!   database decides under the locks of the budget's rows. A call that costs more than it reserved is counted in full,
//!   may pass the limit by that much, and the next claim is refused.
//! * A reservation ends: settled, released, or given back within a minute of its process's death ([`ReservationSweeper`]).
//! * Whoever stops waiting leaks nothing: a claim that is granted to nobody is released, and a settlement that was
//!   begun goes on.
//! * What costs nothing is refused by no budget of money, and still counts its tokens.
//! * One call that cannot be settled does not keep the others of its group from it.
//!
//! A budget counts from when it was made; a call counts in the period in which it was reserved. Definitions are remembered
//! for half a second, limits are not: a new limit holds for the next claim, a new budget within half a second.
//!
//! ```no_run
//! # use millwright_budgets::*;
//! # async fn f(ledger: Ledger, scope: millwright_core::TenantScope, user: millwright_core::id::UserId, usage: UsageRecord,
//! #            audit: millwright_core::audit::AuditRecord) -> Result<(), BudgetError> {
//! let subjects = Subjects { user, agent: None, api_key: None, task: None };
//! let reservation = ledger.reserve(&scope, Claim { subjects, tokens: 1_500, cost_micros: 900 }).await?;
//! // … the model is called …
//! ledger.settle(reservation, usage, &audit).await
//! # }
//! ```

mod batcher;
mod book;
mod calendar;
mod claim;
mod error;
mod ledger;
mod reservation;
mod reserving;
mod settling;
mod standing;
mod sweeper;

pub use calendar::{period_end, period_starts};
pub use claim::{Claim, Subjects, UsageRecord};
pub use error::{BudgetError, Exceeded};
pub use ledger::Ledger;
pub use millwright_store::tenant::{BudgetPeriod, BudgetSubjectKind, BudgetUnit, CallOutcome};
pub use reservation::Reservation;
pub use standing::{Level, Standing};
pub use sweeper::ReservationSweeper;
