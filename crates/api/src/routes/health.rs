use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{AppState, HealthCheck, HealthStatus};

/// How the service is, part by part.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReadinessResponse {
    /// The worst that a needed part reports.
    status: HealthStatus,
    checks: Vec<HealthCheck>,
}

/// The process answers.
#[utoipa::path(get, path = "/health/live", operation_id = "health.live", tag = "health",
               responses((status = 200, body = ReadinessResponse)))]
pub(crate) async fn live() -> Json<ReadinessResponse> {
    Json(ReadinessResponse { status: HealthStatus::Ready, checks: Vec::new() })
}

/// The service can do its work: database, embedding model, language model, index.
#[utoipa::path(get, path = "/health/ready", operation_id = "health.ready", tag = "health",
               responses((status = 200, body = ReadinessResponse),
                         (status = 503, description = "A needed part does not work", body = ReadinessResponse)))]
pub(crate) async fn ready(State(state): State<AppState>) -> (StatusCode, Json<ReadinessResponse>) {
    let checks = (state.readiness)().await;
    let worst = if checks.iter().any(|check| check.status == HealthStatus::Unavailable) {
        HealthStatus::Unavailable
    } else if checks.iter().any(|check| check.status == HealthStatus::Degraded) {
        HealthStatus::Degraded
    } else {
        HealthStatus::Ready
    };
    let code = if worst == HealthStatus::Unavailable { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(ReadinessResponse { status: worst, checks }))
}

/// Prometheus text. No label names a tenant, a user or a document.
#[utoipa::path(get, path = "/metrics", operation_id = "health.metrics", tag = "health",
               responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn metrics(State(state): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], state.metrics.render()).into_response()
}
