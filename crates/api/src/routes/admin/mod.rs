//! What an administrator of a tenant sees.

pub(crate) mod audit;
pub(crate) mod budgets;
pub(crate) mod embeddings;
pub(crate) mod glossary;
pub(crate) mod jobs;
pub(crate) mod metrics;
pub(crate) mod retry;
pub(crate) mod security_policy;
pub(crate) mod users;

use chrono::{DateTime, Utc};
use millwright_core::id::JobId;
use millwright_store::tenant::JobRow;
use serde::Serialize;

/// A background job.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct JobResponse {
    id: JobId,
    /// What is done, for instance `document.ingest`.
    kind: String,
    /// `queued`, `running`, `succeeded` or `dead`.
    status: &'static str,
    attempts: i32,
    max_attempts: i32,
    /// Not before this time.
    run_at: DateTime<Utc>,
    last_error: Option<String>,
    /// What it works on.
    resource_id: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<JobRow> for JobResponse {
    fn from(row: JobRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            status: row.status.as_str(),
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            run_at: row.run_at,
            last_error: row.last_error,
            resource_id: row.resource_id,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}
