use axum::{extract::State, http::StatusCode};
use millwright_core::id::EvaluationId;

use crate::{
    ApiError, AppState,
    extract::{Audit, EvaluationsManage, PathId},
    problem::current_trace_id,
};

/// Deletes an evaluation that has ended, with its conversations.
#[utoipa::path(delete, path = "/api/v1/evaluations/{id}", operation_id = "evaluations.delete", tag = "evaluations",
               params(("id" = EvaluationId, Path)),
               responses((status = 204), (status = 409, description = "It has not ended")))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    _audit: Audit,
    PathId(id): PathId<EvaluationId>,
) -> Result<StatusCode, ApiError> {
    state.runner.evaluations().delete(&principal, id, &current_trace_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
