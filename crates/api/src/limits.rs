//! Rate limits on the way of a request: who takes from which bucket, and the headers that say what is left.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    extract::Request,
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use millwright_core::{ErrorCode, Problem};
use millwright_limits::{Decision, Demand};

use crate::{ApiError, AppState};

/// What the tightest bucket said while the request was answered.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Option<Decision>>>);

/// Takes one token from each bucket, or answers 429.
pub(crate) async fn take(extensions: &Extensions, state: &AppState, demands: &[Demand]) -> Result<(), ApiError> {
    let decision = state.limiter.check(demands).await;
    let (allowed, wait) = (decision.allowed, decision.retry_after);
    if let Some(told) = extensions.get::<Told>() {
        let mut told = told.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref().is_none_or(|before| !decision.allowed || decision.remaining <= before.remaining) {
            *told = Some(decision);
        }
    }
    if allowed {
        return Ok(());
    }
    // Rounded up: a client that waits exactly so long must not come too early.
    let seconds = wait.map_or(1, |wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
    Err(Problem::new(ErrorCode::RateLimited, "there were too many requests")
        .remedy(format!("try again in {seconds} seconds"))
        .retry_after(seconds)
        .into())
}

/// Puts `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds) on answers to requests that took tokens.
pub(crate) async fn tell(mut request: Request, next: Next) -> Response {
    let told = Told::default();
    request.extensions_mut().insert(told.clone());
    let mut response = next.run(request).await;
    if let Some(decision) = told.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
        write(response.headers_mut(), &decision);
    }
    response
}

fn write(headers: &mut HeaderMap, decision: &Decision) {
    let reset = decision.reset.as_secs() + u64::from(decision.reset.subsec_nanos() > 0);
    let window = 60 * u64::from(decision.limit) / u64::from(decision.per_minute.max(1));
    headers.insert(HeaderName::from_static("ratelimit-limit"), decision.limit.into());
    headers.insert(HeaderName::from_static("ratelimit-remaining"), decision.remaining.into());
    headers.insert(HeaderName::from_static("ratelimit-reset"), reset.into());
    if let Ok(policy) = HeaderValue::from_str(&format!("{};w={}", decision.limit, window.max(1))) {
        headers.insert(HeaderName::from_static("ratelimit-policy"), policy);
    }
    if !decision.allowed {
        headers.entry(header::RETRY_AFTER).or_insert_with(|| reset.into());
    }
}
