use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest,
    id::{BudgetId, UserId},
};
use uuid::Uuid;

use super::text_enum;
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// Whose use of models a budget counts.
    BudgetSubjectKind {
        /// All of the tenant.
        Tenant = "tenant",
        /// A person or service account.
        User = "user",
        /// An agent.
        Agent = "agent",
        /// A key of a program.
        ApiKey = "api_key",
        /// A task.
        Task = "task",
    }
}

text_enum! {
    /// After which time a budget begins anew; by the calendar, in UTC.
    BudgetPeriod {
        /// At each full hour.
        Hour = "hour",
        /// At midnight.
        Day = "day",
        /// On the first of the month.
        Month = "month",
    }
}

text_enum! {
    /// What a budget counts.
    BudgetUnit {
        /// Tokens in and out.
        Tokens = "tokens",
        /// Millionths of the installation's currency.
        Money = "money",
    }
}

/// What may be spent on models.
pub struct Budgets<'t>(pub(crate) TenantConnection<'t>);

/// A budget to be stored.
#[derive(Debug, Clone)]
pub struct NewBudget {
    /// The budget.
    pub id: BudgetId,
    /// Unique among those that are there; 1 to 120 characters.
    pub name: String,
    /// Whose use it counts.
    pub subject_kind: BudgetSubjectKind,
    /// Which one, as its id is shown; `None` gives each subject of the kind an allowance of its own.
    pub subject_id: Option<String>,
    /// When it begins anew.
    pub period: BudgetPeriod,
    /// What it counts.
    pub unit: BudgetUnit,
    /// Tokens or millionths, 0 to 10^15.
    pub limit: i64,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BudgetRow {
    /// The budget.
    #[sqlx(try_from = "Uuid")]
    pub id: BudgetId,
    /// Its name.
    pub name: String,
    /// Whose use it counts.
    #[sqlx(try_from = "String")]
    pub subject_kind: BudgetSubjectKind,
    /// Which one; `None` for each of the kind.
    pub subject_id: Option<String>,
    /// When it begins anew.
    #[sqlx(try_from = "String")]
    pub period: BudgetPeriod,
    /// What it counts.
    #[sqlx(try_from = "String")]
    pub unit: BudgetUnit,
    /// Tokens or millionths.
    #[sqlx(rename = "limit_amount")]
    pub limit: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its name or limit was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a subject holds and has spent in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetPeriodRow {
    /// The subject's id as it is shown; empty for the tenant.
    pub subject: String,
    /// Held for calls that run.
    pub reserved: i64,
    /// Spent.
    pub spent: i64,
}

/// A budget with the subject that has used most of it in the period that runs.
#[derive(Debug, Clone)]
pub struct CurrentBudgetRow {
    /// The budget.
    pub budget: BudgetRow,
    /// `None` when nobody has used it yet.
    pub most_used: Option<BudgetPeriodRow>,
    /// How many subjects have used it.
    pub subjects: i64,
}

/// When the periods that run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodStarts {
    /// The hour.
    pub hour: DateTime<Utc>,
    /// The day.
    pub day: DateTime<Utc>,
    /// The month.
    pub month: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct CurrentRow {
    #[sqlx(flatten)]
    budget: BudgetRow,
    subject: Option<String>,
    reserved: Option<i64>,
    spent: Option<i64>,
    subjects: i64,
}

impl From<CurrentRow> for CurrentBudgetRow {
    fn from(row: CurrentRow) -> Self {
        let most_used = match (row.subject, row.reserved, row.spent) {
            (Some(subject), Some(reserved), Some(spent)) => Some(BudgetPeriodRow { subject, reserved, spent }),
            _ => None,
        };
        Self { budget: row.budget, most_used, subjects: row.subjects }
    }
}

const COLUMNS: &str =
    "b.id, b.name, b.subject_kind, b.subject_id, b.period, b.unit, b.limit_amount, b.created_at, b.updated_at";

/// With the period that runs: `$2` to `$4` are its starts.
fn current(condition: &str) -> String {
    format!(
        "SELECT {COLUMNS}, most.subject, most.reserved, most.spent, coalesce(most.subjects, 0) AS subjects \
         FROM budgets b LEFT JOIN LATERAL ( \
             SELECT p.subject, p.reserved, p.spent, count(*) OVER () AS subjects FROM budget_periods p \
             WHERE p.tenant_id = $1 AND p.budget_id = b.id \
               AND p.period_start = CASE b.period WHEN 'hour' THEN $2::timestamptz WHEN 'day' THEN $3 ELSE $4 END \
               {condition} \
             ORDER BY p.spent + p.reserved DESC, p.subject LIMIT 1 \
         ) most ON true \
         WHERE b.tenant_id = $1 AND b.deleted_at IS NULL"
    )
}

impl Budgets<'_> {
    /// Stores a budget; [`StoreError::Duplicate`] when its name is taken.
    pub async fn insert(&mut self, budget: &NewBudget) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO budgets (tenant_id, id, name, subject_kind, subject_id, period, unit, limit_amount, created_by, \
                                  created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        )
        .bind(self.0.tenant)
        .bind(budget.id.uuid())
        .bind(&budget.name)
        .bind(budget.subject_kind.as_str())
        .bind(&budget.subject_id)
        .bind(budget.period.as_str())
        .bind(budget.unit.as_str())
        .bind(budget.limit)
        .bind(budget.created_by.uuid())
        .bind(budget.created_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// All budgets that are there, by id.
    pub async fn all(&mut self) -> Result<Vec<BudgetRow>, StoreError> {
        let statement =
            format!("SELECT {COLUMNS} FROM budgets b WHERE b.tenant_id = $1 AND b.deleted_at IS NULL ORDER BY b.id");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// How many there are.
    pub async fn count(&mut self) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar("SELECT count(*) FROM budgets WHERE tenant_id = $1 AND deleted_at IS NULL")
            .bind(self.0.tenant)
            .fetch_one(&mut *self.0.connection)
            .await?;
        Ok(count)
    }

    /// Budgets with how much of them is used now, newest first.
    pub async fn list(
        &mut self,
        starts: &PeriodStarts,
        page: PageRequest,
    ) -> Result<Page<CurrentBudgetRow>, StoreError> {
        let statement = format!(
            "{} AND ($5::timestamptz IS NULL OR (b.created_at, b.id) < ($5, $6)) \
             ORDER BY b.created_at DESC, b.id DESC LIMIT $7",
            current("")
        );
        let rows: Vec<CurrentRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(starts.hour)
            .bind(starts.day)
            .bind(starts.month)
            .bind(page.after.map(|cursor| cursor.at))
            .bind(page.after.map(|cursor| cursor.id))
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *self.0.connection)
            .await?;
        let place = |row: &CurrentRow| Cursor { at: row.budget.created_at, id: row.budget.id.uuid() };
        Ok(Page::from_rows(rows, page.limit, place).map(CurrentBudgetRow::from))
    }

    /// A budget with how much of it is used now.
    pub async fn require(&mut self, id: BudgetId, starts: &PeriodStarts) -> Result<CurrentBudgetRow, StoreError> {
        let row: Option<CurrentRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{} AND b.id = $5", current(""))))
            .bind(self.0.tenant)
            .bind(starts.hour)
            .bind(starts.day)
            .bind(starts.month)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.map(CurrentBudgetRow::from).ok_or(StoreError::NotFound("budget"))
    }

    /// The budgets that bind any of these subjects (by kind and id as it is shown; the tenant's id is empty), by name,
    /// each with what that subject has used.
    pub async fn binding(
        &mut self,
        subjects: &[(BudgetSubjectKind, String)],
        starts: &PeriodStarts,
    ) -> Result<Vec<CurrentBudgetRow>, StoreError> {
        let own = "AND EXISTS (SELECT 1 FROM unnest($5::text[], $6::text[]) AS s (kind, id) \
                               WHERE s.kind = b.subject_kind AND s.id = p.subject)";
        let statement = format!(
            "{} AND EXISTS (SELECT 1 FROM unnest($5::text[], $6::text[]) AS s (kind, id) \
                            WHERE s.kind = b.subject_kind AND (b.subject_id IS NULL OR b.subject_id = s.id)) \
             ORDER BY b.name",
            current(own)
        );
        let rows: Vec<CurrentRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(starts.hour)
            .bind(starts.day)
            .bind(starts.month)
            .bind(subjects.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>())
            .bind(subjects.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>())
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows.into_iter().map(CurrentBudgetRow::from).collect())
    }

    /// Gives a budget another name or limit; what is spent stays.
    pub async fn change(
        &mut self,
        id: BudgetId,
        name: Option<&str>,
        limit: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE budgets SET name = coalesce($3, name), limit_amount = coalesce($4, limit_amount), updated_at = $5 \
             WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(name)
        .bind(limit)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("budget")) } else { Ok(()) }
    }

    /// Takes a budget away: it binds nobody any more.
    pub async fn delete(&mut self, id: BudgetId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let done =
            sqlx::query("UPDATE budgets SET deleted_at = $3 WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL")
                .bind(self.0.tenant)
                .bind(id.uuid())
                .bind(now)
                .execute(&mut *self.0.connection)
                .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("budget")) } else { Ok(()) }
    }
}
