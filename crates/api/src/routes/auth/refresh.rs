use axum::{
    Json,
    extract::State,
    http::{Extensions, HeaderMap},
    response::{IntoResponse, Response},
};
use millwright_core::{ErrorCode, Problem};
use millwright_identity::IdentityError;
use millwright_limits::Demand;
use serde::{Deserialize, Serialize};

use super::{LoginResponse, fresh, signed_in_response};
use crate::{
    ApiError, AppState, cookies,
    extract::{Audit, From, ProfileManage, StrictJson},
    limits,
    listening::ClientAddress,
};

/// A refresh token; with cookies the body is `{}`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// Absent where it is a cookie.
    #[serde(default)]
    refresh_token: Option<String>,
}

/// Exchanges a refresh token for new tokens. Each works once; one that comes twice ends its session.
#[utoipa::path(post, path = "/api/v1/auth/refresh", operation_id = "auth.refresh", tag = "auth",
               request_body = RefreshRequest, responses((status = 200, body = LoginResponse)))]
pub(crate) async fn refresh(
    State(state): State<AppState>,
    From(client): From,
    headers: HeaderMap,
    extensions: Extensions,
    StrictJson(request): StrictJson<RefreshRequest>,
) -> Result<Response, ApiError> {
    limits::take(&extensions, &state, &[Demand::address(ClientAddress::of(&extensions).ip)]).await?;
    let cookie = cookies::read(&headers, cookies::REFRESH);
    let by_cookie = request.refresh_token.is_none() && cookie.is_some();
    let token = request.refresh_token.as_deref().or(cookie).ok_or_else(|| {
        Problem::new(ErrorCode::Unauthenticated, "the request carries no refresh token").remedy("sign in again")
    })?;
    if by_cookie {
        let csrf = headers.get(cookies::CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !state.identity.csrf_fits_refresh(token, csrf) {
            return Err(IdentityError::CsrfRejected.into());
        }
    }
    // To its end, also when the client hangs up meanwhile: a token that was used and not answered would be lost.
    let (identity, token) = (std::sync::Arc::clone(&state.identity), token.to_owned());
    let refreshed = state.tracker.spawn(async move { identity.refresh(&token, &client).await }).await;
    match refreshed.map_err(|_| Problem::internal())? {
        Ok(signed_in) => signed_in_response(&state, &signed_in).await,
        Err(error) => {
            let error = ApiError::from(error);
            let ended = error.problem().code == ErrorCode::Unauthenticated;
            let mut response = error.into_response();
            if by_cookie && ended {
                cookies::clear_session(response.headers_mut());
            }
            Ok(response)
        }
    }
}

/// Where to go after signing out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LogoutResponse {
    /// The provider's own sign-out page, where it has one.
    redirect_to: Option<String>,
}

/// Ends the session that asks, here and, where that is offered, at the provider.
#[utoipa::path(post, path = "/api/v1/auth/logout", operation_id = "auth.logout", tag = "auth",
               responses((status = 200, body = LogoutResponse)))]
pub(crate) async fn logout(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
) -> Result<Response, ApiError> {
    let redirect_to = state.identity.sign_out(&principal, &client).await?;
    let mut response = fresh(Json(LogoutResponse { redirect_to }));
    cookies::clear_session(response.headers_mut());
    Ok(response)
}
