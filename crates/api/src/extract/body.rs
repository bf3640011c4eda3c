use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{StatusCode, header, request::Parts},
};
use bytes::Bytes;
use millwright_core::{ErrorCode, Problem, id::EntityId};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::{ApiError, AppState};

/// A JSON body. Types that it fills deny unknown fields, so that a misspelt option is an error and not silence.
#[derive(Debug)]
pub struct StrictJson<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for StrictJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(';').next().unwrap_or_default().trim().ends_with("json"));
        if !json {
            return Err(Problem::new(ErrorCode::UnsupportedMediaType, "the body is not declared as JSON")
                .remedy("send `Content-Type: application/json`")
                .into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| refuse_bytes(&error))?;
        parse(&bytes).map(Self)
    }
}

fn refuse_bytes(error: &BytesRejection) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(ErrorCode::PayloadTooLarge, "the body is too large")
            .remedy("send less: most routes take 1 MiB of JSON, those below `/v1/` 20 MiB")
            .into();
    }
    Problem::new(ErrorCode::MalformedBody, "the body did not arrive whole").into()
}

/// Whether a text in it holds the character zero, which PostgreSQL cannot store and no person means.
pub(crate) fn holds_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_zero),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_zero(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn refuse_zero(field: &str) -> ApiError {
    Problem::new(ErrorCode::ValidationFailed, "a text holds the character zero")
        .field(field, "expected text without U+0000")
        .into()
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // JSON can write it only in this way; few bodies have it, and only those are looked at closely.
    let escaped = bytes.windows(6).any(|window| window == b"\\u0000");
    if escaped && serde_json::from_slice(bytes).is_ok_and(|value| holds_zero(&value)) {
        return Err(refuse_zero("body"));
    }
    // A type that is an object would also be filled from a list, by position.
    let list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if list && serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        return Err(Problem::new(ErrorCode::ValidationFailed, "the body is not of the documented form")
            .field("body", "expected an object")
            .into());
    }
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            Problem::new(ErrorCode::ValidationFailed, "the body is not of the documented form")
                .field("body", data_fault(&error))
                .into()
        }
        _ => Problem::new(
            ErrorCode::MalformedBody,
            format!("the body is not JSON: line {}, column {}", error.line(), error.column()),
        )
        .remedy("send one JSON object")
        .into(),
    })
}

/// What serde says of a value of the wrong form, without the value: it may be a password.
fn data_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!("line {}, column {}", error.line(), error.column());
    if text.starts_with("unknown field") || text.starts_with("missing field") || text.starts_with("duplicate field") {
        return text;
    }
    match text.rsplit_once("expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => format!("a value is not of the documented form at {place}"),
    }
}

/// Query parameters; unknown ones are refused by the types.
#[derive(Debug)]
pub struct StrictQuery<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for StrictQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(refuse_zero("query"));
        }
        let Query(value) = Query::<T>::from_request_parts(parts, state).await.map_err(|error| {
            let text = error.body_text();
            let message = text.rsplit_once("string: ").map_or(text.as_str(), |(_, message)| message).to_owned();
            ApiError::from(
                Problem::new(ErrorCode::ValidationFailed, "a query parameter is not of the documented form")
                    .field("query", message),
            )
        })?;
        Ok(Self(value))
    }
}

/// An id from the path. What is no id is as absent as an id of somebody else's.
#[derive(Debug, Clone, Copy)]
pub struct PathId<T>(pub T);

impl<T: EntityId + std::str::FromStr> FromRequestParts<AppState> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let absent = || ApiError::from(Problem::new(ErrorCode::NotFound, format!("there is no such `{}`", T::PREFIX)));
        let Path(segments) =
            Path::<Vec<(String, String)>>::from_request_parts(parts, state).await.map_err(|_| absent())?;
        let (_, id) = segments.first().ok_or_else(absent)?;
        id.parse().map(Self).map_err(|_| absent())
    }
}
