use axum::{Json, extract::State};
use millwright_agents::eval::{CaseReport, Comparison, Difference, Report};
use millwright_core::{ErrorCode, Problem, id::EvaluationId};
use millwright_store::{StoreError, TenantTx};
use serde::{Deserialize, Serialize};

use super::get::reports;
use crate::{
    ApiError, AppState,
    extract::{EvaluationsManage, PathId, StrictQuery},
};

/// As `millwright eval agent` has it.
const USUAL_MARGIN: f64 = 0.02;

/// What an evaluation is held against.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareEvaluationsQuery {
    /// The one that it is held against; absent: the other one that it was started with, or else the last one before it of its suite.
    #[param(value_type = Option<String>)]
    with: Option<EvaluationId>,
    /// By how much a measure of quality may fall, as a share of 1. 0.02 when absent.
    #[param(minimum = 0, maximum = 1, default = 0.02)]
    margin: Option<f64>,
}

/// Two figures of one measure.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationDifferenceResponse {
    /// As sums name it.
    measure: &'static str,
    /// Of the one that it is held against; null where there was nothing to measure.
    before: Option<f64>,
    now: Option<f64>,
    /// Whether it is lower by more than the margin.
    worse: bool,
}

impl From<Difference> for EvaluationDifferenceResponse {
    fn from(Difference { measure, before, now, worse }: Difference) -> Self {
        Self { measure, before, now, worse }
    }
}

/// What changed between two evaluations, over the cases that both have judged.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationComparisonResponse {
    id: EvaluationId,
    /// The one that it is held against; null where there is none.
    with: Option<EvaluationId>,
    /// Cases that both have.
    cases: usize,
    /// Cases, by their ids, that only the one has that it is held against.
    only_before: Vec<String>,
    /// Cases that only this one has.
    only_now: Vec<String>,
    /// By how much a measure of quality may fall.
    margin: f64,
    /// The measures of quality.
    quality: Vec<EvaluationDifferenceResponse>,
    /// Steps, tokens, cost and time, which may change.
    spent: Vec<EvaluationDifferenceResponse>,
    /// Cases that were right and are no longer.
    lost: Vec<String>,
    /// Cases that are right and were not.
    won: Vec<String>,
}

/// Holds an evaluation against another one. Where they share no case that was judged, there are 0 `cases` and no figures.
#[utoipa::path(get, path = "/api/v1/evaluations/{id}/comparison", operation_id = "evaluations.compare", tag = "evaluations",
               params(("id" = EvaluationId, Path), CompareEvaluationsQuery),
               responses((status = 200, body = EvaluationComparisonResponse)))]
pub(crate) async fn compare(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    PathId(id): PathId<EvaluationId>,
    StrictQuery(query): StrictQuery<CompareEvaluationsQuery>,
) -> Result<Json<EvaluationComparisonResponse>, ApiError> {
    let margin = query.margin.unwrap_or(USUAL_MARGIN);
    if !(0.0..=1.0).contains(&margin) {
        return Err(Problem::new(ErrorCode::ValidationFailed, "`margin` is out of range")
            .field("margin", "expected 0 to 1")
            .into());
    }
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let most = tx.labels().reader(principal.user_id).await?.clearance().classification;
    let row = tx.evaluations().require(id, most).await?;
    let paired = match row.compared_with.map(EvaluationId::from) {
        Some(with) if query.with.is_none() => match tx.evaluations().require(with, most).await {
            Ok(_) => Some(with),
            // Deleted since.
            Err(StoreError::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        },
        _ => None,
    };
    let with = match query.with.or(paired) {
        Some(with) => Some(with),
        None => tx.evaluations().find_before(&row, most).await?,
    };
    let Some(with) = with else { return Ok(Json(response(id, None, nothing(margin)))) };
    tx.evaluations().require(with, most).await?;
    let (before, now) = (judged(&mut tx, with).await?, judged(&mut tx, id).await?);
    let compared = Comparison::of(&before, &now, margin).unwrap_or_else(|| nothing(margin));
    Ok(Json(response(id, Some(with), compared)))
}

/// Of evaluations that share no case.
fn nothing(margin: f64) -> Comparison {
    let (only_before, only_now, lost, won) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    Comparison { cases: 0, only_before, only_now, margin, quality: Vec::new(), spent: Vec::new(), lost, won }
}

fn response(id: EvaluationId, with: Option<EvaluationId>, compared: Comparison) -> EvaluationComparisonResponse {
    EvaluationComparisonResponse {
        id,
        with,
        cases: compared.cases,
        only_before: compared.only_before,
        only_now: compared.only_now,
        margin: compared.margin,
        quality: compared.quality.into_iter().map(Into::into).collect(),
        spent: compared.spent.into_iter().map(Into::into).collect(),
        lost: compared.lost,
        won: compared.won,
    }
}

/// The cases of an evaluation that were judged.
async fn judged(tx: &mut TenantTx, id: EvaluationId) -> Result<Report, ApiError> {
    let cases: Vec<CaseReport> = reports(&tx.evaluations().cases(id).await?)?.into_values().collect();
    Ok(Report::of(id.to_string(), String::new(), cases))
}
