//! Plans of goals, and which process has one written.

use chrono::{DateTime, Utc};
use millwright_core::id::{GoalId, UserId};

use super::{COLUMNS, GoalPlanRow, GoalRow, Goals, LIVES, PLANNING_LEASE};
use crate::StoreError;

const PLANS: &str = "SELECT version, text, steps, sha256, made_by, model, approved_by, approved_at, created_at FROM goal_plans \
     WHERE tenant_id = $1 AND goal_id = $2";

impl Goals<'_> {
    /// The goal that is planned by this attempt; nobody else changes it until the transaction ends. `None` when it is not planned any
    /// more, or another attempt has it.
    pub async fn lock_planning(&mut self, id: GoalId, attempt: i32) -> Result<Option<GoalRow>, StoreError> {
        let statement = format!(
            "SELECT {COLUMNS} FROM goals g WHERE g.tenant_id = $1 AND g.id = $2 AND g.deleted_at IS NULL \
             AND g.status = 'planning' AND g.planning_attempts = $3 FOR UPDATE"
        );
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(attempt)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
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
}
