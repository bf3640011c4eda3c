use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_core::id::{DecisionId, RunId, UserId};
use millwright_store::tenant::DecisionRow;
use serde::Serialize;
use serde_json::Value;

use crate::{
    ApiError, AppState,
    dto::{ListQuery, PageResponse},
    extract::{AuditRead, StrictQuery},
};

/// A decision as it was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DecisionResponse {
    id: DecisionId,
    decided_at: DateTime<Utc>,
    user_id: UserId,
    run_id: Option<RunId>,
    action: String,
    /// `ALLOW`, `DENY` or `REQUIRE_APPROVAL`.
    verdict: String,
    /// All that it was decided on.
    request: Value,
    /// SHA-256 of the request's canonical JSON (RFC 8785), hexadecimal.
    inputs_digest: String,
    /// SHA-256 over all policies, hexadecimal.
    policy_version: String,
    /// The policies that determined it.
    policies: Value,
    /// What would have made it allowed.
    would_allow: Value,
}

impl From<DecisionRow> for DecisionResponse {
    fn from(row: DecisionRow) -> Self {
        Self {
            id: row.id,
            decided_at: row.decided_at,
            user_id: row.user_id,
            run_id: row.run_id.map(RunId::from),
            action: row.action,
            verdict: row.verdict,
            request: row.request,
            inputs_digest: hex::encode(row.inputs_digest),
            policy_version: hex::encode(row.policy_version),
            policies: row.policies,
            would_allow: row.would_allow,
        }
    }
}

/// Decisions, newest first.
#[utoipa::path(get, path = "/api/v1/policy/decisions", operation_id = "policy.decisions", tag = "policy",
               params(ListQuery), responses((status = 200, body = PageResponse<DecisionResponse>)))]
pub(crate) async fn decisions(
    State(state): State<AppState>,
    AuditRead(principal): AuditRead,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<PageResponse<DecisionResponse>>, ApiError> {
    let page = query.request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(tx.policies().decisions(page).await?.map(DecisionResponse::from).into()))
}
