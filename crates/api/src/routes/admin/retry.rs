use axum::{extract::State, http::StatusCode};
use millwright_core::id::JobId;
use millwright_store::Proof;

use crate::{
    ApiError, AppState,
    extract::{Audit, JobsManage, PathId},
};

/// Starts a dead job again.
#[utoipa::path(post, path = "/api/v1/admin/jobs/{id}/retry", operation_id = "admin.jobs.retry", tag = "admin",
               params(("id" = JobId, Path)),
               responses((status = 202), (status = 409, description = "The job is not dead")))]
pub(crate) async fn retry(
    State(state): State<AppState>,
    JobsManage(principal): JobsManage,
    audit: Audit,
    PathId(id): PathId<JobId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    tx.jobs().retry(id).await?;
    let entry = audit.entry(&principal, id, &[])?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.jobs_wake.notify_one();
    Ok(StatusCode::ACCEPTED)
}
