use axum::{extract::State, http::StatusCode};
use millwright_core::id::RunId;
use serde::Deserialize;

use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, PathId, StrictJson},
    problem::current_trace_id,
};

/// What a person answers to what a run asks them.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerRequest {
    /// One of the options, or other words; 1 to 2,000 characters.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// Answers what one of one's own runs asks. The run goes on with it; `GET /api/v1/runs/{id}/events` follows it.
#[utoipa::path(post, path = "/api/v1/runs/{id}/answer", operation_id = "runs.answer", tag = "runs", request_body = AnswerRequest,
               params(("id" = RunId, Path)),
               responses((status = 202, description = "Stored; the run goes on"),
                         (status = 404, description = "No such run"),
                         (status = 409, description = "The run does not wait for an answer, or not any more")))]
pub(crate) async fn answer(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<RunId>,
    StrictJson(request): StrictJson<AnswerRequest>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let run = tx.runs().require(id, principal.user_id).await?;
    super::require_clearance(&mut tx, &principal, &run).await?;
    drop(tx);
    state.runner.answer(&principal, id, &request.text, &current_trace_id()).await?;
    Ok(StatusCode::ACCEPTED)
}
