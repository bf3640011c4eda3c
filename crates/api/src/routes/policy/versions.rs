use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use millwright_core::{ErrorCode, Problem};
use millwright_governance::{
    PolicyText,
    decision::{Question, person, thing},
};
use millwright_policy::decision::Action;
use millwright_store::{Proof, StoreError, tenant::PolicyVersionRow};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    dto::PersonResponse,
    extract::{Audit, ConfigurationManage, ConfigurationRead, StepUpProof, StrictJson},
    routes::auth::within,
};

/// A version of the organisation's own policies.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyVersionResponse {
    /// 1 for the first.
    number: i32,
    files: Vec<PolicyText>,
    /// What it is for.
    note: String,
    created_by: PersonResponse,
    created_at: DateTime<Utc>,
    /// When it came into force last.
    activated_at: Option<DateTime<Utc>>,
    /// Whether it is in force.
    active: bool,
}

impl PolicyVersionResponse {
    fn new(row: PolicyVersionRow) -> Result<Self, ApiError> {
        Ok(Self {
            number: row.number,
            files: millwright_governance::files_of_json(row.files)?,
            note: row.note,
            created_by: PersonResponse { id: row.created_by, display_name: row.created_by_name },
            created_at: row.created_at,
            activated_at: row.activated_at,
            active: row.active,
        })
    }
}

/// All versions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyVersionsResponse {
    /// Newest first, at most 200.
    items: Vec<PolicyVersionResponse>,
}

/// The versions of the organisation's own policies.
#[utoipa::path(get, path = "/api/v1/policy/versions", operation_id = "policy.versions.list", tag = "policy",
               responses((status = 200, body = PolicyVersionsResponse)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
) -> Result<Json<PolicyVersionsResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let rows = tx.policies().versions().await?;
    let items = rows.into_iter().map(PolicyVersionResponse::new).collect::<Result<_, _>>()?;
    Ok(Json(PolicyVersionsResponse { items }))
}

/// A version to be stored.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatePolicyVersionRequest {
    /// None takes everything of the organisation's own away.
    #[schema(max_items = 20)]
    files: Vec<PolicyText>,
    /// What it is for.
    #[schema(min_length = 1, max_length = 500)]
    note: String,
}

/// Stores a version. It holds only once it is activated; `POST /api/v1/policy/replay` shows before what it would change.
#[utoipa::path(post, path = "/api/v1/policy/versions", operation_id = "policy.versions.create", tag = "policy",
               request_body = CreatePolicyVersionRequest, responses((status = 201, body = PolicyVersionResponse)))]
pub(crate) async fn create(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    StrictJson(request): StrictJson<CreatePolicyVersionRequest>,
) -> Result<(StatusCode, Json<PolicyVersionResponse>), ApiError> {
    let note = request.note.trim();
    within("note", note, 1, 500)?;
    let engine = super::engine(&request.files)?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let files = serde_json::to_value(&request.files).map_err(|_| Problem::internal())?;
    let number = match tx.policies().insert_version(&files, note, principal.user_id, state.sources.now()).await {
        Err(StoreError::Duplicate(_)) => {
            return Err(Problem::new(ErrorCode::Conflict, "somebody else stored a version in this moment")
                .remedy("send it again")
                .into());
        }
        other => other?,
    };
    let row = tx.policies().require_version(number).await?;
    let details = [("note", note.into()), ("policy_version", engine.version().into())];
    let entry = audit.entry(&principal, number, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok((StatusCode::CREATED, Json(PolicyVersionResponse::new(row)?)))
}

/// Brings a version into force, within a second everywhere. Needs a step-up proof of the purpose `policy.change`.
#[utoipa::path(post, path = "/api/v1/policy/versions/{number}/activate", operation_id = "policy.versions.activate",
               tag = "policy",
               params(("number" = i32, Path, minimum = 1),
                      ("x-step-up-proof" = Option<String>, Header, description = "From `POST /api/v1/auth/step-up`")),
               responses((status = 200, body = PolicyVersionResponse)))]
pub(crate) async fn activate(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    StepUpProof(proof): StepUpProof,
    Path(number): Path<String>,
) -> Result<Json<PolicyVersionResponse>, ApiError> {
    let number: i32 = number.parse().map_err(|_| Problem::not_found("policy version"))?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let row = tx.policies().require_version(number).await?;
    state.identity.take_proof(&mut tx, &principal, "policy.change", proof.as_deref()).await?;
    let policy = state.governance.of(&principal.scope).await?;
    let clearance = tx.labels().clearance(principal.user_id).await?;
    let label = millwright_core::Label::of(millwright_core::Classification::Internal);
    let mut question =
        Question::new(person(&principal, &clearance), Action::PolicyChange, thing("policy", &number, &label));
    question.second_factor = true;
    let decision = state.governance.decide(&policy, &principal, question).allowed()?;
    let files = millwright_governance::files_of_json(row.files)?;
    let engine = super::engine(&files)?;
    tx.policies().activate(number, principal.user_id, state.sources.now()).await?;
    tx.policies().insert_decisions(&[decision]).await?;
    let row = tx.policies().require_version(number).await?;
    let entry = audit.entry(&principal, number, &[("policy_version", engine.version().into())])?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.governance.forget(&principal.scope);
    Ok(Json(PolicyVersionResponse::new(row)?))
}
