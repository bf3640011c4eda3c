use millwright_core::{TenantScope, id::RunId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// Runs whose process died.
pub struct LeasedRuns<'t>(pub(crate) &'t mut PgConnection);

/// A run that nobody has renewed for its lease.
#[derive(Debug, Clone)]
pub struct ExpiredRun {
    /// Whose run.
    pub scope: TenantScope,
    /// Which run.
    pub id: RunId,
}

impl LeasedRuns<'_> {
    /// Up to `limit` runs whose lease ran out.
    pub async fn list_expired(&mut self, limit: i64) -> Result<Vec<ExpiredRun>, StoreError> {
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "SELECT tenant_id, id FROM runs WHERE status = 'running' AND lease_expires_at < now() LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.into_iter().map(|(tenant, id)| ExpiredRun { scope: scope_of(tenant), id: RunId::from(id) }).collect())
    }
}
