use axum::{extract::FromRequestParts, http::request::Parts};
use millwright_core::{ErrorCode, Problem};

use crate::{ApiError, AppState};

/// The longest key.
const MAX_CHARS: usize = 100;

/// The header `Idempotency-Key`, if it is there: a request that comes again with it is carried out once.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<String>);

impl FromRequestParts<AppState> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &AppState) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value
            .to_str()
            .ok()
            .map(str::trim)
            .filter(|key| (1..=MAX_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
        let Some(key) = key else {
            return Err(Problem::new(
                ErrorCode::ValidationFailed,
                "the header `Idempotency-Key` is not of the documented form",
            )
            .field("Idempotency-Key", format!("expected 1 to {MAX_CHARS} visible ASCII characters"))
            .into());
        };
        Ok(Self(Some(key.to_owned())))
    }
}
