//! Users of the tenant as its admins see them.

pub(crate) mod api_keys;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod sessions;

use axum::extract::FromRequestParts;
use chrono::{DateTime, Utc};
use millwright_core::{
    Allowed, Classification, Clearance, ErrorCode, Problem, Role,
    id::{EntityId, UserId},
};
use millwright_identity::PasswordLink;
use millwright_store::tenant::{UserRow, UserStatus};
use serde::{Deserialize, Serialize};

use crate::{ApiError, AppState, routes::auth::KindName};

/// Whether a user may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StatusName {
    /// May.
    Active,
    /// Has not set a password, and no provider knows them.
    Invited,
    /// May not.
    Disabled,
}

impl From<UserStatus> for StatusName {
    fn from(status: UserStatus) -> Self {
        match status {
            UserStatus::Active => Self::Active,
            UserStatus::Invited => Self::Invited,
            UserStatus::Disabled => Self::Disabled,
        }
    }
}

impl From<StatusName> for UserStatus {
    fn from(status: StatusName) -> Self {
        match status {
            StatusName::Active => Self::Active,
            StatusName::Invited => Self::Invited,
            StatusName::Disabled => Self::Disabled,
        }
    }
}

/// What a user may read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ClearanceResponse {
    /// Up to here.
    clearance: Classification,
    /// `ITAR`, `EAR` for every number, or one number as `EAR:3A001`.
    export_authorisations: Vec<String>,
    groups: Vec<String>,
}

fn words<T: ToString>(allowed: &Allowed<T>) -> Vec<String> {
    match allowed {
        Allowed::All => Vec::new(),
        Allowed::Only(values) => values.iter().map(ToString::to_string).collect(),
    }
}

impl From<&Clearance> for ClearanceResponse {
    fn from(clearance: &Clearance) -> Self {
        Self {
            clearance: clearance.classification,
            export_authorisations: words(&clearance.export_control),
            groups: words(&clearance.groups),
        }
    }
}

/// A user as an admin sees them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AdminUserResponse {
    id: UserId,
    kind: KindName,
    email: Option<String>,
    display_name: String,
    role: Role,
    status: StatusName,
    #[serde(flatten)]
    clearance: ClearanceResponse,
    /// Whether a second factor is set up.
    second_factor: bool,
    has_password: bool,
    /// Ids of identity providers that know the person.
    providers: Vec<String>,
    created_at: DateTime<Utc>,
    last_sign_in_at: Option<DateTime<Utc>>,
    /// Sessions that have not ended.
    session_count: i64,
    /// Keys that work.
    api_key_count: i64,
}

impl From<UserRow> for AdminUserResponse {
    fn from(row: UserRow) -> Self {
        Self {
            status: row.status().into(),
            clearance: ClearanceResponse::from(&row.clearance.0),
            id: row.id,
            kind: row.kind.into(),
            email: row.email,
            display_name: row.display_name,
            role: row.role,
            second_factor: row.second_factor,
            has_password: row.has_password,
            providers: row.providers,
            created_at: row.created_at,
            last_sign_in_at: row.last_sign_in_at,
            session_count: row.session_count,
            api_key_count: row.api_key_count,
        }
    }
}

/// A link with which a person sets a password, to be handed over by the admin.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PasswordLinkResponse {
    /// Works once.
    url: String,
    expires_at: DateTime<Utc>,
}

impl From<PasswordLink> for PasswordLinkResponse {
    fn from(link: PasswordLink) -> Self {
        Self { url: link.url, expires_at: link.expires_at }
    }
}

/// The two ids of a path below a user.
pub(crate) struct UserAnd<T>(pub(crate) UserId, pub(crate) T);

impl<T: EntityId + std::str::FromStr> FromRequestParts<AppState> for UserAnd<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &AppState) -> Result<Self, ApiError> {
        let absent = |prefix: &str| Problem::new(ErrorCode::NotFound, format!("there is no such `{prefix}`"));
        let found = axum::extract::Path::<(String, String)>::from_request_parts(parts, state).await;
        let axum::extract::Path((user, other)) = found.map_err(|_| absent(UserId::PREFIX))?;
        let user = user.parse().map_err(|_| absent(UserId::PREFIX))?;
        Ok(Self(user, other.parse().map_err(|_| absent(T::PREFIX))?))
    }
}
