use std::collections::BTreeMap;

use axum::{Json, extract::State};
use millwright_agents::specialist::{GENERALIST, Specialist, shipped, shipped_as};
use millwright_store::tenant::AgentStateRow;
use serde::Serialize;

use super::AgentDefinitionResponse;
use crate::{ApiError, AppState, extract::ConfigurationRead};

/// An agent, and what the organisation has said of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentResponse {
    name: String,
    /// Whether a definition ships under this name.
    shipped: bool,
    /// Number of the own version in force; null for the definition that ships, or for none.
    version: Option<i32>,
    /// The newest own version; null where there is none.
    latest: Option<i32>,
    /// Whether it answers, as far as it has a definition in force.
    enabled: bool,
    /// Whether it always answers: questions that are nobody else's go to it.
    required: bool,
    /// The definition in force; null where there is none, or none that this version of the server reads.
    definition: Option<AgentDefinitionResponse>,
}

impl AgentResponse {
    /// Of a name; `state` is what the organisation has said of it.
    pub(super) fn new(name: &str, state: Option<&AgentStateRow>) -> Self {
        let own = state.and_then(|state| state.active.zip(state.definition.as_deref()));
        let definition = match own {
            Some((number, text)) => Specialist::read(text, Some(number)).ok().as_ref().map(Into::into),
            None => shipped_as(name).map(Into::into),
        };
        Self {
            name: name.to_owned(),
            shipped: shipped_as(name).is_some(),
            version: own.map(|(number, _)| number),
            latest: state.and_then(|state| state.latest),
            enabled: state.is_none_or(|state| state.enabled),
            required: name == GENERALIST,
            definition,
        }
    }
}

/// All agents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentsResponse {
    /// Those that ship, then the organisation's further ones, by name.
    items: Vec<AgentResponse>,
}

/// The agents that ship and the organisation's own.
#[utoipa::path(get, path = "/api/v1/agents", operation_id = "agents.list", tag = "agents",
               responses((status = 200, body = AgentsResponse)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
) -> Result<Json<AgentsResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let states = tx.agents().states().await?;
    let mut states: BTreeMap<&str, &AgentStateRow> = states.iter().map(|state| (state.name.as_str(), state)).collect();
    let shipped = shipped().iter().map(|agent| agent.definition.name.as_str());
    let mut items: Vec<_> = shipped.map(|name| AgentResponse::new(name, states.remove(name))).collect();
    items.extend(states.into_iter().map(|(name, state)| AgentResponse::new(name, Some(state))));
    Ok(Json(AgentsResponse { items }))
}
