use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest,
    id::{ApiKeyId, RunId, UsageId, UserId},
};
use sqlx::{Postgres, postgres::PgArguments, query::QueryAs};
use uuid::Uuid;

use super::text_enum;
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// How a call of a model ended.
    CallOutcome {
        /// With its whole answer.
        Complete = "complete",
        /// The caller went away, or the answer was stopped.
        Cut = "cut",
        /// With an error, after the model had begun.
        Failed = "failed",
    }
}

text_enum! {
    /// By what usage is summed up.
    UsageGroup {
        /// Days in UTC.
        Day = "day",
        /// Models.
        Model = "model",
        /// People.
        User = "user",
        /// Agents.
        Agent = "agent",
        /// Runs.
        Run = "run",
        /// Keys of programs.
        ApiKey = "api_key",
    }
}

impl UsageGroup {
    /// The key of a group, as text. A constant for each: nothing from outside stands in a statement.
    const fn expression(self) -> &'static str {
        match self {
            Self::Day => "to_char(m.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
            Self::Model => "m.model",
            Self::User => "'usr_' || replace(m.user_id::text, '-', '')",
            Self::Agent => "coalesce(m.agent, '')",
            Self::Run => "coalesce('run_' || replace(m.run_id::text, '-', ''), '')",
            Self::ApiKey => "coalesce('key_' || replace(m.api_key_id::text, '-', ''), '')",
        }
    }
}

/// Calls of models: one row each, written when the call ended and never changed.
pub struct Usage<'t>(pub(crate) TenantConnection<'t>);

/// A call to be stored.
#[derive(Debug, Clone)]
pub struct NewUsage {
    /// The call.
    pub id: UsageId,
    /// When it ended.
    pub occurred_at: DateTime<Utc>,
    /// For whom.
    pub user_id: UserId,
    /// By which agent.
    pub agent: Option<String>,
    /// With which key.
    pub api_key_id: Option<ApiKeyId>,
    /// For which task.
    pub task: Option<String>,
    /// In which run.
    pub run_id: Option<RunId>,
    /// Which model.
    pub model: String,
    /// At which endpoint.
    pub endpoint: String,
    /// Whose interface that is.
    pub provider: String,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    pub tier: String,
    /// Tokens that were read.
    pub input_tokens: i64,
    /// Tokens that were written.
    pub output_tokens: i64,
    /// Of the input, those that the endpoint had in its cache.
    pub cached_tokens: i64,
    /// Of the output, those of reasoning.
    pub reasoning_tokens: i64,
    /// Milliseconds of a GPU.
    pub gpu_millis: i64,
    /// Millionths of the installation's currency.
    pub cost_micros: i64,
    /// How it ended.
    pub outcome: CallOutcome,
    /// The request that caused it.
    pub trace_id: Option<String>,
}

/// Which calls; an absent field does not restrict.
#[derive(Debug, Clone, Default)]
pub struct UsageFilter {
    /// Not before this time.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
    /// Of this user.
    pub user_id: Option<UserId>,
}

/// Sums over calls.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct UsageTotals {
    /// A day as `2026-01-31`, a model, or an id as it is shown; empty for calls without one.
    pub key: String,
    /// The display name of a user, of whose run it is, or the name of an API key.
    pub name: Option<String>,
    /// Whose run it is; absent for all but runs.
    pub owner: Option<Uuid>,
    /// Calls.
    pub calls: i64,
    /// Calls that did not end with their whole answer.
    pub incomplete_calls: i64,
    /// Tokens that were read.
    pub input_tokens: i64,
    /// Tokens that were written.
    pub output_tokens: i64,
    /// Of the input, those from a cache.
    pub cached_tokens: i64,
    /// Of the output, those of reasoning.
    pub reasoning_tokens: i64,
    /// Milliseconds of a GPU.
    pub gpu_millis: i64,
    /// Millionths of the installation's currency.
    pub cost_micros: i64,
}

/// A call as it is exported.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct UsageRow {
    /// The call.
    #[sqlx(try_from = "Uuid")]
    pub id: UsageId,
    /// When it ended.
    pub occurred_at: DateTime<Utc>,
    /// For whom.
    #[sqlx(try_from = "Uuid")]
    pub user_id: UserId,
    /// That person's name.
    pub user_name: Option<String>,
    /// By which agent.
    pub agent: Option<String>,
    /// With which key.
    pub api_key_id: Option<Uuid>,
    /// For which task.
    pub task: Option<String>,
    /// In which run.
    pub run_id: Option<Uuid>,
    /// Which model.
    pub model: String,
    /// At which endpoint.
    pub endpoint: String,
    /// Whose interface that is.
    pub provider: String,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    pub tier: String,
    /// Tokens that were read.
    pub input_tokens: i64,
    /// Tokens that were written.
    pub output_tokens: i64,
    /// Of the input, those from a cache.
    pub cached_tokens: i64,
    /// Of the output, those of reasoning.
    pub reasoning_tokens: i64,
    /// Milliseconds of a GPU.
    pub gpu_millis: i64,
    /// Millionths of the installation's currency.
    pub cost_micros: i64,
    /// How it ended.
    pub outcome: String,
    /// The request that caused it.
    pub trace_id: Option<String>,
}

const SUMS: &str = "count(*) AS calls, count(*) FILTER (WHERE m.outcome <> 'complete') AS incomplete_calls, \
    sum(m.input_tokens)::bigint AS input_tokens, sum(m.output_tokens)::bigint AS output_tokens, \
    sum(m.cached_tokens)::bigint AS cached_tokens, sum(m.reasoning_tokens)::bigint AS reasoning_tokens, \
    sum(m.gpu_millis)::bigint AS gpu_millis, sum(m.cost_micros)::bigint AS cost_micros";

const MATCHING: &str = "m.tenant_id = $1 AND ($2::timestamptz IS NULL OR m.occurred_at >= $2) \
    AND ($3::timestamptz IS NULL OR m.occurred_at < $3) AND ($4::uuid IS NULL OR m.user_id = $4)";

/// Binds the columns of calls, each as an array: nineteen parameters.
pub(super) fn bind_calls<'q, O>(
    query: QueryAs<'q, Postgres, O, PgArguments>,
    calls: &[&'q NewUsage],
) -> QueryAs<'q, Postgres, O, PgArguments> {
    let text = |of: fn(&NewUsage) -> &str| calls.iter().map(|call| of(call)).collect::<Vec<&'q str>>();
    let some_text =
        |of: fn(&NewUsage) -> Option<&str>| calls.iter().map(|call| of(call)).collect::<Vec<Option<&'q str>>>();
    let id = |of: fn(&NewUsage) -> Option<Uuid>| calls.iter().map(|call| of(call)).collect::<Vec<_>>();
    let number = |of: fn(&NewUsage) -> i64| calls.iter().map(|call| of(call)).collect::<Vec<_>>();
    query
        .bind(id(|call| Some(call.id.uuid())))
        .bind(calls.iter().map(|call| call.occurred_at).collect::<Vec<_>>())
        .bind(id(|call| Some(call.user_id.uuid())))
        .bind(some_text(|call| call.agent.as_deref()))
        .bind(id(|call| call.api_key_id.map(ApiKeyId::uuid)))
        .bind(some_text(|call| call.task.as_deref()))
        .bind(id(|call| call.run_id.map(RunId::uuid)))
        .bind(text(|call| &call.model))
        .bind(text(|call| &call.endpoint))
        .bind(text(|call| &call.provider))
        .bind(text(|call| &call.tier))
        .bind(number(|call| call.input_tokens))
        .bind(number(|call| call.output_tokens))
        .bind(number(|call| call.cached_tokens))
        .bind(number(|call| call.reasoning_tokens))
        .bind(number(|call| call.gpu_millis))
        .bind(number(|call| call.cost_micros))
        .bind(text(|call| call.outcome.as_str()))
        .bind(some_text(|call| call.trace_id.as_deref()))
}

/// What the model calls of a run came to.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct RunTotal {
    /// In and out.
    pub tokens: i64,
    /// Millionths of the currency.
    pub cost_micros: i64,
}

impl Usage<'_> {
    /// Whether this call is stored: after a commit whose answer was lost.
    pub async fn exists(&mut self, id: UsageId) -> Result<bool, StoreError> {
        let exists = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM model_usage WHERE tenant_id = $1 AND id = $2)")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_one(&mut *self.0.connection)
            .await?;
        Ok(exists)
    }

    /// Up to `limit` groups in the order of their keys, those after `after`.
    pub async fn totals(
        &mut self,
        filter: &UsageFilter,
        group: UsageGroup,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<UsageTotals>, StoreError> {
        let key = group.expression();
        // Behind the prefix, with which an id is shown.
        let of_key = "tenant_id = $1 AND id = nullif(split_part(g.key, '_', 2), '')::uuid";
        let (owner, name) = match group {
            UsageGroup::User => (None, Some(format!("SELECT display_name FROM users WHERE {of_key}"))),
            UsageGroup::ApiKey => (None, Some(format!("SELECT name FROM api_keys WHERE {of_key}"))),
            UsageGroup::Run => {
                let owner = format!("SELECT user_id FROM runs WHERE {of_key}");
                let name = format!("SELECT display_name FROM users WHERE tenant_id = $1 AND id = ({owner})");
                (Some(owner), Some(name))
            }
            UsageGroup::Day | UsageGroup::Model | UsageGroup::Agent => (None, None),
        };
        let [owner, name] =
            [owner, name].map(|query| query.map_or_else(|| "NULL".to_owned(), |query| format!("({query})")));
        let statement = format!(
            "SELECT g.*, {owner}::uuid AS owner, {name}::text AS name FROM ( \
                 SELECT {key} AS key, {SUMS} FROM model_usage m WHERE {MATCHING} GROUP BY 1 \
             ) g WHERE $5::text IS NULL OR g.key COLLATE \"C\" > $5 ORDER BY g.key COLLATE \"C\" LIMIT $6"
        );
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(filter.from)
            .bind(filter.to)
            .bind(filter.user_id.map(UserId::uuid))
            .bind(after)
            .bind(limit)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// The sums over all calls that match; its key is empty.
    pub async fn total(&mut self, filter: &UsageFilter) -> Result<UsageTotals, StoreError> {
        let statement = format!(
            "SELECT '' AS key, NULL::text AS name, NULL::uuid AS owner, t.calls, t.incomplete_calls, \
                    coalesce(t.input_tokens, 0) AS input_tokens, coalesce(t.output_tokens, 0) AS output_tokens, \
                    coalesce(t.cached_tokens, 0) AS cached_tokens, coalesce(t.reasoning_tokens, 0) AS reasoning_tokens, \
                    coalesce(t.gpu_millis, 0) AS gpu_millis, coalesce(t.cost_micros, 0) AS cost_micros \
             FROM (SELECT {SUMS} FROM model_usage m WHERE {MATCHING}) t"
        );
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(filter.from)
            .bind(filter.to)
            .bind(filter.user_id.map(UserId::uuid))
            .fetch_one(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// Calls one by one, newest first.
    pub async fn list(&mut self, filter: &UsageFilter, page: PageRequest) -> Result<Page<UsageRow>, StoreError> {
        let statement = format!(
            "SELECT m.*, u.display_name AS user_name FROM model_usage m \
             LEFT JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id \
             WHERE {MATCHING} AND ($5::timestamptz IS NULL OR (m.occurred_at, m.id) < ($5, $6)) \
             ORDER BY m.occurred_at DESC, m.id DESC LIMIT $7"
        );
        let rows: Vec<UsageRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(filter.from)
            .bind(filter.to)
            .bind(filter.user_id.map(UserId::uuid))
            .bind(page.after.map(|cursor| cursor.at))
            .bind(page.after.map(|cursor| cursor.id))
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.occurred_at, id: row.id.uuid() }))
    }

    /// What the calls of a user's run since its beginning came to.
    pub async fn total_of_run(
        &mut self,
        run: RunId,
        (user, since): (UserId, DateTime<Utc>),
    ) -> Result<RunTotal, StoreError> {
        let total = sqlx::query_as(
            "SELECT coalesce(sum(input_tokens + output_tokens), 0)::bigint AS tokens, \
                    coalesce(sum(cost_micros), 0)::bigint AS cost_micros \
             FROM model_usage WHERE tenant_id = $1 AND user_id = $2 AND run_id = $3 AND occurred_at >= $4",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(run.uuid())
        .bind(since)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(total)
    }

    /// The calls of a run that a user had in a span of time, oldest first.
    pub async fn of_run(
        &mut self,
        run: RunId,
        user: UserId,
        span: [DateTime<Utc>; 2],
    ) -> Result<Vec<UsageRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT m.*, NULL::text AS user_name FROM model_usage m \
             WHERE m.tenant_id = $1 AND m.user_id = $2 AND m.run_id = $3 AND m.occurred_at BETWEEN $4 AND $5 \
             ORDER BY m.occurred_at, m.id",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(run.uuid())
        .bind(span[0])
        .bind(span[1])
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }
}
