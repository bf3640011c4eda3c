//! The HTTP side: what a server sends is counted as it comes, whichever way it sends it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{StreamExt, future, stream::BoxStream};
use http::{HeaderName, HeaderValue};
use reqwest::Client;
use rmcp::{
    model::ClientJsonRpcMessage,
    transport::streamable_http_client::{
        SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
    },
};
use sse_stream::Sse;
use tokio_util::sync::CancellationToken;

type Headers = HashMap<HeaderName, HeaderValue>;
type Failure = StreamableHttpError<reqwest::Error>;

/// A client that reads at most so many bytes of all answers together.
#[derive(Debug, Clone)]
pub(crate) struct Bounded {
    client: Client,
    most: usize,
    read: Arc<AtomicUsize>,
    /// Cancelled once there is more.
    pub(crate) overflow: CancellationToken,
}

impl Bounded {
    pub(crate) fn new(client: Client, most: usize) -> Self {
        Self { client, most, read: Arc::default(), overflow: CancellationToken::new() }
    }

    /// Counts; false once there is more than is read.
    fn takes(&self, bytes: usize) -> bool {
        let before = self.read.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= self.most;
        if !fits {
            self.overflow.cancel();
        }
        fits
    }

    fn counted(&self, events: BoxStream<'static, Result<Sse, SseError>>) -> BoxStream<'static, Result<Sse, SseError>> {
        let counts = self.clone();
        let counted = events.take_while(move |event| {
            future::ready(match event {
                Ok(event) => counts.takes(event.data.as_ref().map_or(0, String::len)),
                Err(error) => {
                    // The only error of a stream that says so.
                    if error.to_string().contains("exceeded the maximum size") {
                        counts.overflow.cancel();
                    }
                    true
                }
            })
        });
        counted.boxed()
    }
}

impl StreamableHttpClient for Bounded {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session_id, auth_header, custom_headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: Headers,
        mut limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        limits.max_json_response_size = self.most.saturating_sub(self.read.load(Ordering::Relaxed));
        limits.max_sse_event_size = self.most;
        limits.max_error_response_size = self.most.min(4 << 10);
        let posted = self
            .client
            .post_message_with_response_limits(uri, message, session_id, auth_header, custom_headers, limits)
            .await;
        match posted {
            Ok(StreamableHttpPostResponse::Sse(events, session)) => {
                Ok(StreamableHttpPostResponse::Sse(self.counted(events), session))
            }
            Ok(StreamableHttpPostResponse::Json(message, session)) => {
                self.takes(serde_json::to_vec(&message).map_or(0, |bytes| bytes.len()));
                Ok(StreamableHttpPostResponse::Json(message, session))
            }
            Err(error @ StreamableHttpError::ResponseBodyTooLarge { .. }) => {
                self.overflow.cancel();
                Err(error)
            }
            other => other,
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<(), Failure> {
        self.client.delete_session(uri, session_id, auth_header, custom_headers).await
    }

    /// A server tells nothing but answers.
    async fn get_stream(
        &self,
        _uri: Arc<str>,
        _session_id: Option<Arc<str>>,
        _last_event_id: Option<String>,
        _auth_header: Option<String>,
        _custom_headers: Headers,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failure> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}
