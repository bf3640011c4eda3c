use axum::{extract::State, http::StatusCode};
use millwright_core::{ErrorCode, Problem, id::DocumentId};
use millwright_store::Proof;

use crate::{
    ApiError, AppState,
    extract::{Audit, DocumentsWrite, PathId},
};

/// Deletes a document with all its versions. It answers no more from this moment on.
#[utoipa::path(delete, path = "/api/v1/documents/{id}", operation_id = "documents.delete", tag = "documents",
               params(("id" = DocumentId, Path)), responses((status = 204), (status = 409, description = "It comes from a watched folder")))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    DocumentsWrite(principal): DocumentsWrite,
    audit: Audit,
    PathId(id): PathId<DocumentId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let (_, document) = super::open(&state, &principal, &mut tx, id).await?;
    if let Some(source) = document.source {
        let detail = format!("the document comes from the watched folder `{}` and would come again", source.name);
        return Err(Problem::new(ErrorCode::Conflict, detail)
            .remedy("take the file out of the folder, or end the watch of the folder")
            .into());
    }
    tx.jobs().delete_queued_for(&id.to_string()).await?;
    let also_settled = tx.documents().delete(id, state.sources.now()).await?;
    let details = [("name", document.name.into()), ("also_settled", serde_json::json!(also_settled))];
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(StatusCode::NO_CONTENT)
}
