use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_core::id::{DecisionId, RunId};
use millwright_store::tenant::{DecisionRow, UsageRow};
use serde::Serialize;
use serde_json::Value;

use crate::{
    ApiError, AppState,
    extract::{ChatUse, PathId},
};

/// A call of a model that a run made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RunCallResponse {
    /// When it ended.
    ended_at: DateTime<Utc>,
    model: String,
    endpoint: String,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    tier: String,
    input_tokens: i64,
    output_tokens: i64,
    /// Millionths of the installation's currency.
    cost_micros: i64,
    /// `complete` where it came to its end.
    outcome: String,
}

impl From<UsageRow> for RunCallResponse {
    fn from(row: UsageRow) -> Self {
        let UsageRow { occurred_at, model, endpoint, tier, input_tokens, output_tokens, cost_micros, outcome, .. } =
            row;
        Self { ended_at: occurred_at, model, endpoint, tier, input_tokens, output_tokens, cost_micros, outcome }
    }
}

/// What policy decided of something that a run was about to do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RunDecisionResponse {
    id: DecisionId,
    decided_at: DateTime<Utc>,
    /// `document.search`, for example.
    action: String,
    /// `ALLOW`, `DENY` or `REQUIRE_APPROVAL`.
    verdict: String,
    /// The policies that determined it.
    policies: Value,
    /// What would have made it allowed.
    would_allow: Value,
}

impl From<DecisionRow> for RunDecisionResponse {
    fn from(row: DecisionRow) -> Self {
        let DecisionRow { id, decided_at, action, verdict, policies, would_allow, .. } = row;
        Self { id, decided_at, action, verdict, policies, would_allow }
    }
}

/// What a run took, and what was decided of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RunAccountResponse {
    /// ISO 4217.
    currency: String,
    /// In order.
    calls: Vec<RunCallResponse>,
    /// In order; those of what it was allowed only as far as the organisation keeps them.
    decisions: Vec<RunDecisionResponse>,
}

/// The model calls of one of one's own runs with what they cost, and the decisions of policy on what it did.
#[utoipa::path(get, path = "/api/v1/runs/{id}/account", operation_id = "runs.account", tag = "runs",
               params(("id" = RunId, Path)), responses((status = 200, body = RunAccountResponse)))]
pub(crate) async fn account(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    PathId(id): PathId<RunId>,
) -> Result<Json<RunAccountResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let run = tx.runs().require(id, principal.user_id).await?;
    super::require_clearance(&mut tx, &principal, &run).await?;
    let until = state.sources.now();
    let calls = tx.usage().of_run(id, principal.user_id, [run.created_at, until]).await?;
    let decisions = tx.policies().decisions_of(id, run.created_at, None).await?;
    Ok(Json(RunAccountResponse {
        currency: state.completions.gateway().catalog().currency().to_owned(),
        calls: calls.into_iter().map(Into::into).collect(),
        decisions: decisions.into_iter().map(Into::into).collect(),
    }))
}
