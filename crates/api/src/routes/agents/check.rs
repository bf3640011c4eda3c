use axum::{Json, extract::State};
use millwright_agents::specialist::{MAX_DEFINITION_BYTES, Specialist, Texts};
use millwright_core::{ErrorCode, Problem};
use millwright_policy::{
    decision::{PolicyFileError, locate},
    pii::Detector,
};
use serde::{Deserialize, Serialize};

use super::{AgentDefinitionResponse, AgentFindingResponse};
use crate::{
    ApiError, AppState,
    extract::{ConfigurationRead, StrictJson},
};

/// A definition as it would be stored.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckAgentRequest {
    /// YAML.
    #[schema(max_length = 65_536)]
    definition: String,
}

/// What was found in a definition.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CheckAgentResponse {
    findings: Vec<AgentFindingResponse>,
    /// What it says; null where it has errors.
    definition: Option<AgentDefinitionResponse>,
}

/// Refuses what is longer than any definition.
pub(super) fn bounded(text: &str) -> Result<(), ApiError> {
    if text.len() <= MAX_DEFINITION_BYTES {
        return Ok(());
    }
    Err(Problem::new(ErrorCode::ValidationFailed, "the definition is too long")
        .field("definition", format!("expected at most {MAX_DEFINITION_BYTES} bytes"))
        .into())
}

/// Looks a definition over. It is not kept.
#[utoipa::path(post, path = "/api/v1/agents/check", operation_id = "agents.check", tag = "agents",
               request_body = CheckAgentRequest, responses((status = 200, body = CheckAgentResponse)))]
pub(crate) async fn check(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
    StrictJson(request): StrictJson<CheckAgentRequest>,
) -> Result<Json<CheckAgentResponse>, ApiError> {
    bounded(&request.definition)?;
    let policy = state.governance.of(&principal.scope).await?;
    let read = match Specialist::read(&request.definition, None) {
        Ok(read) => read,
        Err(faults) => {
            let findings = faults.into_iter().map(Into::into).collect();
            return Ok(Json(CheckAgentResponse { findings, definition: None }));
        }
    };
    let work = tokio::task::spawn_blocking(move || (doubts(&read, &policy.detector), read));
    let (findings, read) = work.await.map_err(|_| Problem::internal())?;
    Ok(Json(CheckAgentResponse { findings, definition: Some((&read).into()) }))
}

/// What can be stored and is still not likely to be meant.
fn doubts(agent: &Specialist, detector: &Detector) -> Vec<AgentFindingResponse> {
    let definition = &agent.definition;
    let mut found = Vec::new();
    if definition.examples.is_empty() && definition.words.is_empty() {
        found.push(PolicyFileError::at("", "without `examples` and `words` only questions that name it reach it"));
    }
    let personal = detector.detect(&definition.prompt);
    if let Some(first) = personal.first() {
        let why = format!("looks like personal data ({}): a model is given a placeholder instead", first.kind.as_str());
        found.push(PolicyFileError::at("prompt", why));
    }
    if let Texts { de: None, .. } = definition.title {
        found.push(PolicyFileError::at("title", "has no German text; readers of either language see this one"));
    }
    locate(&agent.text, &mut found);
    found.into_iter().map(|doubt| AgentFindingResponse { severity: "warning", ..doubt.into() }).collect()
}
