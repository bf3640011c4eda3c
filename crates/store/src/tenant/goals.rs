use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest,
    id::{ConversationId, GoalId, MessageId, RunId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

use super::text_enum;
use crate::{StoreError, tenant_tx::TenantConnection};

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

/// Goals with their plans and steps. Each belongs to one user; to everybody else it is absent.
pub struct Goals<'t>(pub(crate) TenantConnection<'t>);

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

const COLUMNS: &str = "g.id, g.user_id, g.conversation_id, g.question_id, g.status, g.plan_version, g.input, g.error_code, \
     g.error_detail, g.revision, g.planning_attempts, g.created_at, g.updated_at, g.finished_at";

const PLANS: &str = "SELECT version, text, steps, sha256, made_by, model, approved_by, approved_at, created_at FROM goal_plans \
     WHERE tenant_id = $1 AND goal_id = $2";

/// Whether the tenant is neither suspended nor deleted.
const LIVES: &str =
    "EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = $1 AND t.suspended_at IS NULL AND t.deleted_at IS NULL)";

/// How long a process that has a plan written may be silent before another does it.
const PLANNING_LEASE: &str = "interval '30 seconds'";

impl Goals<'_> {
    /// Stores a goal; its conversation is its own from now on.
    pub async fn insert(&mut self, goal: &NewGoal) -> Result<(), StoreError> {
        let statement = format!(
            "WITH own AS (UPDATE conversations SET goal_id = $2 WHERE tenant_id = $1 AND id = $4) \
             INSERT INTO goals (tenant_id, id, user_id, conversation_id, question_id, status, input, looked_at, created_at, \
                                updated_at, planning_attempts, lease_expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, now(), $8, $8, 1, now() + {PLANNING_LEASE})"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(goal.id.uuid())
            .bind(goal.user_id.uuid())
            .bind(goal.conversation_id.uuid())
            .bind(goal.question_id.uuid())
            .bind(goal.status.as_str())
            .bind(&goal.input)
            .bind(goal.created_at)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// The user's goal, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: GoalId, user: UserId) -> Result<GoalRow, StoreError> {
        self.read(id, "").await?.filter(|goal| goal.user_id == user).ok_or(StoreError::NotFound("goal"))
    }

    /// The goal, if there is one; nobody else changes it until the transaction ends.
    pub async fn lock(&mut self, id: GoalId) -> Result<Option<GoalRow>, StoreError> {
        self.read(id, "FOR UPDATE").await
    }

    async fn read(&mut self, id: GoalId, lock: &str) -> Result<Option<GoalRow>, StoreError> {
        let statement = format!(
            "SELECT {COLUMNS} FROM goals g WHERE g.tenant_id = $1 AND g.id = $2 AND g.deleted_at IS NULL {lock}"
        );
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// The user's goals, newest first.
    pub async fn list(&mut self, user: UserId, page: PageRequest) -> Result<Page<GoalSummaryRow>, StoreError> {
        let count = |of: &str| {
            format!("(SELECT count(*) FROM goal_steps s WHERE s.tenant_id = g.tenant_id AND s.goal_id = g.id{of})")
        };
        let statement = format!(
            "SELECT {COLUMNS}, c.title, {} AS steps, {} AS steps_done, {} AS steps_waiting \
             FROM goals g JOIN conversations c ON c.tenant_id = g.tenant_id AND c.id = g.conversation_id \
             WHERE g.tenant_id = $1 AND g.user_id = $2 AND g.deleted_at IS NULL \
             AND ($3::timestamptz IS NULL OR (g.created_at, g.id) < ($3, $4)) \
             ORDER BY g.created_at DESC, g.id DESC LIMIT $5",
            count(""),
            count(" AND s.status = 'done'"),
            count(" AND s.status = 'waiting'"),
        );
        let rows: Vec<GoalSummaryRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(page.after.map(|cursor| cursor.at))
            .bind(page.after.map(|cursor| cursor.id))
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.goal.created_at, id: row.goal.id.uuid() }))
    }

    /// Says that the goal was looked at: `changed` where something of it is new to its readers, `idle` where nothing of it is under
    /// way, so that nobody has to look again soon.
    pub async fn look(
        &mut self,
        id: GoalId,
        (changed, idle): (bool, bool),
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE goals SET looked_at = now() + CASE WHEN $5 THEN interval '5 minutes' ELSE interval '0' END, \
                    revision = revision + $3::int, \
                    updated_at = CASE WHEN $3 THEN $4 ELSE updated_at END WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(changed)
        .bind(now)
        .bind(idle)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Another status, with what ended the goal where it has ended badly.
    pub async fn set_status(
        &mut self,
        id: GoalId,
        status: GoalStatus,
        error: Option<(&str, &str)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE goals SET status = $3, error_code = $4, error_detail = $5, revision = revision + 1, updated_at = $6, \
                    looked_at = now(), finished_at = CASE WHEN $7 THEN $6 END WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(status.as_str())
        .bind(error.map(|(code, _)| code))
        .bind(error.map(|(_, detail)| detail))
        .bind(now)
        .bind(status.is_end())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Takes the planning of a goal over whose process died; tells how often it was begun. `None` when it goes on after all.
    pub async fn take_planning_over(&mut self, id: GoalId) -> Result<Option<i32>, StoreError> {
        let statement = format!(
            "UPDATE goals SET planning_attempts = planning_attempts + 1, lease_expires_at = now() + {PLANNING_LEASE} \
             WHERE tenant_id = $1 AND id = $2 AND status = 'planning' AND lease_expires_at < now() AND deleted_at IS NULL AND {LIVES} \
             RETURNING planning_attempts"
        );
        let attempts = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(attempts)
    }

    /// Renews the lease of the process that has the plan written, or gives it back. False when the goal is not planned by this
    /// attempt any more.
    pub async fn hold_planning(&mut self, id: GoalId, attempt: i32, holds: bool) -> Result<bool, StoreError> {
        let statement = format!(
            "UPDATE goals SET lease_expires_at = CASE WHEN $3 THEN now() + {PLANNING_LEASE} ELSE now() END \
             WHERE tenant_id = $1 AND id = $2 AND status = 'planning' AND planning_attempts = $4"
        );
        let held = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(holds)
            .bind(attempt)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(held.rows_affected() > 0)
    }

    /// Deletes a goal with its conversations softly: all are gone for their user, their rows stay.
    pub async fn delete(&mut self, id: GoalId, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "WITH own AS (UPDATE conversations SET deleted_at = $3 WHERE tenant_id = $1 AND goal_id = $2) \
             UPDATE goals SET deleted_at = $3 WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Stores the next version of a plan, which counts from now on.
    pub async fn put_plan(&mut self, id: GoalId, plan: &GoalPlanRow) -> Result<(), StoreError> {
        sqlx::query(
            "WITH goal AS (UPDATE goals SET plan_version = $3, revision = revision + 1, updated_at = $9 \
                           WHERE tenant_id = $1 AND id = $2) \
             INSERT INTO goal_plans (tenant_id, goal_id, version, text, steps, sha256, made_by, model, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(plan.version)
        .bind(&plan.text)
        .bind(&plan.steps)
        .bind(&plan.sha256)
        .bind(plan.made_by)
        .bind(&plan.model)
        .bind(plan.created_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// The version of the plan that counts.
    pub async fn plan(&mut self, goal: &GoalRow) -> Result<Option<GoalPlanRow>, StoreError> {
        let statement = format!("{PLANS} AND version = $3");
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(goal.id.uuid())
            .bind(goal.plan_version)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// All versions of the plan, newest first.
    pub async fn plans(&mut self, id: GoalId) -> Result<Vec<GoalPlanRow>, StoreError> {
        let statement = format!("{PLANS} ORDER BY version DESC");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// Who has approved the plan that counts.
    pub async fn approve_plan(&mut self, goal: &GoalRow, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE goal_plans SET approved_by = $4, approved_at = $5 WHERE tenant_id = $1 AND goal_id = $2 AND version = $3",
        )
        .bind(self.0.tenant)
        .bind(goal.id.uuid())
        .bind(goal.plan_version)
        .bind(user.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Steps as they stand, by name.
    pub async fn steps(&mut self, id: GoalId) -> Result<Vec<GoalStepRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT name, status, round, run_id, message_id, conversation_id, error_code, error_detail, decided_by, note, started_at, \
                    finished_at FROM goal_steps WHERE tenant_id = $1 AND goal_id = $2 ORDER BY name",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// Stores steps as they stand from now on.
    pub async fn put_steps(&mut self, id: GoalId, steps: &[&GoalStepRow]) -> Result<(), StoreError> {
        for step in steps {
            sqlx::query(
                "INSERT INTO goal_steps (tenant_id, goal_id, name, status, round, run_id, message_id, conversation_id, \
                                         error_code, error_detail, decided_by, note, started_at, finished_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
                 ON CONFLICT (tenant_id, goal_id, name) DO UPDATE SET status = excluded.status, round = excluded.round, \
                     run_id = excluded.run_id, message_id = excluded.message_id, \
                     conversation_id = excluded.conversation_id, error_code = excluded.error_code, error_detail = excluded.error_detail, decided_by = excluded.decided_by, note = excluded.note, \
                     started_at = excluded.started_at, finished_at = excluded.finished_at",
            )
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(&step.name)
            .bind(step.status.as_str())
            .bind(step.round)
            .bind(step.run_id)
            .bind(step.message_id)
            .bind(step.conversation_id)
            .bind(&step.error_code)
            .bind(&step.error_detail)
            .bind(step.decided_by)
            .bind(&step.note)
            .bind(step.started_at)
            .bind(step.finished_at)
            .execute(&mut *self.0.connection)
            .await?;
        }
        Ok(())
    }

    /// Takes steps out of the plan that have not begun.
    pub async fn remove_steps(&mut self, id: GoalId, names: &[&str]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM goal_steps WHERE tenant_id = $1 AND goal_id = $2 AND name = ANY ($3)")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(names)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Says that a step that may begin has begun with this run. False when another process was faster, or the goal does not go on.
    pub async fn begin_step(
        &mut self,
        fence: StepFence<'_>,
        (run, message, conversation): (RunId, MessageId, ConversationId),
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let statement = format!(
            "WITH goal AS (UPDATE goals SET revision = revision + 1, updated_at = $6, looked_at = now() \
                           WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND plan_version = $8 AND deleted_at IS NULL \
                           AND {LIVES} RETURNING 1), \
             step AS (UPDATE goal_steps SET status = 'running', run_id = $4, message_id = $5, conversation_id = $7, \
                             started_at = coalesce(started_at, $6) \
                      WHERE tenant_id = $1 AND goal_id = $2 AND name = $3 AND status = 'ready' AND round = $9 \
                        AND EXISTS (SELECT 1 FROM goal) \
                      RETURNING 1), \
             run AS (UPDATE runs SET goal_id = $2 WHERE tenant_id = $1 AND id = $4), \
             own AS (UPDATE conversations SET goal_id = $2 WHERE tenant_id = $1 AND id = $7) \
             SELECT count(*) FROM step"
        );
        let begun: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(fence.goal.uuid())
            .bind(fence.step)
            .bind(run.uuid())
            .bind(message.uuid())
            .bind(now)
            .bind(conversation.uuid())
            .bind(fence.plan_version)
            .bind(fence.round)
            .fetch_one(&mut *self.0.connection)
            .await?;
        Ok(begun == 1)
    }

    /// What the goal has taken so far: its runs, and the calls that are booked on it as a task.
    pub async fn usage(&mut self, goal: &GoalRow) -> Result<GoalUsage, StoreError> {
        let usage = sqlx::query_as(
            "SELECT count(m.id) AS calls, coalesce(sum(m.input_tokens + m.output_tokens), 0)::bigint AS tokens, \
                    coalesce(sum(m.cost_micros), 0)::bigint AS cost_micros, \
                    (SELECT count(*) FROM runs WHERE tenant_id = $1 AND goal_id = $2) AS runs \
             FROM model_usage m WHERE m.tenant_id = $1 AND m.user_id = $4 AND m.occurred_at >= $5 \
             AND (m.task = $3 OR m.run_id IN (SELECT id FROM runs WHERE tenant_id = $1 AND goal_id = $2))",
        )
        .bind(self.0.tenant)
        .bind(goal.id.uuid())
        .bind(goal.id.to_string())
        .bind(goal.user_id.uuid())
        .bind(goal.created_at)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(usage)
    }
}
