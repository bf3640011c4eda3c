use axum::{Json, extract::State};
use millwright_core::id::EvaluationId;

use super::get::{EvaluationDetailResponse, show};
use crate::{
    ApiError, AppState,
    extract::{Audit, EvaluationsManage, PathId},
    problem::current_trace_id,
};

/// Stops an evaluation, with what is under way for it. What was judged stays.
#[utoipa::path(post, path = "/api/v1/evaluations/{id}/cancel", operation_id = "evaluations.cancel", tag = "evaluations",
               params(("id" = EvaluationId, Path)),
               responses((status = 200, body = EvaluationDetailResponse),
                         (status = 409, description = "It has ended already")))]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    _audit: Audit,
    PathId(id): PathId<EvaluationId>,
) -> Result<Json<EvaluationDetailResponse>, ApiError> {
    state.runner.evaluations().cancel(&principal, id, &current_trace_id()).await?;
    Ok(Json(show(&state, &principal, id).await?))
}
