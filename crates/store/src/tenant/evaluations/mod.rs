mod cases;
mod rows;
mod suites;

use chrono::{DateTime, Utc};
use millwright_core::{
    Classification, Cursor, Page, PageRequest,
    id::{EvaluationId, EvaluationSuiteId, UserId},
};
use serde_json::Value;

use super::conversations::up_to;
pub(crate) use rows::CaseRun;
pub use rows::{
    CaseFence, CaseUsage, EvaluationCaseRow, EvaluationCaseStatus, EvaluationEnd, EvaluationRow, EvaluationStatus,
    EvaluationSuiteRow, EvaluationSuiteSummaryRow, NewEvaluation, SuiteContent,
};

use crate::{StoreError, tenant_tx::TenantConnection};

/// Suites of questions and their evaluations. To whoever is not cleared for a suite, it and its evaluations are absent.
pub struct Evaluations<'t>(pub(crate) TenantConnection<'t>);

const SELECT: &str = "SELECT e.id, e.suite_id, s.name AS suite_name, e.user_id, u.display_name AS user_name, e.api_key_id, \
     e.status, e.agent_name, e.agent_version, e.agent_digest, e.compared_with, e.classification, e.models, e.totals, \
     (SELECT count(*) FROM evaluation_cases c WHERE c.tenant_id = $1 AND c.evaluation_id = e.id) AS cases, \
     (SELECT count(*) FROM evaluation_cases c WHERE c.tenant_id = $1 AND c.evaluation_id = e.id AND c.status = 'done') \
         AS cases_done, \
     e.error_code, e.error_detail, e.trace_id, e.created_at, e.started_at, e.finished_at \
     FROM evaluations e JOIN evaluation_suites s ON s.tenant_id = e.tenant_id AND s.id = e.suite_id \
     JOIN users u ON u.tenant_id = e.tenant_id AND u.id = e.user_id WHERE e.tenant_id = $1";

/// What is under way.
const UNDER_WAY: &str = "status IN ('queued', 'running')";

impl Evaluations<'_> {
    /// Stores an evaluation with its cases, in their order; [`StoreError::Duplicate`] when the client's request was carried out
    /// before.
    pub async fn insert(&mut self, evaluation: &NewEvaluation, cases: &[Value]) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO evaluations (tenant_id, id, suite_id, user_id, api_key_id, agent_name, agent_version, agent_digest, \
                                      compared_with, classification, request_key, place, trace_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(self.0.tenant)
        .bind(evaluation.id.uuid())
        .bind(evaluation.suite_id.uuid())
        .bind(evaluation.user_id.uuid())
        .bind(evaluation.api_key_id.map(millwright_core::id::ApiKeyId::uuid))
        .bind(&evaluation.agent_name)
        .bind(evaluation.agent_version)
        .bind(&evaluation.agent_digest)
        .bind(evaluation.compared_with.map(EvaluationId::uuid))
        .bind(evaluation.classification.as_str())
        .bind(&evaluation.request_key)
        .bind(evaluation.place)
        .bind(&evaluation.trace_id)
        .bind(evaluation.created_at)
        .execute(&mut *self.0.connection)
        .await?;
        sqlx::query(
            "INSERT INTO evaluation_cases (tenant_id, evaluation_id, number, content) \
             SELECT $1, $2, number, content FROM unnest($3::jsonb[]) WITH ORDINALITY AS cases (content, number)",
        )
        .bind(self.0.tenant)
        .bind(evaluation.id.uuid())
        .bind(cases)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// What this request of the user has started before, in its order.
    pub async fn of_request(&mut self, user: UserId, request_key: &str) -> Result<Vec<EvaluationRow>, StoreError> {
        let statement = format!("{SELECT} AND e.user_id = $2 AND e.request_key = $3 ORDER BY e.place");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(request_key)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// Evaluations, of one suite or of all, up to a classification, newest first.
    pub async fn list(
        &mut self,
        suite: Option<EvaluationSuiteId>,
        most: Classification,
        page: PageRequest,
    ) -> Result<Page<EvaluationRow>, StoreError> {
        let statement = format!(
            "{SELECT} AND ($2::uuid IS NULL OR e.suite_id = $2) AND e.classification = ANY ($3) \
             AND s.classification = ANY ($3) AND ($4::timestamptz IS NULL OR (e.created_at, e.id) < ($4, $5)) \
             ORDER BY e.created_at DESC, e.id DESC LIMIT $6"
        );
        let rows: Vec<EvaluationRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(suite.map(EvaluationSuiteId::uuid))
            .bind(up_to(most))
            .bind(page.after.map(|cursor| cursor.at))
            .bind(page.after.map(|cursor| cursor.id))
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.created_at, id: row.id.uuid() }))
    }

    /// An evaluation up to a classification, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: EvaluationId, most: Classification) -> Result<EvaluationRow, StoreError> {
        let statement =
            format!("{SELECT} AND e.id = $2 AND e.classification = ANY ($3) AND s.classification = ANY ($3)");
        let row: Option<EvaluationRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(up_to(most))
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("evaluation"))
    }

    /// The last evaluation of the same suite before this one that was finished, up to a classification.
    pub async fn find_before(
        &mut self,
        row: &EvaluationRow,
        most: Classification,
    ) -> Result<Option<EvaluationId>, StoreError> {
        let id: Option<uuid::Uuid> = sqlx::query_scalar(
            "SELECT id FROM evaluations WHERE tenant_id = $1 AND suite_id = $2 AND status = 'finished' \
             AND (created_at, id) < ($3, $4) AND classification = ANY ($5) ORDER BY created_at DESC, id DESC LIMIT 1",
        )
        .bind(self.0.tenant)
        .bind(row.suite_id.uuid())
        .bind(row.created_at)
        .bind(row.id.uuid())
        .bind(up_to(most))
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(id.map(EvaluationId::from))
    }

    /// The evaluation, if there is one; nobody else changes it until the transaction ends.
    pub async fn lock(&mut self, id: EvaluationId) -> Result<Option<EvaluationRow>, StoreError> {
        let statement = format!("{SELECT} AND e.id = $2 FOR UPDATE OF e");
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// The one whose turn it is: of those that have not ended, the one that was started first.
    pub async fn first_under_way(&mut self) -> Result<Option<EvaluationId>, StoreError> {
        let statement =
            format!("SELECT id FROM evaluations WHERE tenant_id = $1 AND {UNDER_WAY} ORDER BY created_at, id LIMIT 1");
        let id: Option<uuid::Uuid> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(id.map(EvaluationId::from))
    }

    /// How many have not ended, of one suite or of all.
    pub async fn count_under_way(&mut self, suite: Option<EvaluationSuiteId>) -> Result<i64, StoreError> {
        let statement = format!(
            "SELECT count(*) FROM evaluations WHERE tenant_id = $1 AND {UNDER_WAY} AND ($2::uuid IS NULL OR suite_id = $2)"
        );
        Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(suite.map(EvaluationSuiteId::uuid))
            .fetch_one(&mut *self.0.connection)
            .await?)
    }

    /// Says that its first question is asked now.
    pub async fn set_running(&mut self, id: EvaluationId, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE evaluations SET status = 'running', started_at = $3 WHERE tenant_id = $1 AND id = $2 AND status = 'queued'",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Ends an evaluation that is under way. Cases that were not judged are skipped.
    pub async fn finish(&mut self, id: EvaluationId, end: &EvaluationEnd<'_>) -> Result<(), StoreError> {
        let statement = format!(
            "WITH rest AS (UPDATE evaluation_cases SET status = 'skipped' \
                           WHERE tenant_id = $1 AND evaluation_id = $2 AND status IN ('pending', 'running')) \
             UPDATE evaluations SET status = $3, error_code = $4, error_detail = $5, models = $6, totals = $7, finished_at = $8 \
             WHERE tenant_id = $1 AND id = $2 AND {UNDER_WAY}"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(end.status.as_str())
            .bind(end.error.map(|(code, _)| code))
            .bind(end.error.map(|(_, detail)| detail))
            .bind(end.models)
            .bind(end.totals)
            .bind(end.at)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Deletes an evaluation with its cases. Its conversations are gone for their user, and are erased as those of people.
    pub async fn delete(&mut self, id: EvaluationId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let done = sqlx::query(
            "WITH own AS (UPDATE conversations SET deleted_at = $3 \
                          WHERE tenant_id = $1 AND evaluation_id = $2 AND deleted_at IS NULL) \
             DELETE FROM evaluations WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("evaluation")) } else { Ok(()) }
    }
}
