use axum::{extract::State, http::StatusCode};
use millwright_core::id::EvaluationSuiteId;
use millwright_store::Proof;
use serde_json::json;

use crate::{
    ApiError, AppState,
    extract::{Audit, EvaluationsManage, PathId},
};

/// Deletes a suite with its evaluations, none of which may be under way.
#[utoipa::path(delete, path = "/api/v1/evaluation-suites/{id}", operation_id = "evaluation_suites.delete",
               tag = "evaluations", params(("id" = EvaluationSuiteId, Path)),
               responses((status = 204), (status = 409, description = "One of its evaluations is under way")))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    audit: Audit,
    PathId(id): PathId<EvaluationSuiteId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let evaluations = state.runner.evaluations().delete_suite(&mut tx, &principal, id).await?;
    let entry = audit.entry(&principal, id, &[("evaluations", json!(evaluations))])?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(StatusCode::NO_CONTENT)
}
