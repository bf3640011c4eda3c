use axum::{Json, extract::State};
use chrono::Duration;
use serde::Serialize;

use crate::{ApiError, AppState, extract::MetricsRead};

/// The tenant in numbers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TenantMetricsResponse {
    /// That one may see.
    documents: i64,
    /// Of versions that answer.
    chunks: i64,
    conversations: i64,
    users: i64,
    /// Runs begun in the last 24 hours.
    runs_24h: i64,
    /// Of these, the ones that found an answer.
    answered_24h: i64,
}

/// The tenant in numbers, counted now.
#[utoipa::path(get, path = "/api/v1/admin/metrics", operation_id = "admin.metrics.get", tag = "admin",
               responses((status = 200, body = TenantMetricsResponse)))]
pub(crate) async fn metrics(
    State(state): State<AppState>,
    MetricsRead(principal): MetricsRead,
) -> Result<Json<TenantMetricsResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let (documents, chunks) = tx.documents().count(&reader).await?;
    let (runs_24h, answered_24h) = tx.runs().count_since(state.sources.now() - Duration::hours(24)).await?;
    Ok(Json(TenantMetricsResponse {
        documents,
        chunks,
        conversations: tx.conversations().count().await?,
        users: tx.users().count().await?,
        runs_24h,
        answered_24h,
    }))
}
