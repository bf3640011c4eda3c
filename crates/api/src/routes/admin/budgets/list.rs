use axum::{Json, extract::State};
use millwright_budgets::period_starts;

use super::BudgetResponse;
use crate::{
    ApiError, AppState,
    dto::{ListQuery, PageResponse},
    extract::{BudgetsRead, StrictQuery},
};

/// All budgets with how much of each is used in the period that runs, newest first.
#[utoipa::path(get, path = "/api/v1/admin/budgets", operation_id = "admin.budgets.list", tag = "admin",
               params(ListQuery), responses((status = 200, body = PageResponse<BudgetResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    BudgetsRead(principal): BudgetsRead,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<PageResponse<BudgetResponse>>, ApiError> {
    let page = query.request()?;
    let now = state.sources.now();
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let budgets = tx.budgets().list(&period_starts(now), page).await?;
    Ok(Json(budgets.map(|row| BudgetResponse::of(row, now)).into()))
}
