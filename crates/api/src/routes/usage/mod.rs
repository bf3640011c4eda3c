//! What was used of models: an admin's whole tenant, everybody's own.

pub(crate) mod budgets;
pub(crate) mod export;
pub(crate) mod totals;

use chrono::{DateTime, Duration, Utc};
use millwright_core::{ErrorCode, Permission, Principal, Problem};
use millwright_store::tenant::UsageFilter;

use crate::ApiError;

/// The longest time that is summed up at once.
const LONGEST: Duration = Duration::days(400);
/// Where nothing is said.
const USUAL: Duration = Duration::days(30);

/// The calls in that time that this person may see.
fn filter(
    principal: &Principal,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<UsageFilter, ApiError> {
    let refuse = |field: &str, message: &str| {
        ApiError::from(Problem::new(ErrorCode::ValidationFailed, "the time cannot be used").field(field, message))
    };
    let to = to.unwrap_or(now);
    let from = match from {
        Some(from) => from,
        None => to.checked_sub_signed(USUAL).ok_or_else(|| refuse("to", "expected a year that could be"))?,
    };
    if from < DateTime::UNIX_EPOCH {
        return Err(refuse("from", "expected a time after 1970"));
    }
    if from >= to {
        return Err(refuse("from", "expected a time before `to`"));
    }
    if to.signed_duration_since(from) > LONGEST {
        return Err(refuse("from", "expected at most 400 days before `to`"));
    }
    let everybody = principal.permissions.contains(Permission::BudgetsRead);
    Ok(UsageFilter { from: Some(from), to: Some(to), user_id: (!everybody).then_some(principal.user_id) })
}
