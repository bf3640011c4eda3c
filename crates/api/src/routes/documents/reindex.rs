use axum::{Json, extract::State, http::StatusCode};
use millwright_core::{ErrorCode, Problem, id::DocumentId};
use millwright_store::{Proof, tenant::VersionStatus};
use millwright_workers::ingest;

use crate::{
    ApiError, AppState,
    dto::DocumentResponse,
    extract::{Audit, DocumentsWrite, PathId},
};

/// Reads the newest version again from its bytes, with the present settings.
#[utoipa::path(post, path = "/api/v1/documents/{id}/reindex", operation_id = "documents.reindex", tag = "documents",
               params(("id" = DocumentId, Path)),
               responses((status = 202, body = DocumentResponse), (status = 409, description = "It is being read now")))]
pub(crate) async fn reindex(
    State(state): State<AppState>,
    DocumentsWrite(principal): DocumentsWrite,
    audit: Audit,
    PathId(id): PathId<DocumentId>,
) -> Result<(StatusCode, Json<DocumentResponse>), ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let (reader, document) = super::open(&state, &principal, &mut tx, id).await?;
    let version = tx.versions().require(document.latest_version_id).await?;
    if matches!(version.status, VersionStatus::Queued | VersionStatus::Processing) {
        return Err(Problem::new(ErrorCode::InvalidTransition, "the document is being read at the moment")
            .remedy("wait until it is ready or has failed")
            .into());
    }
    tx.versions().set_queued(version.id).await?;
    tx.jobs().enqueue(&ingest::job(&state.sources, id, version.id)).await?;
    let response = super::load(&mut tx, &reader, id).await?;
    let entry = audit.entry(&principal, id, &[("version", version.number.into())])?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.jobs_wake.notify_one();
    Ok((StatusCode::ACCEPTED, Json(response)))
}
