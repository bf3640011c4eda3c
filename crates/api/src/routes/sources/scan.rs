use axum::{Json, extract::State, http::StatusCode};
use millwright_core::id::SourceId;
use millwright_store::Proof;

use super::{SourceResponse, open, require_configured};
use crate::{
    ApiError, AppState,
    extract::{Audit, PathId, SourcesManage},
};

/// Has a folder looked through now, both its contents and its permissions; after the pass that is under way, where there is
/// one.
#[utoipa::path(post, path = "/api/v1/sources/{id}/scan", operation_id = "sources.scan", tag = "sources",
               params(("id" = SourceId, Path)),
               responses((status = 202, body = SourceResponse), (status = 409, description = "`WATCH_ROOT` is not set")))]
pub(crate) async fn scan(
    State(state): State<AppState>,
    SourcesManage(principal): SourcesManage,
    audit: Audit,
    PathId(id): PathId<SourceId>,
) -> Result<(StatusCode, Json<SourceResponse>), ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    open(&mut tx, &principal, id).await?;
    require_configured(&state)?;
    tx.sources().request_pass(id).await?;
    let row = tx.sources().require(id).await?;
    let entry = audit.entry(&principal, id, &[])?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok((StatusCode::ACCEPTED, Json(row.into())))
}
