use chrono::{DateTime, Utc};
use millwright_core::TenantScope;
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// What was remembered for long enough.
pub struct ExpiredMemories<'t>(pub(crate) &'t mut PgConnection);

impl ExpiredMemories<'_> {
    /// Up to `limit` tenants in which something has expired, any of them: one in which deleting fails keeps no other from its
    /// turn.
    pub async fn tenants(&mut self, now: DateTime<Utc>, limit: i64) -> Result<Vec<TenantScope>, StoreError> {
        let rows: Vec<Uuid> = sqlx::query_scalar(
            "SELECT tenant_id FROM (SELECT DISTINCT tenant_id FROM memories WHERE expires_at <= $1) due \
             ORDER BY random() LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.into_iter().map(scope_of).collect())
    }
}
