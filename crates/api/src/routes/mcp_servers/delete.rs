use axum::{extract::State, http::StatusCode};
use millwright_core::id::McpServerId;
use millwright_store::Proof;
use serde_json::json;

use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, PathId},
};

/// Takes an MCP server away, with its tools and its token. Agents that name one of them do without.
#[utoipa::path(delete, path = "/api/v1/mcp-servers/{id}", operation_id = "mcp_servers.delete", tag = "mcp-servers",
               params(("id" = McpServerId, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    PathId(id): PathId<McpServerId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let server = tx.mcp_servers().require(id).await?;
    tx.mcp_servers().delete(id).await?;
    let details = [("name", json!(server.name)), ("url", json!(server.settings.url))];
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(StatusCode::NO_CONTENT)
}
