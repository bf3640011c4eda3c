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
    /// Whether nobody of it may sign in.
    pub suspended: bool,
}

impl Tenants<'_> {
    /// The tenant that an identity provider's claim means: by its id as it is shown, or by its name.
    pub async fn find_by_claim(&mut self, claim: &str) -> Result<Option<TenantRow>, StoreError> {
        let id = claim.parse::<TenantId>().ok().map(TenantId::uuid);
        if claim.contains(char::is_control) {
            return Ok(None);
        }
        let row: Option<(Uuid, String, bool)> = sqlx::query_as(
            "SELECT tenant_id, name, suspended_at IS NOT NULL FROM tenants WHERE (tenant_id = $1 OR name = $2) AND deleted_at IS NULL \
             ORDER BY tenant_id = $1 DESC NULLS LAST LIMIT 1",
        )
        .bind(id)
        .bind(claim)
        .fetch_optional(&mut *self.0)
        .await?;
        Ok(row.map(|(id, name, suspended)| TenantRow { scope: scope_of(id), name, suspended }))
    }

    /// The tenant of that name, if there is one.
    pub async fn find_by_name(&mut self, name: &str) -> Result<Option<TenantRow>, StoreError> {
        Ok(self.list().await?.into_iter().find(|tenant| tenant.name == name))
    }

    /// Tenants of which only the audit log is left.
    pub async fn list_deleted(&mut self) -> Result<Vec<TenantScope>, StoreError> {
        let ids: Vec<Uuid> = sqlx::query_scalar("SELECT tenant_id FROM tenants WHERE deleted_at IS NOT NULL")
            .fetch_all(&mut *self.0)
            .await?;
        Ok(ids.into_iter().map(scope_of).collect())
    }

    /// All tenants, oldest first.
    pub async fn list(&mut self) -> Result<Vec<TenantRow>, StoreError> {
        let rows: Vec<(Uuid, String, bool)> = sqlx::query_as(
            "SELECT tenant_id, name, suspended_at IS NOT NULL FROM tenants ORDER BY created_at, tenant_id",
        )
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.into_iter().map(|(id, name, suspended)| TenantRow { scope: scope_of(id), name, suspended }).collect())
    }
}
