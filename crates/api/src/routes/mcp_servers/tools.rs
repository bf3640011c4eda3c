use axum::{
    Json,
    extract::{Path, State},
};
use millwright_agents::outside::{OfferedTool, Unusable};
use millwright_core::{ErrorCode, Problem, id::McpServerId};
use millwright_store::Proof;
use serde::Deserialize;
use serde_json::json;

use super::{McpServerDetailResponse, detail, invalid};
use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, StrictJson},
};

/// What somebody has looked at.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnableMcpToolRequest {
    /// The tool's `digest` as it was shown.
    #[schema(min_length = 64, max_length = 64)]
    digest: String,
    /// That the tool only reads, as far as whoever enables it knows its system. Its own `readOnlyHint` is only a hint.
    reads_only: bool,
}

fn server_id(text: &str) -> Result<McpServerId, ApiError> {
    text.parse().map_err(|_| Problem::not_found("MCP server").into())
}

/// Lets agents that name a tool call it, as long as it is declared as it was shown. Only tools that declare that they only read can be:
/// what changes something needs approvals, which there are not yet.
#[utoipa::path(post, path = "/api/v1/mcp-servers/{id}/tools/{tool}/enable", operation_id = "mcp_servers.tools.enable",
               tag = "mcp-servers", params(("id" = McpServerId, Path), ("tool" = String, Path)),
               request_body = EnableMcpToolRequest,
               responses((status = 200, body = McpServerDetailResponse),
                         (status = 409, description = "The tool is of a kind that cannot be enabled"),
                         (status = 412, description = "It is declared otherwise by now")))]
pub(crate) async fn enable(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    Path((id, name)): Path<(String, String)>,
    StrictJson(request): StrictJson<EnableMcpToolRequest>,
) -> Result<Json<McpServerDetailResponse>, ApiError> {
    let id = server_id(&id)?;
    let mut digest = [0; 32];
    hex::decode_to_slice(&request.digest, &mut digest)
        .map_err(|_| invalid("digest", "expected 64 hexadecimal digits"))?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let server = tx.mcp_servers().require(id).await?;
    let row = tx.mcp_servers().require_tool(id, &name).await?;
    let tool: OfferedTool = serde_json::from_value(row.declaration).map_err(|_| Problem::internal())?;
    if let Some(why) = tool.unusable().first() {
        return Err(refused(*why));
    }
    if !request.reads_only {
        return Err(invalid("reads_only", "expected `true`, by somebody who knows that the tool changes nothing"));
    }
    if !tx.mcp_servers().enable_tool((id, &name), digest, principal.user_id, state.sources.now()).await? {
        return Err(Problem::new(ErrorCode::StaleTarget, "the tool is declared otherwise by now")
            .remedy("look at it again, and send its new `digest`")
            .into());
    }
    let details = [
        ("tool", json!(name)),
        ("server", json!(server.name)),
        ("declaration_sha256", json!(request.digest)),
        ("suspicion", row.suspicion),
    ];
    let after = detail(&mut tx, id).await?;
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(after))
}

fn refused(why: Unusable) -> ApiError {
    let problem = Problem::new(ErrorCode::InvalidTransition, format!("the tool cannot be enabled: {why}"));
    let remedy = match why {
        Unusable::Writes => "ask whoever runs the server for a tool that only reads and says so",
        _ => "ask whoever runs the server to declare it otherwise",
    };
    problem.remedy(remedy).into()
}

/// Has a tool called no more, also by runs that are under way.
#[utoipa::path(post, path = "/api/v1/mcp-servers/{id}/tools/{tool}/disable", operation_id = "mcp_servers.tools.disable",
               tag = "mcp-servers", params(("id" = McpServerId, Path), ("tool" = String, Path)),
               responses((status = 200, body = McpServerDetailResponse)))]
pub(crate) async fn disable(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    Path((id, name)): Path<(String, String)>,
) -> Result<Json<McpServerDetailResponse>, ApiError> {
    let id = server_id(&id)?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let server = tx.mcp_servers().require(id).await?;
    tx.mcp_servers().disable_tool(id, &name).await?;
    let details = [("tool", json!(name)), ("server", json!(server.name))];
    let after = detail(&mut tx, id).await?;
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(after))
}
