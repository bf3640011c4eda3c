use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_core::{ErrorCode, Problem, id::AuditEntryId};
use millwright_store::tenant::{AuditEntryRow, AuditFilter};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ApiError, AppState,
    dto::PageResponse,
    extract::{AuditRead, PageQuery, StrictQuery},
    filters::moment,
};

/// Which entries; what is absent does not restrict.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListAuditQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// A user's id, or `system:` and a component.
    actor: Option<String>,
    /// For instance `document.uploaded`.
    action: Option<String>,
    /// For instance `document`.
    resource_type: Option<String>,
    /// As the id is shown.
    resource_id: Option<String>,
    /// Not before, RFC 3339.
    from: Option<DateTime<Utc>>,
    /// Before, RFC 3339.
    to: Option<DateTime<Utc>>,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AuditEntryResponse {
    id: AuditEntryId,
    /// Place in the chain; null until sealed, which takes a fraction of a second.
    sequence: Option<i64>,
    occurred_at: DateTime<Utc>,
    actor: String,
    /// Display name where the actor is a person of this tenant.
    actor_name: Option<String>,
    action: String,
    resource_type: String,
    resource_id: String,
    /// What else was recorded.
    details: Value,
    /// Chain hash, hexadecimal.
    hash: Option<String>,
}

impl From<AuditEntryRow> for AuditEntryResponse {
    fn from(row: AuditEntryRow) -> Self {
        let event: Value = serde_json::from_slice(&row.canonical).unwrap_or_default();
        Self {
            id: row.id,
            sequence: row.sequence,
            occurred_at: row.occurred_at,
            actor: row.actor,
            actor_name: row.actor_name,
            action: row.action,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            details: event.get("details").cloned().unwrap_or_default(),
            hash: row.hash.map(hex::encode),
        }
    }
}

/// The tenant's audit log, newest first.
#[utoipa::path(get, path = "/api/v1/admin/audit", operation_id = "admin.audit.list", tag = "admin",
               params(ListAuditQuery), responses((status = 200, body = PageResponse<AuditEntryResponse>)))]
pub(crate) async fn audit(
    State(state): State<AppState>,
    AuditRead(principal): AuditRead,
    StrictQuery(query): StrictQuery<ListAuditQuery>,
) -> Result<Json<PageResponse<AuditEntryResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let mut problem = Problem::new(ErrorCode::ValidationFailed, "the log cannot be searched so");
    for (field, said) in [("from", query.from), ("to", query.to)] {
        if said.is_some_and(|said| moment(said).is_none()) {
            problem = problem.field(field, "expected a year from 1000 to 9999");
        }
    }
    if !problem.fields.is_empty() {
        return Err(problem.into());
    }
    let filter = AuditFilter {
        actor: query.actor,
        action: query.action,
        resource_type: query.resource_type,
        resource_id: query.resource_id,
        from: query.from.and_then(moment),
        to: query.to.and_then(moment),
    };
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(tx.audit().list(&filter, page).await?.map(AuditEntryResponse::from).into()))
}
