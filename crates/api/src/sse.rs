//! Server-sent events: the headers that keep proxies from buffering, and heartbeats.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::Stream;

/// Often enough for proxies that close a silent connection after 15 s or more.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// One event of a stream, by its fields.
#[derive(utoipa::ToSchema)]
#[schema(as = StreamEvent)]
#[expect(dead_code, reason = "events are written by axum; this describes them in the OpenAPI document")]
pub(crate) struct EventSchema {
    /// Where to go on: the `Last-Event-ID` of a client that comes back.
    id: Option<String>,
    /// Its kind, where the stream has several.
    event: Option<String>,
    /// JSON.
    data: String,
}

/// A stream as an answer.
pub(crate) fn respond(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response =
        Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")).into_response();
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
