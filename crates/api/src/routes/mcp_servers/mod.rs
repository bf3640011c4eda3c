//! MCP servers whose tools agents may call, as those see and set them who administer an organisation.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod refresh;
pub(crate) mod tools;

use chrono::{DateTime, Utc};
use millwright_agents::outside::{OfferedTool, Suspicion, full_name};
use millwright_core::{Classification, ErrorCode, Problem, id::McpServerId};
use millwright_store::{
    TenantTx,
    tenant::{McpServerRow, McpServerSettings, McpToolRow},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{ApiError, AppState};

/// Bounds and default of the time that a call may take, seconds.
pub(super) mod seconds {
    use std::ops::RangeInclusive;

    pub(in crate::routes::mcp_servers) const TIMEOUT: RangeInclusive<i32> = 1..=60;
    pub(in crate::routes::mcp_servers) const fn timeout() -> i32 {
        20
    }
}

/// The longest token, bytes.
const MAX_TOKEN_BYTES: usize = 4096;
/// As the database holds it.
const MAX_URL_BYTES: usize = 500;

/// An MCP server.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct McpServerResponse {
    id: McpServerId,
    /// Stands in definitions of agents: `mcp:<name>/<tool>`.
    name: String,
    url: String,
    /// Whether it is sent a token, which nobody is shown.
    has_bearer_token: bool,
    /// The highest classification of what a run has read that it may be sent.
    takes_up_to: Classification,
    /// What its results are at least.
    result_classification: Classification,
    /// Whether it is sent personal data as it is, instead of placeholders.
    sends_personal_data: bool,
    timeout_s: i32,
    /// Whether any of its tools is called.
    enabled: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// When its tools were last read; null before the first time.
    refreshed_at: Option<DateTime<Utc>>,
    /// In which revision of the protocol.
    revision: Option<String>,
}

impl From<McpServerRow> for McpServerResponse {
    fn from(row: McpServerRow) -> Self {
        let settings = row.settings;
        Self {
            id: row.id,
            name: row.name,
            url: settings.url,
            has_bearer_token: settings.sealed_bearer.is_some(),
            takes_up_to: settings.takes_up_to,
            result_classification: settings.result_classification,
            sends_personal_data: settings.sends_personal_data,
            timeout_s: settings.timeout_s,
            enabled: settings.enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
            refreshed_at: row.refreshed_at,
            revision: row.revision,
        }
    }
}

/// What the check for instructions to models says of a tool's words.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct McpSuspicionResponse {
    /// Whether a sentence looks like an instruction: models are told of the tool without it.
    is_hit: bool,
    /// From 0, harmless, to 1.
    score: f32,
    /// A score at or above it is a hit.
    threshold: f32,
    /// The sentences, at most five.
    sentences: Vec<String>,
}

/// A tool of an MCP server as it was last read. What it says of itself is text of a stranger.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct McpToolResponse {
    name: String,
    /// How a definition of an agent names it.
    full_name: String,
    title: Option<String>,
    description: Option<String>,
    /// JSON Schema of its arguments.
    #[schema(value_type = Object)]
    input_schema: Value,
    /// JSON Schema of its structured result; null where it declares none.
    #[schema(value_type = Option<Object>)]
    output_schema: Option<Value>,
    /// What it says of itself: `readOnlyHint` and others.
    #[schema(value_type = Option<Object>)]
    annotations: Option<Value>,
    /// SHA-256 of all of that, hexadecimal: what is enabled is this and nothing else.
    digest: String,
    /// `enabled`; `changed` since it was enabled, so it is not called until somebody looks again; `gone` where its server
    /// does not offer it as it was any more (reading its tools again tells whether at all); `disabled`.
    state: &'static str,
    /// Why it cannot be enabled; empty where it can.
    unusable: Vec<String>,
    suspicion: McpSuspicionResponse,
    enabled_at: Option<DateTime<Utc>>,
}

impl McpToolResponse {
    fn of(server: &str, row: McpToolRow) -> Result<Self, ApiError> {
        let state = match (row.is_enabled(), row.has_changed(), row.offered) {
            (true, ..) => "enabled",
            (_, _, false) => "gone",
            (_, true, _) => "changed",
            _ => "disabled",
        };
        let tool: OfferedTool = serde_json::from_value(row.declaration).map_err(|_| Problem::internal())?;
        let suspicion: Suspicion = serde_json::from_value(row.suspicion).map_err(|_| Problem::internal())?;
        let Suspicion { is_hit, score, threshold, sentences } = suspicion;
        Ok(Self {
            full_name: full_name(server, &row.name),
            unusable: tool.unusable().iter().map(ToString::to_string).collect(),
            name: row.name,
            title: tool.title,
            description: tool.description,
            input_schema: tool.input_schema,
            output_schema: tool.output_schema,
            annotations: tool.annotations,
            digest: hex::encode(row.digest),
            state,
            suspicion: McpSuspicionResponse { is_hit, score, threshold, sentences },
            enabled_at: row.enabled_at,
        })
    }
}

/// An MCP server with its tools.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct McpServerDetailResponse {
    #[serde(flatten)]
    server: McpServerResponse,
    /// As they were last read, by name.
    tools: Vec<McpToolResponse>,
}

pub(super) async fn detail(tx: &mut TenantTx, id: McpServerId) -> Result<McpServerDetailResponse, ApiError> {
    let server = tx.mcp_servers().require(id).await?;
    let tools = tx.mcp_servers().tools(id).await?;
    let tools = tools.into_iter().map(|tool| McpToolResponse::of(&server.name, tool));
    Ok(McpServerDetailResponse { tools: tools.collect::<Result<_, _>>()?, server: server.into() })
}

/// Fails where the operator allows no MCP servers.
pub(super) fn require_configured(state: &AppState) -> Result<(), ApiError> {
    if state.runner.servers().is_configured() {
        return Ok(());
    }
    Err(Problem::new(ErrorCode::NotConfigured, "no MCP servers are allowed, because `MCP_ALLOWED_ORIGINS` is not set")
        .remedy("have the operator name the origins at which they may stand")
        .into())
}

pub(super) fn invalid(field: &str, expected: impl Into<String>) -> ApiError {
    Problem::new(ErrorCode::ValidationFailed, "the server is not of the documented form").field(field, expected).into()
}

/// The address as it is kept.
pub(super) fn checked_url(state: &AppState, url: &str) -> Result<String, ApiError> {
    let url = state.runner.servers().address(url.trim()).map_err(|error| invalid("url", error.to_string()))?;
    // Other letters are longer as they are kept.
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(invalid(
            "url",
            format!("expected at most {MAX_URL_BYTES} bytes, with other than ASCII letters as `%` codes"),
        ));
    }
    Ok(url.as_str().to_owned())
}

/// The token, sealed for its server; none for an empty one.
pub(super) fn sealed(state: &AppState, id: McpServerId, token: &str) -> Result<Option<Vec<u8>>, ApiError> {
    if token.is_empty() {
        return Ok(None);
    }
    if token.len() > MAX_TOKEN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("bearer_token", format!("expected at most {MAX_TOKEN_BYTES} visible ASCII characters")));
    }
    Ok(Some(state.runner.servers().seal(id, token)?))
}

pub(super) fn checked_timeout(timeout_s: i32) -> Result<i32, ApiError> {
    if seconds::TIMEOUT.contains(&timeout_s) {
        return Ok(timeout_s);
    }
    let (least, most) = (seconds::TIMEOUT.start(), seconds::TIMEOUT.end());
    Err(invalid("timeout_s", format!("expected {least} to {most} seconds")))
}

/// What the audit log says of settings: all but the token.
pub(super) fn audited(settings: &McpServerSettings) -> Value {
    json!({
        "url": settings.url,
        "has_bearer_token": settings.sealed_bearer.is_some(),
        "takes_up_to": settings.takes_up_to,
        "result_classification": settings.result_classification,
        "sends_personal_data": settings.sends_personal_data,
        "timeout_s": settings.timeout_s,
        "enabled": settings.enabled,
    })
}
