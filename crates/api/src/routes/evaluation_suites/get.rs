use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_agents::eval::{Case, WrittenSuite};
use millwright_core::{Classification, Principal, id::EvaluationSuiteId};
use millwright_store::TenantTx;
use serde::Serialize;

use crate::{
    ApiError, AppState,
    extract::{EvaluationsManage, PathId},
};

/// A question of a suite.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationSuiteCaseResponse {
    /// Unique in the suite.
    id: String,
    /// What it tries; may be empty.
    kind: String,
    question: String,
    /// Whether the right answer is that the documents do not hold it.
    abstain: bool,
    /// Up to where its run reads.
    clearance: Classification,
}

impl From<Case> for EvaluationSuiteCaseResponse {
    fn from(case: Case) -> Self {
        let Case { id, kind, question, abstain, clearance, .. } = case;
        Self { id, kind, question, abstain, clearance }
    }
}

/// A suite.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationSuiteResponse {
    id: EvaluationSuiteId,
    name: String,
    /// The highest clearance of its cases: whoever is not cleared for it does not find it.
    classification: Classification,
    /// YAML, as it was written.
    definition: String,
    /// In the order in which they are asked.
    cases: Vec<EvaluationSuiteCaseResponse>,
    /// Documents that its cases name and that are not there, or that one may not read: no answer can cite them.
    missing_documents: Vec<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A suite with its cases.
#[utoipa::path(get, path = "/api/v1/evaluation-suites/{id}", operation_id = "evaluation_suites.get", tag = "evaluations",
               params(("id" = EvaluationSuiteId, Path)), responses((status = 200, body = EvaluationSuiteResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    PathId(id): PathId<EvaluationSuiteId>,
) -> Result<Json<EvaluationSuiteResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(show(&mut tx, &principal, id).await?))
}

/// The suite as this person may see it.
pub(super) async fn show(
    tx: &mut TenantTx,
    principal: &Principal,
    id: EvaluationSuiteId,
) -> Result<EvaluationSuiteResponse, ApiError> {
    let reader = tx.labels().reader(principal.user_id).await?;
    let row = tx.evaluations().require_suite(id, reader.clearance().classification).await?;
    // One that a later version of this program cannot read is shown as it was written.
    let written = WrittenSuite::read(&row.definition).ok();
    let named: Vec<&str> = written.iter().flat_map(WrittenSuite::documents).collect();
    let missing_documents = tx.documents().missing_names(&reader, &named).await?;
    Ok(EvaluationSuiteResponse {
        id: row.id,
        name: row.name,
        classification: row.classification,
        definition: row.definition,
        cases: written.into_iter().flat_map(|suite| suite.cases).map(Into::into).collect(),
        missing_documents,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}
