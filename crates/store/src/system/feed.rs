use millwright_core::TenantScope;
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// Which tenants' keyword indexes have changes to follow.
pub struct Feed<'t>(pub(crate) &'t mut PgConnection);

/// The newest change of a tenant that may be read now.
#[derive(Debug, Clone)]
pub struct FeedState {
    /// Whose feed.
    pub scope: TenantScope,
    /// Transaction of the newest change; 0 with no changes at all.
    pub written_by: i64,
    /// Order inside of it.
    pub sequence: i64,
}

impl Feed<'_> {
    /// Every tenant that has changes, with the newest that no running transaction can still overtake.
    pub async fn list(&mut self) -> Result<Vec<FeedState>, StoreError> {
        let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(
            "SELECT DISTINCT ON (tenant_id) tenant_id, written_by::text::bigint, sequence FROM index_changes \
             WHERE written_by < pg_snapshot_xmin(pg_current_snapshot()) \
             ORDER BY tenant_id, written_by DESC, sequence DESC",
        )
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, written_by, sequence)| FeedState { scope: scope_of(tenant), written_by, sequence })
            .collect())
    }

    /// Tenants with changes after a position that all of this process's indexes have reached, each with its newest
    /// change, in the order of those.
    pub async fn tenants_after(&mut self, written_by: i64, sequence: i64) -> Result<Vec<FeedState>, StoreError> {
        let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(
            "SELECT tenant_id, written_by::text::bigint, sequence FROM ( \
                 SELECT DISTINCT ON (tenant_id) tenant_id, written_by, sequence FROM index_changes \
                 WHERE (written_by, sequence) > ($1::text::xid8, $2) \
                   AND written_by < pg_snapshot_xmin(pg_current_snapshot()) \
                 ORDER BY tenant_id, written_by DESC, sequence DESC) newest \
             ORDER BY written_by, sequence",
        )
        .bind(written_by.to_string())
        .bind(sequence)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, written_by, sequence)| FeedState { scope: scope_of(tenant), written_by, sequence })
            .collect())
    }
}
