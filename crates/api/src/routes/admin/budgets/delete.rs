use axum::{extract::State, http::StatusCode};
use millwright_budgets::period_starts;
use millwright_core::id::BudgetId;
use millwright_store::Proof;
use serde_json::json;

use crate::{
    ApiError, AppState,
    extract::{Audit, BudgetsManage, PathId},
};

/// Deletes a budget: it binds nobody from the next call on. What was used stays in the usage.
#[utoipa::path(delete, path = "/api/v1/admin/budgets/{id}", operation_id = "admin.budgets.delete", tag = "admin",
               params(("id" = BudgetId, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    BudgetsManage(principal): BudgetsManage,
    audit: Audit,
    PathId(id): PathId<BudgetId>,
) -> Result<StatusCode, ApiError> {
    let now = state.sources.now();
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let budget = tx.budgets().require(id, &period_starts(now)).await?.budget;
    tx.budgets().delete(id, now).await?;
    let entry = audit.entry(&principal, id, &[("name", json!(budget.name)), ("limit", json!(budget.limit))])?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.ledger.forget(&principal.scope);
    Ok(StatusCode::NO_CONTENT)
}
