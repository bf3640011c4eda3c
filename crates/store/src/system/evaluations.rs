use millwright_core::{TenantScope, id::EvaluationId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// Evaluations that somebody has to look at.
pub struct DueEvaluations<'t>(pub(crate) &'t mut PgConnection);

/// An evaluation that nobody has looked at for a while.
#[derive(Debug, Clone)]
pub struct DueEvaluation {
    /// Whose.
    pub scope: TenantScope,
    /// Which.
    pub id: EvaluationId,
}

impl DueEvaluations<'_> {
    /// Claims up to `limit` evaluations of living tenants that nobody has looked at for some seconds, those that wait longest
    /// first.
    pub async fn claim(&mut self, limit: i64) -> Result<Vec<DueEvaluation>, StoreError> {
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "WITH due AS ( \
                 SELECT e.tenant_id, e.id FROM evaluations e \
                 WHERE e.status IN ('queued', 'running') AND e.looked_at < now() - interval '2 seconds' \
                   AND EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = e.tenant_id \
                               AND t.suspended_at IS NULL AND t.deleted_at IS NULL) \
                 ORDER BY e.looked_at LIMIT $1 FOR UPDATE SKIP LOCKED) \
             UPDATE evaluations e SET looked_at = now() FROM due WHERE e.tenant_id = due.tenant_id AND e.id = due.id \
             RETURNING e.tenant_id, e.id",
        )
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.into_iter().map(|(tenant, id)| DueEvaluation { scope: scope_of(tenant), id: id.into() }).collect())
    }
}
