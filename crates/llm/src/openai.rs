//! Any server with the OpenAI chat interface: OpenAI, Azure, vLLM, llama.cpp, LiteLLM.
//!
//! The request is made of `async-openai`'s types. The stream is read here: that crate's own
//! transport logs what the server sends, repeats requests unasked, and ends a broken stream as
//! if it were complete.

use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessageArgs, ChatCompletionRequestMessage, ChatCompletionRequestSystemMessageArgs,
    ChatCompletionRequestUserMessageArgs, ChatCompletionStreamOptions, CreateChatCompletionRequest,
};
use async_trait::async_trait;
use millwright_core::Sources;
use serde::Deserialize;

use crate::{
    LlmError,
    model::{ChatModel, ChatRequest, Delta, DeltaStream, ModelInfo, StopReason},
    prompt::{self, PromptMessage},
    transport::{ApiKey, Decoded, Decoder, Endpoint, Patience},
};

const PROVIDER: &str = "openai";

/// A model behind an OpenAI-compatible interface.
#[derive(Debug, Clone)]
pub struct OpenAiModel {
    endpoint: Endpoint,
    key: Option<ApiKey>,
    model: String,
    sources: Sources,
}

impl OpenAiModel {
    /// A model at `base_url`, which includes the version, for instance `http://127.0.0.1:8001/v1`.
    ///
    /// # Errors
    /// When the address is not one, or no HTTP client can be made.
    pub fn new(
        base_url: &str,
        key: Option<ApiKey>,
        model: impl Into<String>,
        patience: Patience,
        sources: Sources,
    ) -> Result<Self, LlmError> {
        let endpoint = Endpoint::new(PROVIDER, "LLM_BASE_URL", base_url, patience)?;
        Ok(Self { endpoint, key, model: model.into(), sources })
    }

    fn with_key(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        }
    }

    fn body(&self, request: &ChatRequest) -> CreateChatCompletionRequest {
        let boundary = prompt::boundary(&self.sources);
        let messages = prompt::messages(request, &boundary).into_iter().filter_map(message).collect();
        let mut body = CreateChatCompletionRequest {
            model: self.model.clone(),
            messages,
            stream: Some(true),
            stream_options: Some(ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None }),
            ..CreateChatCompletionRequest::default()
        };
        let limit = Some(request.max_output_tokens);
        if self.is_openai_service() {
            body.max_completion_tokens = limit;
        } else {
            body.temperature = Some(0.0);
            set_max_tokens(&mut body, limit);
        }
        body
    }

    /// OpenAI's and Azure's newer models refuse the older words that all other servers know.
    fn is_openai_service(&self) -> bool {
        let host = self.endpoint.host();
        host.ends_with(".openai.com") || host.ends_with(".azure.com")
    }
}

#[expect(deprecated, reason = "the word that every compatible server knows")]
fn set_max_tokens(body: &mut CreateChatCompletionRequest, limit: Option<u32>) {
    body.max_tokens = limit;
}

fn message(message: PromptMessage) -> Option<ChatCompletionRequestMessage> {
    let text = message.text;
    // A builder fails only when a required part is missing, and the only one is given.
    match message.role {
        "system" => ChatCompletionRequestSystemMessageArgs::default().content(text).build().ok().map(Into::into),
        "assistant" => ChatCompletionRequestAssistantMessageArgs::default().content(text).build().ok().map(Into::into),
        _ => ChatCompletionRequestUserMessageArgs::default().content(text).build().ok().map(Into::into),
    }
}

#[async_trait]
impl ChatModel for OpenAiModel {
    fn info(&self) -> ModelInfo {
        ModelInfo { name: self.model.clone(), provider: PROVIDER, is_language_model: true }
    }

    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, LlmError> {
        let post = self.with_key(self.endpoint.post("chat/completions")).json(&self.body(&request));
        self.endpoint.open(post, SseDecoder::default()).await
    }

    async fn check(&self) -> Result<String, LlmError> {
        let list = self.endpoint.fetch_json(self.with_key(self.endpoint.get("models"))).await?;
        let Some(models) = list.get("data").and_then(|data| data.as_array()) else {
            return Err(LlmError::BadStream { provider: PROVIDER, what: "something else than a list of models" });
        };
        let listed = models.iter().any(|entry| entry.get("id").and_then(|id| id.as_str()) == Some(&self.model));
        // Gateways need not list what they route, so absence proves nothing.
        Ok(if listed {
            format!("model `{}` is served", self.model)
        } else {
            format!("the server answers but does not list model `{}`", self.model)
        })
    }
}

/// The parts of a chunk that are read. More lenient than the official type: servers leave out
/// fields and invent reasons for stopping.
#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: ChoiceDelta,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ChoiceDelta {
    content: Option<String>,
    #[serde(alias = "reasoning")]
    reasoning_content: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Reads server-sent events.
#[derive(Debug, Default)]
struct SseDecoder {
    data: Vec<u8>,
    stop_reason: Option<StopReason>,
}

impl Decoder for SseDecoder {
    fn line(&mut self, line: &[u8]) -> Result<Decoded, LlmError> {
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return if data.is_empty() { Ok(Decoded::default()) } else { self.event(&data) };
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        } else if line.first() == Some(&b'{') {
            // Some servers report a failure as bare JSON in the middle of the events.
            return self.event(line);
        }
        Ok(Decoded::default())
    }

    fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason
    }
}

impl SseDecoder {
    fn event(&mut self, data: &[u8]) -> Result<Decoded, LlmError> {
        let provider = PROVIDER;
        if data.trim_ascii() == b"[DONE]" {
            return Ok(Decoded { is_end: true, ..Decoded::default() });
        }
        let chunk: Chunk = serde_json::from_slice(data)
            .map_err(|_| LlmError::BadStream { provider, what: "an event that is not a chat chunk" })?;
        if chunk.error.is_some_and(|error| !error.is_null()) {
            return Err(LlmError::FailedMidway { provider });
        }
        let mut decoded = Decoded::default();
        if let Some(choice) = chunk.choices.into_iter().next() {
            decoded.is_token = choice.delta.reasoning_content.is_some();
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                decoded.is_token = true;
                decoded.deltas.push(Delta::Text(text));
            }
            if let Some(reason) = choice.finish_reason {
                self.stop_reason = Some(match reason.as_str() {
                    "stop" => StopReason::Complete,
                    "length" => StopReason::Length,
                    "content_filter" => StopReason::Filtered,
                    _ => StopReason::Other,
                });
            }
        }
        if let Some(usage) = chunk.usage {
            decoded
                .deltas
                .push(Delta::Usage { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens });
        }
        Ok(decoded)
    }
}
