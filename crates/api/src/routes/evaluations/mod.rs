//! How an organisation's agents have answered its suites.

pub(crate) mod cancel;
pub(crate) mod compare;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod start;
pub(crate) mod totals;

use chrono::{DateTime, Utc};
use millwright_core::id::{EvaluationId, EvaluationSuiteId, UserId};
use millwright_store::tenant::EvaluationRow;
use serde::Serialize;

use crate::dto::FailureResponse;
use totals::EvaluationTotalsResponse;

/// Who answers all questions of an evaluation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluatedAgentResponse {
    name: String,
    /// Number of the organisation's version; null for what ships.
    version: Option<i32>,
    /// SHA-256 of its definition, hexadecimal.
    digest: Option<String>,
}

/// An evaluation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationResponse {
    id: EvaluationId,
    suite_id: EvaluationSuiteId,
    /// As that is called now.
    suite_name: String,
    /// Whoever started it: its questions are asked as they may ask.
    started_by: UserId,
    started_by_name: String,
    /// `queued` (another one comes first), `running`, `finished`, `failed` or `cancelled`.
    status: &'static str,
    /// Why it failed: for example `budget_exceeded`.
    error: Option<FailureResponse>,
    /// Null where each question goes to whom its words are for.
    agent: Option<EvaluatedAgentResponse>,
    /// The other one that it was started with, to be held against.
    compared_with: Option<EvaluationId>,
    /// Which models wrote; once it has ended.
    models: Vec<String>,
    /// Sums; in a list once it has ended.
    totals: Option<EvaluationTotalsResponse>,
    /// How many cases it has.
    cases: i64,
    /// How many of them were judged.
    cases_done: i64,
    created_at: DateTime<Utc>,
    /// When its first question was asked.
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<EvaluationRow> for EvaluationResponse {
    fn from(row: EvaluationRow) -> Self {
        let (version, digest) = (row.agent_version, row.agent_digest);
        Self {
            id: row.id,
            suite_id: row.suite_id,
            suite_name: row.suite_name,
            started_by: row.user_id,
            started_by_name: row.user_name,
            status: row.status.as_str(),
            error: FailureResponse::from_columns(row.error_code, row.error_detail),
            agent: row.agent_name.map(|name| EvaluatedAgentResponse { name, version, digest }),
            compared_with: row.compared_with.map(EvaluationId::from),
            models: row.models,
            totals: row.totals.and_then(EvaluationTotalsResponse::of),
            cases: row.cases,
            cases_done: row.cases_done,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}
