//! Problems in the form that OpenAI's clients read.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use millwright_core::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::Value;

/// The body of an error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OpenAiError {
    error: OpenAiErrorBody,
}

/// What went wrong.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OpenAiErrorBody {
    /// What happened and what would be accepted.
    message: String,
    /// The kind of error, in OpenAI's words.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The parameter at fault.
    param: Option<String>,
    /// Millwright's stable code.
    code: String,
}

/// Our problems are small.
const MOST_BYTES: usize = 256 << 10;

fn kind(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (_, "budget_exceeded") => "insufficient_quota",
        (401, _) => "authentication_error",
        (403, _) => "permission_error",
        (404, _) => "not_found_error",
        (429, _) => "rate_limit_error",
        (400..=499, _) => "invalid_request_error",
        _ => "server_error",
    }
}

/// OpenAI's status for a problem.
fn status(problem: u16, code: &str) -> u16 {
    match (problem, code) {
        (_, "budget_exceeded") => 429,
        (422, _) => 400,
        (status, _) => status,
    }
}

/// Rewrites problems of the routes below `/v1`.
pub(crate) async fn rewrite(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
    if !is_problem {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let problem = to_bytes(body, MOST_BYTES).await.ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let problem = problem.unwrap_or_default();
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let code = text("code").to_owned();
    let fields = problem["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let faults = fields.iter().map(|fault| {
        format!("{}: {}", fault["field"].as_str().unwrap_or_default(), fault["message"].as_str().unwrap_or_default())
    });
    let faults = faults.collect::<Vec<_>>().join("; ");
    let parts = [text("detail"), &faults, text("remedy")];
    let message = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    let status = status(head.status.as_u16(), &code);
    let body = OpenAiError {
        error: OpenAiErrorBody {
            message,
            kind: kind(status, &code),
            param: fields.first().and_then(|fault| fault["field"].as_str()).map(str::to_owned),
            code: code.clone(),
        },
    };
    head.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    head.headers.remove(header::CONTENT_LENGTH);
    if code == "budget_exceeded" {
        // Clients would ask again at once, and in vain.
        head.headers.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static("false"));
    }
    let body = serde_json::to_vec(&body).unwrap_or_default();
    Response::from_parts(head, Body::from(body)).into_response()
}

/// The event with which a stream ends that failed on its way.
pub(super) fn event(problem: &Problem) -> String {
    let code = problem.code;
    let message = match &problem.remedy {
        Some(remedy) => format!("{}; {remedy}", problem.detail),
        None => problem.detail.clone(),
    };
    let status = status(code.status(), code.as_str());
    let kind = if code == ErrorCode::UpstreamUnavailable { "server_error" } else { kind(status, code.as_str()) };
    let body = OpenAiError { error: OpenAiErrorBody { message, kind, param: None, code: code.as_str().to_owned() } };
    format!("data: {}\n\n", serde_json::to_string(&body).unwrap_or_default())
}
