use axum::{Json, extract::State};
use millwright_core::{Label, id::DocumentId};
use millwright_store::tenant::VersionRow;
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
    /// Whether the version that answers, or else the newest, is found by what it means; null before it was read.
    vectors: Option<VectorsResponse>,
}

/// Whether passages have vectors of the embedding model that serves. Keywords find them in any case.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct VectorsResponse {
    /// `complete`, `pending`, or `withheld`.
    state: &'static str,
    /// Why they are withheld: the label may not go to the model's server.
    reason: Option<String>,
}

fn vectors(state: &AppState, version: &VersionRow, label: &Label) -> Option<VectorsResponse> {
    version.ready_at?;
    let standing = state.embeddings.standing();
    let serving = &standing.serving;
    if version.vectors_by < serving.id {
        return Some(VectorsResponse { state: "pending", reason: None });
    }
    if version.vectors_withheld && version.vectors_by == serving.id {
        return Some(VectorsResponse { state: "withheld", reason: state.embeddings.refusal(serving, label) });
    }
    Some(VectorsResponse { state: "complete", reason: None })
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
    let (reader, row) = super::open(&state, &principal, &mut tx, id).await?;
    let document = super::load(&mut tx, &reader, id).await?;
    let versions = tx.versions().list(id).await?;
    let answers = versions.iter().find(|version| Some(version.number) == row.current_version);
    let vectors = answers.or(versions.first()).and_then(|version| vectors(&state, version, &row.label.0));
    let versions = versions.into_iter().map(Into::into).collect();
    Ok(Json(DocumentDetailResponse { document, versions, vectors }))
}
