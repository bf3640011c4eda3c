use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    Permissions,
    id::{ApiKeyId, SessionId, TenantId, UserId},
};

/// What a person is for the tenant. Viewer, operator and admin each include the one before; an auditor stands beside them.
/// What each may do is [`Role::permissions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads documents and asks questions.
    Viewer,
    /// Also uploads and removes documents.
    Operator,
    /// Also manages users and sees everything of the tenant.
    Admin,
    /// Reads audit, users and configuration and changes nothing.
    Auditor,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Admin, Self::Auditor];

    /// The word used in tokens and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of viewer, operator, admin, auditor")]
pub struct InvalidRole;

impl TryFrom<String> for Role {
    type Error = InvalidRole;

    fn try_from(text: String) -> Result<Self, InvalidRole> {
        text.parse()
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(InvalidRole)
    }
}

/// How somebody showed who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A session that began with a sign-in here.
    Session(SessionId),
    /// A key of a program.
    ApiKey(ApiKeyId),
    /// A token made by an identity provider, or for development.
    Token,
}

/// Who is asking, as established by a verified credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The person or service account.
    pub user_id: UserId,
    /// The tenant.
    pub scope: TenantScope,
    /// What the user is there.
    pub role: Role,
    /// What this credential allows: at most what the role does, and for a key also what an admin gave it.
    pub permissions: Permissions,
    /// What was shown.
    pub credential: Credential,
}

impl Principal {
    /// Somebody with everything that the role allows.
    pub fn new(user_id: UserId, scope: TenantScope, role: Role, credential: Credential) -> Self {
        Self { user_id, scope, role, permissions: role.permissions(), credential }
    }

    /// The session that the credential belongs to, if it is one.
    pub fn session_id(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(id) => Some(id),
            Credential::ApiKey(_) | Credential::Token => None,
        }
    }

    /// The tenant's id, for logs and answers.
    pub fn tenant_id(&self) -> TenantId {
        self.scope.tenant_id()
    }
}

/// The proof that a tenant was established. Data access, indexes and caches are opened with
/// this and never with an id or a string, so that no query can run without a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantScope(TenantId);

impl TenantScope {
    /// Establishes the tenant. Lawful only where a credential has just been verified
    /// (`auth`) and where a worker has claimed a row that names its tenant (`store`).
    pub fn establish(tenant: TenantId) -> Self {
        Self(tenant)
    }

    /// The tenant's id, to be shown or to name a folder.
    pub fn tenant_id(self) -> TenantId {
        self.0
    }
}
