//! An Ollama server, through its native interface.
//!
//! The wire types are our own: `ollama-rs` drops a packet that ends inside a character, prints
//! to standard error, and passes over failures in the middle of a stream.

use async_trait::async_trait;
use millwright_core::Sources;
use serde::{Deserialize, Serialize};

use crate::{
    LlmError,
    model::{ChatModel, ChatRequest, Delta, DeltaStream, ModelInfo, StopReason},
    prompt,
    transport::{Decoded, Decoder, Endpoint, Patience},
};

const PROVIDER: &str = "ollama";
/// Context sizes that are asked for: few, because the server loads the model anew for each.
const CONTEXT_SIZES: [u64; 3] = [8_192, 16_384, 32_768];

/// A model on an Ollama server.
#[derive(Debug, Clone)]
pub struct OllamaModel {
    endpoint: Endpoint,
    model: String,
    sources: Sources,
}

impl OllamaModel {
    /// A model at `base_url`, for instance `http://127.0.0.1:11434`.
    ///
    /// # Errors
    /// When the address is not one, or no HTTP client can be made.
    pub fn new(
        base_url: &str,
        model: impl Into<String>,
        patience: Patience,
        sources: Sources,
    ) -> Result<Self, LlmError> {
        let endpoint = Endpoint::new(PROVIDER, "OLLAMA_BASE_URL", base_url, patience)?;
        Ok(Self { endpoint, model: model.into(), sources })
    }

    fn body(&self, request: &ChatRequest) -> ChatBody {
        let messages = prompt::messages(request, &prompt::boundary(&self.sources));
        let needed = prompt::estimated_tokens(&messages) + u64::from(request.max_output_tokens);
        let largest = CONTEXT_SIZES[CONTEXT_SIZES.len() - 1];
        ChatBody {
            model: self.model.clone(),
            messages: messages
                .into_iter()
                .map(|message| Message { role: message.role, content: message.text })
                .collect(),
            stream: true,
            options: Options {
                // Without it the server cuts a long prompt in silence.
                num_ctx: CONTEXT_SIZES.into_iter().find(|size| *size >= needed).unwrap_or(largest),
                num_predict: request.max_output_tokens,
                temperature: 0.0,
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct ChatBody {
    model: String,
    messages: Vec<Message>,
    stream: bool,
    options: Options,
}

#[derive(Debug, Serialize)]
struct Message {
    role: &'static str,
    content: String,
}

#[derive(Debug, Serialize)]
struct Options {
    num_ctx: u64,
    num_predict: u32,
    temperature: f32,
}

#[async_trait]
impl ChatModel for OllamaModel {
    fn info(&self) -> ModelInfo {
        ModelInfo { name: self.model.clone(), provider: PROVIDER, is_language_model: true }
    }

    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, LlmError> {
        let post = self.endpoint.post("api/chat").json(&self.body(&request));
        self.endpoint.open(post, LineDecoder::default()).await
    }

    async fn check(&self) -> Result<String, LlmError> {
        let list = self.endpoint.fetch_json(self.endpoint.get("api/tags")).await?;
        let Some(models) = list.get("models").and_then(|models| models.as_array()) else {
            return Err(LlmError::BadStream { provider: PROVIDER, what: "something else than a list of models" });
        };
        let names = || models.iter().filter_map(|entry| entry.get("name").and_then(|name| name.as_str()));
        if names().any(|name| name == self.model || name.strip_suffix(":latest") == Some(&self.model)) {
            Ok(format!("model `{}` is installed", self.model))
        } else {
            Err(LlmError::ModelMissing { provider: PROVIDER, model: self.model.clone() })
        }
    }
}

#[derive(Debug, Deserialize)]
struct Line {
    message: Option<LineMessage>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct LineMessage {
    #[serde(default)]
    content: String,
    thinking: Option<String>,
}

/// Reads JSON lines.
#[derive(Debug, Default)]
struct LineDecoder {
    stop_reason: Option<StopReason>,
}

impl Decoder for LineDecoder {
    fn line(&mut self, line: &[u8]) -> Result<Decoded, LlmError> {
        let provider = PROVIDER;
        if line.trim_ascii().is_empty() {
            return Ok(Decoded::default());
        }
        let line: Line = serde_json::from_slice(line)
            .map_err(|_| LlmError::BadStream { provider, what: "a line that is not a chat message" })?;
        if line.error.is_some_and(|error| !error.is_null()) {
            return Err(LlmError::FailedMidway { provider });
        }
        let mut decoded = Decoded::default();
        if let Some(message) = line.message {
            decoded.is_token = message.thinking.is_some() || !message.content.is_empty();
            if !message.content.is_empty() {
                decoded.deltas.push(Delta::Text(message.content));
            }
        }
        if line.done {
            self.stop_reason = Some(match line.done_reason.as_deref() {
                Some("stop") | None => StopReason::Complete,
                Some("length") => StopReason::Length,
                Some(_) => StopReason::Other,
            });
            if let (Some(input_tokens), Some(output_tokens)) = (line.prompt_eval_count, line.eval_count) {
                decoded.deltas.push(Delta::Usage { input_tokens, output_tokens });
            }
            decoded.is_end = true;
        }
        Ok(decoded)
    }

    fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason
    }
}
