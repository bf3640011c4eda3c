use axum::{Json, extract::State, http::StatusCode};
use millwright_agents::specialist::{Specialist, digest, shipped_as};
use millwright_core::{ErrorCode, Problem};
use millwright_policy::decision::PolicyFileError;
use millwright_store::{Proof, StoreError, tenant::NewAgentVersion};
use serde::{Deserialize, Serialize};

use super::{check::bounded, get::AgentVersionResponse};
use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, StrictJson},
    routes::auth::within,
};

/// Agents that an organisation may have beside those that ship.
const MOST_OWN: usize = 40;

/// A version to be stored.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAgentVersionRequest {
    /// YAML; its `name` says whose version it is. Another name makes a further agent.
    #[schema(max_length = 65_536)]
    definition: String,
    /// What it is for.
    #[schema(min_length = 1, max_length = 500)]
    note: String,
}

/// The version that was stored.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CreatedAgentVersionResponse {
    name: String,
    version: AgentVersionResponse,
}

/// Stores a version of an agent. It holds only once it is activated; `POST /api/v1/chat` with `agent_version` tries it before.
#[utoipa::path(post, path = "/api/v1/agents", operation_id = "agents.create", tag = "agents",
               request_body = CreateAgentVersionRequest,
               responses((status = 201, body = CreatedAgentVersionResponse)))]
pub(crate) async fn create(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    StrictJson(request): StrictJson<CreateAgentVersionRequest>,
) -> Result<(StatusCode, Json<CreatedAgentVersionResponse>), ApiError> {
    let note = request.note.trim();
    within("note", note, 1, 500)?;
    bounded(&request.definition)?;
    let read = Specialist::read(&request.definition, None).map_err(|faults| refused(&faults))?;
    let name = read.definition.name.as_str();
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let known = tx.agents().states().await?;
    let own = known.iter().filter(|state| shipped_as(&state.name).is_none());
    if shipped_as(name).is_none() && own.clone().count() >= MOST_OWN && own.clone().all(|state| state.name != name) {
        return Err(Problem::new(ErrorCode::ValidationFailed, "there are too many agents")
            .field("definition", format!("expected at most {MOST_OWN} beside those that ship"))
            .into());
    }
    let version = NewAgentVersion { name, definition: &read.text, digest: digest(&read.text), note };
    let number = match tx.agents().insert_version(&version, principal.user_id, state.sources.now()).await {
        Err(StoreError::Duplicate(_)) => {
            return Err(Problem::new(ErrorCode::Conflict, "somebody else stored a version in this moment")
                .remedy("send it again")
                .into());
        }
        other => other?,
    };
    let row = tx.agents().require_version(name, number).await?;
    let details = [("number", number.into()), ("note", note.into()), ("agent_sha256", read.digest().into())];
    let entry = audit.entry(&principal, name, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok((StatusCode::CREATED, Json(CreatedAgentVersionResponse { name: name.to_owned(), version: row.into() })))
}

fn refused(faults: &[PolicyFileError]) -> Problem {
    let problem = Problem::new(ErrorCode::ValidationFailed, "the definition is not valid")
        .remedy("`POST /api/v1/agents/check` looks a definition over");
    faults.iter().fold(problem, |problem, fault| problem.field("definition", fault.to_string()))
}
