//! Requests of Ollama's API.
//!
//! Options, keep-alive and requests for vectors are `ollama-rs`'s types. Its chat request is not used: it says
//! `"stream": false` unless that crate's own client sends it, and its messages cannot say which call a result belongs to.

use std::borrow::Cow;

use ollama_rs::{
    generation::{
        embeddings::request::{EmbeddingsInput, GenerateEmbeddingsRequest},
        parameters::KeepAlive,
    },
    models::ModelOptions,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::{Message, ModelRequest, OutputFormat, Part, ToolCall, ToolChoice, ToolDefinition, arguments};

/// Context sizes that are asked for: few, because the server loads the model anew for each.
const CONTEXT_SIZES: [u64; 5] = [8_192, 16_384, 32_768, 65_536, 131_072];
/// Room for an answer whose length is not limited.
const USUAL_ANSWER_TOKENS: u64 = 2_048;

#[derive(Debug, Serialize)]
pub(super) struct ChatBody<'a> {
    model: &'a str,
    messages: Vec<ChatMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
    options: ModelOptions,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<&'a KeepAlive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u8>,
}

#[derive(Debug, Default, Serialize)]
struct ChatMessage<'a> {
    role: &'static str,
    content: Cow<'a, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    id: &'a str,
    function: CallFunction<'a>,
}

#[derive(Debug, Serialize)]
struct CallFunction<'a> {
    name: &'a str,
    arguments: Cow<'a, RawValue>,
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a serde_json::Value,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Format<'a> {
    Word(&'static str),
    Schema(&'a serde_json::Value),
}

/// The body of a chat request.
pub(super) fn chat<'a>(
    model: &'a str,
    request: &'a ModelRequest,
    keep_alive: Option<&'a KeepAlive>,
    streams: bool,
) -> ChatBody<'a> {
    // The server knows no other way to keep a model from calling.
    let tools: &[ToolDefinition] = if request.tool_choice == ToolChoice::None { &[] } else { &request.tools };
    ChatBody {
        model,
        messages: request.messages.iter().map(message).collect(),
        tools: tools.iter().map(tool).collect(),
        format: match &request.output {
            OutputFormat::Text => None,
            OutputFormat::JsonObject => Some(Format::Word("json")),
            OutputFormat::JsonSchema { schema, .. } => Some(Format::Schema(schema)),
        },
        options: options(request),
        stream: streams,
        keep_alive,
        logprobs: request.logprobs.map(|_| true),
        top_logprobs: request.logprobs.filter(|count| *count > 0),
    }
}

/// The body of a request for vectors. A text that is too long is refused, never cut in silence.
pub(super) fn embeddings(model: &str, texts: &[String], keep_alive: Option<&KeepAlive>) -> GenerateEmbeddingsRequest {
    let input = EmbeddingsInput::Multiple(texts.to_vec());
    let request = GenerateEmbeddingsRequest::new(model.to_owned(), input).truncate(false);
    match keep_alive {
        Some(keep_alive) => request.keep_alive(keep_alive.clone()),
        None => request,
    }
}

fn message(message: &Message) -> ChatMessage<'_> {
    match message {
        Message::System { text } => {
            ChatMessage { role: "system", content: Cow::Borrowed(text), ..ChatMessage::default() }
        }
        Message::User { parts } => user(parts),
        Message::Assistant { text, tool_calls } => ChatMessage {
            role: "assistant",
            content: Cow::Borrowed(text),
            tool_calls: tool_calls.iter().map(call).collect(),
            ..ChatMessage::default()
        },
        Message::Tool { call_id, name, text } => ChatMessage {
            role: "tool",
            content: Cow::Borrowed(text),
            tool_name: Some(name),
            tool_call_id: Some(call_id),
            ..ChatMessage::default()
        },
    }
}

fn user(parts: &[Part]) -> ChatMessage<'_> {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| if let Part::Text { text } = part { Some(text.as_str()) } else { None })
        .collect();
    let content = match texts.as_slice() {
        [text] => Cow::Borrowed(*text),
        texts => Cow::Owned(texts.join("\n\n")),
    };
    let images =
        parts.iter().filter_map(|part| if let Part::Image(image) = part { Some(image.base64.as_str()) } else { None });
    ChatMessage { role: "user", content, images: images.collect(), ..ChatMessage::default() }
}

fn call(call: &ToolCall) -> Call<'_> {
    Call { id: &call.id, function: CallFunction { name: &call.name, arguments: arguments::as_object(&call.arguments) } }
}

fn tool(tool: &ToolDefinition) -> Tool<'_> {
    let function = Function { name: &tool.name, description: &tool.description, parameters: &tool.parameters };
    Tool { r#type: "function", function }
}

fn options(request: &ModelRequest) -> ModelOptions {
    let answer = request.max_output_tokens.map_or(USUAL_ANSWER_TOKENS, u64::from);
    let needed = request.estimated_input_tokens() + answer;
    let largest = CONTEXT_SIZES[CONTEXT_SIZES.len() - 1];
    // Without it the server cuts a long prompt in silence.
    let size = CONTEXT_SIZES.into_iter().find(|size| *size >= needed).unwrap_or(largest);
    let sampling = &request.sampling;
    let mut options = ModelOptions::default().num_ctx(size);
    if let Some(limit) = request.max_output_tokens {
        options = options.num_predict(i32::try_from(limit).unwrap_or(i32::MAX));
    }
    if let Some(temperature) = sampling.temperature {
        options = options.temperature(temperature);
    }
    if let Some(top_p) = sampling.top_p {
        options = options.top_p(top_p);
    }
    if !sampling.stop.is_empty() {
        options = options.stop(sampling.stop.clone());
    }
    if let Some(seed) = sampling.seed {
        // The type holds 32 bits, the server more.
        options = match i32::try_from(seed) {
            Ok(seed) => options.seed(seed),
            Err(_) => options.extra("seed", seed),
        };
    }
    let penalties =
        [("frequency_penalty", sampling.frequency_penalty), ("presence_penalty", sampling.presence_penalty)];
    options.extras(penalties.into_iter().filter_map(|(name, penalty)| Some((name, penalty?))))
}
