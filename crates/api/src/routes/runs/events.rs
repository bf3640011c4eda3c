use std::convert::Infallible;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{Response, sse::Event},
};
use futures::{StreamExt, stream};
use millwright_agents::AgentError;
use millwright_core::{ErrorCode, Problem, TenantScope, id::RunId};
use serde::Deserialize;

use crate::{
    ApiError, AppState,
    extract::{ChatUse, PathId, Streaming, StrictQuery},
    reveal::Reveal,
    sse,
};

/// Where to go on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunEventsQuery {
    /// The id of the last event that arrived; the header `Last-Event-ID` wins.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// The AG-UI events of one of one's own runs, from the beginning or after the last that arrived; any process answers.
#[utoipa::path(get, path = "/api/v1/runs/{id}/events", operation_id = "runs.events", tag = "runs",
               params(("id" = RunId, Path), RunEventsQuery,
                      ("last-event-id" = Option<i64>, Header, description = "The id of the last event that arrived")),
               responses((status = 200, description = "AG-UI events", content_type = "text/event-stream",
                          body = sse::EventSchema),
                         (status = 409, description = "Its events are not kept any more; `RUN_EVENTS_KEPT_DAYS`")))]
pub(crate) async fn events(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    streaming: Streaming,
    PathId(id): PathId<RunId>,
    StrictQuery(query): StrictQuery<RunEventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let last = match headers.get("last-event-id") {
        Some(value) => Some(value.to_str().ok().and_then(|value| value.parse().ok()).ok_or_else(|| {
            Problem::new(ErrorCode::ValidationFailed, "`Last-Event-ID` is not one of ours")
                .field("last-event-id", "expected the `id` of an event")
        })?),
        None => query.after,
    };
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let run = tx.runs().require(id, principal.user_id).await?;
    super::require_clearance(&mut tx, &principal, &run).await?;
    drop(tx);
    if run.events_pruned_at.is_some() {
        return Err(AgentError::EventsPruned.into());
    }
    let reveal = Reveal::new(&state, &principal, run.conversation_id);
    Ok(stream_run(&state, streaming, reveal, principal.scope, id, last.unwrap_or(0).max(0)))
}

/// The events of a run as an answer; the run itself does not notice when the client leaves.
pub(crate) fn stream_run(
    state: &AppState,
    streaming: Streaming,
    reveal: Reveal,
    scope: TenantScope,
    run: RunId,
    after: i64,
) -> Response {
    let events = Box::pin(state.runner.events(scope, run, after));
    let events = stream::unfold((events, reveal), |(mut events, mut reveal)| async move {
        let event = events.next().await?;
        let payload = reveal.event(event.payload).await;
        let event = Event::default().id(event.sequence.to_string()).data(payload.to_string());
        Some((Ok::<_, Infallible>(event), (events, reveal)))
    });
    sse::respond(streaming.guard(events))
}
