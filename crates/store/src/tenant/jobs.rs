use std::time::Duration;

use chrono::{DateTime, Utc};
use millwright_core::{Cursor, Page, PageRequest, id::JobId};
use serde_json::Value;
use uuid::Uuid;

use super::text_enum;
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// Where a job stands.
    JobStatus {
        /// Waits for its time or a free worker.
        Queued = "queued",
        /// A worker holds its lease.
        Running = "running",
        /// Done.
        Succeeded = "succeeded",
        /// Given up; an admin may start it again.
        Dead = "dead",
    }
}

/// The tenant's background jobs.
pub struct Jobs<'t>(pub(crate) TenantConnection<'t>);

/// A job to be enqueued in the transaction that causes it.
#[derive(Debug)]
pub struct NewJob {
    /// The job.
    pub id: JobId,
    /// Which handler runs it.
    pub kind: &'static str,
    /// What the handler is told.
    pub payload: Value,
    /// What it works on, as shown to an admin.
    pub resource_id: Option<String>,
    /// Given up after this many attempts.
    pub max_attempts: i32,
    /// When it was caused.
    pub created_at: DateTime<Utc>,
}

/// A job as an admin sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct JobRow {
    /// The job.
    #[sqlx(try_from = "Uuid")]
    pub id: JobId,
    /// Which handler runs it.
    pub kind: String,
    /// What it works on.
    pub resource_id: Option<String>,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: JobStatus,
    /// Attempts begun.
    pub attempts: i32,
    /// Given up after this many.
    pub max_attempts: i32,
    /// Not before this time.
    pub run_at: DateTime<Utc>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was caused.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The right to write on behalf of a claimed job: void as soon as another worker has claimed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobFence {
    /// The job.
    pub id: JobId,
    /// The worker.
    pub owner: Uuid,
    /// Which attempt.
    pub attempt: i32,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub enum JobOutcome {
    /// Done.
    Succeeded,
    /// Try again after this time.
    Retry {
        /// How long to wait.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// Give up.
    Dead {
        /// Why.
        reason: String,
    },
}

impl Jobs<'_> {
    /// Enqueues a job; it becomes visible to workers when the transaction commits.
    pub async fn enqueue(&mut self, job: &NewJob) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO jobs (tenant_id, id, kind, payload, resource_id, max_attempts, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.0.tenant)
        .bind(job.id.uuid())
        .bind(job.kind)
        .bind(&job.payload)
        .bind(&job.resource_id)
        .bind(job.max_attempts)
        .bind(job.created_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Locks the lease for the rest of the transaction, or fails with [`StoreError::LeaseLost`]. Every write that a
    /// job makes begins with this, so that a worker that was thought dead repeats nothing.
    pub async fn require_lease(&mut self, fence: &JobFence) -> Result<(), StoreError> {
        let held: Option<i32> = sqlx::query_scalar(
            "SELECT 1 FROM jobs WHERE tenant_id = $1 AND id = $2 AND status = 'running' \
             AND lease_owner = $3 AND attempts = $4 FOR SHARE",
        )
        .bind(self.0.tenant)
        .bind(fence.id.uuid())
        .bind(fence.owner)
        .bind(fence.attempt)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        held.map(|_| ()).ok_or(StoreError::LeaseLost)
    }

    /// Ends an attempt; [`StoreError::LeaseLost`] when another worker has the job.
    pub async fn finish(&mut self, fence: &JobFence, outcome: &JobOutcome) -> Result<(), StoreError> {
        let (status, delay, reason) = match outcome {
            JobOutcome::Succeeded => ("succeeded", 0.0, None),
            JobOutcome::Retry { after, reason } => ("queued", after.as_secs_f64(), Some(reason)),
            JobOutcome::Dead { reason } => ("dead", 0.0, Some(reason)),
        };
        let changed = sqlx::query(
            "UPDATE jobs SET status = $5, run_at = now() + make_interval(secs => $6), last_error = $7, \
                    lease_owner = NULL, lease_expires_at = NULL, \
                    finished_at = CASE WHEN $5 = 'queued' THEN NULL ELSE now() END \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND lease_owner = $3 AND attempts = $4",
        )
        .bind(self.0.tenant)
        .bind(fence.id.uuid())
        .bind(fence.owner)
        .bind(fence.attempt)
        .bind(status)
        .bind(delay)
        .bind(reason)
        .execute(&mut *self.0.connection)
        .await?;
        if changed.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }

    /// Jobs, newest first.
    pub async fn list(&mut self, status: Option<JobStatus>, page: PageRequest) -> Result<Page<JobRow>, StoreError> {
        let rows: Vec<JobRow> = sqlx::query_as(
            "SELECT id, kind, resource_id, status, attempts, max_attempts, run_at, last_error, created_at, finished_at \
             FROM jobs WHERE tenant_id = $1 AND ($2::text IS NULL OR status = $2) \
               AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4)) \
             ORDER BY created_at DESC, id DESC LIMIT $5",
        )
        .bind(self.0.tenant)
        .bind(status.map(JobStatus::as_str))
        .bind(page.after.map(|cursor| cursor.at))
        .bind(page.after.map(|cursor| cursor.id))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.created_at, id: row.id.uuid() }))
    }

    /// Starts a dead job again from its first attempt.
    pub async fn retry(&mut self, id: JobId) -> Result<(), StoreError> {
        let status: Option<String> =
            sqlx::query_scalar("SELECT status FROM jobs WHERE tenant_id = $1 AND id = $2 FOR UPDATE")
                .bind(self.0.tenant)
                .bind(id.uuid())
                .fetch_optional(&mut *self.0.connection)
                .await?;
        match status.as_deref() {
            None => return Err(StoreError::NotFound("job")),
            Some("dead") => {}
            Some(_) => return Err(StoreError::InvalidState("only a dead job can be started again")),
        }
        sqlx::query(
            "UPDATE jobs SET status = 'queued', attempts = 0, run_at = now(), finished_at = NULL \
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// How many jobs of a kind wait, counted up to `most`.
    pub async fn count_queued(&mut self, kind: &str, most: i64) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE tenant_id = $1 AND status = 'queued' AND kind = $2 LIMIT $3) q",
        )
        .bind(self.0.tenant)
        .bind(kind)
        .bind(most)
        .fetch_one(&mut *self.0.connection)
        .await?)
    }

    /// Removes jobs that wait to work on a resource that is being deleted.
    pub async fn delete_queued_for(&mut self, resource_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM jobs WHERE tenant_id = $1 AND resource_id = $2 AND status = 'queued'")
            .bind(self.0.tenant)
            .bind(resource_id)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }
}
