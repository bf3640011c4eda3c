use chrono::{DateTime, Utc};
use millwright_store::tenant::CurrentBudgetRow;

use crate::calendar;

/// How far a budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Less than 80 % is spent.
    Ok,
    /// 80 % is spent.
    Warning,
    /// 95 % is spent.
    Critical,
    /// All is spent: every call is refused.
    Exhausted,
}

/// A budget in the period that runs: of the subject that has used most of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Spent; may be more than the limit.
    pub used: i64,
    /// Held for calls that run.
    pub reserved: i64,
    /// What a further call may have; never negative.
    pub remaining: i64,
    /// Spent of the limit, in percent; 100 for a limit of nothing.
    pub percent: f64,
    /// How far it is used up.
    pub level: Level,
    /// When it began.
    pub period_start: DateTime<Utc>,
    /// When it begins anew.
    pub resets_at: DateTime<Utc>,
}

impl Standing {
    /// How a budget stands at this moment.
    pub fn of(row: &CurrentBudgetRow, now: DateTime<Utc>) -> Self {
        let limit = row.budget.limit;
        let (used, reserved) = row.most_used.as_ref().map_or((0, 0), |most| (most.spent, most.reserved));
        let period_start = calendar::start_of(row.budget.period, now);
        let reaches = |percent: i64| i128::from(used) * 100 >= i128::from(limit) * i128::from(percent);
        let level = match () {
            () if reaches(100) => Level::Exhausted,
            () if reaches(95) => Level::Critical,
            () if reaches(80) => Level::Warning,
            () => Level::Ok,
        };
        Self {
            used,
            reserved,
            remaining: limit.saturating_sub(used).saturating_sub(reserved).max(0),
            percent: if limit == 0 { 100.0 } else { used as f64 * 100.0 / limit as f64 },
            level,
            period_start,
            resets_at: calendar::period_end(row.budget.period, period_start),
        }
    }
}
