use axum::{
    Json,
    extract::State,
    http::{Extensions, HeaderMap},
    response::Response,
};
use millwright_auth::passwords;
use millwright_core::{ErrorCode, Problem};
use millwright_limits::Demand;
use serde::{Deserialize, Serialize};

use super::{LoginResponse, TransportName, respond, signed_in_response};
use crate::{
    ApiError, AppState, cookies,
    extract::{From, StrictJson},
    limits,
    listening::ClientAddress,
};

/// A provider to sign in at.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ProviderResponse {
    /// For `GET /api/v1/auth/oidc/{provider}/start`.
    id: String,
    /// For people.
    name: String,
}

/// How one can sign in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OptionsResponse {
    /// With e-mail address and password; an organisation may have turned it off for its people.
    password: bool,
    providers: Vec<ProviderResponse>,
    /// Characters.
    minimum_password_length: usize,
}

/// How one can sign in here.
#[utoipa::path(get, path = "/api/v1/auth/options", operation_id = "auth.options", tag = "auth",
               responses((status = 200, body = OptionsResponse)))]
pub(crate) async fn options(State(state): State<AppState>) -> Json<OptionsResponse> {
    let providers = state.identity.login_providers().into_iter();
    Json(OptionsResponse {
        password: true,
        providers: providers.map(|provider| ProviderResponse { id: provider.id, name: provider.name }).collect(),
        minimum_password_length: passwords::MIN_CHARACTERS,
    })
}

/// E-mail address and password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    #[schema(format = "email", max_length = 320)]
    email: String,
    #[schema(format = "password", max_length = 1024)]
    password: String,
    #[serde(default)]
    transport: TransportName,
}

/// Every attempt takes from the address's own small bucket for signing in.
pub(crate) async fn attempt(extensions: &Extensions, state: &AppState) -> Result<(), ApiError> {
    let from = ClientAddress::of(extensions).ip;
    limits::take(extensions, state, &[Demand::sign_in(from), Demand::address(from)]).await
}

/// Signs in. A wrong password and an unknown address get the same answer after the same work.
#[utoipa::path(post, path = "/api/v1/auth/login", operation_id = "auth.login", tag = "auth",
               request_body = LoginRequest, responses((status = 200, body = LoginResponse)))]
pub(crate) async fn login(
    State(state): State<AppState>,
    From(client): From,
    extensions: Extensions,
    StrictJson(request): StrictJson<LoginRequest>,
) -> Result<Response, ApiError> {
    attempt(&extensions, &state).await?;
    if request.email.len() > 320 || request.password.len() > 1024 {
        let detail = "the e-mail address or the password is wrong";
        return Err(Problem::new(ErrorCode::Unauthenticated, detail).into());
    }
    let LoginRequest { email, password, transport } = request;
    let outcome = state.identity.sign_in(&email, password, transport.into(), &client).await?;
    respond(&state, outcome).await
}

/// The code that completes a sign-in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondFactorLoginRequest {
    /// As the sign-in gave it; absent after a sign-in at a provider, where a cookie has it.
    #[serde(default)]
    challenge: Option<String>,
    /// Six digits of the authenticator, or a recovery code.
    #[schema(max_length = 64)]
    code: String,
}

/// Completes a sign-in with a code.
#[utoipa::path(post, path = "/api/v1/auth/login/second-factor", operation_id = "auth.login.second_factor", tag = "auth",
               request_body = SecondFactorLoginRequest, responses((status = 200, body = LoginResponse)))]
pub(crate) async fn second_factor(
    State(state): State<AppState>,
    From(client): From,
    headers: HeaderMap,
    extensions: Extensions,
    StrictJson(request): StrictJson<SecondFactorLoginRequest>,
) -> Result<Response, ApiError> {
    attempt(&extensions, &state).await?;
    let kept = cookies::read(&headers, cookies::PENDING);
    let challenge = request.challenge.as_deref().or(kept).ok_or_else(|| {
        Problem::new(ErrorCode::Unauthenticated, "no sign-in is under way")
            .remedy("sign in with the first factor again")
    })?;
    super::within("code", &request.code, 1, 64)?;
    let signed_in = state.identity.complete_sign_in(challenge, &request.code, &client).await?;
    let mut response = signed_in_response(&state, &signed_in).await?;
    if kept.is_some() {
        cookies::clear_pending(response.headers_mut());
    }
    Ok(response)
}
