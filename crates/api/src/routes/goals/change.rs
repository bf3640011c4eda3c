use axum::{Json, extract::State, http::StatusCode};
use millwright_core::id::GoalId;
use serde::Deserialize;

use super::get::{GoalResponse, show};
use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, PathId, StrictJson},
    problem::current_trace_id,
};

/// What a person says at a gate.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideGateRequest {
    /// The gate's name in the plan.
    #[schema(min_length = 1, max_length = 40)]
    step: String,
    /// Whether it goes on.
    approve: bool,
    /// Why; what is longer is cut.
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// Decides a gate that waits for a person: what comes after it goes on, or is skipped.
#[utoipa::path(post, path = "/api/v1/goals/{id}/decide", operation_id = "goals.decide", tag = "goals",
               params(("id" = GoalId, Path)), request_body = DecideGateRequest,
               responses((status = 200, body = GoalResponse),
                         (status = 409, description = "The gate does not wait for anybody")))]
pub(crate) async fn decide(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<GoalId>,
    StrictJson(request): StrictJson<DecideGateRequest>,
) -> Result<Json<GoalResponse>, ApiError> {
    let decision = (request.step.as_str(), request.approve, request.note);
    state.goals.decide(&principal, id, decision, &current_trace_id()).await?;
    Ok(Json(show(&state, &principal, id).await?))
}

/// Has no further step of a goal begin; those under way come to their end.
#[utoipa::path(post, path = "/api/v1/goals/{id}/pause", operation_id = "goals.pause", tag = "goals",
               params(("id" = GoalId, Path)),
               responses((status = 200, body = GoalResponse), (status = 409, description = "It is not under way")))]
pub(crate) async fn pause(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<GoalId>,
) -> Result<Json<GoalResponse>, ApiError> {
    state.goals.pause(&principal, id, &current_trace_id()).await?;
    Ok(Json(show(&state, &principal, id).await?))
}

/// Lets a paused goal go on.
#[utoipa::path(post, path = "/api/v1/goals/{id}/resume", operation_id = "goals.resume", tag = "goals",
               params(("id" = GoalId, Path)),
               responses((status = 200, body = GoalResponse), (status = 409, description = "It is not paused")))]
pub(crate) async fn resume(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<GoalId>,
) -> Result<Json<GoalResponse>, ApiError> {
    state.goals.resume(&principal, id, &current_trace_id()).await?;
    Ok(Json(show(&state, &principal, id).await?))
}

/// Stops a goal with all that is under way for it. What was found stays.
#[utoipa::path(post, path = "/api/v1/goals/{id}/cancel", operation_id = "goals.cancel", tag = "goals",
               params(("id" = GoalId, Path)),
               responses((status = 200, body = GoalResponse), (status = 409, description = "It has ended already")))]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<GoalId>,
) -> Result<Json<GoalResponse>, ApiError> {
    state.goals.cancel(&principal, id, &current_trace_id()).await?;
    Ok(Json(show(&state, &principal, id).await?))
}

/// Deletes a goal that has ended, with its answers.
#[utoipa::path(delete, path = "/api/v1/goals/{id}", operation_id = "goals.delete", tag = "goals",
               params(("id" = GoalId, Path)),
               responses((status = 204), (status = 409, description = "It has not ended: stop it first")))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<GoalId>,
) -> Result<StatusCode, ApiError> {
    state.goals.delete(&principal, id, &current_trace_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
