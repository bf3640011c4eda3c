use axum::{Json, extract::State};
use millwright_governance::decision::person;
use millwright_policy::decision::{
    Action, ContextFacts, Decision, DecisionRequest, Explanation, PrincipalFacts, ResourceFacts, explain,
};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    extract::{ConfigurationRead, StrictJson},
};

/// What would be decided on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyCheckRequest {
    /// Who would ask; oneself when absent.
    principal: Option<PrincipalFacts>,
    action: Action,
    resource: ResourceFacts,
    #[serde(default)]
    context: Option<ContextFacts>,
}

/// A decision that was not acted on, and how it came about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyCheckResponse {
    #[serde(flatten)]
    decision: Decision,
    /// In words.
    explanation: String,
}

/// Decides without acting: nothing is recorded and nothing is done.
#[utoipa::path(post, path = "/api/v1/policy/check", operation_id = "policy.check", tag = "policy",
               request_body = PolicyCheckRequest, responses((status = 200, body = PolicyCheckResponse)))]
pub(crate) async fn check(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
    StrictJson(request): StrictJson<PolicyCheckRequest>,
) -> Result<Json<PolicyCheckResponse>, ApiError> {
    let policy = state.governance.of(&principal.scope).await?;
    let who = if let Some(facts) = request.principal {
        facts
    } else {
        let mut tx = state.store.tenant(&principal.scope).read().await?;
        person(&principal, &tx.labels().clearance(principal.user_id).await?)
    };
    let context = request.context.unwrap_or_else(|| ContextFacts::at(state.sources.now().timestamp(), 0));
    let request = DecisionRequest::new(who, request.action, request.resource).with_context(context);
    let explanation: Explanation = explain(&policy.engine, &request);
    Ok(Json(PolicyCheckResponse { explanation: explanation.to_string(), decision: explanation.decision }))
}
