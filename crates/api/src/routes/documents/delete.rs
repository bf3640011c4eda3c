use axum::{extract::State, http::StatusCode};
use millwright_core::id::DocumentId;
use millwright_store::Proof;

use crate::{
    ApiError, AppState,
    extract::{Audit, Operator, PathId},
};

/// Deletes a document with all its versions. It answers no more from this moment on.
#[utoipa::path(delete, path = "/api/v1/documents/{id}", operation_id = "documents.delete", tag = "documents",
               params(("id" = DocumentId, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Operator(principal): Operator,
    audit: Audit,
    PathId(id): PathId<DocumentId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let document = tx.documents().require(id).await?;
    tx.jobs().delete_queued_for(&id.to_string()).await?;
    tx.documents().delete(id, state.sources.now()).await?;
    let entry = audit.entry(&principal, id, &[("name", document.name.into())])?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(StatusCode::NO_CONTENT)
}
