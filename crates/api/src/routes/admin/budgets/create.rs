use axum::{Json, extract::State, http::StatusCode};
use millwright_budgets::period_starts;
use millwright_core::{
    ErrorCode, Problem,
    id::{ApiKeyId, UserId},
};
use millwright_store::{Proof, TenantTx, tenant::NewBudget};
use serde::Deserialize;
use serde_json::json;

use super::{BudgetResponse, PeriodName, SubjectKindName, UnitName, taken, valid_limit};
use crate::{
    ApiError, AppState,
    extract::{Audit, BudgetsManage, StrictJson},
    routes::auth::within,
};

/// Each claim looks at all budgets of its tenant.
const MOST_BUDGETS: i64 = 500;

/// What may be spent, by whom, in which time.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateBudgetRequest {
    /// Unique; refusals name it to whoever was refused.
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    subject_kind: SubjectKindName,
    /// The id of a user or key, the name of an agent or task; absent, each of the kind has an allowance of its own. The
    /// organisation has none.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    subject_id: Option<String>,
    period: PeriodName,
    unit: UnitName,
    /// Tokens, or millionths of the installation's currency.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    limit: i64,
}

fn not_a_subject(expected: &str) -> ApiError {
    Problem::new(ErrorCode::ValidationFailed, "the budget is for nobody that could be")
        .field("subject_id", expected)
        .into()
}

/// Refuses a subject that can never call a model.
async fn check_subject(tx: &mut TenantTx, request: &CreateBudgetRequest) -> Result<(), ApiError> {
    let Some(subject) = &request.subject_id else { return Ok(()) };
    match request.subject_kind {
        SubjectKindName::Tenant => Err(not_a_subject("expected none: the organisation is one")),
        SubjectKindName::User => match subject.parse::<UserId>() {
            Ok(id) if tx.users().get(id).await?.is_some() => Ok(()),
            _ => Err(not_a_subject("expected the id of a user")),
        },
        SubjectKindName::ApiKey => {
            subject.parse::<ApiKeyId>().map(|_| ()).map_err(|_| not_a_subject("expected the id of a key"))
        }
        SubjectKindName::Agent | SubjectKindName::Task => within("subject_id", subject, 1, 200),
    }
}

/// Makes a budget. It counts from now on, in every process within half a second.
#[utoipa::path(post, path = "/api/v1/admin/budgets", operation_id = "admin.budgets.create", tag = "admin",
               request_body = CreateBudgetRequest,
               responses((status = 201, body = BudgetResponse),
                         (status = 409, description = "The name is taken, or there are too many budgets")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    BudgetsManage(principal): BudgetsManage,
    audit: Audit,
    StrictJson(request): StrictJson<CreateBudgetRequest>,
) -> Result<(StatusCode, Json<BudgetResponse>), ApiError> {
    within("name", request.name.trim(), 1, 120)?;
    let now = state.sources.now();
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    check_subject(&mut tx, &request).await?;
    if tx.budgets().count().await? >= MOST_BUDGETS {
        return Err(Problem::new(ErrorCode::Conflict, format!("there are {MOST_BUDGETS} budgets already"))
            .remedy("one budget for each of a kind does the work of many")
            .into());
    }
    let budget = NewBudget {
        id: state.sources.new_id(),
        name: request.name.trim().to_owned(),
        subject_kind: request.subject_kind.into(),
        subject_id: request.subject_id,
        period: request.period.into(),
        unit: request.unit.into(),
        limit: valid_limit(request.limit)?,
        created_by: principal.user_id,
        created_at: now,
    };
    tx.budgets().insert(&budget).await.map_err(taken)?;
    let row = tx.budgets().require(budget.id, &period_starts(now)).await?;
    let details = [
        ("name", json!(budget.name)),
        ("subject_kind", json!(budget.subject_kind.as_str())),
        ("subject_id", json!(budget.subject_id)),
        ("period", json!(budget.period.as_str())),
        ("unit", json!(budget.unit.as_str())),
        ("limit", json!(budget.limit)),
    ];
    let entry = audit.entry(&principal, budget.id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.ledger.forget(&principal.scope);
    Ok((StatusCode::CREATED, Json(BudgetResponse::of(row, now))))
}
