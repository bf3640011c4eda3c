use chrono::{DateTime, Utc};
use millwright_core::{TenantScope, id::TenantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// All tenants.
pub struct Tenants<'t>(pub(crate) &'t mut PgConnection);

/// A tenant.
#[derive(Debug, Clone)]
pub struct TenantRow {
    /// To open its transactions.
    pub scope: TenantScope,
    /// Its name.
    pub name: String,
}

impl Tenants<'_> {
    /// Creates a tenant.
    pub async fn insert(&mut self, id: TenantId, name: &str, now: DateTime<Utc>) -> Result<TenantRow, StoreError> {
        sqlx::query("INSERT INTO tenants (tenant_id, name, created_at) VALUES ($1, $2, $3)")
            .bind(id.uuid())
            .bind(name)
            .bind(now)
            .execute(&mut *self.0)
            .await?;
        Ok(TenantRow { scope: scope_of(id.uuid()), name: name.to_owned() })
    }

    /// The tenant of that name, if there is one.
    pub async fn find_by_name(&mut self, name: &str) -> Result<Option<TenantRow>, StoreError> {
        Ok(self.list().await?.into_iter().find(|tenant| tenant.name == name))
    }

    /// All tenants, oldest first.
    pub async fn list(&mut self) -> Result<Vec<TenantRow>, StoreError> {
        let rows: Vec<(Uuid, String)> =
            sqlx::query_as("SELECT tenant_id, name FROM tenants ORDER BY created_at, tenant_id")
                .fetch_all(&mut *self.0)
                .await?;
        Ok(rows.into_iter().map(|(id, name)| TenantRow { scope: scope_of(id), name }).collect())
    }
}
