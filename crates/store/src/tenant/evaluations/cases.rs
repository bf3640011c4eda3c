//! Cases of evaluations, and what they have taken.

use chrono::{DateTime, Utc};
use millwright_core::id::{EvaluationId, RunId, UserId};
use serde_json::Value;

use super::{CaseFence, CaseRun, CaseUsage, EvaluationCaseRow, EvaluationCaseStatus, Evaluations};
use crate::StoreError;

impl Evaluations<'_> {
    /// Cases as they stand, in their order.
    pub async fn cases(&mut self, id: EvaluationId) -> Result<Vec<EvaluationCaseRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT number, content, status, run_id, conversation_id, message_id, report FROM evaluation_cases \
             WHERE tenant_id = $1 AND evaluation_id = $2 ORDER BY number",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// Says that a case has begun with this run, whose conversation is the evaluation's from now on. False when another process
    /// was faster, or the evaluation does not go on.
    pub async fn begin_case(
        &mut self,
        fence: CaseFence,
        (run, message, conversation): CaseRun,
    ) -> Result<bool, StoreError> {
        let begun: i64 = sqlx::query_scalar(
            "WITH evaluation AS (UPDATE evaluations SET looked_at = now() \
                                 WHERE tenant_id = $1 AND id = $2 AND status = 'running' \
                                 AND EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = $1 AND t.suspended_at IS NULL \
                                             AND t.deleted_at IS NULL) RETURNING 1), \
             own_case AS (UPDATE evaluation_cases SET status = 'running', run_id = $4, message_id = $5, conversation_id = $6 \
                          WHERE tenant_id = $1 AND evaluation_id = $2 AND number = $3 AND status = 'pending' \
                          AND EXISTS (SELECT 1 FROM evaluation) RETURNING 1), \
             own AS (UPDATE conversations SET evaluation_id = $2 WHERE tenant_id = $1 AND id = $6) \
             SELECT count(*) FROM own_case",
        )
        .bind(self.0.tenant)
        .bind(fence.evaluation.uuid())
        .bind(fence.number)
        .bind(run.uuid())
        .bind(message.uuid())
        .bind(conversation.uuid())
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(begun == 1)
    }

    /// Stores how a case went that stands so; nothing where it does not any more.
    pub async fn finish_case(
        &mut self,
        fence: CaseFence,
        stands: EvaluationCaseStatus,
        report: &Value,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE evaluation_cases SET status = 'done', report = $4 \
             WHERE tenant_id = $1 AND evaluation_id = $2 AND number = $3 AND status = $5",
        )
        .bind(self.0.tenant)
        .bind(fence.evaluation.uuid())
        .bind(fence.number)
        .bind(report)
        .bind(stands.as_str())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Stores a report anew, with what was counted since.
    pub async fn set_report(&mut self, fence: CaseFence, report: &Value) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE evaluation_cases SET report = $4 WHERE tenant_id = $1 AND evaluation_id = $2 AND number = $3",
        )
        .bind(self.0.tenant)
        .bind(fence.evaluation.uuid())
        .bind(fence.number)
        .bind(report)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// When the last of its runs ended; `None` before any did.
    pub async fn last_end(&mut self, id: EvaluationId) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT max(r.finished_at) FROM evaluation_cases c JOIN runs r ON r.tenant_id = $1 AND r.id = c.run_id \
             WHERE c.tenant_id = $1 AND c.evaluation_id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .fetch_one(&mut *self.0.connection)
        .await?)
    }

    /// What the model calls of these runs, which began after `since`, took the user so far; runs without any are left out.
    pub async fn usage(
        &mut self,
        (user, since): (UserId, DateTime<Utc>),
        runs: &[RunId],
    ) -> Result<Vec<CaseUsage>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT run_id, sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens, \
                    sum(cost_micros)::bigint AS cost_micros \
             FROM model_usage WHERE tenant_id = $1 AND user_id = $3 AND occurred_at >= $4 AND run_id = ANY ($2) GROUP BY run_id",
        )
        .bind(self.0.tenant)
        .bind(runs.iter().map(|run| run.uuid()).collect::<Vec<_>>())
        .bind(user.uuid())
        .bind(since)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }
}
