use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_agents::memory::ChangeMemory;
use millwright_core::{ErrorCode, Problem, id::MemoryId};
use serde::Deserialize;

use super::{MemoryResponse, create::expiry};
use crate::{
    ApiError, AppState,
    dto::Change,
    extract::{Audit, ChatUse, PathId, StrictJson},
    problem::current_trace_id,
};

/// What is to be another; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeMemoryRequest {
    /// Of `about_me` alone: what an answer or a plan said stays as it was said.
    #[schema(min_length = 1, max_length = 1000)]
    text: Option<String>,
    /// From then on it is forgotten; null: never.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Change<DateTime<Utc>>,
}

/// Changes what one has remembered, or for how long. Nothing happens where it is so already.
#[utoipa::path(patch, path = "/api/v1/memories/{id}", operation_id = "memories.change", tag = "memories",
               params(("id" = MemoryId, Path)), request_body = ChangeMemoryRequest,
               responses((status = 200, body = MemoryResponse),
                         (status = 409, description = "These are not one's own words")))]
pub(crate) async fn change(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    PathId(id): PathId<MemoryId>,
    StrictJson(request): StrictJson<ChangeMemoryRequest>,
) -> Result<Json<MemoryResponse>, ApiError> {
    let change = ChangeMemory { text: request.text, expires: expiry(request.expires_at) };
    if change.text.is_none() && change.expires.is_none() {
        return Err(Problem::new(ErrorCode::ValidationFailed, "nothing is to be changed")
            .field("body", "expected `text` or `expires_at`")
            .into());
    }
    let memories = state.runner.memories();
    memories.change(&principal, id, change, &current_trace_id()).await?;
    Ok(Json(memories.get(&principal, id).await?.into()))
}
