use chrono::{DateTime, Utc};
use millwright_core::id::{ApiKeyId, SessionId, TenantId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::StoreError;

/// How access ends, over all tenants: the feed of revocations and the counts of failed attempts.
pub struct Access<'t>(pub(crate) &'t mut PgConnection);

/// Something that ended before its credentials expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationRow {
    /// A session.
    Session(SessionId),
    /// A key.
    ApiKey(ApiKeyId),
    /// Credentials of a user with a lower access version.
    User(UserId, i64),
    /// A tenant: true while it is suspended.
    Tenant(TenantId, bool),
}

/// What one look at the feed brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationsSince {
    /// In the order of writing.
    pub revocations: Vec<RevocationRow>,
    /// Where the next look begins: nothing before it can still appear.
    pub position: i64,
}

/// What a credential's own rows say now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: UserId,
    /// The session, where it is one.
    pub session: Option<SessionId>,
    /// The key, where it is one.
    pub api_key: Option<ApiKeyId>,
    /// The user's access version when the credential was made.
    pub access_version: i64,
}

impl Access<'_> {
    /// Everything revoked since a position that an earlier look returned; 0 for everything that is kept.
    pub async fn revocations_since(&mut self, position: i64) -> Result<RevocationsSince, StoreError> {
        // The position first: what commits between the two is seen now and once more at the next look.
        let next: i64 = sqlx::query_scalar("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            .fetch_one(&mut *self.0)
            .await?;
        let rows: Vec<(String, Uuid, i64)> = sqlx::query_as(
            "SELECT kind, subject, version FROM revocations WHERE written_by >= $1::text::xid8 ORDER BY sequence",
        )
        .bind(position.to_string())
        .fetch_all(&mut *self.0)
        .await?;
        let revocation = |(kind, subject, version): (String, Uuid, i64)| match kind.as_str() {
            "session" => Ok(RevocationRow::Session(subject.into())),
            "api_key" => Ok(RevocationRow::ApiKey(subject.into())),
            "user" => Ok(RevocationRow::User(subject.into(), version)),
            "tenant" => Ok(RevocationRow::Tenant(subject.into(), version != 0)),
            _ => Err(StoreError::UnknownValue("revocations.kind")),
        };
        let revocations = rows.into_iter().map(revocation).collect::<Result<_, _>>()?;
        Ok(RevocationsSince { revocations, position: next })
    }

    /// Tenants that are suspended or deleted.
    pub async fn suspended_tenants(&mut self) -> Result<Vec<TenantId>, StoreError> {
        let tenants: Vec<Uuid> = sqlx::query_scalar(
            "SELECT tenant_id FROM tenants WHERE suspended_at IS NOT NULL OR deleted_at IS NOT NULL",
        )
        .fetch_all(&mut *self.0)
        .await?;
        Ok(tenants.into_iter().map(TenantId::from).collect())
    }

    /// Whether the credential holds, asked of its rows: for when the feed has fallen behind.
    pub async fn holds(&mut self, credential: &Credential) -> Result<bool, StoreError> {
        let holds: Option<bool> = sqlx::query_scalar(
            "SELECT u.disabled_at IS NULL AND u.access_version <= $3 \
                    AND t.suspended_at IS NULL AND t.deleted_at IS NULL \
                    AND ($4::uuid IS NULL OR EXISTS (SELECT 1 FROM sessions s WHERE s.tenant_id = $1 AND s.id = $4 \
                                                     AND s.ended_at IS NULL)) \
                    AND ($5::uuid IS NULL OR EXISTS (SELECT 1 FROM api_keys k WHERE k.tenant_id = $1 AND k.id = $5 \
                                                     AND k.revoked_at IS NULL)) \
             FROM users u JOIN tenants t ON t.tenant_id = u.tenant_id WHERE u.tenant_id = $1 AND u.id = $2",
        )
        .bind(credential.tenant.uuid())
        .bind(credential.user.uuid())
        .bind(credential.access_version)
        .bind(credential.session.map(SessionId::uuid))
        .bind(credential.api_key.map(ApiKeyId::uuid))
        .fetch_optional(&mut *self.0)
        .await?;
        Ok(holds.unwrap_or(false))
    }

    /// Until when the next attempt under any of these keys is refused, if it is.
    pub async fn blocked_until(&mut self, keys: &[[u8; 32]]) -> Result<Option<DateTime<Utc>>, StoreError> {
        let until = sqlx::query_scalar("SELECT max(blocked_until) FROM failed_attempts WHERE key = ANY ($1)")
            .bind(keys.iter().map(|key| &key[..]).collect::<Vec<_>>())
            .fetch_one(&mut *self.0)
            .await?;
        Ok(until)
    }

    /// Counts an attempt as a failure before its outcome is known, so that attempts at the same moment count each other.
    /// Returns how many there have been, this one included, until a day without any; `None` when attempts are refused.
    pub async fn begin_attempt(&mut self, key: &[u8; 32], now: DateTime<Utc>) -> Result<Option<i32>, StoreError> {
        let failures = sqlx::query_scalar(
            "INSERT INTO failed_attempts (key, failures, last_failure_at, blocked_until) VALUES ($1, 1, $2, to_timestamp(0)) \
             ON CONFLICT (key) DO UPDATE SET last_failure_at = $2, failures = CASE \
                 WHEN failed_attempts.last_failure_at < $2 - interval '1 day' THEN 1 \
                 ELSE least(failed_attempts.failures + 1, 1000000) END \
             WHERE failed_attempts.blocked_until <= $2 RETURNING failures",
        )
        .bind(&key[..])
        .bind(now)
        .fetch_optional(&mut *self.0)
        .await?;
        Ok(failures)
    }

    /// Counts a failure and returns how many there have been, this one included, less one for each `forgives` that passed
    /// since the last.
    pub async fn count_failure(
        &mut self,
        key: &[u8; 32],
        forgives: std::time::Duration,
        now: DateTime<Utc>,
    ) -> Result<i32, StoreError> {
        let failures = sqlx::query_scalar(
            "INSERT INTO failed_attempts (key, failures, last_failure_at, blocked_until) VALUES ($1, 1, $2, to_timestamp(0)) \
             ON CONFLICT (key) DO UPDATE SET last_failure_at = $2, failures = 1 + greatest(0, \
                 least(failed_attempts.failures, 1000000) - \
                 floor(least(extract(epoch FROM $2 - failed_attempts.last_failure_at) / $3, 1000000))::integer) \
             RETURNING failures",
        )
        .bind(&key[..])
        .bind(now)
        .bind(i64::try_from(forgives.as_secs()).unwrap_or(i64::MAX).max(1))
        .fetch_one(&mut *self.0)
        .await?;
        Ok(failures)
    }

    /// Refuses attempts under this key for a while.
    pub async fn block_until(&mut self, key: &[u8; 32], until: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("UPDATE failed_attempts SET blocked_until = greatest(blocked_until, $2) WHERE key = $1")
            .bind(&key[..])
            .bind(until)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Forgets the failures under these keys: the right secret was shown.
    pub async fn forget_failures(&mut self, keys: &[[u8; 32]]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM failed_attempts WHERE key = ANY ($1)")
            .bind(keys.iter().map(|key| &key[..]).collect::<Vec<_>>())
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Removes what nobody asks for any more: revocations older than every token, old failures, used proofs, and sessions
    /// and links that ended a month ago.
    pub async fn tidy(&mut self, now: DateTime<Utc>, token_life: chrono::Duration) -> Result<(), StoreError> {
        for (statement, before) in [
            ("DELETE FROM revocations WHERE created_at < $1", now - token_life),
            ("DELETE FROM failed_attempts WHERE last_failure_at < $1", now - chrono::Duration::days(2)),
            ("DELETE FROM used_proofs WHERE expires_at < $1", now),
            ("DELETE FROM sessions WHERE expires_at < $1", now - chrono::Duration::days(30)),
            ("DELETE FROM password_links WHERE expires_at < $1", now - chrono::Duration::days(30)),
        ] {
            sqlx::query(statement).bind(before).execute(&mut *self.0).await?;
        }
        Ok(())
    }
}
