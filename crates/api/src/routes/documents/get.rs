use axum::{Json, extract::State};
use millwright_core::id::DocumentId;
use serde::Serialize;

use crate::{
    ApiError, AppState,
    dto::{DocumentResponse, VersionResponse},
    extract::{DocumentsRead, PathId},
};

/// A document with all its versions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DocumentDetailResponse {
    #[serde(flatten)]
    document: DocumentResponse,
    /// Newest first.
    versions: Vec<VersionResponse>,
}

/// One document.
#[utoipa::path(get, path = "/api/v1/documents/{id}", operation_id = "documents.get", tag = "documents",
               params(("id" = DocumentId, Path)), responses((status = 200, body = DocumentDetailResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    DocumentsRead(principal): DocumentsRead,
    PathId(id): PathId<DocumentId>,
) -> Result<Json<DocumentDetailResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let (reader, _) = super::open(&state, &principal, &mut tx, id).await?;
    let document = super::load(&mut tx, &reader, id).await?;
    let versions = tx.versions().list(id).await?.into_iter().map(Into::into).collect();
    Ok(Json(DocumentDetailResponse { document, versions }))
}
