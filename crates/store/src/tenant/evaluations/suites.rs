use chrono::{DateTime, Utc};
use millwright_core::{
    Classification, Cursor, Page, PageRequest,
    id::{EvaluationSuiteId, UserId},
};

use super::{EvaluationSuiteRow, EvaluationSuiteSummaryRow, Evaluations, SuiteContent, up_to};
use crate::StoreError;

impl Evaluations<'_> {
    /// Stores a suite; [`StoreError::Duplicate`] when another has its name.
    pub async fn insert_suite(
        &mut self,
        id: EvaluationSuiteId,
        suite: &SuiteContent,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO evaluation_suites (tenant_id, id, name, definition, classification, cases, created_by, created_at, \
                                            updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(&suite.name)
        .bind(&suite.definition)
        .bind(suite.classification.as_str())
        .bind(suite.cases)
        .bind(by.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Stores what a suite is from now on; [`StoreError::Duplicate`] when another has its name.
    pub async fn change_suite(
        &mut self,
        id: EvaluationSuiteId,
        suite: &SuiteContent,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE evaluation_suites SET name = $3, definition = $4, classification = $5, cases = $6, updated_at = $7 \
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(&suite.name)
        .bind(&suite.definition)
        .bind(suite.classification.as_str())
        .bind(suite.cases)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("suite")) } else { Ok(()) }
    }

    /// How many there are.
    pub async fn count_suites(&mut self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM evaluation_suites WHERE tenant_id = $1")
            .bind(self.0.tenant)
            .fetch_one(&mut *self.0.connection)
            .await?)
    }

    /// Suites up to a classification, newest first, with what came of them last.
    pub async fn list_suites(
        &mut self,
        most: Classification,
        page: PageRequest,
    ) -> Result<Page<EvaluationSuiteSummaryRow>, StoreError> {
        let rows: Vec<EvaluationSuiteSummaryRow> = sqlx::query_as(
            "SELECT s.id, s.name, s.classification, s.cases, s.created_at, s.updated_at, l.totals AS latest_totals, \
                    l.finished_at AS latest_at, \
                    (SELECT count(*) FROM evaluations e WHERE e.tenant_id = $1 AND e.suite_id = s.id) AS evaluations \
             FROM evaluation_suites s LEFT JOIN LATERAL ( \
                 SELECT e.totals, e.finished_at FROM evaluations e \
                 WHERE e.tenant_id = $1 AND e.suite_id = s.id AND e.status = 'finished' \
                 ORDER BY e.created_at DESC, e.id DESC LIMIT 1) l ON true \
             WHERE s.tenant_id = $1 AND s.classification = ANY ($2) \
             AND ($3::timestamptz IS NULL OR (s.created_at, s.id) < ($3, $4)) \
             ORDER BY s.created_at DESC, s.id DESC LIMIT $5",
        )
        .bind(self.0.tenant)
        .bind(up_to(most))
        .bind(page.after.map(|cursor| cursor.at))
        .bind(page.after.map(|cursor| cursor.id))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.created_at, id: row.id.uuid() }))
    }

    /// A suite up to a classification, or [`StoreError::NotFound`].
    pub async fn require_suite(
        &mut self,
        id: EvaluationSuiteId,
        most: Classification,
    ) -> Result<EvaluationSuiteRow, StoreError> {
        self.read_suite(id, most, "").await
    }

    /// The same; nobody else changes it, or starts an evaluation of it, until the transaction ends.
    pub async fn hold_suite(
        &mut self,
        id: EvaluationSuiteId,
        most: Classification,
    ) -> Result<EvaluationSuiteRow, StoreError> {
        self.read_suite(id, most, "FOR UPDATE").await
    }

    async fn read_suite(
        &mut self,
        id: EvaluationSuiteId,
        most: Classification,
        lock: &'static str,
    ) -> Result<EvaluationSuiteRow, StoreError> {
        let statement = format!(
            "SELECT id, name, definition, classification, cases, created_at, updated_at FROM evaluation_suites \
             WHERE tenant_id = $1 AND id = $2 AND classification = ANY ($3) {lock}"
        );
        let row: Option<EvaluationSuiteRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(up_to(most))
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("suite"))
    }

    /// Deletes a suite with its evaluations, as [`delete`](Self::delete) does each; how many there were.
    pub async fn delete_suite(&mut self, id: EvaluationSuiteId, now: DateTime<Utc>) -> Result<u64, StoreError> {
        sqlx::query(
            "UPDATE conversations SET deleted_at = $3 WHERE tenant_id = $1 AND deleted_at IS NULL AND evaluation_id IN \
             (SELECT id FROM evaluations WHERE tenant_id = $1 AND suite_id = $2)",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        let evaluations = sqlx::query("DELETE FROM evaluations WHERE tenant_id = $1 AND suite_id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        let done = sqlx::query("DELETE FROM evaluation_suites WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("suite")) } else { Ok(evaluations.rows_affected()) }
    }
}
