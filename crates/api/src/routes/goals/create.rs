use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use millwright_agents::goal::{Limits, MAX_PLAN_BYTES, NewGoalRequest};
use millwright_core::{Classification, ErrorCode, Problem, id::DocumentId};
use serde::{Deserialize, Serialize};

use super::get::{GoalResponse, show};
use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, StrictJson},
    filters::SearchFilters,
    problem::current_trace_id,
    routes::chat::TierName,
};

const MAX_GOAL_CHARS: usize = 16_000;

/// What a goal may take at most; what is used up first ends it.
#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoalLimits {
    /// Seconds in which any of its steps is under way: what waits for people, or is paused, takes no time. 3,600 when absent.
    #[schema(minimum = 10, maximum = 604_800)]
    seconds: Option<u32>,
    /// Runs of its steps, further tries included. 60 when absent.
    #[schema(minimum = 1, maximum = 500)]
    runs: Option<u32>,
    /// Tokens of all its model calls, in and out. 2,000,000 when absent.
    #[schema(minimum = 1_000, maximum = 1_000_000_000)]
    tokens: Option<u64>,
    /// What its model calls cost, millionths of the currency. No limit but the budgets' when absent.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_u64)]
    cost_micros: Option<u64>,
}

impl From<Limits> for GoalLimits {
    fn from(limits: Limits) -> Self {
        Self {
            seconds: Some(limits.seconds),
            runs: Some(limits.runs),
            tokens: Some(limits.tokens),
            cost_micros: limits.cost_micros,
        }
    }
}

/// What somebody wants to have done.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateGoalRequest {
    /// In words.
    #[schema(min_length = 1, max_length = 16000)]
    goal: String,
    /// Its plan, as YAML or JSON: `ask`, `person` or `check`, composed by `pipeline`, `fan_out` and `steps`. A language model
    /// writes one when absent.
    #[schema(max_length = 65536)]
    plan: Option<String>,
    /// Whether the plan waits for `POST …/approve` before its first step.
    #[serde(default)]
    review: bool,
    /// How much model its steps are worth, where the plan does not say. Refused where the organisation lets nobody choose.
    tier: Option<TierName>,
    /// How confidential the goal itself is; `INTERNAL` when absent.
    classification: Option<Classification>,
    /// Only these documents are searched.
    #[schema(max_items = 100)]
    document_ids: Option<Vec<DocumentId>>,
    /// What else all searches are narrowed by.
    #[serde(default)]
    filters: SearchFilters,
    /// The answers are about what held at this moment, instead of what holds now.
    as_of: Option<DateTime<Utc>>,
    #[serde(default)]
    limits: GoalLimits,
}

/// Begins to pursue a goal. It goes on when the client leaves; `GET /api/v1/goals/{id}/events` follows it.
#[utoipa::path(post, path = "/api/v1/goals", operation_id = "goals.create", tag = "goals", request_body = CreateGoalRequest,
               responses((status = 201, body = GoalResponse),
                         (status = 409, description = "It needs a language model, and none is set up")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    StrictJson(request): StrictJson<CreateGoalRequest>,
) -> Result<(StatusCode, Json<GoalResponse>), ApiError> {
    let id = state.goals.create(&principal, validate(request)?).await?;
    Ok((StatusCode::CREATED, Json(show(&state, &principal, id).await?)))
}

fn validate(request: CreateGoalRequest) -> Result<NewGoalRequest, ApiError> {
    let mut problem = Problem::new(ErrorCode::ValidationFailed, "the goal cannot be pursued");
    if request.goal.trim().is_empty() || request.goal.chars().count() > MAX_GOAL_CHARS {
        problem = problem.field("goal", "expected 1 to 16,000 characters");
    }
    if request.plan.as_ref().is_some_and(|plan| plan.len() > MAX_PLAN_BYTES) {
        problem = problem.field("plan", "expected at most 65,536 bytes");
    }
    let GoalLimits { seconds, runs, tokens, cost_micros } = request.limits;
    let ranges = [
        ("limits.seconds", seconds.map(u64::from), 10..=604_800, "expected 10 to 604,800"),
        ("limits.runs", runs.map(u64::from), 1..=500, "expected 1 to 500"),
        ("limits.tokens", tokens, 1_000..=1_000_000_000, "expected 1,000 to 1,000,000,000"),
        ("limits.cost_micros", cost_micros, 1..=1_000_000_000_000, "expected 1 to 1,000,000,000,000"),
    ];
    for (field, value, range, expected) in ranges {
        if value.is_some_and(|value| !range.contains(&value)) {
            problem = problem.field(field, expected);
        }
    }
    let (filter, problem) = request.filters.checked(request.document_ids, request.as_of, problem);
    if !problem.fields.is_empty() {
        return Err(problem.into());
    }
    let usual = Limits::default();
    Ok(NewGoalRequest {
        goal: request.goal,
        plan: request.plan,
        review: request.review,
        tier: request.tier.map(Into::into),
        classification: request.classification.unwrap_or(Classification::Internal),
        filter,
        limits: Limits {
            seconds: seconds.unwrap_or(usual.seconds),
            runs: runs.unwrap_or(usual.runs),
            tokens: tokens.unwrap_or(usual.tokens),
            cost_micros,
        },
        trace_id: current_trace_id(),
    })
}
