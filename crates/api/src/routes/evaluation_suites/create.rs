use axum::{Json, extract::State, http::StatusCode};
use millwright_core::{ErrorCode, Problem};
use millwright_store::Proof;
use serde::Deserialize;

use super::{
    audited, checked,
    get::{EvaluationSuiteResponse, show},
    taken,
};
use crate::{
    ApiError, AppState,
    extract::{Audit, EvaluationsManage, StrictJson},
};

/// Suites that an organisation may have.
const MOST_SUITES: i64 = 100;

/// A suite as it is written.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteEvaluationSuiteRequest {
    /// YAML, or JSON: `name`, and `cases` with `id`, `question`, and either `facts` with the `documents` that hold them, or `abstain`;
    /// at will `kind`, `before`, `forbidden`, `cites`, `tools` and `clearance`.
    #[schema(min_length = 1, max_length = 262_144)]
    pub(super) definition: String,
}

/// Stores a suite. Its cases name documents by their names; none is above one's own clearance.
#[utoipa::path(post, path = "/api/v1/evaluation-suites", operation_id = "evaluation_suites.create", tag = "evaluations",
               request_body = WriteEvaluationSuiteRequest,
               responses((status = 201, body = EvaluationSuiteResponse),
                         (status = 409, description = "The name is taken")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    audit: Audit,
    StrictJson(request): StrictJson<WriteEvaluationSuiteRequest>,
) -> Result<(StatusCode, Json<EvaluationSuiteResponse>), ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let suite = checked(&mut tx, &principal, request.definition).await?;
    if tx.evaluations().count_suites().await? >= MOST_SUITES {
        return Err(Problem::new(ErrorCode::Conflict, format!("there are {MOST_SUITES} suites already")).into());
    }
    let (id, now) = (state.sources.new_id(), state.sources.now());
    tx.evaluations().insert_suite(id, &suite, principal.user_id, now).await.map_err(taken)?;
    let made = show(&mut tx, &principal, id).await?;
    let entry = audit.entry(&principal, id, &audited(&suite))?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}
