use chrono::{DateTime, Utc};
use millwright_core::{Allowed, Clearance, Cursor, Page, PageRequest, Role, id::UserId};
use uuid::Uuid;

use super::{labels::ClearanceColumns, text_enum};
use crate::{StoreError, tenant_tx::TenantConnection};

/// People and service accounts of the tenant.
pub struct Users<'t>(pub(crate) TenantConnection<'t>);

text_enum! {
    /// What a user is.
    UserKind {
        /// Somebody who signs in.
        Person = "person",
        /// The identity of a program or an agent: acts by its keys.
        Service = "service",
    }
}

text_enum! {
    /// Whether a user may act.
    UserStatus {
        /// May.
        Active = "active",
        /// A person who has neither a password nor an identity at a provider yet.
        Invited = "invited",
        /// May not.
        Disabled = "disabled",
    }
}

/// A user to be created.
#[derive(Debug)]
pub struct NewUser {
    /// The user's id.
    pub id: UserId,
    /// Person or service account.
    pub kind: UserKind,
    /// Lower-case e-mail address; of a local person unique over the whole platform.
    pub email: Option<String>,
    /// As shown to others.
    pub display_name: String,
    /// What the user may do.
    pub role: Role,
    /// PHC string of the password; none for those who have no password.
    pub password_hash: Option<String>,
    /// Made here by an admin, not by a token of a provider.
    pub local: bool,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A user as an admin sees them, with the tenant's name.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UserRow {
    /// The user.
    #[sqlx(try_from = "Uuid")]
    pub id: UserId,
    /// Person or service account.
    #[sqlx(try_from = "String")]
    pub kind: UserKind,
    /// E-mail address.
    pub email: Option<String>,
    /// As shown to others.
    pub display_name: String,
    /// What the user may do.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// What the user may read.
    #[sqlx(flatten)]
    pub clearance: ClearanceColumns,
    /// The tenant's name.
    pub tenant_name: String,
    /// Whether a password is set.
    pub has_password: bool,
    /// Whether the security policy asks this role for a second factor.
    pub second_factor_required: bool,
    /// Whether a second factor is set up.
    pub second_factor: bool,
    /// Recovery codes that were not used.
    pub recovery_codes_left: i64,
    /// Providers that know the person.
    pub providers: Vec<String>,
    /// Sessions that have not ended.
    pub session_count: i64,
    /// Keys that still work.
    pub api_key_count: i64,
    /// When the user was made.
    pub created_at: DateTime<Utc>,
    /// When the user last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
    /// Set when the user may no longer sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Raised when what the user may do changes.
    pub access_version: i64,
}

impl UserRow {
    /// Whether the user may act.
    pub fn status(&self) -> UserStatus {
        if self.disabled_at.is_some() {
            UserStatus::Disabled
        } else if self.kind == UserKind::Person && !self.has_password && self.providers.is_empty() {
            UserStatus::Invited
        } else {
            UserStatus::Active
        }
    }
}

/// Which users are asked for; an absent field does not restrict.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Part of the name or the e-mail address, in any case.
    pub contains: Option<String>,
    /// Exactly this role.
    pub role: Option<Role>,
    /// Exactly this status.
    pub status: Option<UserStatus>,
    /// Exactly this kind.
    pub kind: Option<UserKind>,
}

/// What an admin may change; an absent field stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// As shown to others.
    pub display_name: Option<String>,
    /// What the user may do.
    pub role: Option<Role>,
    /// Disabled at this time, or enabled again.
    pub disabled_at: Option<Option<DateTime<Utc>>>,
    /// What the user may read, from the next request on.
    pub clearance: Option<Clearance>,
}

/// Nobody is cleared for everything there may ever be: only what is named is kept.
fn only<T: ToString>(allowed: &Allowed<T>) -> Vec<String> {
    match allowed {
        Allowed::All => Vec::new(),
        Allowed::Only(values) => values.iter().map(ToString::to_string).collect(),
    }
}

const SELECT: &str = "SELECT u.id, u.kind, u.email, u.display_name, u.role, u.clearance, \
    u.export_authorisations, u.groups AS user_groups, t.name AS tenant_name, u.has_password, \
    u.role = ANY (t.second_factor_roles) AND u.kind = 'person' AS second_factor_required, \
    EXISTS (SELECT 1 FROM second_factors f WHERE f.tenant_id = u.tenant_id AND f.user_id = u.id \
            AND f.confirmed_at IS NOT NULL) AS second_factor, \
    (SELECT count(*) FROM recovery_codes c WHERE c.tenant_id = u.tenant_id AND c.user_id = u.id \
            AND c.used_at IS NULL) AS recovery_codes_left, \
    ARRAY (SELECT i.provider FROM identities i WHERE i.tenant_id = u.tenant_id AND i.user_id = u.id \
           ORDER BY i.provider) AS providers, \
    (SELECT count(*) FROM sessions s WHERE s.tenant_id = u.tenant_id AND s.user_id = u.id AND s.ended_at IS NULL \
            AND s.expires_at > now()) AS session_count, \
    (SELECT count(*) FROM api_keys k WHERE k.tenant_id = u.tenant_id AND k.user_id = u.id AND k.revoked_at IS NULL \
            AND k.expires_at > now()) AS api_key_count, \
    u.created_at, u.last_sign_in_at, u.disabled_at, u.access_version \
    FROM users u JOIN tenants t ON t.tenant_id = u.tenant_id WHERE u.tenant_id = $1";

impl Users<'_> {
    /// The user, if there is one.
    pub async fn get(&mut self, id: UserId) -> Result<Option<UserRow>, StoreError> {
        let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND u.id = $2")))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// The user, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: UserId) -> Result<UserRow, StoreError> {
        self.get(id).await?.ok_or(StoreError::NotFound("user"))
    }

    /// Users, newest first.
    pub async fn list(&mut self, filter: &UserFilter, page: PageRequest) -> Result<Page<UserRow>, StoreError> {
        let rows: Vec<UserRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT * FROM ({SELECT}) u \
             WHERE ($2::text IS NULL OR strpos(lower(u.display_name || ' ' || coalesce(u.email, '')), lower($2)) > 0) \
               AND ($3::text IS NULL OR u.role = $3) AND ($4::text IS NULL OR u.kind = $4) \
               AND ($5::text IS NULL OR $5 = CASE WHEN u.disabled_at IS NOT NULL THEN 'disabled' \
                    WHEN u.kind = 'person' AND NOT u.has_password AND u.providers = '{{}}' THEN 'invited' \
                    ELSE 'active' END) \
               AND ($6::timestamptz IS NULL OR (u.created_at, u.id) < ($6, $7)) \
             ORDER BY u.created_at DESC, u.id DESC LIMIT $8"
        )))
        .bind(self.0.tenant)
        .bind(&filter.contains)
        .bind(filter.role.map(Role::as_str))
        .bind(filter.kind.map(UserKind::as_str))
        .bind(filter.status.map(UserStatus::as_str))
        .bind(page.after.map(|cursor| cursor.at))
        .bind(page.after.map(|cursor| cursor.id))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.created_at, id: row.id.uuid() }))
    }

    /// Creates a user, with the clearance that the role has to begin with.
    pub async fn insert(&mut self, user: &NewUser) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO users (tenant_id, id, kind, email, display_name, role, password_hash, local, created_at, \
                                clearance) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(self.0.tenant)
        .bind(user.id.uuid())
        .bind(user.kind.as_str())
        .bind(&user.email)
        .bind(&user.display_name)
        .bind(user.role.as_str())
        .bind(&user.password_hash)
        .bind(user.local)
        .bind(user.created_at)
        .bind(Clearance::of_role(user.role).classification.as_str())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Holds the list of the tenant's active admins still until the transaction ends, and says how many there are but
    /// this one, those left out who were invited and have never come: two admins that demote each other in the same moment must not both succeed.
    pub async fn other_admins(&mut self, id: UserId) -> Result<usize, StoreError> {
        let others: Vec<Uuid> = sqlx::query_scalar(
            "SELECT id FROM users WHERE tenant_id = $1 AND role = 'admin' AND kind = 'person' AND disabled_at IS NULL \
               AND (has_password OR EXISTS (SELECT 1 FROM identities i WHERE i.tenant_id = users.tenant_id \
                                            AND i.user_id = users.id)) \
             ORDER BY id FOR UPDATE",
        )
        .bind(self.0.tenant)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(others.into_iter().filter(|other| *other != id.uuid()).count())
    }

    /// Changes a user. A change of role or status raises the access version and tells every replica.
    pub async fn change(&mut self, id: UserId, change: &UserChange) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE users SET display_name = coalesce($3, display_name), role = coalesce($4, role), \
                 disabled_at = CASE WHEN $5 THEN $6 ELSE disabled_at END, clearance = coalesce($7, clearance), \
                 export_authorisations = coalesce($8, export_authorisations), groups = coalesce($9, groups) \
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(&change.display_name)
        .bind(change.role.map(Role::as_str))
        .bind(change.disabled_at.is_some())
        .bind(change.disabled_at.flatten())
        .bind(change.clearance.as_ref().map(|clearance| clearance.classification.as_str()))
        .bind(change.clearance.as_ref().map(|clearance| only(&clearance.export_control)))
        .bind(change.clearance.as_ref().map(|clearance| only(&clearance.groups)))
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::NotFound("user"));
        }
        if change.role.is_some() || change.disabled_at.is_some() {
            self.revoke_access(id).await?;
        }
        Ok(())
    }

    /// Ends every credential made for the user so far, on every replica: sessions must be refreshed and keys are looked
    /// up again.
    pub async fn revoke_access(&mut self, id: UserId) -> Result<(), StoreError> {
        sqlx::query(
            "WITH raised AS (UPDATE users SET access_version = access_version + 1 WHERE tenant_id = $1 AND id = $2 \
                             RETURNING access_version) \
             INSERT INTO revocations (tenant_id, kind, subject, version) SELECT $1, 'user', $2, access_version FROM raised",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Sets the password.
    pub async fn set_password(&mut self, id: UserId, hash: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE users SET password_hash = $3, local = true, sign_in_version = sign_in_version + 1 WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(hash)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Remembers a sign-in.
    ///
    /// False when the password or the second factor changed since the account was read with `sign_in_version`: what was
    /// shown is not asked for any more.
    pub async fn signed_in(
        &mut self,
        id: UserId,
        sign_in_version: i64,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE users SET last_sign_in_at = $4 WHERE tenant_id = $1 AND id = $2 AND sign_in_version = $3",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(sign_in_version)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Brings sign-ins under way to nothing: the second factor changes.
    pub async fn end_sign_ins(&mut self, id: UserId) -> Result<(), StoreError> {
        sqlx::query("UPDATE users SET sign_in_version = sign_in_version + 1 WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// How many users the tenant has.
    pub async fn count(&mut self) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar("SELECT count(*) FROM users WHERE tenant_id = $1")
            .bind(self.0.tenant)
            .fetch_one(&mut *self.0.connection)
            .await?;
        Ok(count)
    }

    /// What a provider calls the user.
    pub async fn subject_at(&mut self, id: UserId, provider: &str) -> Result<Option<String>, StoreError> {
        let subject = sqlx::query_scalar(
            "SELECT subject FROM identities WHERE tenant_id = $1 AND user_id = $2 AND provider = $3 LIMIT 1",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(provider)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(subject)
    }

    /// Binds the user to what a provider calls them.
    pub async fn add_identity(
        &mut self,
        id: UserId,
        provider: &str,
        subject: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO identities (tenant_id, provider, subject, user_id, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.0.tenant)
        .bind(provider)
        .bind(subject)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }
}
