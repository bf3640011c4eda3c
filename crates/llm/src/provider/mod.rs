//! One form for all model servers: what is asked of a model, what comes back, and the trait that each kind of server
//! implements. Nothing here chooses, retries or counts.

mod anthropic;
mod arguments;
mod azure;
mod completion;
mod lenient;
mod ollama;
mod openai;
mod request;
mod sse;
mod support;

use std::fmt;

use async_trait::async_trait;

pub use anthropic::AnthropicProvider;
pub use azure::AzureProvider;
pub use completion::{Completion, Delta, DeltaStream, Embeddings, StopReason, Usage};
pub use ollama::{InvalidKeepAlive, KeepAlive, OllamaProvider, PullProgress, PullStream};
pub use openai::OpenAiProvider;
pub use request::{Image, Message, ModelRequest, OutputFormat, Part, Sampling, ToolCall, ToolChoice, ToolDefinition};

use crate::LlmError;

/// The kinds of servers that are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// The OpenAI chat API: OpenAI, vLLM, llama.cpp, LiteLLM and many others.
    Openai,
    /// The same on Azure: deployments, `api-key` and `api-version`.
    Azure,
    /// Ollama's own API.
    Ollama,
    /// The Anthropic Messages API.
    Anthropic,
}

impl ProviderKind {
    /// The word used in `models.yaml`, in metrics and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure",
            Self::Ollama => "ollama",
            Self::Anthropic => "anthropic",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One server of some kind. Holds its connections and its key. Makes one attempt for each call and gives up after its
/// patience; dropping a future or a stream closes the request.
#[async_trait]
pub trait Provider: Send + Sync + fmt::Debug {
    /// Which kind.
    fn kind(&self) -> ProviderKind;

    /// Starts an answer of `model`. Returns once the server has accepted the request.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not answer in time. Later failures come through the stream.
    async fn stream(&self, model: &str, request: &ModelRequest) -> Result<DeltaStream, LlmError>;

    /// A whole answer of `model` in one piece.
    ///
    /// # Errors
    /// As for [`Provider::stream`], and when the answer does not come whole.
    async fn complete(&self, model: &str, request: &ModelRequest) -> Result<Completion, LlmError>;

    /// One vector for each text, in their order.
    ///
    /// # Errors
    /// As for [`Provider::stream`], and when this kind of server has no embeddings.
    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError>;

    /// The digest of a model's weights, where this kind of server tells: what a name means may change. Asked in at most five
    /// seconds.
    ///
    /// # Errors
    /// When the server does not answer.
    async fn model_digest(&self, _model: &str) -> Result<Option<String>, LlmError> {
        Ok(None)
    }

    /// The names of the models that the server says it has, asked in at most five seconds.
    ///
    /// # Errors
    /// When it does not answer, or not with a list of models.
    async fn list_models(&self) -> Result<Vec<String>, LlmError>;
}
