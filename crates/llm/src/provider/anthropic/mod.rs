//! The Anthropic Messages API, of 2023-06-01 with structured outputs (`output_config`, `strict`). No vectors, no log
//! probabilities, no seed. Reasoning is read where a model shows it, and not asked for.

mod request;
mod response;

use async_trait::async_trait;
use reqwest::{RequestBuilder, Url};

use self::response::EventDecoder;
use super::{
    Completion, DeltaStream, Embeddings, ModelRequest, OutputFormat, Provider, ProviderKind, openai::ModelNames,
    support,
};
use crate::{
    LlmError,
    transport::{ApiKey, Endpoint, MAX_COMPLETION_BYTES, Patience},
};

const PROVIDER: &str = ProviderKind::Anthropic.as_str();
/// The form of the API that is spoken.
const API_VERSION: &str = "2023-06-01";
/// The tool whose input is the answer, where an answer has to be some JSON object.
const ANSWER_TOOL: &str = "answer";

/// A server with the Anthropic Messages API.
#[derive(Debug, Clone)]
pub struct AnthropicProvider {
    endpoint: Endpoint,
    key: Option<ApiKey>,
    messages: Url,
    models: Url,
}

impl AnthropicProvider {
    /// A server at `base_url`, with or without its `/v1`, for instance `https://api.anthropic.com`.
    ///
    /// # Errors
    /// When the address is not one, or no HTTP client can be made.
    pub fn new(base_url: &str, key: Option<ApiKey>, patience: Patience) -> Result<Self, LlmError> {
        let endpoint = Endpoint::new(PROVIDER, "url", base_url, patience)?;
        let version = if endpoint.base().path().ends_with("/v1/") { "" } else { "v1/" };
        let messages = endpoint.at(&format!("{version}messages"));
        let mut models = endpoint.at(&format!("{version}models"));
        models.set_query(Some("limit=1000"));
        Ok(Self { endpoint, key, messages, models })
    }

    fn with_headers(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header("anthropic-version", API_VERSION);
        match &self.key {
            Some(key) => request.header("x-api-key", key.header()),
            None => request,
        }
    }

    fn ask(&self, model: &str, request: &ModelRequest, streams: bool) -> Result<RequestBuilder, LlmError> {
        support::check(ProviderKind::Anthropic, request)?;
        let post = self.with_headers(self.endpoint.post(&self.messages));
        Ok(post.json(&request::messages(model, request, streams)))
    }
}

fn answers_by_tool(request: &ModelRequest) -> bool {
    matches!(request.output, OutputFormat::JsonObject)
}

#[async_trait]
impl Provider for AnthropicProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Anthropic
    }

    async fn stream(&self, model: &str, request: &ModelRequest) -> Result<DeltaStream, LlmError> {
        let decoder = EventDecoder::new(PROVIDER, answers_by_tool(request));
        self.endpoint.open(self.ask(model, request, true)?, decoder).await
    }

    async fn complete(&self, model: &str, request: &ModelRequest) -> Result<Completion, LlmError> {
        let bytes = self.endpoint.whole(self.ask(model, request, false)?, MAX_COMPLETION_BYTES).await?;
        response::completion(PROVIDER, &bytes, answers_by_tool(request))
    }

    async fn embed(&self, _: &str, _: &[String]) -> Result<Embeddings, LlmError> {
        Err(LlmError::Unsupported { provider: PROVIDER, what: "embeddings" })
    }

    async fn list_models(&self) -> Result<Vec<String>, LlmError> {
        let list: ModelNames = self.endpoint.list(self.with_headers(self.endpoint.get(&self.models))).await?;
        Ok(list.data.into_iter().map(|model| model.id).collect())
    }
}
