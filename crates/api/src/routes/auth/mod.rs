//! Signing in, staying signed in, and one's own profile.

pub(crate) mod api_keys;
pub(crate) mod login;
pub(crate) mod me;
pub(crate) mod oidc;
pub(crate) mod passwords;
pub(crate) mod refresh;
pub(crate) mod sessions;
pub(crate) mod step_up;
pub(crate) mod totp;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use millwright_core::{
    Permission, Permissions, Principal, Role,
    id::{SessionId, TenantId, UserId},
};
use millwright_identity::{SignIn, SignedIn};
use millwright_store::tenant::{SessionRow, Transport, UserRow};
use serde::{Deserialize, Serialize};

use crate::{AppState, cookies};

/// A tenant as its people see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TenantResponse {
    pub(crate) id: TenantId,
    pub(crate) name: String,
}

/// A person's second factor.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SecondFactorResponse {
    /// Whether it is set up.
    enrolled: bool,
    /// Whether the organisation asks this role for it.
    required: bool,
    /// Recovery codes that were not used.
    recovery_codes_left: i64,
}

/// What a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindName {
    Person,
    Service,
}

impl From<millwright_store::tenant::UserKind> for KindName {
    fn from(kind: millwright_store::tenant::UserKind) -> Self {
        match kind {
            millwright_store::tenant::UserKind::Person => Self::Person,
            millwright_store::tenant::UserKind::Service => Self::Service,
        }
    }
}

/// Whoever the credential speaks for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UserResponse {
    id: UserId,
    kind: KindName,
    /// Null where a provider did not say one, and for service accounts.
    email: Option<String>,
    display_name: String,
    role: Role,
    /// What this credential allows.
    permissions: Vec<Permission>,
    tenant: TenantResponse,
    has_password: bool,
    second_factor: SecondFactorResponse,
    /// The second factor must be set up before anything but the profile can be used.
    restricted: bool,
    /// Null for keys and for tokens of providers.
    session_id: Option<SessionId>,
}

impl UserResponse {
    /// The user as the principal's credential sees them.
    pub(crate) fn new(principal: &Principal, user: UserRow) -> Self {
        let restricted = principal.session_id().is_some() && principal.permissions != principal.role.permissions();
        Self {
            id: user.id,
            kind: user.kind.into(),
            email: user.email,
            display_name: user.display_name,
            role: principal.role,
            permissions: principal.permissions.iter().collect(),
            tenant: TenantResponse { id: principal.tenant_id(), name: user.tenant_name },
            has_password: user.has_password,
            second_factor: SecondFactorResponse {
                enrolled: user.second_factor,
                required: user.second_factor_required,
                recovery_codes_left: user.recovery_codes_left,
            },
            restricted,
            session_id: principal.session_id(),
        }
    }
}

/// How a session's tokens travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TransportName {
    /// In the answer and the `Authorization` header.
    #[default]
    Token,
    /// In cookies that scripts cannot read.
    Cookie,
}

impl From<TransportName> for Transport {
    fn from(name: TransportName) -> Self {
        match name {
            TransportName::Token => Self::Token,
            TransportName::Cookie => Self::Cookie,
        }
    }
}

/// How far a sign-in came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LoginStatus {
    SignedIn,
    SecondFactorRequired,
}

/// What came of signing in or refreshing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LoginResponse {
    status: LoginStatus,
    /// Null while a code is missing.
    user: Option<UserResponse>,
    /// To be sent to `POST /api/v1/auth/login/second-factor` with the code. Holds for five minutes.
    challenge: Option<String>,
    /// For the `Authorization` header; null with the transport `cookie`.
    access_token: Option<String>,
    /// For `POST /api/v1/auth/refresh`, once; null with the transport `cookie`.
    refresh_token: Option<String>,
    /// `Bearer`, where there is a token.
    token_type: Option<&'static str>,
    /// Seconds until the access token must be refreshed.
    expires_in: Option<i64>,
}

/// The answer to a sign-in, with its cookies where it asked for them.
pub(crate) async fn respond(state: &AppState, outcome: SignIn) -> Result<Response, crate::ApiError> {
    match outcome {
        SignIn::Done(signed_in) => signed_in_response(state, &signed_in).await,
        SignIn::SecondFactor { challenge, .. } => Ok(fresh(Json(LoginResponse {
            status: LoginStatus::SecondFactorRequired,
            user: None,
            challenge: Some(challenge),
            access_token: None,
            refresh_token: None,
            token_type: None,
            expires_in: None,
        }))),
    }
}

/// The answer that carries a session.
pub(crate) async fn signed_in_response(state: &AppState, signed_in: &SignedIn) -> Result<Response, crate::ApiError> {
    let account = &signed_in.account;
    let mut tx = state.store.tenant(&account.scope).read().await?;
    let user = tx.users().require(account.user_id).await?;
    drop(tx);
    let credential = millwright_core::Credential::Session(signed_in.session_id);
    let mut principal = Principal::new(account.user_id, account.scope, account.role, credential);
    if signed_in.restricted {
        principal.permissions = Permissions::NONE.with(Permission::ProfileManage);
    }
    let bearer = signed_in.transport == Transport::Token;
    let mut response = fresh(Json(LoginResponse {
        status: LoginStatus::SignedIn,
        user: Some(UserResponse::new(&principal, user)),
        challenge: None,
        access_token: bearer.then(|| signed_in.access.token.clone()),
        refresh_token: bearer.then(|| signed_in.refresh.to_string()),
        token_type: bearer.then_some("Bearer"),
        expires_in: Some(signed_in.access.expires_in),
    }));
    if !bearer {
        cookies::set_session(response.headers_mut(), signed_in, state.sources.now());
    }
    Ok(response)
}

/// An answer with a secret in it, which nobody may keep on the way.
pub(crate) fn fresh(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(HeaderName::from_static("pragma"), HeaderValue::from_static("no-cache"));
    response
}

/// How a session began.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MethodName {
    Password,
    Oidc,
}

/// One sign-in on one device.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SessionResponse {
    id: SessionId,
    /// Whether it is the one that asks.
    current: bool,
    method: MethodName,
    /// Which provider.
    provider: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
    created_at: DateTime<Utc>,
    /// When it was last refreshed.
    last_used_at: DateTime<Utc>,
    /// When it ends at the latest.
    expires_at: DateTime<Utc>,
}

impl SessionResponse {
    pub(crate) fn new(row: SessionRow, current: Option<SessionId>) -> Self {
        Self {
            current: current == Some(row.id),
            id: row.id,
            method: match row.method {
                millwright_store::tenant::SignInMethod::Password => MethodName::Password,
                millwright_store::tenant::SignInMethod::Oidc => MethodName::Oidc,
            },
            provider: row.provider,
            address: row.address,
            user_agent: row.user_agent,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        }
    }
}

/// Refuses a value of the wrong length.
pub(crate) fn within(field: &str, text: &str, least: usize, most: usize) -> Result<(), crate::ApiError> {
    let length = text.chars().count();
    if (least..=most).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(millwright_core::Problem::new(
        millwright_core::ErrorCode::ValidationFailed,
        format!("`{field}` is not of the documented form"),
    )
    .field(field, format!("expected {least} to {most} characters on one line"))
    .into())
}
