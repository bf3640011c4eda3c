use axum::{extract::State, http::StatusCode};
use millwright_core::id::SourceId;
use millwright_store::Proof;
use serde_json::json;

use super::open;
use crate::{
    ApiError, AppState,
    extract::{Audit, PathId, SourcesManage},
};

/// Ends the watch of a folder. Its documents are hidden at once, and removed one after the other; the files stay where they
/// are.
#[utoipa::path(delete, path = "/api/v1/sources/{id}", operation_id = "sources.delete", tag = "sources",
               params(("id" = SourceId, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    SourcesManage(principal): SourcesManage,
    audit: Audit,
    PathId(id): PathId<SourceId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let source = open(&mut tx, &principal, id).await?;
    tx.sources().delete(id, state.sources.now()).await?;
    let details =
        [("name", json!(source.name)), ("path", json!(source.path)), ("documents", json!(source.documents.0))];
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(StatusCode::NO_CONTENT)
}
