use chrono::{DateTime, Utc};
use millwright_core::{
    Classification,
    id::{ApiKeyId, ConversationId, EvaluationId, EvaluationSuiteId, MessageId, RunId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

use crate::tenant::text_enum;

text_enum! {
    /// Where an evaluation stands.
    EvaluationStatus {
        /// Another one of the tenant comes first.
        Queued = "queued",
        /// Its questions are being asked.
        Running = "running",
        /// All of them were.
        Finished = "finished",
        /// Something kept it from its end.
        Failed = "failed",
        /// A person stopped it.
        Cancelled = "cancelled",
    }
}

impl EvaluationStatus {
    /// Whether nothing comes after it.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }
}

text_enum! {
    /// Where a case of an evaluation stands.
    EvaluationCaseStatus {
        /// It was not asked yet.
        Pending = "pending",
        /// Its run is under way.
        Running = "running",
        /// It was judged.
        Done = "done",
        /// The evaluation ended before it.
        Skipped = "skipped",
    }
}

/// What somebody wrote as a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteContent {
    /// Unique in the tenant.
    pub name: String,
    /// YAML, as it was written.
    pub definition: String,
    /// The highest clearance of its cases.
    pub classification: Classification,
    /// How many cases it has.
    pub cases: i32,
}

/// A suite.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EvaluationSuiteRow {
    /// The suite.
    #[sqlx(try_from = "Uuid")]
    pub id: EvaluationSuiteId,
    /// Unique in the tenant.
    pub name: String,
    /// YAML, as it was written.
    pub definition: String,
    /// The highest clearance of its cases.
    #[sqlx(try_from = "String")]
    pub classification: Classification,
    /// How many cases it has.
    pub cases: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A suite in a list, with what came of it last.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EvaluationSuiteSummaryRow {
    /// The suite.
    #[sqlx(try_from = "Uuid")]
    pub id: EvaluationSuiteId,
    /// Unique in the tenant.
    pub name: String,
    /// The highest clearance of its cases.
    #[sqlx(try_from = "String")]
    pub classification: Classification,
    /// How many cases it has.
    pub cases: i32,
    /// How often it was asked.
    pub evaluations: i64,
    /// Sums of the last evaluation that was finished.
    pub latest_totals: Option<Value>,
    /// When that was.
    pub latest_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// An evaluation to be stored.
#[derive(Debug, Clone)]
pub struct NewEvaluation {
    /// The evaluation.
    pub id: EvaluationId,
    /// Of which suite.
    pub suite_id: EvaluationSuiteId,
    /// Who starts it.
    pub user_id: UserId,
    /// With which key.
    pub api_key_id: Option<ApiKeyId>,
    /// Who answers; `None` for whom each question is for.
    pub agent_name: Option<String>,
    /// Which of the tenant's versions; `None` for what ships.
    pub agent_version: Option<i32>,
    /// SHA-256 of its definition, hexadecimal.
    pub agent_digest: Option<String>,
    /// The one that it is to be held against.
    pub compared_with: Option<EvaluationId>,
    /// Of the suite.
    pub classification: Classification,
    /// What the client named its request.
    pub request_key: Option<String>,
    /// The place among those of one request.
    pub place: i32,
    /// The request.
    pub trace_id: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// An evaluation.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EvaluationRow {
    /// The evaluation.
    #[sqlx(try_from = "Uuid")]
    pub id: EvaluationId,
    /// Of which suite.
    #[sqlx(try_from = "Uuid")]
    pub suite_id: EvaluationSuiteId,
    /// As that is called now.
    pub suite_name: String,
    /// Who started it.
    #[sqlx(try_from = "Uuid")]
    pub user_id: UserId,
    /// Their name.
    pub user_name: String,
    /// With which key.
    pub api_key_id: Option<Uuid>,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: EvaluationStatus,
    /// Who answers; `None` for whom each question is for.
    pub agent_name: Option<String>,
    /// Which of the tenant's versions; `None` for what ships.
    pub agent_version: Option<i32>,
    /// SHA-256 of its definition, hexadecimal.
    pub agent_digest: Option<String>,
    /// The one that it is to be held against.
    pub compared_with: Option<Uuid>,
    /// Of the suite when it was started.
    #[sqlx(try_from = "String")]
    pub classification: Classification,
    /// Which models wrote; once it has ended.
    pub models: Vec<String>,
    /// Sums over its cases; once it has ended.
    pub totals: Option<Value>,
    /// How many cases it has.
    pub cases: i64,
    /// How many of them were judged.
    pub cases_done: i64,
    /// Why it failed, as code.
    pub error_code: Option<String>,
    /// The same in words.
    pub error_detail: Option<String>,
    /// The request.
    pub trace_id: String,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When its first question was asked.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A case of an evaluation.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EvaluationCaseRow {
    /// From 1, in the order in which they are asked.
    pub number: i32,
    /// The case as it was when the evaluation was started.
    pub content: Value,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: EvaluationCaseStatus,
    /// Its run.
    pub run_id: Option<Uuid>,
    /// The conversation of its own.
    pub conversation_id: Option<Uuid>,
    /// The answer.
    pub message_id: Option<Uuid>,
    /// How it went, without the words of the answer.
    pub report: Option<Value>,
}

/// A case that may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseFence {
    /// Of which evaluation.
    pub evaluation: EvaluationId,
    /// Its number.
    pub number: i32,
}

/// The run of a case, where its answer comes to stand.
pub(crate) type CaseRun = (RunId, MessageId, ConversationId);

/// How an evaluation ended.
#[derive(Debug)]
pub struct EvaluationEnd<'e> {
    /// One that is an end.
    pub status: EvaluationStatus,
    /// Code and words, where it failed.
    pub error: Option<(&'e str, &'e str)>,
    /// Which models wrote.
    pub models: &'e [String],
    /// Sums over the cases that were judged.
    pub totals: &'e Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// What the model calls of a case took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct CaseUsage {
    /// Its run.
    pub run_id: Uuid,
    /// Tokens that models read.
    pub input_tokens: i64,
    /// Tokens that models wrote.
    pub output_tokens: i64,
    /// Millionths of the currency.
    pub cost_micros: i64,
}
