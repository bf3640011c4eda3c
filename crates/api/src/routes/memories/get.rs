use axum::{Json, extract::State};
use millwright_core::id::MemoryId;

use super::MemoryResponse;
use crate::{
    ApiError, AppState,
    extract::{ChatUse, PathId},
};

/// Something that one has remembered.
#[utoipa::path(get, path = "/api/v1/memories/{id}", operation_id = "memories.get", tag = "memories",
               params(("id" = MemoryId, Path)), responses((status = 200, body = MemoryResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    PathId(id): PathId<MemoryId>,
) -> Result<Json<MemoryResponse>, ApiError> {
    Ok(Json(state.runner.memories().get(&principal, id).await?.into()))
}
