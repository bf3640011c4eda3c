use axum::{Json, extract::State};
use millwright_core::id::EvaluationSuiteId;
use millwright_store::Proof;

use super::{
    audited, checked,
    create::WriteEvaluationSuiteRequest,
    get::{EvaluationSuiteResponse, show},
    taken,
};
use crate::{
    ApiError, AppState,
    extract::{Audit, EvaluationsManage, PathId, StrictJson},
};

/// Stores a suite anew. Evaluations that were started before keep the cases that they began with, and the suite stays at least as
/// confidential as it was: its figures tell of them.
#[utoipa::path(patch, path = "/api/v1/evaluation-suites/{id}", operation_id = "evaluation_suites.change", tag = "evaluations",
               params(("id" = EvaluationSuiteId, Path)), request_body = WriteEvaluationSuiteRequest,
               responses((status = 200, body = EvaluationSuiteResponse),
                         (status = 409, description = "The name is taken")))]
pub(crate) async fn change(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    audit: Audit,
    PathId(id): PathId<EvaluationSuiteId>,
    StrictJson(request): StrictJson<WriteEvaluationSuiteRequest>,
) -> Result<Json<EvaluationSuiteResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let most = tx.labels().reader(principal.user_id).await?.clearance().classification;
    let before = tx.evaluations().hold_suite(id, most).await?;
    let mut suite = checked(&mut tx, &principal, request.definition).await?;
    suite.classification = suite.classification.max(before.classification);
    tx.evaluations().change_suite(id, &suite, state.sources.now()).await.map_err(taken)?;
    let changed = show(&mut tx, &principal, id).await?;
    let entry = audit.entry(&principal, id, &audited(&suite))?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(changed))
}
