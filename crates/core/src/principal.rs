use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::id::{TenantId, UserId};

/// What a person may do, each role including the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads documents and asks questions.
    Viewer,
    /// Also uploads and removes documents.
    Operator,
    /// Also sees audit, jobs and users of the tenant.
    Admin,
}

impl Role {
    /// All roles, least powerful first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word used in tokens and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
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
#[error("expected one of viewer, operator, admin")]
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

/// Who is asking, as established by a verified credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user_id: UserId,
    /// The person's tenant.
    pub scope: TenantScope,
    /// What the person may do there.
    pub role: Role,
}

impl Principal {
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
