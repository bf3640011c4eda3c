use axum::{Json, extract::State, http::Extensions, response::Response};
use millwright_core::{ErrorCode, Problem};
use millwright_limits::Demand;
use serde::{Deserialize, Serialize};

use super::fresh;
use crate::{
    ApiError, AppState,
    extract::{Audit, From, ProfileManage, StrictJson},
    limits,
};

/// What shall be confirmed, with a fresh code.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepUpRequest {
    /// What the proof is for, for instance `totp.disable`; it is good for nothing else.
    #[schema(pattern = "^[a-z][a-z0-9_.:-]{0,119}$")]
    purpose: String,
    /// Six digits of the authenticator, or a recovery code.
    #[schema(max_length = 64)]
    code: String,
}

/// A proof that a fresh code was shown.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct StepUpResponse {
    /// For the header `x-step-up-proof`, once.
    proof: String,
    purpose: String,
    /// Seconds.
    expires_in: i64,
}

fn is_purpose(text: &str) -> bool {
    text.len() <= 120
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.:-".contains(&b))
}

/// Turns a fresh code of the second factor into a proof for one purpose, good for two minutes and one use.
#[utoipa::path(post, path = "/api/v1/auth/step-up", operation_id = "auth.step_up", tag = "auth",
               request_body = StepUpRequest, responses((status = 200, body = StepUpResponse)))]
pub(crate) async fn step_up(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
    extensions: Extensions,
    StrictJson(request): StrictJson<StepUpRequest>,
) -> Result<Response, ApiError> {
    limits::take(&extensions, &state, &[Demand::step_up(principal.user_id)]).await?;
    if !is_purpose(&request.purpose) {
        return Err(Problem::new(ErrorCode::ValidationFailed, "`purpose` is not of the documented form")
            .field("purpose", "expected a word such as `totp.disable`: a-z, 0-9 and _.:-, at most 120")
            .into());
    }
    super::within("code", &request.code, 1, 64)?;
    let (proof, expires_in) = state.identity.step_up(&principal, &request.purpose, &request.code, &client).await?;
    Ok(fresh(Json(StepUpResponse { proof, purpose: request.purpose, expires_in })))
}
