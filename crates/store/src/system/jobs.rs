use std::time::Duration;

use millwright_core::{TenantScope, id::JobId};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::{StoreError, tenant::JobFence};

/// Jobs of all tenants, to be claimed and ended.
pub struct ClaimedJobs<'t>(pub(crate) &'t mut PgConnection);

/// A job whose lease this process holds.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// Whose job.
    pub scope: TenantScope,
    /// The right to write for it.
    pub fence: JobFence,
    /// Which handler.
    pub kind: String,
    /// What the handler is told.
    pub payload: Value,
    /// What it works on.
    pub resource_id: Option<String>,
    /// Given up after this many attempts.
    pub max_attempts: i32,
    /// Set when the attempt before died without a word.
    pub taken_over: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant_id: Uuid,
    id: Uuid,
    kind: String,
    payload: Value,
    resource_id: Option<String>,
    attempts: i32,
    max_attempts: i32,
    taken_over: bool,
}

/// Of each tenant some of its oldest jobs stand for election: more than are wanted, because others may hold some locked.
/// They are locked only once elected, and looked at again then.
const CLAIM: &str = "WITH RECURSIVE waiting AS ( \
         (SELECT tenant_id FROM jobs WHERE status = 'queued' ORDER BY tenant_id LIMIT 1) \
         UNION ALL \
         SELECT (SELECT j.tenant_id FROM jobs j WHERE j.status = 'queued' AND j.tenant_id > w.tenant_id \
                 ORDER BY j.tenant_id LIMIT 1) \
         FROM waiting w WHERE w.tenant_id IS NOT NULL), \
     busy AS (SELECT tenant_id, count(*) AS running FROM jobs \
              WHERE status = 'running' AND lease_expires_at >= now() GROUP BY tenant_id), \
     candidates AS ( \
         SELECT o.tenant_id, o.id, o.run_at, coalesce(b.running, 0) + row_number() OVER (PARTITION BY o.tenant_id ORDER BY o.run_at) AS turn \
         FROM waiting w CROSS JOIN LATERAL ( \
             SELECT j.tenant_id, j.id, j.run_at FROM jobs j \
             WHERE j.tenant_id = w.tenant_id AND j.status = 'queued' AND j.run_at <= now() \
             ORDER BY j.run_at LIMIT $3 + 16) o \
         LEFT JOIN busy b ON b.tenant_id = o.tenant_id WHERE b.tenant_id IS NULL OR NOT $4 \
         UNION ALL \
         SELECT tenant_id, id, run_at, 0 FROM jobs WHERE status = 'running' AND lease_expires_at < now() AND NOT $4), \
     due AS ( \
         SELECT l.* FROM (SELECT tenant_id, id FROM candidates ORDER BY turn, run_at LIMIT $3 + 64) c \
         CROSS JOIN LATERAL ( \
             SELECT j.tenant_id, j.id, j.status = 'running' AS taken_over FROM jobs j \
             WHERE j.tenant_id = c.tenant_id AND j.id = c.id \
               AND ((j.status = 'queued' AND j.run_at <= now()) OR (j.status = 'running' AND j.lease_expires_at < now())) \
             FOR UPDATE SKIP LOCKED) l \
         LIMIT $3) \
     UPDATE jobs j SET status = 'running', attempts = j.attempts + 1, lease_owner = $1, \
            lease_expires_at = now() + make_interval(secs => $2) \
     FROM due WHERE j.tenant_id = due.tenant_id AND j.id = due.id \
     RETURNING j.tenant_id, j.id, j.kind, j.payload, j.resource_id, j.attempts, j.max_attempts, due.taken_over";

impl ClaimedJobs<'_> {
    /// How the database would carry out [`claim`](Self::claim), one line of the plan an item.
    #[cfg(feature = "testkit")]
    pub async fn explain_claim(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {CLAIM}")))
            .bind(Uuid::nil())
            .bind(60.0_f64)
            .bind(4_i64)
            .bind(false)
            .fetch_all(&mut *self.0)
            .await?)
    }

    /// Claims up to `limit` jobs that are due, or whose worker has not been heard of for its lease. The tenant with the
    /// fewest running jobs comes first, so that the long queue of one holds up no other; within a tenant the oldest.
    pub async fn claim(&mut self, owner: Uuid, lease: Duration, limit: i64) -> Result<Vec<ClaimedJob>, StoreError> {
        self.claim_of(owner, lease, limit, false).await
    }

    /// The same for tenants of which no job is running.
    pub async fn claim_for_idle_tenants(
        &mut self,
        owner: Uuid,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        self.claim_of(owner, lease, limit, true).await
    }

    async fn claim_of(
        &mut self,
        owner: Uuid,
        lease: Duration,
        limit: i64,
        idle_only: bool,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(CLAIM)
            .bind(owner)
            .bind(lease.as_secs_f64())
            .bind(limit)
            .bind(idle_only)
            .fetch_all(&mut *self.0)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| ClaimedJob {
                scope: scope_of(row.tenant_id),
                fence: JobFence { id: JobId::from(row.id), owner, attempt: row.attempts },
                kind: row.kind,
                payload: row.payload,
                resource_id: row.resource_id,
                max_attempts: row.max_attempts,
                taken_over: row.taken_over,
            })
            .collect())
    }

    /// Renews a lease; [`StoreError::LeaseLost`] when another worker has it.
    pub async fn renew(&mut self, job: &ClaimedJob, lease: Duration) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE jobs SET lease_expires_at = now() + make_interval(secs => $5) \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND lease_owner = $3 AND attempts = $4",
        )
        .bind(job.scope.tenant_id().uuid())
        .bind(job.fence.id.uuid())
        .bind(job.fence.owner)
        .bind(job.fence.attempt)
        .bind(lease.as_secs_f64())
        .execute(&mut *self.0)
        .await?;
        if changed.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }
}
