//! Goals, plans and steps as they are stored.

use chrono::{DateTime, Utc};
use millwright_core::id::{ConversationId, GoalId, MessageId, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::tenant::text_enum;

text_enum! {
    /// Where a goal stands.
    GoalStatus {
        /// A model writes its plan.
        Planning = "planning",
        /// Its plan waits for a person.
        Proposed = "proposed",
        /// Its steps are done one after the other.
        Running = "running",
        /// No further step begins until a person says so.
        Paused = "paused",
        /// Its report is written.
        Finished = "finished",
        /// It did not come to its end.
        Failed = "failed",
        /// A person stopped it.
        Cancelled = "cancelled",
    }
}

impl GoalStatus {
    /// Whether nothing comes after it.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }
}

text_enum! {
    /// Where a step of a plan stands.
    GoalStepStatus {
        /// What it needs is not there yet.
        Pending = "pending",
        /// It may begin.
        Ready = "ready",
        /// Its run is under way.
        Running = "running",
        /// It waits for a person.
        Waiting = "waiting",
        /// It came about.
        Done = "done",
        /// It did not.
        Failed = "failed",
        /// What it needs did not come about.
        Skipped = "skipped",
        /// It was not needed any more, or the goal has ended.
        Stopped = "stopped",
    }
}

impl GoalStepStatus {
    /// Whether nothing comes after it.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Skipped | Self::Stopped)
    }
}

/// A goal to be stored.
#[derive(Debug)]
pub struct NewGoal {
    /// The goal.
    pub id: GoalId,
    /// Whose.
    pub user_id: UserId,
    /// Its own conversation.
    pub conversation_id: ConversationId,
    /// Its first message, which says what is wanted.
    pub question_id: MessageId,
    /// Where it stands.
    pub status: GoalStatus,
    /// What it is pursued with beside its plan.
    pub input: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A goal.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GoalRow {
    /// The goal.
    #[sqlx(try_from = "Uuid")]
    pub id: GoalId,
    /// Whose.
    #[sqlx(try_from = "Uuid")]
    pub user_id: UserId,
    /// Its own conversation.
    #[sqlx(try_from = "Uuid")]
    pub conversation_id: ConversationId,
    /// Its first message, which says what is wanted.
    #[sqlx(try_from = "Uuid")]
    pub question_id: MessageId,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: GoalStatus,
    /// The version of its plan that counts; 0 while there is none.
    pub plan_version: i32,
    /// What it is pursued with beside its plan.
    pub input: Value,
    /// Code of what ended it.
    pub error_code: Option<String>,
    /// The same in words.
    pub error_detail: Option<String>,
    /// Grows with each change.
    pub revision: i64,
    /// How often its planning was begun.
    pub planning_attempts: i32,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A goal in a list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GoalSummaryRow {
    /// The goal.
    #[sqlx(flatten)]
    pub goal: GoalRow,
    /// Its conversation's title: the first words of what is wanted.
    pub title: String,
    /// Steps of its plan.
    pub steps: i64,
    /// Those that have come about.
    pub steps_done: i64,
    /// Those that wait for a person.
    pub steps_waiting: i64,
}

/// A version of a plan.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GoalPlanRow {
    /// 1 for the first.
    pub version: i32,
    /// As it was written, with placeholders.
    pub text: String,
    /// Its steps in canonical form.
    pub steps: Value,
    /// Of the canonical form, in hex.
    pub sha256: String,
    /// The person who wrote it, where no model did.
    pub made_by: Option<Uuid>,
    /// The model that did.
    pub model: Option<String>,
    /// Who approved it.
    pub approved_by: Option<Uuid>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct GoalStepRow {
    /// Its name in the plan.
    pub name: String,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: GoalStepStatus,
    /// Which time it is tried, from 1.
    pub round: i32,
    /// Its latest run.
    pub run_id: Option<Uuid>,
    /// The answer of that run.
    pub message_id: Option<Uuid>,
    /// The conversation in which it stands.
    pub conversation_id: Option<Uuid>,
    /// Code of what did not come about.
    pub error_code: Option<String>,
    /// The same in words.
    pub error_detail: Option<String>,
    /// The person who decided a gate.
    pub decided_by: Option<Uuid>,
    /// What they said.
    pub note: Option<String>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Which try of which step of which plan is begun: what was read before another change begins nothing.
#[derive(Debug, Clone, Copy)]
pub struct StepFence<'s> {
    /// The goal.
    pub goal: GoalId,
    /// The step's name.
    pub step: &'s str,
    /// The version of the plan that was read.
    pub plan_version: i32,
    /// Which time it is tried.
    pub round: i32,
}

/// What the model calls of a goal have taken so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::FromRow)]
pub struct GoalUsage {
    /// Calls of models.
    pub calls: i64,
    /// Tokens in and out.
    pub tokens: i64,
    /// What they cost, millionths of the currency.
    pub cost_micros: i64,
    /// Runs that were begun.
    pub runs: i64,
}
