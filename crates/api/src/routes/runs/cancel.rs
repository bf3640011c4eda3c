use axum::{extract::State, http::StatusCode};
use millwright_core::{ErrorCode, Problem, id::RunId};
use millwright_store::Proof;

use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, PathId},
};

/// Stops one of one's own runs. What it has written stays.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", operation_id = "runs.cancel", tag = "runs",
               params(("id" = RunId, Path)),
               responses((status = 202), (status = 409, description = "The run has ended already")))]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    audit: Audit,
    PathId(id): PathId<RunId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let waits = tx.runs().require(id, principal.user_id).await?.waits_until.is_some();
    if !tx.runs().request_cancel(id, state.sources.now()).await? {
        return Err(Problem::new(ErrorCode::InvalidTransition, "the run has ended already").into());
    }
    let entry = audit.entry(&principal, id, &[])?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.runner.cancel_now(id);
    if waits {
        // No process works on it: this one ends it.
        state.runner.take_over_soon(principal.scope, id).await;
    }
    Ok(StatusCode::ACCEPTED)
}
