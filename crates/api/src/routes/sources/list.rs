use axum::{Json, extract::State};
use serde::Serialize;

use super::SourceResponse;
use crate::{ApiError, AppState, extract::SourcesManage};

/// All watched folders.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SourceListResponse {
    /// By name; at most 50.
    items: Vec<SourceResponse>,
    /// The organisation's folder below `WATCH_ROOT`, in which the operator mounts shares; null where `WATCH_ROOT` is not set and
    /// no folder is watched.
    folder: Option<String>,
}

/// The watched folders whose documents the caller could read, by name.
#[utoipa::path(get, path = "/api/v1/sources", operation_id = "sources.list", tag = "sources",
               responses((status = 200, body = SourceListResponse)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    SourcesManage(principal): SourcesManage,
) -> Result<Json<SourceListResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let clearance = tx.labels().clearance(principal.user_id).await?;
    let sources = tx.sources().list(false).await?;
    let items = sources.into_iter().filter(|source| clearance.may_have(&source.settings.label));
    let folder = state.watch.root.as_ref().map(|_| principal.tenant_id().to_string());
    Ok(Json(SourceListResponse { items: items.map(SourceResponse::from).collect(), folder }))
}
