use axum::{Json, extract::State};
use serde::Serialize;

use super::McpServerResponse;
use crate::{ApiError, AppState, extract::ConfigurationRead};

/// All MCP servers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct McpServerListResponse {
    /// By name; at most 50.
    items: Vec<McpServerResponse>,
    /// Whether the operator allows any.
    configured: bool,
}

/// The MCP servers of the organisation, by name, without their tools.
#[utoipa::path(get, path = "/api/v1/mcp-servers", operation_id = "mcp_servers.list", tag = "mcp-servers",
               responses((status = 200, body = McpServerListResponse)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
) -> Result<Json<McpServerListResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let servers = tx.mcp_servers().list().await?;
    let items = servers.into_iter().map(McpServerResponse::from).collect();
    Ok(Json(McpServerListResponse { items, configured: state.runner.servers().is_configured() }))
}
