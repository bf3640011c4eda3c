use axum::{Json, extract::State, http::StatusCode};
use millwright_core::id::{ConversationId, MessageId, RunId};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, PathId, StrictJson},
    problem::current_trace_id,
    routes::chat::TierName,
};

/// From where a run is answered once more.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForkRequest {
    /// Number of the last step that is taken over as it is; it has to be finished.
    #[schema(minimum = 1)]
    step: i32,
    /// How much model goes on; when absent what the asker named then, or else what the question deserves.
    tier: Option<TierName>,
}

/// The run that has begun.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of other answers")]
pub(crate) struct ForkResponse {
    run_id: RunId,
    conversation_id: ConversationId,
    /// The question, which is the same.
    user_message_id: MessageId,
    /// The answer to be, beside that of the run.
    assistant_message_id: MessageId,
}

/// Answers the question of one of one's own runs once more, beside its answer: with the run's first steps as they are, and anew
/// from there. `GET /api/v1/runs/{id}/events` follows it.
#[utoipa::path(post, path = "/api/v1/runs/{id}/fork", operation_id = "runs.fork", tag = "runs", request_body = ForkRequest,
               params(("id" = RunId, Path)),
               responses((status = 202, body = ForkResponse),
                         (status = 404, description = "No such run, or no such finished step"),
                         (status = 409, description = "The run has not ended, or has recorded nothing")))]
pub(crate) async fn fork(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<RunId>,
    StrictJson(request): StrictJson<ForkRequest>,
) -> Result<(StatusCode, Json<ForkResponse>), ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let run = tx.runs().require(id, principal.user_id).await?;
    super::require_clearance(&mut tx, &principal, &run).await?;
    drop(tx);
    let from = (request.step, request.tier.map(Into::into));
    let begun = state.runner.fork(&principal, id, from, current_trace_id()).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(ForkResponse {
            run_id: begun.run_id,
            conversation_id: begun.conversation_id,
            user_message_id: begun.user_message_id,
            assistant_message_id: begun.assistant_message_id,
        }),
    ))
}
