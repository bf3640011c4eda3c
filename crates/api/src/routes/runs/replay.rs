use axum::{Json, extract::State};
use millwright_core::id::RunId;
use serde::Serialize;

use crate::{
    ApiError, AppState,
    extract::{ChatUse, PathId},
    reveal::Reveal,
};

/// What came of a run when it was repeated.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReplayResponse {
    /// Finished steps that were repeated.
    steps: usize,
    /// Whether they led to the end of the run.
    is_whole: bool,
    /// Whether the answer is the one that is stored, byte for byte.
    same_text: bool,
    /// Whether its citations are.
    same_citations: bool,
    /// Whether the answer that is stored is the one whose digest stands in the audit log; null where none does.
    is_proved: Option<bool>,
    /// The answer as it came out, where it is another one.
    text: Option<String>,
    /// What keeps it from being repeated: a policy of today, a document that is gone.
    problem: Option<ReplayProblem>,
}

/// What keeps a run from being repeated.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReplayProblem {
    code: &'static str,
    detail: String,
}

/// Repeats one of one's own runs from what its steps have recorded: passages by their ids, what models wrote, what tools found. No
/// model and no tool is asked and nothing is written. The same records give the same answer; what differs is due to what
/// holds today.
#[utoipa::path(get, path = "/api/v1/runs/{id}/replay", operation_id = "runs.replay", tag = "runs",
               params(("id" = RunId, Path)),
               responses((status = 200, body = ReplayResponse),
                         (status = 409, description = "The run has not ended, or has recorded nothing")))]
pub(crate) async fn replay(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    PathId(id): PathId<RunId>,
) -> Result<Json<ReplayResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let run = tx.runs().require(id, principal.user_id).await?;
    super::require_clearance(&mut tx, &principal, &run).await?;
    let mut reveal = Reveal::new(&state, &principal, run.conversation_id);
    reveal.load(&mut tx).await?;
    drop(tx);
    let replay = state.runner.replay(&principal, id).await?;
    let mut text = serde_json::Value::String(replay.text);
    reveal.value(&mut text);
    Ok(Json(ReplayResponse {
        steps: replay.steps,
        is_whole: replay.is_whole,
        same_text: replay.same_text,
        same_citations: replay.same_citations,
        is_proved: replay.is_proved,
        text: if replay.same_text { None } else { text.as_str().map(str::to_owned) },
        problem: replay.problem.map(|problem| ReplayProblem { code: problem.code.as_str(), detail: problem.detail }),
    }))
}
