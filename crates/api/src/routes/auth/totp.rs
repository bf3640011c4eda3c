use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};

use super::fresh;
use crate::{
    ApiError, AppState,
    extract::{Audit, From, ProfileManage, StepUpProof, StrictJson},
};

/// A secret for an authenticator.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct EnrolmentResponse {
    /// Base 32, to be typed.
    secret: String,
    /// `otpauth://totp/…`.
    otpauth_uri: String,
    /// The URI as a QR code, an SVG document.
    qr_svg: String,
}

/// Hands out the secret of a second factor. It counts once a code has confirmed it.
#[utoipa::path(post, path = "/api/v1/auth/totp", operation_id = "auth.totp.begin", tag = "auth",
               responses((status = 200, body = EnrolmentResponse),
                         (status = 409, description = "A second factor is set up already")))]
pub(crate) async fn begin(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
) -> Result<Response, ApiError> {
    let enrolment = state.identity.begin_second_factor(&principal, &client).await?;
    Ok(fresh(Json(EnrolmentResponse {
        secret: enrolment.base32.to_string(),
        otpauth_uri: enrolment.uri.to_string(),
        qr_svg: enrolment.qr_svg.to_string(),
    })))
}

/// A code of the authenticator.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeRequest {
    /// Six digits.
    #[schema(max_length = 64)]
    code: String,
}

/// Codes that sign in once each, when the authenticator is lost.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RecoveryCodesResponse {
    /// Ten; shown once.
    recovery_codes: Vec<String>,
}

fn shown(codes: &[zeroize::Zeroizing<String>]) -> Response {
    fresh(Json(RecoveryCodesResponse { recovery_codes: codes.iter().map(|code| code.to_string()).collect() }))
}

/// Confirms the second factor with a first code and ends one's other sessions.
#[utoipa::path(post, path = "/api/v1/auth/totp/confirm", operation_id = "auth.totp.confirm", tag = "auth",
               request_body = CodeRequest,
               responses((status = 200, body = RecoveryCodesResponse),
                         (status = 409, description = "A second factor is set up already")))]
pub(crate) async fn confirm(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
    StrictJson(request): StrictJson<CodeRequest>,
) -> Result<Response, ApiError> {
    super::within("code", &request.code, 1, 64)?;
    Ok(shown(&state.identity.confirm_second_factor(&principal, &request.code, &client).await?))
}

/// Takes one's own second factor away; needs a step-up proof of the purpose `totp.disable`.
#[utoipa::path(delete, path = "/api/v1/auth/totp", operation_id = "auth.totp.remove", tag = "auth",
               params(("x-step-up-proof" = Option<String>, Header, description = "From `POST /api/v1/auth/step-up`")),
               responses((status = 204), (status = 409, description = "The organisation asks for it")))]
pub(crate) async fn remove(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
    StepUpProof(proof): StepUpProof,
) -> Result<StatusCode, ApiError> {
    state.identity.remove_second_factor(&principal, proof.as_deref(), &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes in place of the old ones; needs a step-up proof of the purpose `totp.recovery_codes`.
#[utoipa::path(post, path = "/api/v1/auth/totp/recovery-codes", operation_id = "auth.totp.recovery_codes", tag = "auth",
               params(("x-step-up-proof" = Option<String>, Header, description = "From `POST /api/v1/auth/step-up`")),
               responses((status = 200, body = RecoveryCodesResponse)))]
pub(crate) async fn recovery_codes(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
    StepUpProof(proof): StepUpProof,
) -> Result<Response, ApiError> {
    Ok(shown(&state.identity.renew_recovery_codes(&principal, proof.as_deref(), &client).await?))
}
