use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest,
    id::{SessionId, UserId},
};
use uuid::Uuid;

use super::text_enum;
use crate::{StoreError, tenant_tx::TenantConnection};

/// Sessions: one sign-in on one device each, and the family of its refresh tokens.
pub struct Sessions<'t>(pub(crate) TenantConnection<'t>);

text_enum! {
    /// How the session's tokens travel.
    Transport {
        /// In cookies that scripts cannot read.
        Cookie = "cookie",
        /// In answers and the `Authorization` header.
        Token = "token",
    }
}

text_enum! {
    /// How the session began.
    SignInMethod {
        /// With a password kept here.
        Password = "password",
        /// At an identity provider.
        Oidc = "oidc",
    }
}

text_enum! {
    /// Why a session ended before its time.
    SessionEnd {
        /// The person signed out.
        SignedOut = "signed_out",
        /// The person ended it from another session.
        EndedByUser = "ended_by_user",
        /// An admin ended it.
        EndedByAdmin = "ended_by_admin",
        /// One of its refresh tokens was used twice.
        RefreshReused = "refresh_reused",
        /// The password or the second factor changed, or the user was disabled.
        UserChanged = "user_changed",
        /// The identity provider would not renew it.
        RefusedByProvider = "refused_by_provider",
    }
}

/// A session to be begun.
#[derive(Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
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
    /// From where.
    pub address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SessionRow {
    /// The session.
    #[sqlx(try_from = "Uuid")]
    pub id: SessionId,
    /// How it began.
    #[sqlx(try_from = "String")]
    pub method: SignInMethod,
    /// At which provider.
    pub provider: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was last refreshed.
    pub last_used_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

impl Sessions<'_> {
    /// Begins a session.
    pub async fn insert(&mut self, session: &NewSession) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sessions (tenant_id, id, user_id, transport, method, provider, second_factor, provider_tokens, \
                                   address, user_agent, created_at, last_used_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)",
        )
        .bind(self.0.tenant)
        .bind(session.id.uuid())
        .bind(session.user_id.uuid())
        .bind(session.transport.as_str())
        .bind(session.method.as_str())
        .bind(&session.provider)
        .bind(session.second_factor)
        .bind(&session.provider_tokens)
        .bind(&session.address)
        .bind(&session.user_agent)
        .bind(session.created_at)
        .bind(session.expires_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// The user's sessions that have not ended, newest first.
    pub async fn list(&mut self, user: UserId, page: PageRequest) -> Result<Page<SessionRow>, StoreError> {
        let rows: Vec<SessionRow> = sqlx::query_as(
            "SELECT id, method, provider, address, user_agent, created_at, last_used_at, expires_at FROM sessions \
             WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > now() \
               AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4)) \
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

    /// Takes the refresh token of this number and makes the next one the good one. False when another number is good:
    /// then somebody uses a token twice.
    pub async fn rotate(&mut self, id: SessionId, generation: i32, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE sessions SET generation = generation + 1, last_used_at = $4 \
             WHERE tenant_id = $1 AND id = $2 AND generation = $3 AND ended_at IS NULL AND expires_at > $4",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(generation)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Keeps the provider's new tokens, encrypted.
    pub async fn set_provider_tokens(&mut self, id: SessionId, tokens: &[u8]) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET provider_tokens = $3 WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(tokens)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// A second factor was shown in it.
    pub async fn confirm_second_factor(&mut self, id: SessionId) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET second_factor = true WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Ends one session of the user and tells every replica; [`StoreError::NotFound`] when it is not there or has ended.
    pub async fn end(
        &mut self,
        user: UserId,
        id: SessionId,
        reason: SessionEnd,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        match self.end_where(user, Some(id), None, reason, now).await? {
            0 => Err(StoreError::NotFound("session")),
            _ => Ok(()),
        }
    }

    /// Ends all sessions of the user, but for one where that is said, and tells every replica. Returns how many.
    pub async fn end_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: SessionEnd,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.end_where(user, None, except, reason, now).await
    }

    async fn end_where(
        &mut self,
        user: UserId,
        only: Option<SessionId>,
        except: Option<SessionId>,
        reason: SessionEnd,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "WITH ended AS (UPDATE sessions SET ended_at = $6, end_reason = $5, provider_tokens = NULL \
                            WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL \
                              AND ($3::uuid IS NULL OR id = $3) AND ($4::uuid IS NULL OR id <> $4) RETURNING id) \
             INSERT INTO revocations (tenant_id, kind, subject) SELECT $1, 'session', id FROM ended",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(only.map(SessionId::uuid))
        .bind(except.map(SessionId::uuid))
        .bind(reason.as_str())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected())
    }
}
