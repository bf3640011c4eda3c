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

/// Each tenant's clocks take turns behind those that it has under way, so that one tenant whose clocks are all due leaves
/// places to the others in this claim too. They are locked once elected, and looked at again then: another process may
/// have been faster.
const CLAIM: &str = "WITH busy AS (SELECT tenant_id, count(*) AS running FROM source_clocks \
              WHERE clock = $1 AND lease_expires_at >= now() GROUP BY tenant_id), \
     candidates AS ( \
         SELECT w.tenant_id, w.source_id, w.due_at, \
                coalesce(b.running, 0) + row_number() OVER (PARTITION BY w.tenant_id ORDER BY w.due_at) AS turn \
         FROM source_clocks w LEFT JOIN busy b ON b.tenant_id = w.tenant_id \
         WHERE w.clock = $1 AND w.due_at <= now() AND (w.lease_expires_at IS NULL OR w.lease_expires_at < now())), \
     due AS ( \
         SELECT l.* FROM (SELECT tenant_id, source_id FROM candidates ORDER BY turn, due_at LIMIT $4 + 64) e \
         CROSS JOIN LATERAL ( \
             SELECT w.tenant_id, w.source_id FROM source_clocks w \
             WHERE w.tenant_id = e.tenant_id AND w.source_id = e.source_id AND w.clock = $1 AND w.due_at <= now() \
               AND (w.lease_expires_at IS NULL OR w.lease_expires_at < now()) \
             FOR UPDATE SKIP LOCKED) l \
         LIMIT $4) \
     UPDATE source_clocks c SET attempt = c.attempt + 1, lease_owner = $2, started_at = now(), \
            lease_expires_at = now() + make_interval(secs => $3) \
     FROM due WHERE c.tenant_id = due.tenant_id AND c.source_id = due.source_id AND c.clock = $1 \
     RETURNING c.tenant_id, c.source_id, c.attempt";

impl SourceClocks<'_> {
    /// Claims up to `limit` clocks of a kind that are due and that no process works on, or none that was heard of for its
    /// lease. The tenant with the fewest passes, under way or claimed here, comes first, then what has waited longest.
    pub async fn claim(
        &mut self,
        clock: SourceClock,
        owner: Uuid,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<ClaimedClock>, StoreError> {
        let rows: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(CLAIM)
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
