use axum::{Json, extract::State};
use millwright_core::id::McpServerId;

use super::{McpServerDetailResponse, detail};
use crate::{
    ApiError, AppState,
    extract::{ConfigurationRead, PathId},
};

/// An MCP server with its tools as they were last read, and what is thought of their words.
#[utoipa::path(get, path = "/api/v1/mcp-servers/{id}", operation_id = "mcp_servers.get", tag = "mcp-servers",
               params(("id" = McpServerId, Path)), responses((status = 200, body = McpServerDetailResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
    PathId(id): PathId<McpServerId>,
) -> Result<Json<McpServerDetailResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(detail(&mut tx, id).await?))
}
