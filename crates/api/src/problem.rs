use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use millwright_core::{ErrorCode, FieldProblem, Problem, ToProblem};
use serde::Serialize;

tokio::task_local! {
    /// The trace id of the request that is being answered, for error bodies and audit entries.
    pub(crate) static TRACE_ID: String;
}

/// The trace id of the running request; empty outside of one.
pub(crate) fn current_trace_id() -> String {
    TRACE_ID.try_with(Clone::clone).unwrap_or_default()
}

/// RFC 9457 `application/problem+json`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// URI of the code.
    #[serde(rename = "type")]
    type_uri: &'static str,
    /// Short and always the same for one code.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// Stable code.
    code: ErrorCode,
    /// What happened.
    detail: String,
    /// Leads to the log.
    trace_id: String,
    /// What would be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// The parts of the request at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldProblem>,
}

/// Any failure of a handler: its public half, after the internal half went to the log.
#[derive(Debug)]
pub struct ApiError(Problem);

impl ApiError {
    /// Logs a failure that no answer can carry any more, and returns its public half.
    pub(crate) fn logged(error: &(impl ToProblem + 'static)) -> Problem {
        let problem = error.problem();
        log(error, &problem);
        problem
    }

    /// The public half.
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

impl<E: ToProblem + 'static> From<E> for ApiError {
    fn from(error: E) -> Self {
        let problem = error.problem();
        log(&error, &problem);
        Self(problem)
    }
}

/// Refusals are answers; only what an operator must look at is logged, here and nowhere else.
fn log(error: &(dyn std::error::Error + 'static), problem: &Problem) {
    let code = problem.code.as_str();
    match problem.code {
        ErrorCode::Internal => tracing::error!(error, code, "request failed"),
        ErrorCode::UpstreamUnavailable => tracing::warn!(error, code, "request failed"),
        _ => {}
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Problem { code, detail, remedy, fields, retry_after } = self.0;
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ProblemBody {
            type_uri: code.type_uri(),
            title: code.title(),
            status: code.status(),
            code,
            detail,
            trace_id: current_trace_id(),
            remedy,
            fields,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(HeaderName::from_static("x-error-code"), HeaderValue::from_static(code.as_str()));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match code {
            ErrorCode::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            ErrorCode::UpstreamUnavailable => {
                headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}
