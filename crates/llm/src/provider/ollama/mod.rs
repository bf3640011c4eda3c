//! An Ollama server, through its own API: chat, vectors, tags, and pulling models.
//!
//! `ollama-rs` gives types where they say what the server understands (see [`request`]). Its client is not used: it drops
//! a packet that ends inside a character, prints to standard error, and passes over failures in the middle of a stream.

mod pull;
mod request;
mod response;

use std::{str::FromStr, time::Duration};

use async_trait::async_trait;
use millwright_core::Sources;
use ollama_rs::generation::parameters::KeepAlive as WireKeepAlive;
use reqwest::{RequestBuilder, Url};
use serde::{Deserialize as _, de::value::StrDeserializer};

pub use self::pull::{PullProgress, PullStream};
use self::{
    pull::{PullBody, PullDecoder},
    response::{LineDecoder, Tags},
};
use super::{Completion, DeltaStream, Embeddings, ModelRequest, Provider, ProviderKind, support};
use crate::{
    LlmError,
    transport::{ApiKey, Endpoint, MAX_COMPLETION_BYTES, MAX_EMBEDDING_BYTES, Patience},
};

const PROVIDER: &str = ProviderKind::Ollama.as_str();
/// A model of 400 GB over a line of 100 Mbit/s.
const PULL_PATIENCE: Duration = Duration::from_hours(10);
/// Between two lines of a pull: checking the digest of a large layer takes minutes, and says nothing.
const PULL_SILENCE: Duration = Duration::from_mins(15);

/// How long the server keeps a model loaded after an answer: `10m`, `0` for not at all, `-1` for ever.
#[derive(Debug, Clone, PartialEq)]
pub struct KeepAlive(WireKeepAlive);

/// A word that is no time to keep a model loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as `30s`, `10m` or `2h`, `0` or `-1`")]
pub struct InvalidKeepAlive;

impl FromStr for KeepAlive {
    type Err = InvalidKeepAlive;

    fn from_str(text: &str) -> Result<Self, InvalidKeepAlive> {
        let text: StrDeserializer<'_, serde::de::value::Error> = StrDeserializer::new(text);
        WireKeepAlive::deserialize(text).map(Self).map_err(|_| InvalidKeepAlive)
    }
}

/// An Ollama server.
#[derive(Debug, Clone)]
pub struct OllamaProvider {
    endpoint: Endpoint,
    key: Option<ApiKey>,
    keep_alive: Option<KeepAlive>,
    chat: Url,
    sources: Sources,
}

impl OllamaProvider {
    /// A server at `base_url`, for instance `http://127.0.0.1:11434`. The key is for one that stands behind a proxy.
    ///
    /// # Errors
    /// When the address is not one, or no HTTP client can be made.
    pub fn new(
        base_url: &str,
        key: Option<ApiKey>,
        keep_alive: Option<KeepAlive>,
        patience: Patience,
        sources: Sources,
    ) -> Result<Self, LlmError> {
        let endpoint = Endpoint::new(PROVIDER, "url", base_url, patience)?;
        Ok(Self { chat: endpoint.at("api/chat"), endpoint, key, keep_alive, sources })
    }

    /// Has the server fetch a model from where it gets its models. Whether a site may do that is the caller's to know:
    /// the server reaches out to the network.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses. Later failures come through the stream.
    pub async fn pull(&self, model: &str) -> Result<PullStream, LlmError> {
        let mut endpoint = self.endpoint.clone();
        let patience = &mut endpoint.patience;
        *patience = Patience { first_token: PULL_SILENCE, idle: PULL_SILENCE, total: PULL_PATIENCE, ..*patience };
        let post = self.with_key(endpoint.post(&endpoint.at("api/pull"))).json(&PullBody { model, stream: true });
        endpoint.open(post, PullDecoder::new(PROVIDER)).await
    }

    async fn tags(&self) -> Result<Tags, LlmError> {
        self.endpoint.list(self.with_key(self.endpoint.get(&self.endpoint.at("api/tags")))).await
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        }
    }

    fn ask(&self, model: &str, request: &ModelRequest, streams: bool) -> Result<RequestBuilder, LlmError> {
        support::check(ProviderKind::Ollama, request)?;
        let keep_alive = self.keep_alive.as_ref().map(|keep| &keep.0);
        let post = self.with_key(self.endpoint.post(&self.chat));
        Ok(post.json(&request::chat(model, request, keep_alive, streams)))
    }
}

#[async_trait]
impl Provider for OllamaProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Ollama
    }

    async fn stream(&self, model: &str, request: &ModelRequest) -> Result<DeltaStream, LlmError> {
        let decoder = LineDecoder::new(PROVIDER, self.sources.clone());
        self.endpoint.open(self.ask(model, request, true)?, decoder).await
    }

    async fn complete(&self, model: &str, request: &ModelRequest) -> Result<Completion, LlmError> {
        let bytes = self.endpoint.whole(self.ask(model, request, false)?, MAX_COMPLETION_BYTES).await?;
        response::completion(PROVIDER, &bytes, &self.sources)
    }

    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        let keep_alive = self.keep_alive.as_ref().map(|keep| &keep.0);
        let post = self.with_key(self.endpoint.post(&self.endpoint.at("api/embed")));
        let post = post.json(&request::embeddings(model, texts, keep_alive));
        let bytes = self.endpoint.whole(post, MAX_EMBEDDING_BYTES).await?;
        response::embeddings(PROVIDER, &bytes, texts.len())
    }

    async fn model_digest(&self, model: &str) -> Result<Option<String>, LlmError> {
        let is_it = |name: &str| name == model || name.strip_suffix(":latest") == Some(model);
        Ok(self.tags().await?.models.into_iter().find(|tag| is_it(&tag.name)).and_then(|tag| tag.digest))
    }

    async fn list_models(&self) -> Result<Vec<String>, LlmError> {
        let tags = self.tags().await?;
        Ok(tags.models.into_iter().map(|tag| tag.name).collect())
    }
}
