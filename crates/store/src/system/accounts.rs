use chrono::{DateTime, Utc};
use millwright_core::{
    Role, TenantScope,
    id::{ApiKeyId, SessionId, TenantId, UserId},
};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::scope_of;
use crate::{
    StoreError,
    tenant::{SignInMethod, Transport, UserKind},
};

/// Users as sign-in, refreshing and keys find them, before it is known whose tenant they are.
pub struct Accounts<'t>(pub(crate) &'t mut PgConnection);

/// What sign-in needs to know of a user.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Clone)]
pub struct AccountRow {
    /// The user.
    pub user_id: UserId,
    /// The user's tenant.
    pub scope: TenantScope,
    /// The tenant's name.
    pub tenant_name: String,
    /// Whether the tenant is suspended or deleted.
    pub tenant_suspended: bool,
    /// Whether the tenant lets people sign in with passwords kept here.
    pub password_sign_in: bool,
    /// Person or service account.
    pub kind: UserKind,
    /// E-mail address.
    pub email: Option<String>,
    /// As shown to others.
    pub display_name: String,
    /// What the user may do.
    pub role: Role,
    /// PHC string of the password.
    pub password_hash: Option<String>,
    /// Made here by an admin.
    pub local: bool,
    /// Set when the user may no longer sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Raised when what the user may do changes.
    pub access_version: i64,
    /// Raised when the password or the second factor changes.
    pub sign_in_version: i64,
    /// Whether the security policy asks this role for a second factor.
    pub second_factor_required: bool,
    /// The second factor's secret, encrypted; absent until it is confirmed.
    pub second_factor_secret: Option<Vec<u8>>,
}

impl AccountRow {
    /// Whether the user and the tenant may be used at all.
    pub fn may_act(&self) -> bool {
        self.disabled_at.is_none() && !self.tenant_suspended
    }
}

/// A session with its user.
pub struct SessionAccount {
    /// The session.
    pub id: SessionId,
    /// How its tokens travel.
    pub transport: Transport,
    /// How it began.
    pub method: SignInMethod,
    /// At which provider.
    pub provider: Option<String>,
    /// Whether a second factor was shown.
    pub second_factor: bool,
    /// The provider's tokens, encrypted.
    pub provider_tokens: Option<Vec<u8>>,
    /// Number of the one refresh token that is still good.
    pub generation: i32,
    /// Whether it can still be refreshed.
    pub alive: bool,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Its user.
    pub account: AccountRow,
}

/// A key with its user.
pub struct ApiKeyAccount {
    /// The key.
    pub id: ApiKeyId,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
    /// Set when it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Its user.
    pub account: AccountRow,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    tenant_name: String,
    tenant_suspended: bool,
    password_sign_in: bool,
    #[sqlx(try_from = "String")]
    kind: UserKind,
    email: Option<String>,
    display_name: String,
    #[sqlx(try_from = "String")]
    role: Role,
    password_hash: Option<String>,
    local: bool,
    disabled_at: Option<DateTime<Utc>>,
    access_version: i64,
    sign_in_version: i64,
    second_factor_required: bool,
    second_factor_secret: Option<Vec<u8>>,
}

impl From<Row> for AccountRow {
    fn from(row: Row) -> Self {
        Self {
            user_id: UserId::from(row.id),
            scope: scope_of(row.tenant_id),
            tenant_name: row.tenant_name,
            tenant_suspended: row.tenant_suspended,
            password_sign_in: row.password_sign_in,
            kind: row.kind,
            email: row.email,
            display_name: row.display_name,
            role: row.role,
            password_hash: row.password_hash,
            local: row.local,
            disabled_at: row.disabled_at,
            access_version: row.access_version,
            sign_in_version: row.sign_in_version,
            second_factor_required: row.second_factor_required,
            second_factor_secret: row.second_factor_secret,
        }
    }
}

#[derive(sqlx::FromRow)]
struct SessionColumns {
    session_id: Uuid,
    #[sqlx(try_from = "String")]
    transport: Transport,
    #[sqlx(try_from = "String")]
    method: SignInMethod,
    provider: Option<String>,
    second_factor: bool,
    provider_tokens: Option<Vec<u8>>,
    generation: i32,
    alive: bool,
    expires_at: DateTime<Utc>,
    #[sqlx(flatten)]
    account: Row,
}

#[derive(sqlx::FromRow)]
struct ApiKeyColumns {
    key_id: Uuid,
    scopes: Vec<String>,
    expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
    #[sqlx(flatten)]
    account: Row,
}

const COLUMNS: &str = "u.id, u.tenant_id, t.name AS tenant_name, \
    t.suspended_at IS NOT NULL OR t.deleted_at IS NOT NULL AS tenant_suspended, t.password_sign_in, u.kind, u.email, \
    u.display_name, u.role, u.password_hash, u.local, u.disabled_at, u.access_version, u.sign_in_version, \
    u.role = ANY (t.second_factor_roles) AND u.kind = 'person' AS second_factor_required, \
    f.secret AS second_factor_secret";

const JOINED: &str = "JOIN tenants t ON t.tenant_id = u.tenant_id \
    LEFT JOIN second_factors f ON f.tenant_id = u.tenant_id AND f.user_id = u.id AND f.confirmed_at IS NOT NULL";

impl Accounts<'_> {
    /// The person who signs in here with this lower-case e-mail address.
    pub async fn find_by_email(&mut self, email: &str) -> Result<Option<AccountRow>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM users u {JOINED} WHERE u.email = $1 AND u.local");
        let row: Option<Row> = sqlx::query_as(AssertSqlSafe(query)).bind(email).fetch_optional(&mut *self.0).await?;
        Ok(row.map(AccountRow::from))
    }

    /// The user of this id.
    pub async fn find(&mut self, tenant: TenantId, user: UserId) -> Result<Option<AccountRow>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM users u {JOINED} WHERE u.tenant_id = $1 AND u.id = $2");
        let row: Option<Row> = sqlx::query_as(AssertSqlSafe(query))
            .bind(tenant.uuid())
            .bind(user.uuid())
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.map(AccountRow::from))
    }

    /// The user of a tenant whom a provider calls by this subject.
    pub async fn find_by_identity(
        &mut self,
        tenant: TenantId,
        provider: &str,
        subject: &str,
    ) -> Result<Option<AccountRow>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM identities i JOIN users u ON u.tenant_id = i.tenant_id AND u.id = i.user_id {JOINED} \
             WHERE i.tenant_id = $1 AND i.provider = $2 AND i.subject = $3"
        );
        let row: Option<Row> = sqlx::query_as(AssertSqlSafe(query))
            .bind(tenant.uuid())
            .bind(provider)
            .bind(subject)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.map(AccountRow::from))
    }

    /// The user of a tenant with this e-mail address, however they sign in, and whether a provider knows them.
    pub async fn find_in_tenant(
        &mut self,
        tenant: TenantId,
        email: &str,
    ) -> Result<Option<(AccountRow, bool)>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM users u {JOINED} WHERE u.tenant_id = $1 AND u.email = $2");
        let row: Option<Row> =
            sqlx::query_as(AssertSqlSafe(query)).bind(tenant.uuid()).bind(email).fetch_optional(&mut *self.0).await?;
        let Some(row) = row else { return Ok(None) };
        let known =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM identities WHERE tenant_id = $1 AND user_id = $2)")
                .bind(tenant.uuid())
                .bind(row.id)
                .fetch_one(&mut *self.0)
                .await?;
        Ok(Some((row.into(), known)))
    }

    /// A session with its user.
    pub async fn find_session(
        &mut self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<SessionAccount>, StoreError> {
        let query = format!(
            "SELECT s.id AS session_id, s.transport, s.method, s.provider, s.second_factor, s.provider_tokens, \
                    s.generation, s.ended_at IS NULL AND s.expires_at > now() AS alive, s.expires_at, {COLUMNS} \
             FROM sessions s JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id {JOINED} \
             WHERE s.tenant_id = $1 AND s.id = $2"
        );
        let row: Option<SessionColumns> = sqlx::query_as(AssertSqlSafe(query))
            .bind(tenant.uuid())
            .bind(session.uuid())
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.map(|row| SessionAccount {
            id: row.session_id.into(),
            transport: row.transport,
            method: row.method,
            provider: row.provider,
            second_factor: row.second_factor,
            provider_tokens: row.provider_tokens,
            generation: row.generation,
            alive: row.alive,
            expires_at: row.expires_at,
            account: row.account.into(),
        }))
    }

    /// A key, by its hash, with its user.
    pub async fn find_api_key(&mut self, hash: &[u8; 32]) -> Result<Option<ApiKeyAccount>, StoreError> {
        let query = format!(
            "SELECT k.id AS key_id, k.scopes, k.expires_at, k.revoked_at, {COLUMNS} \
             FROM api_keys k JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id {JOINED} WHERE k.hash = $1"
        );
        let row: Option<ApiKeyColumns> =
            sqlx::query_as(AssertSqlSafe(query)).bind(&hash[..]).fetch_optional(&mut *self.0).await?;
        Ok(row.map(|row| ApiKeyAccount {
            id: row.key_id.into(),
            scopes: row.scopes,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            account: row.account.into(),
        }))
    }

    /// Remembers that a key was used, at most once a minute.
    pub async fn api_key_used(
        &mut self,
        tenant: TenantId,
        key: ApiKeyId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE api_keys SET last_used_at = $3 \
             WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3 - interval '1 minute')",
        )
        .bind(tenant.uuid())
        .bind(key.uuid())
        .bind(now)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// The user for whom a link to set a password was made, while it can be used.
    pub async fn find_by_password_link(&mut self, hash: &[u8; 32]) -> Result<Option<AccountRow>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM password_links l \
             JOIN users u ON u.tenant_id = l.tenant_id AND u.id = l.user_id {JOINED} \
             WHERE l.hash = $1 AND l.used_at IS NULL AND l.expires_at > now()"
        );
        let row: Option<Row> =
            sqlx::query_as(AssertSqlSafe(query)).bind(&hash[..]).fetch_optional(&mut *self.0).await?;
        Ok(row.map(AccountRow::from))
    }

    /// A secret that was handed out and not confirmed yet, encrypted.
    pub async fn second_factor_begun(&mut self, tenant: TenantId, user: UserId) -> Result<Option<Vec<u8>>, StoreError> {
        let secret = sqlx::query_scalar(
            "SELECT secret FROM second_factors WHERE tenant_id = $1 AND user_id = $2 AND confirmed_at IS NULL",
        )
        .bind(tenant.uuid())
        .bind(user.uuid())
        .fetch_optional(&mut *self.0)
        .await?;
        Ok(secret)
    }
}
