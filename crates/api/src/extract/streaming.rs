use std::time::Duration;

use axum::{extract::FromRequestParts, http::request::Parts};
use futures::{Stream, StreamExt};
use millwright_auth::Verified;
use millwright_core::{ErrorCode, Problem};
use millwright_limits::StreamSlot;

use crate::{ApiError, AppState};

/// How often a stream asks whether its credential still holds.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// A place for an event stream: one of the user's few, and what ends the stream when the credential does. Stands after the
/// permission in a handler's signature.
pub struct Streaming {
    state: AppState,
    verified: Verified,
    slot: StreamSlot,
}

impl FromRequestParts<AppState> for Streaming {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let verified = verified(parts)?;
        let slot = state.streams.take(verified.principal.user_id).ok_or_else(|| {
            Problem::new(ErrorCode::RateLimited, format!("{} streams are open already", state.streams.most()))
                .remedy("close one of them first")
                .retry_after(5)
        })?;
        Ok(Self { state: state.clone(), verified, slot })
    }
}

impl Streaming {
    /// The stream, until it ends, the server stops, or the credential is revoked.
    pub fn guard<S: Stream + Send>(self, stream: S) -> impl Stream<Item = S::Item> + Send
    where
        S::Item: Send,
    {
        let Self { state, verified, slot } = self;
        let ended = async move {
            // Held for as long as the stream is.
            let _slot = slot;
            revoked(&state, &verified, Unasked::Waits).await;
        };
        stream.take_until(ended)
    }
}

/// What ends an answer of a model when the credential does. Such answers end by themselves, so a program may have as many
/// at once as its rate limit and its budget let through. Stands after the permission in a handler's signature.
pub struct Watched {
    state: AppState,
    verified: Verified,
}

impl FromRequestParts<AppState> for Watched {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self { state: state.clone(), verified: verified(parts)? })
    }
}

impl Watched {
    /// The stream, until it ends, the server stops, or the credential is revoked.
    pub fn guard<S: Stream + Send>(self, stream: S) -> impl Stream<Item = S::Item> + Send
    where
        S::Item: Send,
    {
        stream.take_until(async move { revoked(&self.state, &self.verified, Unasked::Ends).await })
    }
}

fn verified(parts: &Parts) -> Result<Verified, ApiError> {
    parts.extensions.get::<Verified>().copied().ok_or_else(|| {
        tracing::error!("a stream was opened before anybody was authenticated");
        Problem::internal().into()
    })
}

/// What becomes of a stream while the database cannot be asked whether its credential holds.
#[derive(PartialEq)]
enum Unasked {
    /// It shows only what the database holds: nothing comes until that can be asked again.
    Waits,
    Ends,
}

/// Returns when the server stops or the credential holds no more.
async fn revoked(state: &AppState, verified: &Verified, unasked: Unasked) {
    loop {
        tokio::select! {
            () = state.stop.cancelled() => return,
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
        match state.identity.still_holds(verified).await {
            Ok(true) => {}
            Err(_) if unasked == Unasked::Waits => {}
            Ok(false) | Err(_) => return,
        }
    }
}
