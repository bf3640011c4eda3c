use chrono::{DateTime, Utc};
use millwright_core::{Role, id::UserId};
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// The tenant's security policy, second factors, and links that set a password.
pub struct Security<'t>(pub(crate) TenantConnection<'t>);

/// What the tenant asks of those who sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityPolicy {
    /// Roles that need a second factor.
    pub second_factor_roles: Vec<Role>,
    /// Whether passwords kept here may be used.
    pub password_sign_in: bool,
}

/// Whether a second factor is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactorState {
    /// There is none.
    Absent,
    /// A secret was handed out; no code has confirmed it.
    Begun,
    /// It is asked for.
    Confirmed,
}

impl Security<'_> {
    /// The policy.
    pub async fn policy(&mut self) -> Result<SecurityPolicy, StoreError> {
        let (roles, password_sign_in): (Vec<String>, bool) =
            sqlx::query_as("SELECT second_factor_roles, password_sign_in FROM tenants WHERE tenant_id = $1")
                .bind(self.0.tenant)
                .fetch_one(&mut *self.0.connection)
                .await?;
        let roles = roles.into_iter().map(Role::try_from).collect::<Result<_, _>>();
        let second_factor_roles = roles.map_err(|_| StoreError::UnknownValue("second_factor_roles"))?;
        Ok(SecurityPolicy { second_factor_roles, password_sign_in })
    }

    /// Changes the policy. Tokens of those for whom the second factor is needed from now on, or not any more, are ended, so
    /// that it holds at once.
    pub async fn set_policy(&mut self, policy: &SecurityPolicy) -> Result<(), StoreError> {
        let before = self.policy().await?.second_factor_roles;
        let differs = |role: &Role| before.contains(role) != policy.second_factor_roles.contains(role);
        let changed: Vec<_> = Role::ALL.into_iter().filter(differs).map(Role::as_str).collect();
        let roles: Vec<_> = policy.second_factor_roles.iter().map(|role| role.as_str()).collect();
        sqlx::query("UPDATE tenants SET second_factor_roles = $2, password_sign_in = $3 WHERE tenant_id = $1")
            .bind(self.0.tenant)
            .bind(&roles)
            .bind(policy.password_sign_in)
            .execute(&mut *self.0.connection)
            .await?;
        sqlx::query(
            "WITH raised AS (UPDATE users SET access_version = access_version + 1 \
                             WHERE tenant_id = $1 AND role = ANY ($2) AND kind = 'person' RETURNING id, access_version) \
             INSERT INTO revocations (tenant_id, kind, subject, version) \
             SELECT $1, 'user', id, access_version FROM raised",
        )
        .bind(self.0.tenant)
        .bind(&changed)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Whether the user has a second factor.
    pub async fn second_factor(&mut self, user: UserId) -> Result<SecondFactorState, StoreError> {
        let confirmed: Option<Option<DateTime<Utc>>> =
            sqlx::query_scalar("SELECT confirmed_at FROM second_factors WHERE tenant_id = $1 AND user_id = $2")
                .bind(self.0.tenant)
                .bind(user.uuid())
                .fetch_optional(&mut *self.0.connection)
                .await?;
        Ok(match confirmed {
            None => SecondFactorState::Absent,
            Some(None) => SecondFactorState::Begun,
            Some(Some(_)) => SecondFactorState::Confirmed,
        })
    }

    /// Keeps a secret until a code confirms it, in place of one that was never confirmed. False when there is a
    /// confirmed one.
    pub async fn begin_second_factor(
        &mut self,
        user: UserId,
        secret: &[u8],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO second_factors (tenant_id, user_id, secret, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant_id, user_id) DO UPDATE SET secret = $3, created_at = $4 \
             WHERE second_factors.confirmed_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(secret)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A code of this time step was right: takes the step, once. False when it, or a later one, was taken before.
    pub async fn take_step(&mut self, user: UserId, step: i64) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE second_factors SET last_step = $3 WHERE tenant_id = $1 AND user_id = $2 AND last_step < $3",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(step)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The second factor is asked for from now on.
    pub async fn confirm_second_factor(&mut self, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE second_factors SET confirmed_at = $3 WHERE tenant_id = $1 AND user_id = $2 AND confirmed_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Takes the second factor away, with its recovery codes. [`StoreError::NotFound`] when there is none.
    pub async fn remove_second_factor(&mut self, user: UserId) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM second_factors WHERE tenant_id = $1 AND user_id = $2")
            .bind(self.0.tenant)
            .bind(user.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("second factor")) } else { Ok(()) }
    }

    /// Replaces all recovery codes.
    pub async fn set_recovery_codes(&mut self, user: UserId, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2")
            .bind(self.0.tenant)
            .bind(user.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        sqlx::query("INSERT INTO recovery_codes (tenant_id, user_id, hash) SELECT $1, $2, unnest($3::bytea[])")
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(hashes.iter().map(|hash| &hash[..]).collect::<Vec<_>>())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Uses up a recovery code. False when there is no such unused code.
    pub async fn take_recovery_code(
        &mut self,
        user: UserId,
        hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE recovery_codes SET used_at = $4 WHERE tenant_id = $1 AND user_id = $2 AND hash = $3 AND used_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(&hash[..])
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Uses up a step-up proof. False when it was used before.
    pub async fn take_proof(&mut self, id: Uuid, expires_at: DateTime<Utc>) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO used_proofs (tenant_id, id, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(self.0.tenant)
        .bind(id)
        .bind(expires_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Makes a link with which the user sets a password once; earlier ones of the user stop working.
    pub async fn insert_password_link(
        &mut self,
        user: UserId,
        hash: &[u8; 32],
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.end_password_links(user, now).await?;
        sqlx::query(
            "INSERT INTO password_links (tenant_id, hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.0.tenant)
        .bind(&hash[..])
        .bind(user.uuid())
        .bind(now)
        .bind(expires_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// All links of the user stop working.
    pub async fn end_password_links(&mut self, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("UPDATE password_links SET used_at = $3 WHERE tenant_id = $1 AND user_id = $2 AND used_at IS NULL")
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(now)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Uses up a link. False when it was used, or has expired.
    pub async fn take_password_link(&mut self, hash: &[u8; 32], now: DateTime<Utc>) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE password_links SET used_at = $3 \
             WHERE tenant_id = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3",
        )
        .bind(self.0.tenant)
        .bind(&hash[..])
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
