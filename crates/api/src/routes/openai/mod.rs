//! The OpenAI API: existing clients point at `/v1` and gain policy, budgets and proof.

pub(crate) mod agent;
pub(crate) mod chat;
pub(crate) mod embeddings;
pub(crate) mod errors;
mod message;
pub(crate) mod models;
mod request;
mod response;

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use millwright_core::{Classification, ErrorCode, Problem};
use millwright_gateway::Route;

use crate::ApiError;

/// Pictures travel in the body.
pub(crate) const MAX_BODY_BYTES: usize = 20 << 20;

const ROUTE: HeaderName = HeaderName::from_static("x-millwright-route");
const OVERHEAD: HeaderName = HeaderName::from_static("x-millwright-overhead-us");
const CLASSIFICATION: &str = "x-millwright-classification";
const DEADLINE: &str = "x-millwright-deadline-ms";

/// What a client says beside the body.
struct Said {
    classification: Classification,
    within: Option<Duration>,
}

impl Said {
    fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let fault = |name: &str, expected: &str| {
            ApiError::from(
                Problem::new(ErrorCode::ValidationFailed, format!("the header `{name}` is not valid"))
                    .field(name, expected),
            )
        };
        let classification = match text(CLASSIFICATION) {
            None => Classification::Internal,
            Some(word) => word
                .parse()
                .map_err(|_| fault(CLASSIFICATION, "expected PUBLIC, INTERNAL, CONFIDENTIAL or RESTRICTED"))?,
        };
        let within = match text(DEADLINE) {
            None => None,
            Some(number) => match number.parse::<u64>() {
                Ok(millis @ 1..=3_600_000) => Some(Duration::from_millis(millis)),
                _ => return Err(fault(DEADLINE, "expected 1 to 3,600,000 milliseconds")),
            },
        };
        Ok(Self { classification, within })
    }
}

/// Says where an answer comes from, and what Millwright itself has cost until now.
fn tell(headers: &mut HeaderMap, route: &Route, arrived: Instant, upstream: Duration) {
    if let Ok(value) = HeaderValue::from_str(&route.header()) {
        headers.insert(ROUTE, value);
    }
    let own = arrived.elapsed().saturating_sub(upstream).as_micros();
    headers.insert(OVERHEAD, HeaderValue::from(u64::try_from(own).unwrap_or(u64::MAX)));
}
