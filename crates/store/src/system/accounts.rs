use chrono::{DateTime, Utc};
use millwright_core::{Role, TenantScope, id::UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// Users by e-mail address, for sign-in.
pub struct Accounts<'t>(pub(crate) &'t mut PgConnection);

/// What sign-in needs to know of a user.
#[derive(Clone)]
pub struct AccountRow {
    /// The user.
    pub user_id: UserId,
    /// The user's tenant.
    pub scope: TenantScope,
    /// The tenant's name.
    pub tenant_name: String,
    /// E-mail address.
    pub email: String,
    /// As shown to others.
    pub display_name: String,
    /// What the user may do.
    pub role: Role,
    /// PHC string of the password.
    pub password_hash: String,
    /// Set when the user may no longer sign in.
    pub disabled_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    tenant_name: String,
    email: String,
    display_name: String,
    #[sqlx(try_from = "String")]
    role: Role,
    password_hash: String,
    disabled_at: Option<DateTime<Utc>>,
}

impl Accounts<'_> {
    /// The user with this lower-case e-mail address.
    pub async fn find_by_email(&mut self, email: &str) -> Result<Option<AccountRow>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT u.id, u.tenant_id, t.name AS tenant_name, u.email, u.display_name, u.role, u.password_hash, \
                    u.disabled_at \
             FROM users u JOIN tenants t ON t.tenant_id = u.tenant_id WHERE u.email = $1",
        )
        .bind(email)
        .fetch_optional(&mut *self.0)
        .await?;
        Ok(row.map(|row| AccountRow {
            user_id: UserId::from(row.id),
            scope: scope_of(row.tenant_id),
            tenant_name: row.tenant_name,
            email: row.email,
            display_name: row.display_name,
            role: row.role,
            password_hash: row.password_hash,
            disabled_at: row.disabled_at,
        }))
    }
}
