use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_core::{ErrorCode, Problem, id::UserId};
use millwright_store::tenant::{UsageGroup, UsageTotals};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    extract::{PageQuery, StrictQuery, UsageRead},
};

/// By what use is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UsageGroupName {
    /// Days in UTC.
    Day,
    /// Models.
    Model,
    /// People and service accounts.
    User,
    /// Agents.
    Agent,
    /// Runs.
    Run,
    /// Keys of programs.
    ApiKey,
}

impl From<UsageGroupName> for UsageGroup {
    fn from(name: UsageGroupName) -> Self {
        match name {
            UsageGroupName::Day => Self::Day,
            UsageGroupName::Model => Self::Model,
            UsageGroupName::User => Self::User,
            UsageGroupName::Agent => Self::Agent,
            UsageGroupName::Run => Self::Run,
            UsageGroupName::ApiKey => Self::ApiKey,
        }
    }
}

/// Which calls, and how they are summed up.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageQuery {
    /// Not before this time; 30 days before `to` where it is absent, and 400 at most.
    from: Option<DateTime<Utc>>,
    /// Before this time; now where it is absent.
    to: Option<DateTime<Utc>>,
    /// By what; days where it is absent.
    #[param(inline)]
    group_by: Option<UsageGroupName>,
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
}

/// Sums over calls.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UsageTotalsResponse {
    /// A day as `2026-01-31`, a model, an agent, or an id; empty for calls without one, and for all together.
    key: String,
    /// The display name of a user, of whose run it is, or the name of an API key.
    name: Option<String>,
    /// Whose run it is; null for all but runs.
    user_id: Option<UserId>,
    calls: i64,
    /// Calls that were cut off or failed.
    incomplete_calls: i64,
    input_tokens: i64,
    output_tokens: i64,
    /// Of the input, those from a cache.
    cached_tokens: i64,
    /// Of the output, those of reasoning.
    reasoning_tokens: i64,
    gpu_seconds: f64,
    /// Millionths of the installation's currency.
    cost_micros: i64,
}

impl From<UsageTotals> for UsageTotalsResponse {
    fn from(totals: UsageTotals) -> Self {
        Self {
            key: totals.key,
            name: totals.name,
            user_id: totals.owner.map(UserId::from),
            calls: totals.calls,
            incomplete_calls: totals.incomplete_calls,
            input_tokens: totals.input_tokens,
            output_tokens: totals.output_tokens,
            cached_tokens: totals.cached_tokens,
            reasoning_tokens: totals.reasoning_tokens,
            gpu_seconds: totals.gpu_millis as f64 / 1_000.0,
            cost_micros: totals.cost_micros,
        }
    }
}

/// Use of models over a time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UsageResponse {
    /// Of all costs.
    currency: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// Over all groups, also those of other parts of the list.
    total: UsageTotalsResponse,
    /// In the order of their keys.
    items: Vec<UsageTotalsResponse>,
    /// Ask for the next part with this; null at the end.
    next_cursor: Option<String>,
}

/// A cursor is the last key that was seen, with a word in front that tells its making.
const CURSOR: &str = "k";

fn key_of(cursor: &str) -> Result<String, ApiError> {
    cursor
        .strip_prefix(CURSOR)
        .and_then(|digits| hex::decode(digits).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|key| !key.contains('\0'))
        .ok_or_else(|| {
            Problem::new(ErrorCode::ValidationFailed, "`cursor` is not one of ours")
                .field("cursor", "expected a `next_cursor` from an earlier answer")
                .into()
        })
}

/// What was used of models: the whole organisation's with `budgets:read`, else one's own.
#[utoipa::path(get, path = "/api/v1/usage", operation_id = "usage.totals", tag = "usage",
               params(UsageQuery), responses((status = 200, body = UsageResponse)))]
pub(crate) async fn totals(
    State(state): State<AppState>,
    UsageRead(principal): UsageRead,
    StrictQuery(query): StrictQuery<UsageQuery>,
) -> Result<Json<UsageResponse>, ApiError> {
    let limit = PageQuery::new(query.limit, None).request()?.limit as usize;
    let after = query.cursor.as_deref().map(key_of).transpose()?;
    let now = state.sources.now();
    let filter = super::filter(&principal, query.from, query.to, now)?;
    let group = query.group_by.unwrap_or(UsageGroupName::Day).into();
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let total = tx.usage().total(&filter).await?;
    let mut groups = tx.usage().totals(&filter, group, after.as_deref(), limit as i64 + 1).await?;
    let more = groups.len() > limit;
    groups.truncate(limit);
    let next_cursor = groups.last().filter(|_| more).map(|last| format!("{CURSOR}{}", hex::encode(&last.key)));
    Ok(Json(UsageResponse {
        currency: state.completions.gateway().catalog().currency().to_owned(),
        from: filter.from.unwrap_or(now),
        to: filter.to.unwrap_or(now),
        total: total.into(),
        items: groups.into_iter().map(Into::into).collect(),
        next_cursor,
    }))
}
