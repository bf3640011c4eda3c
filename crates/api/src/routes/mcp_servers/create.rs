use axum::{Json, extract::State, http::StatusCode};
use millwright_agents::outside::is_server_name;
use millwright_core::{Classification, ErrorCode, Label, Problem};
use millwright_store::{
    Proof, StoreError,
    tenant::{McpServerSettings, NewMcpServer},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    McpServerDetailResponse, audited, checked_timeout, checked_url, detail, invalid, require_configured, sealed,
    seconds,
};
use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, StrictJson},
    routes::documents::change::within_clearance,
};

/// Servers that an organisation may have.
const MOST_SERVERS: usize = 50;

/// A server to be registered.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateMcpServerRequest {
    /// Stands in definitions of agents, and is never changed.
    #[schema(min_length = 2, max_length = 20, pattern = "^[a-z][a-z0-9-]{1,19}$")]
    name: String,
    /// Where it speaks MCP over Streamable HTTP, at an origin that the operator allows. Servers that would be started here as a
    /// process (stdio) are not offered.
    #[schema(min_length = 1, max_length = 500)]
    url: String,
    /// What it is sent as `Authorization: Bearer`; kept sealed, and shown to nobody.
    #[serde(default)]
    #[schema(max_length = 4096)]
    bearer_token: Option<String>,
    /// The highest classification of what a run has read that it may be sent. Absent: `PUBLIC`.
    #[serde(default)]
    takes_up_to: Option<Classification>,
    /// What its results are at least. Absent: `INTERNAL`.
    #[serde(default)]
    result_classification: Option<Classification>,
    /// Whether it is sent personal data as it is, instead of placeholders.
    #[serde(default)]
    sends_personal_data: bool,
    /// How long a call may take, seconds.
    #[serde(default = "seconds::timeout")]
    #[schema(minimum = 1, maximum = 60)]
    timeout_s: i32,
}

/// Registers an MCP server. None of its tools is called before its tools were read and somebody has looked at one and enabled it.
/// Answers 409 `not_configured` where the operator has set no `MCP_ALLOWED_ORIGINS`.
#[utoipa::path(post, path = "/api/v1/mcp-servers", operation_id = "mcp_servers.create", tag = "mcp-servers",
               request_body = CreateMcpServerRequest,
               responses((status = 201, body = McpServerDetailResponse),
                         (status = 409, description = "The name is taken, or `MCP_ALLOWED_ORIGINS` is not set")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    StrictJson(request): StrictJson<CreateMcpServerRequest>,
) -> Result<(StatusCode, Json<McpServerDetailResponse>), ApiError> {
    require_configured(&state)?;
    if !is_server_name(&request.name) {
        return Err(invalid("name", "expected 2 to 20 of a-z, 0-9 and `-`, a letter first"));
    }
    let (id, now) = (state.sources.new_id(), state.sources.now());
    let settings = McpServerSettings {
        url: checked_url(&state, &request.url)?,
        sealed_bearer: sealed(&state, id, request.bearer_token.as_deref().unwrap_or_default())?,
        takes_up_to: request.takes_up_to.unwrap_or(Classification::Public),
        result_classification: request.result_classification.unwrap_or(Classification::Internal),
        sends_personal_data: request.sends_personal_data,
        timeout_s: checked_timeout(request.timeout_s)?,
        enabled: true,
    };
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    within_clearance(&reader, &Label::of(settings.takes_up_to))?;
    if tx.mcp_servers().list().await?.len() >= MOST_SERVERS {
        return Err(Problem::new(ErrorCode::Conflict, format!("there are {MOST_SERVERS} servers already")).into());
    }
    let details = [("name", json!(request.name)), ("settings", audited(&settings))];
    let server = NewMcpServer { id, name: request.name, settings, created_by: principal.user_id, created_at: now };
    tx.mcp_servers().insert(&server).await.map_err(taken)?;
    let made = detail(&mut tx, id).await?;
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Duplicate(_) => {
            Problem::new(ErrorCode::Conflict, "another server has this name").remedy("choose another name").into()
        }
        other => other.into(),
    }
}
