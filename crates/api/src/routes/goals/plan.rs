use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_agents::{AgentError, goal};
use millwright_core::id::{GoalId, UserId};
use serde::{Deserialize, Serialize};

use super::get::{GoalResponse, PlanStepResponse, show};
use crate::{
    ApiError, AppState,
    dto::MessageResponse,
    extract::{Audit, ChatUse, PathId, StrictJson},
    problem::current_trace_id,
    reveal::Reveal,
};

/// A text that may be a plan.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckPlanRequest {
    /// YAML or JSON.
    #[schema(min_length = 1, max_length = 65536)]
    plan: String,
}

/// What a plan comes to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CheckPlanResponse {
    /// Each after all that it needs; the last writes the report.
    steps: Vec<PlanStepResponse>,
}

/// Reads a plan without keeping it: its steps, or what is wrong with it and where.
#[utoipa::path(post, path = "/api/v1/goals/plans/check", operation_id = "goals.plans.check", tag = "goals",
               request_body = CheckPlanRequest, responses((status = 200, body = CheckPlanResponse)))]
pub(crate) async fn check(
    ChatUse(_principal): ChatUse,
    StrictJson(request): StrictJson<CheckPlanRequest>,
) -> Result<Json<CheckPlanResponse>, ApiError> {
    let plan = goal::read(&request.plan).map_err(AgentError::from)?;
    Ok(Json(CheckPlanResponse { steps: plan.steps().iter().map(Into::into).collect() }))
}

/// A plan in the place of another.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePlanRequest {
    /// YAML or JSON. Steps that have begun stay word for word.
    #[schema(min_length = 1, max_length = 65536)]
    plan: String,
    /// `sha256` of the plan that was read.
    #[schema(min_length = 64, max_length = 64)]
    replaces: String,
}

/// Gives a goal another plan while it waits for its approval or is paused. Its versions are kept, at most 50 of them.
#[utoipa::path(put, path = "/api/v1/goals/{id}/plan", operation_id = "goals.plan.change", tag = "goals",
               params(("id" = GoalId, Path)), request_body = ChangePlanRequest,
               responses((status = 200, body = GoalResponse),
                         (status = 409, description = "The goal is under way or has ended, a begun step would change, or its plan has 50 versions already"),
                         (status = 412, description = "The plan is another one by now")))]
pub(crate) async fn change(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<GoalId>,
    StrictJson(request): StrictJson<ChangePlanRequest>,
) -> Result<Json<GoalResponse>, ApiError> {
    let change = (request.plan, request.replaces.as_str());
    state.goals.change_plan(&principal, id, change, &current_trace_id()).await?;
    Ok(Json(show(&state, &principal, id).await?))
}

/// Which plan is approved.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovePlanRequest {
    /// `sha256` of the plan that was read.
    #[schema(min_length = 64, max_length = 64)]
    sha256: String,
}

/// Approves the plan of a goal as a whole, and has it carried out.
#[utoipa::path(post, path = "/api/v1/goals/{id}/approve", operation_id = "goals.approve", tag = "goals",
               params(("id" = GoalId, Path)), request_body = ApprovePlanRequest,
               responses((status = 200, body = GoalResponse),
                         (status = 409, description = "No plan waits for its approval"),
                         (status = 412, description = "The plan is another one by now")))]
pub(crate) async fn approve(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<GoalId>,
    StrictJson(request): StrictJson<ApprovePlanRequest>,
) -> Result<Json<GoalResponse>, ApiError> {
    state.goals.approve(&principal, id, &request.sha256, &current_trace_id()).await?;
    Ok(Json(show(&state, &principal, id).await?))
}

/// A version of a plan.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PlanVersionResponse {
    /// 1 for the first.
    version: i32,
    /// As it was written, YAML; empty where the goal is withheld.
    text: String,
    sha256: String,
    /// The person who wrote it; null where a model did.
    made_by: Option<UserId>,
    /// The model that wrote it.
    model: Option<String>,
    approved_by: Option<UserId>,
    approved_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// All versions of a goal's plan.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PlanVersionsResponse {
    /// Newest first.
    items: Vec<PlanVersionResponse>,
}

/// All versions of the plan of one of one's own goals.
#[utoipa::path(get, path = "/api/v1/goals/{id}/plans", operation_id = "goals.plans", tag = "goals",
               params(("id" = GoalId, Path)), responses((status = 200, body = PlanVersionsResponse)))]
pub(crate) async fn versions(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    PathId(id): PathId<GoalId>,
) -> Result<Json<PlanVersionsResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let goal = tx.goals().require(id, principal.user_id).await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let question = tx.messages().get(goal.conversation_id, goal.question_id).await?;
    let withheld = question.is_none_or(|question| MessageResponse::for_reader(question, &reader).withheld());
    let mut reveal = Reveal::new(&state, &principal, goal.conversation_id);
    reveal.load(&mut tx).await?;
    let items = tx.goals().plans(id).await?.into_iter().map(|plan| PlanVersionResponse {
        version: plan.version,
        text: if withheld { String::new() } else { reveal.text(plan.text) },
        sha256: plan.sha256,
        made_by: plan.made_by.map(UserId::from),
        model: plan.model,
        approved_by: plan.approved_by.map(UserId::from),
        approved_at: plan.approved_at,
        created_at: plan.created_at,
    });
    Ok(Json(PlanVersionsResponse { items: items.collect() }))
}
