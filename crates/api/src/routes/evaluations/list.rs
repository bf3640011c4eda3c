use axum::{Json, extract::State};
use millwright_core::id::EvaluationSuiteId;
use serde::Deserialize;

use super::EvaluationResponse;
use crate::{
    ApiError, AppState,
    dto::PageResponse,
    extract::{EvaluationsManage, PageQuery, StrictQuery},
};

/// Which evaluations.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListEvaluationsQuery {
    /// Only those of this suite: its history.
    #[param(value_type = Option<String>)]
    suite_id: Option<EvaluationSuiteId>,
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
}

/// Evaluations of suites that one is cleared for, newest first.
#[utoipa::path(get, path = "/api/v1/evaluations", operation_id = "evaluations.list", tag = "evaluations",
               params(ListEvaluationsQuery), responses((status = 200, body = PageResponse<EvaluationResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    StrictQuery(query): StrictQuery<ListEvaluationsQuery>,
) -> Result<Json<PageResponse<EvaluationResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let most = tx.labels().reader(principal.user_id).await?.clearance().classification;
    let evaluations = tx.evaluations().list(query.suite_id, most, page).await?;
    Ok(Json(evaluations.map(EvaluationResponse::from).into()))
}
