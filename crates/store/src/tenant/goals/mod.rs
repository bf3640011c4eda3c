mod plans;
mod rows;
mod steps;

use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest,
    id::{GoalId, UserId},
};

pub use rows::{
    GoalPlanRow, GoalRow, GoalStatus, GoalStepRow, GoalStepStatus, GoalSummaryRow, GoalUsage, NewGoal, StepFence,
};

use crate::{StoreError, tenant_tx::TenantConnection};

/// Goals with their plans and steps. Each belongs to one user; to everybody else it is absent.
pub struct Goals<'t>(pub(crate) TenantConnection<'t>);

const COLUMNS: &str = "g.id, g.user_id, g.conversation_id, g.question_id, g.status, g.plan_version, g.input, g.error_code, \
     g.error_detail, g.revision, g.planning_attempts, g.created_at, g.updated_at, g.finished_at";

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
}
