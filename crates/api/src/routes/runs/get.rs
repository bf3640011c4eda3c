use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_core::{
    Label,
    id::{ConversationId, GoalId, RunId},
};
use millwright_store::tenant::{RunStepRow, label_of_json};
use serde::Serialize;
use serde_json::Value;

use crate::{
    ApiError, AppState,
    dto::FailureResponse,
    extract::{ChatUse, PathId},
    reveal::Reveal,
};

/// A step of a run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RunStepResponse {
    /// 1 for the first.
    number: i32,
    /// `observe`, `deliberate`, `think`, `tool`, `person` (waits for an answer of theirs) or `verify`.
    kind: &'static str,
    /// Which time round.
    attempt: i32,
    /// `running`, `finished` or `failed`.
    status: &'static str,
    /// What it found.
    detail: Value,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    duration_ms: Option<i64>,
}

impl From<RunStepRow> for RunStepResponse {
    fn from(row: RunStepRow) -> Self {
        Self {
            number: row.number,
            kind: row.kind.as_str(),
            attempt: row.attempt,
            status: row.status.as_str(),
            detail: row.detail,
            started_at: row.started_at,
            finished_at: row.finished_at,
            duration_ms: row.finished_at.map(|end| (end - row.started_at).num_milliseconds()),
        }
    }
}

/// A run with its steps.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RunResponse {
    id: RunId,
    conversation_id: ConversationId,
    /// The goal that it is a step of; null where it is none.
    goal_id: Option<GoalId>,
    /// `running`, `finished`, `failed` or `cancelled`.
    status: &'static str,
    tier: String,
    model: String,
    error: Option<FailureResponse>,
    /// The join of the labels of all that it has read; null while it has read nothing.
    label: Option<Label>,
    /// Until when it waits for an answer to what its last step asks; null while it does not. `POST …/answer` gives one.
    waits_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    /// In order.
    steps: Vec<RunStepResponse>,
}

/// One of one's own runs.
#[utoipa::path(get, path = "/api/v1/runs/{id}", operation_id = "runs.get", tag = "runs",
               params(("id" = RunId, Path)), responses((status = 200, body = RunResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    PathId(id): PathId<RunId>,
) -> Result<Json<RunResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let run = tx.runs().require(id, principal.user_id).await?;
    super::require_clearance(&mut tx, &principal, &run).await?;
    let mut reveal = Reveal::new(&state, &principal, run.conversation_id);
    reveal.load(&mut tx).await?;
    let steps = tx.runs().steps(id).await?.into_iter().map(|mut step| {
        reveal.value(&mut step.detail);
        RunStepResponse::from(step)
    });
    let steps = steps.collect();
    Ok(Json(RunResponse {
        id,
        conversation_id: run.conversation_id,
        goal_id: run.goal_id.map(GoalId::from),
        status: run.status.as_str(),
        tier: run.tier,
        model: run.model,
        error: FailureResponse::from_columns(run.error_code, run.error_detail),
        label: run.label.map(label_of_json),
        waits_until: run.waits_until,
        created_at: run.created_at,
        finished_at: run.finished_at,
        steps,
    }))
}
