use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use futures::stream;
use millwright_core::{Principal, id::DocumentId};

use crate::{
    ApiError, AppState,
    dto::DocumentResponse,
    extract::{DocumentsRead, PathId, Streaming},
    sse,
};

/// Progress changes about five times a second at most.
const LOOK: Duration = Duration::from_millis(200);

/// The document each time it changes, until its newest version is read or has failed.
#[utoipa::path(get, path = "/api/v1/documents/{id}/events", operation_id = "documents.events", tag = "documents",
               params(("id" = DocumentId, Path)),
               responses((status = 200, description = "Events named `document`, with the document as `GET` shows it",
                          content_type = "text/event-stream", body = sse::EventSchema)))]
pub(crate) async fn events(
    State(state): State<AppState>,
    DocumentsRead(principal): DocumentsRead,
    streaming: Streaming,
    PathId(id): PathId<DocumentId>,
) -> Result<Response, ApiError> {
    // Absence must be a 404, not an empty stream.
    let first = look(&state, &principal, id).await?;
    let follow = Follow { state, principal, id, next: Some(first), last: String::new(), settled: false };
    Ok(sse::respond(streaming.guard(stream::unfold(follow, Follow::step))))
}

async fn look(state: &AppState, principal: &Principal, id: DocumentId) -> Result<DocumentResponse, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let (_, document) = super::open(state, principal, &mut tx, id).await?;
    let latest = tx.versions().require(document.latest_version_id).await?;
    Ok(DocumentResponse::new(document, latest))
}

struct Follow {
    state: AppState,
    principal: Principal,
    id: DocumentId,
    next: Option<DocumentResponse>,
    last: String,
    settled: bool,
}

impl Follow {
    async fn step(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(document) = self.next.take() {
                let json = serde_json::to_string(&document).ok()?;
                if json != self.last {
                    self.last.clone_from(&json);
                    self.settled = document.is_settled();
                    return Some((Ok(Event::default().event("document").data(json)), self));
                }
            }
            if self.settled {
                return None;
            }
            tokio::select! {
                () = self.state.stop.cancelled() => return None,
                () = tokio::time::sleep(LOOK) => {}
            }
            match look(&self.state, &self.principal, self.id).await {
                Ok(document) => self.next = Some(document),
                // Deleted meanwhile; a database that pauses is waited for.
                Err(error) if error.problem().code == millwright_core::ErrorCode::NotFound => return None,
                Err(_) => {}
            }
        }
    }
}
