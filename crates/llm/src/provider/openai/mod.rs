//! Any server with the OpenAI chat API: OpenAI, vLLM, llama.cpp, LiteLLM and many others.
//!
//! Requests are made of `async-openai`'s types. Its client is not used: it logs what the server sends, repeats requests
//! unasked, and ends a broken stream as if it were complete.

pub(crate) mod request;
pub(crate) mod response;

use async_trait::async_trait;
use reqwest::{RequestBuilder, Url};
use serde::Deserialize;

use self::{request::LimitWord, response::ChunkDecoder};
use super::{Completion, DeltaStream, Embeddings, ModelRequest, Provider, ProviderKind, support};
use crate::{
    LlmError,
    transport::{ApiKey, Endpoint, MAX_COMPLETION_BYTES, MAX_EMBEDDING_BYTES, Patience},
};

const PROVIDER: &str = ProviderKind::Openai.as_str();

/// A server with the OpenAI chat API.
#[derive(Debug, Clone)]
pub struct OpenAiProvider {
    endpoint: Endpoint,
    key: Option<ApiKey>,
    chat: Url,
    word: LimitWord,
}

impl OpenAiProvider {
    /// A server at `base_url`, which includes the version, for instance `http://127.0.0.1:8001/v1`.
    ///
    /// # Errors
    /// When the address is not one, or no HTTP client can be made.
    pub fn new(base_url: &str, key: Option<ApiKey>, patience: Patience) -> Result<Self, LlmError> {
        let endpoint = Endpoint::new(PROVIDER, "url", base_url, patience)?;
        let word = if is_openai_service(&endpoint) { LimitWord::MaxCompletionTokens } else { LimitWord::MaxTokens };
        Ok(Self { chat: endpoint.at("chat/completions"), endpoint, key, word })
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        }
    }

    fn ask(&self, model: &str, request: &ModelRequest, streams: bool) -> Result<RequestBuilder, LlmError> {
        support::check(ProviderKind::Openai, request)?;
        Ok(self.with_key(self.endpoint.post(&self.chat)).json(&request::chat(model, request, self.word, streams)))
    }
}

/// Whether this is OpenAI or Azure itself, whose newer models refuse words that all other servers know.
fn is_openai_service(endpoint: &Endpoint) -> bool {
    let host = endpoint.host();
    host.ends_with(".openai.com") || host.ends_with(".azure.com")
}

#[async_trait]
impl Provider for OpenAiProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Openai
    }

    async fn stream(&self, model: &str, request: &ModelRequest) -> Result<DeltaStream, LlmError> {
        self.endpoint.open(self.ask(model, request, true)?, ChunkDecoder::new(PROVIDER)).await
    }

    async fn complete(&self, model: &str, request: &ModelRequest) -> Result<Completion, LlmError> {
        let bytes = self.endpoint.whole(self.ask(model, request, false)?, MAX_COMPLETION_BYTES).await?;
        response::completion(PROVIDER, &bytes)
    }

    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        let post = self.with_key(self.endpoint.post(&self.endpoint.at("embeddings")));
        let post = post.json(&request::embeddings(model, texts));
        let bytes = self.endpoint.whole(post, MAX_EMBEDDING_BYTES).await?;
        response::embeddings(PROVIDER, &bytes, texts.len())
    }

    async fn list_models(&self) -> Result<Vec<String>, LlmError> {
        let get = self.with_key(self.endpoint.get(&self.endpoint.at("models")));
        let list: ModelNames = self.endpoint.list(get).await?;
        Ok(list.data.into_iter().map(|model| model.id).collect())
    }
}

/// The list of models that servers of this form give.
#[derive(Debug, Deserialize)]
pub(crate) struct ModelNames {
    pub(crate) data: Vec<ModelName>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(crate) struct ModelName {
    pub(crate) id: String,
}
