use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest, Permission,
    id::{ApiKeyId, UserId},
};
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// Keys of programs. The hash is written and never read back here.
pub struct ApiKeys<'t>(pub(crate) TenantConnection<'t>);

/// A key to be created.
#[derive(Debug)]
pub struct NewApiKeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose rights it carries.
    pub user_id: UserId,
    /// What it is called.
    pub name: String,
    /// Its readable beginning.
    pub prefix: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// A key without its secret.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ApiKeyRow {
    /// The key.
    #[sqlx(try_from = "Uuid")]
    pub id: ApiKeyId,
    /// What it is called.
    pub name: String,
    /// Its readable beginning.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Set when it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKeys<'_> {
    /// Creates a key.
    pub async fn insert(&mut self, key: &NewApiKeyRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO api_keys (tenant_id, id, user_id, name, prefix, hash, scopes, created_by, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(self.0.tenant)
        .bind(key.id.uuid())
        .bind(key.user_id.uuid())
        .bind(&key.name)
        .bind(&key.prefix)
        .bind(&key.hash[..])
        .bind(key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>())
        .bind(key.created_by.uuid())
        .bind(key.created_at)
        .bind(key.expires_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// The user's keys, newest first; revoked and expired ones too, for the record.
    pub async fn list(&mut self, user: UserId, page: PageRequest) -> Result<Page<ApiKeyRow>, StoreError> {
        let rows: Vec<ApiKeyRow> = sqlx::query_as(
            "SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at FROM api_keys \
             WHERE tenant_id = $1 AND user_id = $2 AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4)) \
             ORDER BY created_at DESC, id DESC LIMIT $5",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(page.after.map(|cursor| cursor.at))
        .bind(page.after.map(|cursor| cursor.id))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.created_at, id: row.id.uuid() }))
    }

    /// Whether the key still works.
    pub async fn is_usable(&mut self, id: ApiKeyId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let is_usable = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM api_keys WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > $3)",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(is_usable)
    }

    /// Revokes a key of the user and tells every replica; [`StoreError::NotFound`] when it is not there or was revoked.
    pub async fn revoke(&mut self, user: UserId, id: ApiKeyId, now: DateTime<Utc>) -> Result<(), StoreError> {
        match self.revoke_where(user, Some(id), now).await? {
            0 => Err(StoreError::NotFound("API key")),
            _ => Ok(()),
        }
    }

    /// Revokes all keys of the user and tells every replica.
    pub async fn revoke_all(&mut self, user: UserId, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.revoke_where(user, None, now).await
    }

    async fn revoke_where(
        &mut self,
        user: UserId,
        only: Option<ApiKeyId>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "WITH ended AS (UPDATE api_keys SET revoked_at = $4 \
                            WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL \
                              AND ($3::uuid IS NULL OR id = $3) RETURNING id) \
             INSERT INTO revocations (tenant_id, kind, subject) SELECT $1, 'api_key', id FROM ended",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(only.map(ApiKeyId::uuid))
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected())
    }
}
