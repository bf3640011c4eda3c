//! What may be spent on models, as admins see and set it.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;

use chrono::{DateTime, Utc};
use millwright_budgets::{BudgetPeriod, BudgetSubjectKind, BudgetUnit, Level, Standing};
use millwright_core::{ErrorCode, Problem, id::BudgetId};
use millwright_store::{StoreError, tenant::CurrentBudgetRow};
use serde::{Deserialize, Serialize};

use crate::ApiError;

/// The largest limit.
const MAX_LIMIT: i64 = 1_000_000_000_000_000;

/// Whose use of models a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SubjectKindName {
    /// All of the organisation.
    Tenant,
    /// A person or service account.
    User,
    /// An agent.
    Agent,
    /// A key of a program.
    ApiKey,
    /// A task.
    Task,
}

/// After which time a budget begins anew: by the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PeriodName {
    /// At each full hour.
    Hour,
    /// At midnight.
    Day,
    /// On the first of the month.
    Month,
}

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UnitName {
    /// Tokens in and out.
    Tokens,
    /// Millionths of the installation's currency.
    Money,
}

/// How far a budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LevelName {
    /// Less than 80 % is spent.
    Ok,
    /// 80 % is spent.
    Warning,
    /// 95 % is spent.
    Critical,
    /// All is spent: every call that costs something is refused.
    Exhausted,
}

macro_rules! names {
    ($($name:ident = $word:ident { $($variant:ident)* })*) => {$(
        impl From<$word> for $name {
            fn from(word: $word) -> Self {
                match word { $($word::$variant => Self::$variant,)* }
            }
        }
        impl From<$name> for $word {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => Self::$variant,)* }
            }
        }
    )*};
}

names! {
    SubjectKindName = BudgetSubjectKind { Tenant User Agent ApiKey Task }
    PeriodName = BudgetPeriod { Hour Day Month }
    UnitName = BudgetUnit { Tokens Money }
    LevelName = Level { Ok Warning Critical Exhausted }
}

/// A budget in the period that runs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BudgetStandingResponse {
    /// Of a budget for each of a kind: whose use it is, the one that has used most. Null for the organisation, and while
    /// nobody has used any.
    subject: Option<String>,
    /// How many have used of it.
    subjects: i64,
    /// Spent; may be more than the limit, by what the last call used beyond its estimate.
    used: i64,
    /// Held for calls that run.
    reserved: i64,
    /// What further calls may have.
    remaining: i64,
    /// Spent of the limit.
    percent: f64,
    level: LevelName,
    period_start: DateTime<Utc>,
    /// When it begins anew.
    resets_at: DateTime<Utc>,
}

/// A budget.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BudgetResponse {
    id: BudgetId,
    name: String,
    subject_kind: SubjectKindName,
    /// Null: each of the kind has an allowance of its own; the organisation is one.
    subject_id: Option<String>,
    period: PeriodName,
    unit: UnitName,
    /// Tokens, or millionths of the installation's currency.
    limit: i64,
    current: BudgetStandingResponse,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl BudgetResponse {
    pub(crate) fn of(row: CurrentBudgetRow, now: DateTime<Utc>) -> Self {
        let standing = Standing::of(&row, now);
        let CurrentBudgetRow { budget, most_used, subjects } = row;
        let current = BudgetStandingResponse {
            subject: most_used.map(|most| most.subject).filter(|subject| !subject.is_empty()),
            subjects,
            used: standing.used,
            reserved: standing.reserved,
            remaining: standing.remaining,
            percent: standing.percent,
            level: standing.level.into(),
            period_start: standing.period_start,
            resets_at: standing.resets_at,
        };
        Self {
            id: budget.id,
            name: budget.name,
            subject_kind: budget.subject_kind.into(),
            subject_id: budget.subject_id,
            period: budget.period.into(),
            unit: budget.unit.into(),
            limit: budget.limit,
            current,
            created_at: budget.created_at,
            updated_at: budget.updated_at,
        }
    }
}

fn valid_limit(limit: i64) -> Result<i64, ApiError> {
    if (0..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::new(ErrorCode::ValidationFailed, "`limit` is out of range")
        .field("limit", format!("expected 0 to {MAX_LIMIT}"))
        .into())
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Duplicate(_) => Problem::new(ErrorCode::Conflict, "there is a budget of this name already")
            .remedy("use another name, or change that budget")
            .into(),
        other => other.into(),
    }
}
