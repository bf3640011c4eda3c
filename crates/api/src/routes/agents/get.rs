use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use millwright_agents::specialist::{is_agent_name, shipped_as};
use millwright_core::Problem;
use millwright_store::{
    TenantTx,
    tenant::{AgentStateRow, AgentVersionRow},
};
use serde::Serialize;

use super::list::AgentResponse;
use crate::{ApiError, AppState, dto::PersonResponse, extract::ConfigurationRead};

/// A stored version of an agent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentVersionResponse {
    /// 1 for the first.
    number: i32,
    /// YAML, as it was written.
    definition: String,
    /// SHA-256 of it, hexadecimal.
    digest: String,
    /// What it is for.
    note: String,
    created_by: PersonResponse,
    created_at: DateTime<Utc>,
    /// Whether it is in force.
    active: bool,
}

impl From<AgentVersionRow> for AgentVersionResponse {
    fn from(row: AgentVersionRow) -> Self {
        Self {
            number: row.number,
            definition: row.definition,
            digest: hex::encode(row.digest),
            note: row.note,
            created_by: PersonResponse { id: row.created_by, display_name: row.created_by_name },
            created_at: row.created_at,
            active: row.active,
        }
    }
}

/// An agent with its texts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentDetailResponse {
    #[serde(flatten)]
    agent: AgentResponse,
    /// The definition that ships under this name, in YAML; null for none.
    shipped_text: Option<&'static str>,
    /// The organisation's versions, newest first, at most 200.
    versions: Vec<AgentVersionResponse>,
}

/// The agent as it stands, or 404 where nothing of that name ships or was stored.
pub(super) async fn required(tx: &mut TenantTx, name: &str) -> Result<Option<AgentStateRow>, ApiError> {
    if !is_agent_name(name) {
        return Err(Problem::not_found("agent").into());
    }
    let states = tx.agents().states().await?;
    let state = states.into_iter().find(|state| state.name == name);
    if state.is_none() && shipped_as(name).is_none() {
        return Err(Problem::not_found("agent").into());
    }
    Ok(state)
}

pub(super) async fn detail(tx: &mut TenantTx, name: &str) -> Result<AgentDetailResponse, ApiError> {
    let state = required(tx, name).await?;
    let versions = tx.agents().versions(name).await?;
    Ok(AgentDetailResponse {
        agent: AgentResponse::new(name, state.as_ref()),
        shipped_text: shipped_as(name).map(|agent| agent.text.as_str()),
        versions: versions.into_iter().map(AgentVersionResponse::from).collect(),
    })
}

/// An agent with all its versions.
#[utoipa::path(get, path = "/api/v1/agents/{name}", operation_id = "agents.get", tag = "agents",
               params(("name" = String, Path)), responses((status = 200, body = AgentDetailResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
    Path(name): Path<String>,
) -> Result<Json<AgentDetailResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(detail(&mut tx, &name).await?))
}
