use axum::{
    extract::State,
    http::{Extensions, StatusCode},
    response::Response,
};
use serde::Deserialize;

use super::{LoginResponse, TransportName, login::attempt, respond};
use crate::{
    ApiError, AppState,
    extract::{Audit, From, ProfileManage, StrictJson},
};

/// A link's secret and the password to set.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetPasswordRequest {
    /// What stands behind `#token=` in the link.
    #[schema(max_length = 256)]
    token: String,
    /// At least twelve characters, and not easy to guess.
    #[schema(format = "password", min_length = 12, max_length = 1024)]
    password: String,
    #[serde(default)]
    transport: TransportName,
}

/// Sets a password with the link of an invitation or a reset, and signs in.
#[utoipa::path(post, path = "/api/v1/auth/set-password", operation_id = "auth.password.set", tag = "auth",
               request_body = SetPasswordRequest, responses((status = 200, body = LoginResponse)))]
pub(crate) async fn set(
    State(state): State<AppState>,
    From(client): From,
    extensions: Extensions,
    StrictJson(request): StrictJson<SetPasswordRequest>,
) -> Result<Response, ApiError> {
    attempt(&extensions, &state).await?;
    super::within("token", &request.token, 1, 256)?;
    let SetPasswordRequest { token, password, transport } = request;
    let outcome = state.identity.set_password(&token, password, transport.into(), &client).await?;
    respond(&state, outcome).await
}

/// The password as it is and as it shall be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePasswordRequest {
    #[schema(format = "password", max_length = 1024)]
    current_password: String,
    /// At least twelve characters, and not easy to guess.
    #[schema(format = "password", min_length = 12, max_length = 1024)]
    new_password: String,
}

/// Changes one's own password and ends one's other sessions.
#[utoipa::path(post, path = "/api/v1/auth/password", operation_id = "auth.password.change", tag = "auth",
               request_body = ChangePasswordRequest, responses((status = 204),
               (status = 409, description = "There is no password here")))]
pub(crate) async fn change(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
    StrictJson(request): StrictJson<ChangePasswordRequest>,
) -> Result<StatusCode, ApiError> {
    let ChangePasswordRequest { current_password, new_password } = request;
    state.identity.change_password(&principal, current_password, new_password, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
