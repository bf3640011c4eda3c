//! Around every request: trace id, one log line, metrics, a time limit, security headers.

use std::{any::Any, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use millwright_core::{ErrorCode, Problem};
use millwright_telemetry::{
    SpanId, TraceId, metrics,
    spans::{self, Span, SpanKind},
};
use tracing::Instrument;

use crate::{
    ApiError, AppState,
    listening::{ClientAddress, RequestLimits, STRICT_TRANSPORT_SECURITY, SlowBody},
    problem::TRACE_ID,
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// When a request arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived(pub(crate) Instant);

/// Gives the request a trace id (the caller's, if it sent a W3C `traceparent`), runs it inside of a span, and writes its
/// one line to the log.
pub(crate) async fn observe(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    request.extensions_mut().insert(Arrived(started));
    let header = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let caller = header.and_then(TraceId::from_traceparent);
    let trace_id = caller.map_or_else(|| TraceId::new(&state.sources), |(trace, _)| trace).to_string();
    let span_id = SpanId::new(&state.sources);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        trace.id = %trace_id,
        tenant.id = tracing::field::Empty,
        user.id = tracing::field::Empty,
        api_key.prefix = tracing::field::Empty,
    );
    let answer = async {
        let mut response = span_id.scope(within_time(&state, request, next)).await;
        let duration = started.elapsed();
        let status = response.status().as_u16();
        let code = response.headers_mut().remove("x-error-code");
        let code = code.as_ref().and_then(|code| code.to_str().ok()).unwrap_or("");
        metrics::http_request(known(&method), &route, status, duration);
        let duration_ms = duration.as_secs_f64() * 1000.0;
        // Probes and scrapes come every few seconds and would hide everything else.
        let is_probe = route.starts_with("/health") || route == "/metrics";
        if spans::are_exported() && !is_probe {
            let error = (status >= 500).then(|| code.to_owned());
            let name = format!("{} {route}", known(&method));
            let attributes = vec![
                ("http.request.method", known(&method).into()),
                ("http.route", route.as_str().into()),
                ("http.response.status_code", u64::from(status).into()),
            ];
            let parent = caller.map(|(_, span)| span);
            let (id, kind, took) = (Some(span_id), SpanKind::Server, duration);
            spans::export(
                &state.sources,
                Span { trace_id: &trace_id, id, parent, kind, name, took, attributes, error },
            );
        }
        if is_probe {
            tracing::debug!(http.method = %method, http.route = route, http.status = status, duration_ms, "request");
        } else {
            tracing::info!(http.method = %method, http.route = route, http.status = status, error.code = code,
                           duration_ms, "request");
        }
        response
    };
    let mut response = TRACE_ID.scope(trace_id.clone(), answer.instrument(span)).await;
    if let Ok(value) = HeaderValue::from_str(&trace_id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// The method as a metric label: clients may send any word.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// An upload may come over a slow line, and a whole answer of a model takes its time; everything else is answered in time or with an error. A stream counts as
/// answered when it begins.
async fn within_time(state: &AppState, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let limit = if path.ends_with("/documents/upload") || path.starts_with("/v1/") {
        state.limits.request_timeout * 20
    } else {
        state.limits.request_timeout
    };
    if let Ok(response) = tokio::time::timeout(limit, next.run(request)).await {
        return response;
    }
    tracing::warn!(limit_seconds = limit.as_secs(), "request took too long and was ended");
    ApiError::from(Problem::new(ErrorCode::UpstreamUnavailable, "the answer took too long").remedy("try again later"))
        .into_response()
}

/// Headers that every answer carries.
pub(crate) async fn secure(request: Request, next: Next) -> Response {
    let swagger = request.uri().path().starts_with("/docs");
    let client = ClientAddress::of(request.extensions());
    let mut response = within_limits(request, next).await;
    let headers = response.headers_mut();
    if client.secure {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(STRICT_TRANSPORT_SECURITY);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // The hash is of the one inline style of Swagger UI: it colours the logo. A test finds out when it changes.
    let policy = if swagger {
        "default-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; \
         object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    } else {
        "default-src 'none'; frame-ancestors 'none'; sandbox"
    };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    response
}

/// Refuses heads that are too large and bodies that stop arriving, where a listener took the request in.
async fn within_limits(request: Request, next: Next) -> Response {
    let Some(limits) = request.extensions().get::<RequestLimits>().copied() else { return next.run(request).await };
    if let Some(problem) = limits.refusal(&request) {
        return ApiError::from(problem).into_response();
    }
    let (head, body) = request.into_parts();
    let waits = head.headers.contains_key(header::EXPECT);
    let (body, late) = SlowBody::watch(body, limits.body_timeout, waits);
    let response = next.run(Request::from_parts(head, body)).await;
    if !late.happened() {
        return response;
    }
    // The handler could only tell that the body did not arrive whole.
    let seconds = limits.body_timeout.as_secs();
    ApiError::from(
        Problem::new(ErrorCode::RequestTimeout, format!("nothing of the body came for {seconds} seconds"))
            .remedy("send it again, without long pauses"),
    )
    .into_response()
}

/// A fault of ours that got this far: the client learns the code, the log has the place.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer calls")]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = message, "a handler panicked");
    ApiError::from(Problem::internal()).into_response()
}
