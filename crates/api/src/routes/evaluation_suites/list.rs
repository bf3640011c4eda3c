use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_core::{Classification, id::EvaluationSuiteId};
use millwright_store::tenant::EvaluationSuiteSummaryRow;
use serde::Serialize;

use crate::{
    ApiError, AppState,
    dto::{ListQuery, PageResponse},
    extract::{EvaluationsManage, StrictQuery},
    routes::evaluations::totals::EvaluationTotalsResponse,
};

/// A suite in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationSuiteSummaryResponse {
    id: EvaluationSuiteId,
    name: String,
    classification: Classification,
    /// How many it has.
    cases: i32,
    /// How often it was asked.
    evaluations: i64,
    /// Sums of the last evaluation that was finished.
    latest: Option<EvaluationTotalsResponse>,
    /// When that was.
    latest_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<EvaluationSuiteSummaryRow> for EvaluationSuiteSummaryResponse {
    fn from(row: EvaluationSuiteSummaryRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            classification: row.classification,
            cases: row.cases,
            evaluations: row.evaluations,
            latest: row.latest_totals.and_then(EvaluationTotalsResponse::of),
            latest_at: row.latest_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Suites that one is cleared for, newest first.
#[utoipa::path(get, path = "/api/v1/evaluation-suites", operation_id = "evaluation_suites.list", tag = "evaluations",
               params(ListQuery), responses((status = 200, body = PageResponse<EvaluationSuiteSummaryResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<PageResponse<EvaluationSuiteSummaryResponse>>, ApiError> {
    let page = query.request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let most = tx.labels().reader(principal.user_id).await?.clearance().classification;
    let suites = tx.evaluations().list_suites(most, page).await?;
    Ok(Json(suites.map(EvaluationSuiteSummaryResponse::from).into()))
}
