use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use futures::stream;
use millwright_core::{ErrorCode, Principal, id::GoalId};

use super::get::{GoalResponse, show};
use crate::{
    ApiError, AppState,
    extract::{ChatUse, PathId, Streaming},
    sse,
};

/// How often it is looked whether something is new: one row of an index.
const LOOK: Duration = Duration::from_millis(250);

/// The goal each time it changes, until it has ended. Any process answers; whoever comes again gets it as it stands.
#[utoipa::path(get, path = "/api/v1/goals/{id}/events", operation_id = "goals.events", tag = "goals",
               params(("id" = GoalId, Path)),
               responses((status = 200, description = "Events named `goal`, with the goal as `GET` shows it",
                          content_type = "text/event-stream", body = sse::EventSchema)))]
pub(crate) async fn events(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    streaming: Streaming,
    PathId(id): PathId<GoalId>,
) -> Result<Response, ApiError> {
    // Absence must be a 404, not an empty stream.
    let first = show(&state, &principal, id).await?;
    let follow = Follow { state, principal, id, next: Some(first), seen: 0, has_ended: false };
    Ok(sse::respond(streaming.guard(stream::unfold(follow, Follow::step))))
}

struct Follow {
    state: AppState,
    principal: Principal,
    id: GoalId,
    next: Option<GoalResponse>,
    /// The revision that was sent last.
    seen: i64,
    has_ended: bool,
}

impl Follow {
    async fn step(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(goal) = self.next.take() {
                self.seen = goal.revision();
                self.has_ended = goal.has_ended();
                let event = Event::default().event("goal").id(self.seen.to_string());
                return Some((Ok(event.json_data(&goal).ok()?), self));
            }
            if self.has_ended {
                return None;
            }
            tokio::select! {
                () = self.state.stop.cancelled() => return None,
                () = tokio::time::sleep(LOOK) => {}
            }
            match self.look().await {
                Ok(next) => self.next = next,
                // Deleted meanwhile; a database that pauses is waited for.
                Err(error) if error.problem().code == ErrorCode::NotFound => return None,
                Err(_) => {}
            }
        }
    }

    async fn look(&self) -> Result<Option<GoalResponse>, ApiError> {
        let mut tx = self.state.store.tenant(&self.principal.scope).read().await?;
        let goal = tx.goals().require(self.id, self.principal.user_id).await?;
        drop(tx);
        if goal.revision == self.seen {
            return Ok(None);
        }
        show(&self.state, &self.principal, self.id).await.map(Some)
    }
}
