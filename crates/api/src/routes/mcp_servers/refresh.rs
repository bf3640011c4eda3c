use axum::{Json, extract::State};
use millwright_core::id::McpServerId;
use millwright_store::{Proof, tenant::McpToolRow};
use serde_json::json;

use super::{McpServerDetailResponse, detail, require_configured};
use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, PathId},
};

/// Asks an MCP server which tools it offers. One that was enabled and is declared otherwise by now is not called until somebody
/// looks at it again.
#[utoipa::path(post, path = "/api/v1/mcp-servers/{id}/refresh", operation_id = "mcp_servers.refresh", tag = "mcp-servers",
               params(("id" = McpServerId, Path)),
               responses((status = 200, body = McpServerDetailResponse),
                         (status = 409, description = "`MCP_ALLOWED_ORIGINS` is not set"),
                         (status = 503, description = "The server cannot be reached, or does not keep to the protocol")))]
pub(crate) async fn refresh(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    PathId(id): PathId<McpServerId>,
) -> Result<Json<McpServerDetailResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let server = tx.mcp_servers().require(id).await?;
    drop(tx);
    require_configured(&state)?;
    let read = state.runner.servers().read(&server).await?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    // What was read at an address that is not its own any more says nothing of it.
    if tx.mcp_servers().hold(id).await?.settings.url != server.settings.url {
        return Err(millwright_core::Problem::new(
            millwright_core::ErrorCode::Conflict,
            "the server got another address in this moment",
        )
        .remedy("send it again")
        .into());
    }
    tx.mcp_servers().set_tools(id, (&read.tools, &read.revision), state.sources.now()).await?;
    let tools = tx.mcp_servers().tools(id).await?;
    let changed: Vec<_> = tools.iter().filter(|tool| tool.has_changed()).map(|tool| &tool.name).collect();
    let offered = tools.iter().filter(|tool| tool.offered).map(name_and_digest).collect::<Vec<_>>();
    let details = [("revision", json!(read.revision)), ("tools", json!(offered)), ("changed", json!(changed))];
    let after = detail(&mut tx, id).await?;
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(after))
}

fn name_and_digest(tool: &McpToolRow) -> serde_json::Value {
    json!([tool.name, hex::encode(&tool.digest)])
}
