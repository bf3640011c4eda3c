use millwright_core::{TenantScope, id::GoalId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// Goals that somebody has to look at.
pub struct DueGoals<'t>(pub(crate) &'t mut PgConnection);

/// A goal that nobody has looked at for a while.
#[derive(Debug, Clone)]
pub struct DueGoal {
    /// Whose.
    pub scope: TenantScope,
    /// Which.
    pub id: GoalId,
}

impl DueGoals<'_> {
    /// Claims up to `limit` goals of living tenants that nobody has looked at for some seconds, or whose planning has lost its
    /// process; those that wait longest first. One that cannot be looked at lets the others pass.
    pub async fn claim(&mut self, limit: i64) -> Result<Vec<DueGoal>, StoreError> {
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "WITH due AS ( \
                 SELECT g.tenant_id, g.id FROM goals g \
                 WHERE g.status IN ('planning', 'running') AND g.looked_at < now() - interval '4 seconds' \
                   AND (g.status = 'running' OR g.lease_expires_at < now()) \
                   AND EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = g.tenant_id \
                               AND t.suspended_at IS NULL AND t.deleted_at IS NULL) \
                 ORDER BY g.looked_at LIMIT $1 FOR UPDATE SKIP LOCKED) \
             UPDATE goals g SET looked_at = now() FROM due WHERE g.tenant_id = due.tenant_id AND g.id = due.id \
             RETURNING g.tenant_id, g.id",
        )
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.into_iter().map(|(tenant, id)| DueGoal { scope: scope_of(tenant), id: GoalId::from(id) }).collect())
    }
}
