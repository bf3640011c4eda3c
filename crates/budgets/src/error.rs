use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use millwright_core::{ErrorCode, Problem, ToProblem, id::BudgetId};
use millwright_store::{StoreError, tenant::BudgetUnit};

/// The budget that has no room for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// Which budget.
    pub budget: BudgetId,
    /// Its name.
    pub name: String,
    /// What it counts.
    pub unit: BudgetUnit,
    /// Tokens or millionths.
    pub limit: i64,
    /// Spent, and held for calls that run.
    pub used: i64,
    /// What the call asked for.
    pub asked: i64,
    /// When it begins anew.
    pub resets_at: DateTime<Utc>,
    /// Seconds until then.
    pub resets_in: u64,
}

/// Why a call may not go on, or could not be counted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BudgetError {
    /// A budget has no room for it.
    #[error("the budget `{}` has no room for this call", .0.name)]
    Exceeded(Box<Exceeded>),
    /// More claims wait than the database can decide in time.
    #[error("too many calls wait for their budget")]
    Overloaded,
    /// The process is ending.
    #[error("the budget was not decided: the process ends")]
    Interrupted,
    /// The database.
    #[error("the database failed")]
    Store(#[source] Arc<StoreError>),
}

impl From<StoreError> for BudgetError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl ToProblem for BudgetError {
    fn problem(&self) -> Problem {
        match self {
            Self::Exceeded(exceeded) => exceeded.problem(),
            Self::Overloaded => Problem::new(ErrorCode::UpstreamUnavailable, "too many calls wait for their budget")
                .remedy("try again in a few seconds")
                .retry_after(2),
            Self::Interrupted => Problem::new(ErrorCode::Interrupted, "the server is stopping"),
            Self::Store(error) => error.problem(),
        }
    }
}

/// An amount with its unit, in words.
fn shown(unit: BudgetUnit, amount: i64) -> String {
    match unit {
        BudgetUnit::Tokens => format!("{amount} tokens"),
        BudgetUnit::Money => format!("{}.{:06}", amount / 1_000_000, amount % 1_000_000),
    }
}

impl Exceeded {
    fn problem(&self) -> Problem {
        let resets_at = self.resets_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let detail = format!(
            "the budget `{}` has no room for this call: {} of {} are used or held, and the call may need {}; it resets at {}",
            self.name,
            shown(self.unit, self.used),
            shown(self.unit, self.limit),
            shown(self.unit, self.asked),
            resets_at,
        );
        let smaller = if self.used < self.limit { "ask for a shorter answer, " } else { "" };
        Problem::new(ErrorCode::BudgetExceeded, detail)
            .remedy(format!("{smaller}wait until {resets_at}, or have an admin raise the limit"))
            .retry_after(self.resets_in)
    }
}
