use axum::{Json, extract::State, http::StatusCode};
use millwright_agents::evaluation::{AgentChoice, StartEvaluations};
use millwright_core::{ErrorCode, Permission, Problem, id::EvaluationSuiteId};
use serde::{Deserialize, Serialize};

use super::EvaluationResponse;
use crate::{
    ApiError, AppState,
    extract::{Audit, EvaluationsManage, IdempotencyKey, StrictJson},
    problem::current_trace_id,
};

/// Who is to answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluatedAgentRequest {
    /// Its name; absent: each question goes to whom its words are for.
    #[schema(min_length = 2, max_length = 41)]
    name: Option<String>,
    /// One of the organisation's versions, in force or not; absent: what holds now.
    #[schema(minimum = 1)]
    version: Option<i32>,
}

/// What is to be asked, and whom.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartEvaluationRequest {
    #[schema(value_type = String)]
    suite_id: EvaluationSuiteId,
    /// One evaluation for each; a second one is to be held against the first. Absent: one, with each question to whom its words are
    /// for.
    #[serde(default)]
    #[schema(max_items = 2)]
    agents: Vec<EvaluatedAgentRequest>,
}

/// What was started.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StartedEvaluationsResponse {
    /// One for each agent, in their order.
    items: Vec<EvaluationResponse>,
}

/// Has agents answer all questions of a suite, as whoever asks may ask and over what they may read. It goes on in the background;
/// `GET /api/v1/evaluations/{id}` says how far it is. A request that comes again with its `Idempotency-Key` starts nothing.
#[utoipa::path(post, path = "/api/v1/evaluations", operation_id = "evaluations.start", tag = "evaluations",
               request_body = StartEvaluationRequest,
               params(("Idempotency-Key" = Option<String>, Header, description = "1 to 100 visible ASCII characters")),
               responses((status = 201, body = StartedEvaluationsResponse),
                         (status = 404, description = "No such suite"),
                         (status = 409, description = "Too many are under way, or the key was another request's")))]
pub(crate) async fn start(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    _audit: Audit,
    IdempotencyKey(request_key): IdempotencyKey,
    StrictJson(request): StrictJson<StartEvaluationRequest>,
) -> Result<(StatusCode, Json<StartedEvaluationsResponse>), ApiError> {
    if !principal.permissions.contains(Permission::ChatUse) {
        return Err(Problem::new(ErrorCode::NotAuthorized, "its questions are asked as you ask, and you may not")
            .remedy("use a key with `chat:use` too")
            .into());
    }
    let request = StartEvaluations {
        suite: request.suite_id,
        agents: agents(request.agents)?,
        request_key,
        trace_id: current_trace_id(),
    };
    let started = state.runner.evaluations().start(&principal, request).await?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let most = tx.labels().reader(principal.user_id).await?.clearance().classification;
    let mut items = Vec::new();
    for id in started {
        items.push(tx.evaluations().require(id, most).await?.into());
    }
    Ok((StatusCode::CREATED, Json(StartedEvaluationsResponse { items })))
}

fn agents(agents: Vec<EvaluatedAgentRequest>) -> Result<Vec<AgentChoice>, ApiError> {
    let invalid = |expected: &str| {
        Problem::new(ErrorCode::ValidationFailed, "these agents cannot be evaluated").field("agents", expected)
    };
    if agents.len() > 2 {
        return Err(invalid("expected at most two").into());
    }
    if agents.iter().any(|agent| agent.name.is_none() && agent.version.is_some()) {
        return Err(invalid("expected `name` beside `version`").into());
    }
    let mut chosen: Vec<_> =
        agents.into_iter().map(|agent| AgentChoice { name: agent.name, version: agent.version }).collect();
    if chosen.is_empty() {
        chosen.push(AgentChoice { name: None, version: None });
    }
    Ok(chosen)
}
