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
    /// Up to `limit` goals under way that nobody has looked at for some seconds, or whose planning has lost its process; those that
    /// wait longest first.
    pub async fn list(&mut self, limit: i64) -> Result<Vec<DueGoal>, StoreError> {
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "SELECT tenant_id, id FROM goals \
             WHERE status = 'running' AND looked_at < now() - interval '4 seconds' \
                OR status = 'planning' AND lease_expires_at < now() \
             ORDER BY looked_at LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.into_iter().map(|(tenant, id)| DueGoal { scope: scope_of(tenant), id: GoalId::from(id) }).collect())
    }
}
