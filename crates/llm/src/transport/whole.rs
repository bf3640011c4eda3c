//! Documents that come in one piece.

use futures::StreamExt;
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

use super::{CHECK_PATIENCE, Endpoint};
use crate::LlmError;

/// An answer longer than this, log probabilities and all, is a model that does not stop.
pub(crate) const MAX_COMPLETION_BYTES: usize = 16 << 20;
/// 2,048 vectors of 3,072 figures fit.
pub(crate) const MAX_EMBEDDING_BYTES: usize = 128 << 20;
/// A longer list of models is none.
const MAX_LIST_BYTES: usize = 4 << 20;

impl Endpoint {
    /// Reads a list of models, in the time that a check may take.
    pub(crate) async fn list<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, LlmError> {
        let deadline = Instant::now() + CHECK_PATIENCE;
        let response = self.send(request, deadline, CHECK_PATIENCE).await?;
        let read = Reading {
            limit: MAX_LIST_BYTES,
            too_long: "a list of models without end",
            deadline,
            idle: CHECK_PATIENCE,
            waiting_for: "answer",
            patience: CHECK_PATIENCE,
        };
        let bytes = self.read(response, &read).await?;
        let what = "something else than a list of models";
        serde_json::from_slice(&bytes).map_err(|_| LlmError::BadStream { provider: self.provider, what })
    }

    /// Sends a request for an answer in one piece and reads it, at most `limit` bytes.
    ///
    /// A server computes such an answer before it sends a byte, so that only the patience for the whole answer counts
    /// until then.
    pub(crate) async fn whole(&self, request: RequestBuilder, limit: usize) -> Result<Vec<u8>, LlmError> {
        let total = self.patience.total;
        let deadline = Instant::now() + total;
        let response = self.send(request, deadline, total).await?;
        let read = Reading {
            limit,
            too_long: "an answer without end",
            deadline,
            idle: self.patience.idle,
            waiting_for: "complete answer",
            patience: total,
        };
        self.read(response, &read).await
    }

    async fn read(&self, response: Response, how: &Reading) -> Result<Vec<u8>, LlmError> {
        let provider = self.provider;
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        if announced > how.limit {
            return Err(LlmError::BadStream { provider, what: how.too_long });
        }
        let mut bytes = Vec::with_capacity(announced);
        let mut body = response.bytes_stream();
        loop {
            let next = how.deadline.min(Instant::now() + how.idle);
            match timeout_at(next, body.next()).await {
                Ok(Some(Ok(part))) if bytes.len() + part.len() <= how.limit => bytes.extend_from_slice(&part),
                Ok(Some(Ok(_))) => return Err(LlmError::BadStream { provider, what: how.too_long }),
                Ok(Some(Err(_))) => return Err(LlmError::Interrupted { provider }),
                Ok(None) => return Ok(bytes),
                Err(_) if next < how.deadline => {
                    return Err(LlmError::Timeout { provider, what: "further byte", seconds: how.idle.as_secs() });
                }
                Err(_) => {
                    let seconds = how.patience.as_secs();
                    return Err(LlmError::Timeout { provider, what: how.waiting_for, seconds });
                }
            }
        }
    }
}

/// How a body is read.
struct Reading {
    limit: usize,
    too_long: &'static str,
    deadline: Instant,
    idle: Duration,
    waiting_for: &'static str,
    patience: Duration,
}
