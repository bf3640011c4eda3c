use axum::{Json, extract::State};
use millwright_budgets::period_starts;
use millwright_core::{ErrorCode, Problem, id::BudgetId};
use millwright_store::Proof;
use serde::Deserialize;
use serde_json::json;

use super::{BudgetResponse, taken, valid_limit};
use crate::{
    ApiError, AppState,
    extract::{Audit, BudgetsManage, PathId, StrictJson},
    routes::auth::within,
};

/// What is to be another; what is absent stays. Whom a budget is for, what it counts and in which time stays: for those
/// make another.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeBudgetRequest {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// Tokens, or millionths of the installation's currency. What is spent stays spent.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    limit: Option<i64>,
}

/// Gives a budget another name or limit. The limit holds for the next call, in every process.
#[utoipa::path(patch, path = "/api/v1/admin/budgets/{id}", operation_id = "admin.budgets.change", tag = "admin",
               params(("id" = BudgetId, Path)), request_body = ChangeBudgetRequest,
               responses((status = 200, body = BudgetResponse), (status = 409, description = "The name is taken")))]
pub(crate) async fn change(
    State(state): State<AppState>,
    BudgetsManage(principal): BudgetsManage,
    audit: Audit,
    PathId(id): PathId<BudgetId>,
    StrictJson(request): StrictJson<ChangeBudgetRequest>,
) -> Result<Json<BudgetResponse>, ApiError> {
    let name = request.name.as_deref().map(str::trim);
    if let Some(name) = name {
        within("name", name, 1, 120)?;
    }
    let limit = request.limit.map(valid_limit).transpose()?;
    if name.is_none() && limit.is_none() {
        return Err(Problem::new(ErrorCode::ValidationFailed, "nothing is to be changed")
            .field("body", "expected `name` or `limit`")
            .into());
    }
    let now = state.sources.now();
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let before = tx.budgets().require(id, &period_starts(now)).await?.budget;
    tx.budgets().change(id, name, limit, now).await.map_err(taken)?;
    let row = tx.budgets().require(id, &period_starts(now)).await?;
    let details =
        [("name", json!(row.budget.name)), ("limit", json!(row.budget.limit)), ("limit_before", json!(before.limit))];
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.ledger.forget(&principal.scope);
    Ok(Json(BudgetResponse::of(row, now)))
}
