use axum::{Json, extract::State};
use millwright_budgets::{Subjects, period_starts};
use millwright_core::Credential;
use serde::Serialize;

use crate::{ApiError, AppState, extract::UsageRead, routes::admin::budgets::BudgetResponse};

/// The budgets that bind somebody.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OwnBudgetsResponse {
    /// Of all budgets of money.
    currency: String,
    /// By name.
    items: Vec<BudgetResponse>,
}

/// The budgets that bind whoever asks, with what is left of them: the organisation's, one's own, and that of the key.
#[utoipa::path(get, path = "/api/v1/usage/budgets", operation_id = "usage.budgets", tag = "usage",
               responses((status = 200, body = OwnBudgetsResponse)))]
pub(crate) async fn budgets(
    State(state): State<AppState>,
    UsageRead(principal): UsageRead,
) -> Result<Json<OwnBudgetsResponse>, ApiError> {
    let api_key = match principal.credential {
        Credential::ApiKey(id) => Some(id),
        Credential::Session(_) | Credential::Token => None,
    };
    let subjects = Subjects { user: principal.user_id, agent: None, api_key, task: None };
    let now = state.sources.now();
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let budgets = tx.budgets().binding(&subjects.all(), &period_starts(now)).await?;
    Ok(Json(OwnBudgetsResponse {
        currency: state.completions.gateway().catalog().currency().to_owned(),
        items: budgets.into_iter().map(|row| BudgetResponse::of(row, now)).collect(),
    }))
}
