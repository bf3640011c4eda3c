use chrono::{DateTime, Utc};
use millwright_core::{Role, id::UserId};
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// People of the tenant.
pub struct Users<'t>(pub(crate) TenantConnection<'t>);

/// A user to be created.
#[derive(Debug)]
pub struct NewUser {
    /// The user's id.
    pub id: UserId,
    /// Lower-case e-mail address, unique over the whole platform.
    pub email: String,
    /// As shown to others.
    pub display_name: String,
    /// What the user may do.
    pub role: Role,
    /// PHC string of the password.
    pub password_hash: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A user as others see them, with the tenant's name.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UserRow {
    /// The user.
    #[sqlx(try_from = "Uuid")]
    pub id: UserId,
    /// E-mail address.
    pub email: String,
    /// As shown to others.
    pub display_name: String,
    /// What the user may do.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// The tenant's name.
    pub tenant_name: String,
    /// Set when the user may no longer sign in.
    pub disabled_at: Option<DateTime<Utc>>,
}

impl Users<'_> {
    /// The user, if there is one.
    pub async fn get(&mut self, id: UserId) -> Result<Option<UserRow>, StoreError> {
        let row = sqlx::query_as(
            "SELECT u.id, u.email, u.display_name, u.role, u.disabled_at, t.name AS tenant_name \
             FROM users u JOIN tenants t ON t.tenant_id = u.tenant_id WHERE u.tenant_id = $1 AND u.id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(row)
    }

    /// Creates a user.
    pub async fn insert(&mut self, user: &NewUser) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO users (tenant_id, id, email, display_name, role, password_hash, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.0.tenant)
        .bind(user.id.uuid())
        .bind(&user.email)
        .bind(&user.display_name)
        .bind(user.role.as_str())
        .bind(&user.password_hash)
        .bind(user.created_at)
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
}
