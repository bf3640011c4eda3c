use axum::{extract::State, http::StatusCode};
use millwright_core::id::MemoryId;

use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, PathId},
    problem::current_trace_id,
};

/// Forgets something. Answers that were given with it stay.
#[utoipa::path(delete, path = "/api/v1/memories/{id}", operation_id = "memories.delete", tag = "memories",
               params(("id" = MemoryId, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<MemoryId>,
) -> Result<StatusCode, ApiError> {
    state.runner.memories().forget(&principal, id, &current_trace_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets all that one has remembered.
#[utoipa::path(delete, path = "/api/v1/memories", operation_id = "memories.clear", tag = "memories",
               responses((status = 204)))]
pub(crate) async fn clear(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
) -> Result<StatusCode, ApiError> {
    state.runner.memories().forget_all(&principal, &current_trace_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
