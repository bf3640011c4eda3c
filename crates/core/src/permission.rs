use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Role;

macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal;)*) => {
        /// What an operation needs and what a role, and a key within it, grants. The words stand in tokens, in scopes of
        /// API keys and in the OpenAPI document: they are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $($(#[$doc])* $variant,)* }

        impl Permission {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

permissions! {
    /// Read and search documents.
    DocumentsRead = "documents:read";
    /// Upload, reindex and delete documents.
    DocumentsWrite = "documents:write";
    /// Decide on wishes of others to lower a label.
    LabelsApprove = "labels:approve";
    /// Ask questions; own conversations and runs.
    ChatUse = "chat:use";
    /// See personal data in one's own conversations as it was written; without it placeholders stand there.
    PersonalDataRead = "personal_data:read";
    /// Read the audit log.
    AuditRead = "audit:read";
    /// See background jobs.
    JobsRead = "jobs:read";
    /// Send dead jobs round again.
    JobsManage = "jobs:manage";
    /// See the tenant in numbers.
    MetricsRead = "metrics:read";
    /// See users, their sessions and keys.
    UsersRead = "users:read";
    /// Create, change and disable users.
    UsersManage = "users:manage";
    /// See the tenant's security policy.
    ConfigurationRead = "configuration:read";
    /// Change the tenant's security policy.
    ConfigurationManage = "configuration:manage";
    /// See, make, change and delete watched folders, and have them looked through.
    SourcesManage = "sources:manage";
    /// See all budgets, and the use of models over the whole tenant.
    BudgetsRead = "budgets:read";
    /// Make, change and delete budgets.
    BudgetsManage = "budgets:manage";
    /// See, make, change and delete suites of questions, and have agents answer them; with `chat:use`.
    EvaluationsManage = "evaluations:manage";
    /// See one's own use of models and the budgets that bind one; with `budgets:read` the whole tenant's.
    UsageRead = "usage:read";
    /// One's own name, password, second factor, sessions and keys.
    ProfileManage = "profile:manage";
}

impl Permission {
    /// Whether it only reads, over the whole tenant: an admin may give it to a key whatever its owner's role.
    pub const fn is_tenant_wide_read(self) -> bool {
        matches!(
            self,
            Self::DocumentsRead
                | Self::AuditRead
                | Self::JobsRead
                | Self::MetricsRead
                | Self::UsersRead
                | Self::ConfigurationRead
                | Self::BudgetsRead
        )
    }

    /// Whether a program may hold it: what belongs to a person in front of a screen is left out.
    pub const fn is_for_programs(self) -> bool {
        !matches!(
            self,
            Self::ProfileManage
                | Self::UsersManage
                | Self::ConfigurationManage
                | Self::LabelsApprove
                | Self::BudgetsManage
                | Self::SourcesManage
        )
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a permission such as `documents:read`")]
pub struct InvalidPermission;

impl FromStr for Permission {
    type Err = InvalidPermission;

    fn from_str(text: &str) -> Result<Self, InvalidPermission> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == text).ok_or(InvalidPermission)
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for Permission {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(Self::ALL.iter().map(|permission| permission.as_str())))
            .into()
    }
}

impl utoipa::ToSchema for Permission {}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions(u32);

impl Permissions {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// With one more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | 1 << permission as u32)
    }

    /// Whether this one is among them.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    /// Those that are in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// One by one, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }

    /// All permissions that only read over the whole tenant.
    pub fn tenant_wide_reads() -> Self {
        Permission::ALL.iter().copied().filter(|permission| permission.is_tenant_wide_read()).collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::as_str)).finish()
    }
}

impl Role {
    /// What the role may do.
    pub fn permissions(self) -> Permissions {
        use Permission as P;
        let viewer = [P::DocumentsRead, P::ChatUse, P::PersonalDataRead, P::UsageRead, P::ProfileManage];
        match self {
            Self::Viewer => viewer.into_iter().collect(),
            Self::Operator => viewer.into_iter().chain([P::DocumentsWrite]).collect(),
            Self::Admin => P::ALL.iter().copied().collect(),
            Self::Auditor => {
                let reads =
                    [P::AuditRead, P::JobsRead, P::MetricsRead, P::UsersRead, P::ConfigurationRead, P::BudgetsRead];
                reads.into_iter().chain([P::UsageRead, P::ProfileManage]).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_fit_the_set() {
        assert!(Permission::ALL.len() <= 32);
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
            assert_eq!(Permissions::NONE.with(*permission).iter().collect::<Vec<_>>(), [*permission]);
        }
    }

    #[test]
    fn an_auditor_changes_nothing_but_their_own_profile_and_reads_no_documents() {
        let auditor = Role::Auditor.permissions();
        let own = [Permission::ProfileManage, Permission::UsageRead];
        for permission in auditor.iter().filter(|permission| !own.contains(permission)) {
            assert!(permission.is_tenant_wide_read(), "{permission}");
        }
        assert!(!auditor.contains(Permission::DocumentsRead) && !auditor.contains(Permission::ChatUse));
    }

    #[test]
    fn each_of_viewer_operator_admin_includes_the_one_before() {
        let [viewer, operator, admin] = [Role::Viewer, Role::Operator, Role::Admin].map(Role::permissions);
        assert_eq!(operator.intersection(viewer), viewer);
        assert_eq!(admin.intersection(operator), operator);
    }
}
