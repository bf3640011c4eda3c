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

impl ClaimedJobs<'_> {
    /// Claims up to `limit` jobs that are due, or whose worker has not been heard of for its lease.
    pub async fn claim(&mut self, owner: Uuid, lease: Duration, limit: i64) -> Result<Vec<ClaimedJob>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "WITH due AS ( \
                 SELECT tenant_id, id, status = 'running' AS taken_over FROM jobs \
                 WHERE (status = 'queued' AND run_at <= now()) OR (status = 'running' AND lease_expires_at < now()) \
                 ORDER BY run_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
             UPDATE jobs j SET status = 'running', attempts = j.attempts + 1, lease_owner = $1, \
                    lease_expires_at = now() + make_interval(secs => $2) \
             FROM due WHERE j.tenant_id = due.tenant_id AND j.id = due.id \
             RETURNING j.tenant_id, j.id, j.kind, j.payload, j.resource_id, j.attempts, j.max_attempts, due.taken_over",
        )
        .bind(owner)
        .bind(lease.as_secs_f64())
        .bind(limit)
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
