use axum::{Json, extract::State};
use chrono::{DateTime, Duration, Utc};
use millwright_core::id::{ChunkId, DocumentId, PolicyEventId, RunId, UserId};
use millwright_store::tenant::{PolicyEventFilter, PolicyEventKind, PolicyEventRow};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    dto::{PageResponse, PersonResponse},
    extract::{AuditRead, PageQuery, StrictQuery},
};

/// What was noticed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PolicyEventKindName {
    /// Text that tries to take over the assistant.
    Injection,
    /// Export-controlled content that somebody asked for without authorisation.
    ExportBlocked,
    /// A label above what a sink takes.
    LabelDenied,
    /// Personal data of a kind that the tenant lets no model see.
    PersonalDataBlocked,
    /// Words of a model that were not let out.
    OutputWithheld,
}

impl From<PolicyEventKindName> for PolicyEventKind {
    fn from(name: PolicyEventKindName) -> Self {
        match name {
            PolicyEventKindName::Injection => Self::Injection,
            PolicyEventKindName::ExportBlocked => Self::ExportBlocked,
            PolicyEventKindName::LabelDenied => Self::LabelDenied,
            PolicyEventKindName::PersonalDataBlocked => Self::PersonalDataBlocked,
            PolicyEventKindName::OutputWithheld => Self::OutputWithheld,
        }
    }
}

impl From<PolicyEventKind> for PolicyEventKindName {
    fn from(kind: PolicyEventKind) -> Self {
        match kind {
            PolicyEventKind::Injection => Self::Injection,
            PolicyEventKind::ExportBlocked => Self::ExportBlocked,
            PolicyEventKind::LabelDenied => Self::LabelDenied,
            PolicyEventKind::PersonalDataBlocked => Self::PersonalDataBlocked,
            PolicyEventKind::OutputWithheld => Self::OutputWithheld,
        }
    }
}

/// Which events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyEventsQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Only this kind.
    kind: Option<PolicyEventKindName>,
    /// Only this outcome: `shadow`, `warn`, `block`, `quarantine` or `cut`.
    outcome: Option<String>,
    /// Only of this run.
    run_id: Option<RunId>,
}

/// Something that the policy layer noticed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyEventResponse {
    id: PolicyEventId,
    occurred_at: DateTime<Utc>,
    kind: PolicyEventKindName,
    /// `shadow`, `warn`, `block`, `quarantine` or `cut`.
    outcome: String,
    user: Option<PersonResponse>,
    run_id: Option<RunId>,
    document_id: Option<DocumentId>,
    chunk_id: Option<ChunkId>,
    /// Of the classifier, 0 to 1.
    score: Option<f32>,
    threshold: Option<f32>,
    /// The sentence with its personal data masked, or what else explains it.
    detail: String,
}

impl From<PolicyEventRow> for PolicyEventResponse {
    fn from(row: PolicyEventRow) -> Self {
        let user = row.user_id.zip(row.user_name);
        Self {
            id: row.id,
            occurred_at: row.occurred_at,
            kind: row.kind.into(),
            outcome: row.outcome,
            user: user.map(|(id, display_name)| PersonResponse { id: UserId::from(id), display_name }),
            run_id: row.run_id.map(RunId::from),
            document_id: row.document_id.map(DocumentId::from),
            chunk_id: row.chunk_id.map(ChunkId::from),
            score: row.score,
            threshold: row.threshold,
            detail: row.detail,
        }
    }
}

/// What the policy layer noticed, newest first. Export-controlled content that was kept from somebody is among it.
#[utoipa::path(get, path = "/api/v1/policy/events", operation_id = "policy.events.list", tag = "policy",
               params(PolicyEventsQuery), responses((status = 200, body = PageResponse<PolicyEventResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    AuditRead(principal): AuditRead,
    StrictQuery(query): StrictQuery<PolicyEventsQuery>,
) -> Result<Json<PageResponse<PolicyEventResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let filter = PolicyEventFilter { kind: query.kind.map(Into::into), outcome: query.outcome, run_id: query.run_id };
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(tx.policy_events().list(&filter, page).await?.map(PolicyEventResponse::from).into()))
}

/// Since when.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyEventCountsQuery {
    /// The last days, 1 to 365.
    #[param(minimum = 1, maximum = 365, default = 30)]
    days: Option<u32>,
}

/// How often something was noticed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyEventCountResponse {
    kind: PolicyEventKindName,
    outcome: String,
    count: i64,
}

/// Counts by kind and outcome.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyEventCountsResponse {
    since: DateTime<Utc>,
    items: Vec<PolicyEventCountResponse>,
}

/// How often the policy layer noticed what, for instance in shadow mode.
#[utoipa::path(get, path = "/api/v1/policy/events/counts", operation_id = "policy.events.counts", tag = "policy",
               params(PolicyEventCountsQuery), responses((status = 200, body = PolicyEventCountsResponse)))]
pub(crate) async fn counts(
    State(state): State<AppState>,
    AuditRead(principal): AuditRead,
    StrictQuery(query): StrictQuery<PolicyEventCountsQuery>,
) -> Result<Json<PolicyEventCountsResponse>, ApiError> {
    let days = super::files::within_days(query.days, 30)?;
    let since = state.sources.now() - Duration::days(days);
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let counts = tx.policy_events().count_since(since).await?;
    let item = |count: millwright_store::tenant::PolicyEventCount| PolicyEventCountResponse {
        kind: count.kind.into(),
        outcome: count.outcome,
        count: count.count,
    };
    Ok(Json(PolicyEventCountsResponse { since, items: counts.into_iter().map(item).collect() }))
}
