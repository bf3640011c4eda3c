//! Steps of plans, and what they have taken.

use chrono::{DateTime, TimeDelta, Utc};
use millwright_core::id::{ConversationId, GoalId, MessageId, RunId};

use super::{GoalRow, GoalStepRow, GoalUsage, Goals, LIVES, StepFence};
use crate::StoreError;

impl Goals<'_> {
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

    /// How long any of the goal's runs was under way, those that still are up to `now`: what waits for a person or a further try, or
    /// is paused, takes no time, and several at once take the time of one.
    pub async fn under_way(&mut self, id: GoalId, now: DateTime<Utc>) -> Result<TimeDelta, StoreError> {
        let milliseconds: i64 = sqlx::query_scalar(
            "SELECT coalesce(sum(extract(epoch FROM upper(span) - lower(span)) * 1000), 0)::bigint \
             FROM unnest((SELECT range_agg(tstzrange(created_at, greatest(coalesce(finished_at, $3), created_at))) \
                          FROM runs WHERE tenant_id = $1 AND goal_id = $2)) AS span",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(TimeDelta::milliseconds(milliseconds))
    }
}
