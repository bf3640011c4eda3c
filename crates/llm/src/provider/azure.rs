//! The OpenAI models on Azure: a deployment in the address, `api-key` and `api-version`.

use async_trait::async_trait;
use reqwest::{RequestBuilder, Url};

use super::{
    Completion, DeltaStream, Embeddings, ModelRequest, Provider, ProviderKind,
    openai::{
        ModelNames,
        request::{self, LimitWord},
        response::{self, ChunkDecoder},
    },
    support,
};
use crate::{
    LlmError,
    transport::{ApiKey, Endpoint, MAX_COMPLETION_BYTES, MAX_EMBEDDING_BYTES, Patience},
};

const PROVIDER: &str = ProviderKind::Azure.as_str();

/// A resource of Azure OpenAI. What is called a model here is a deployment there.
#[derive(Debug, Clone)]
pub struct AzureProvider {
    endpoint: Endpoint,
    key: Option<ApiKey>,
    api_version: String,
}

impl AzureProvider {
    /// A resource at `base_url`, for instance `https://plant-7.openai.azure.com`, spoken to in the form of
    /// `api_version`, for instance `2024-10-21`.
    ///
    /// # Errors
    /// When the address is not one, or no HTTP client can be made.
    pub fn new(
        base_url: &str,
        key: Option<ApiKey>,
        api_version: impl Into<String>,
        patience: Patience,
    ) -> Result<Self, LlmError> {
        let endpoint = Endpoint::new(PROVIDER, "url", base_url, patience)?;
        Ok(Self { endpoint, key, api_version: api_version.into() })
    }

    fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.endpoint.base().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // Encodes what a deployment's name must not mean.
            path.pop_if_empty().push("openai").extend(segments);
        }
        url.query_pairs_mut().append_pair("api-version", &self.api_version);
        url
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.header("api-key", key.header()),
            None => request,
        }
    }

    fn ask(&self, model: &str, request: &ModelRequest, streams: bool) -> Result<RequestBuilder, LlmError> {
        support::check(ProviderKind::Azure, request)?;
        let post = self.endpoint.post(&self.at(&["deployments", model, "chat", "completions"]));
        Ok(self.with_key(post).json(&request::chat(model, request, LimitWord::MaxCompletionTokens, streams)))
    }
}

#[async_trait]
impl Provider for AzureProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Azure
    }

    async fn stream(&self, model: &str, request: &ModelRequest) -> Result<DeltaStream, LlmError> {
        self.endpoint.open(self.ask(model, request, true)?, ChunkDecoder::new(PROVIDER)).await
    }

    async fn complete(&self, model: &str, request: &ModelRequest) -> Result<Completion, LlmError> {
        let bytes = self.endpoint.whole(self.ask(model, request, false)?, MAX_COMPLETION_BYTES).await?;
        response::completion(PROVIDER, &bytes)
    }

    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        let post = self.with_key(self.endpoint.post(&self.at(&["deployments", model, "embeddings"])));
        let bytes = self.endpoint.whole(post.json(&request::embeddings(model, texts)), MAX_EMBEDDING_BYTES).await?;
        response::embeddings(PROVIDER, &bytes, texts.len())
    }

    /// The models that the resource may deploy: Azure lists deployments only to those who manage it.
    async fn list_models(&self) -> Result<Vec<String>, LlmError> {
        let list: ModelNames = self.endpoint.list(self.with_key(self.endpoint.get(&self.at(&["models"])))).await?;
        Ok(list.data.into_iter().map(|model| model.id).collect())
    }
}
