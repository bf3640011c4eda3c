use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use millwright_auth::{AuthError, require_role};
use millwright_core::{ErrorCode, Principal, Problem, Role};

use crate::{ApiError, AppState};

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let missing = || {
        ApiError::from(
            Problem::new(ErrorCode::Unauthenticated, "the request carries no bearer token")
                .remedy("sign in at POST /api/v1/auth/login and send `Authorization: Bearer <access_token>`"),
        )
    };
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?.to_str().map_err(|_| missing())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(missing()) }
}

fn authenticate(parts: &Parts, state: &AppState, least: Role) -> Result<Principal, ApiError> {
    let token = bearer(&parts.headers)?;
    let principal = state.token_verifier.verify(token, state.sources.now())?;
    tracing::Span::current().record("tenant.id", tracing::field::display(principal.tenant_id()));
    tracing::Span::current().record("user.id", tracing::field::display(principal.user_id));
    require_role(&principal, least).map_err(|error: AuthError| ApiError::from(error))?;
    Ok(principal)
}

macro_rules! role_extractor {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name(pub Principal);

        impl FromRequestParts<AppState> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
                authenticate(parts, state, $role).map(Self)
            }
        }
    };
}

role_extractor! {
    /// Anybody who has signed in.
    Viewer, Role::Viewer
}
role_extractor! {
    /// Somebody who may change documents.
    Operator, Role::Operator
}
role_extractor! {
    /// An administrator of the tenant.
    Admin, Role::Admin
}
