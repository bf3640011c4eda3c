use std::time::Duration;

use millwright_core::{TenantScope, id::SourceId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::{
    StoreError,
    tenant::{ClockFence, SourceClock},
};

/// Clocks of the watched folders of all tenants, to be claimed.
pub struct SourceClocks<'t>(pub(crate) &'t mut PgConnection);

/// A clock whose lease this process holds.
#[derive(Debug, Clone, Copy)]
pub struct ClaimedClock {
    /// Whose source.
    pub scope: TenantScope,
    /// The right to write for it.
    pub fence: ClockFence,
}

impl SourceClocks<'_> {
    /// Claims up to `limit` clocks of a kind that are due and that no process works on, or none that was heard of for its
    /// lease. The tenant with the fewest passes under way comes first, then what has waited longest.
    pub async fn claim(
        &mut self,
        clock: SourceClock,
        owner: Uuid,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<ClaimedClock>, StoreError> {
        let rows: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(
            "UPDATE source_clocks c SET attempt = c.attempt + 1, lease_owner = $2, started_at = now(), \
                    lease_expires_at = now() + make_interval(secs => $3) \
             FROM (SELECT w.tenant_id, w.source_id FROM source_clocks w WHERE w.clock = $1 AND w.due_at <= now() \
                   AND (w.lease_expires_at IS NULL OR w.lease_expires_at < now()) \
                   ORDER BY (SELECT count(*) FROM source_clocks r WHERE r.tenant_id = w.tenant_id AND r.clock = $1 \
                             AND r.lease_expires_at >= now()), w.due_at LIMIT $4 FOR UPDATE OF w SKIP LOCKED) due \
             WHERE c.tenant_id = due.tenant_id AND c.source_id = due.source_id AND c.clock = $1 \
             RETURNING c.tenant_id, c.source_id, c.attempt",
        )
        .bind(clock.as_str())
        .bind(owner)
        .bind(lease.as_secs_f64())
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, source, attempt)| ClaimedClock {
                scope: scope_of(tenant),
                fence: ClockFence { source: SourceId::from(source), clock, owner, attempt },
            })
            .collect())
    }
}
