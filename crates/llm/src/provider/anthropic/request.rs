//! Requests of the Anthropic Messages API.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{
    super::{Message, ModelRequest, OutputFormat, Part, ToolCall, ToolChoice, ToolDefinition, arguments},
    ANSWER_TOOL,
};

/// The API wants a limit; every model of it allows this one.
const USUAL_ANSWER_TOKENS: u32 = 4_096;

#[derive(Debug, Serialize)]
pub(super) struct MessagesBody<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Cow<'a, str>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    stream: bool,
}

#[derive(Debug, Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: &'a str },
    Image { source: Source<'a> },
    ToolUse { id: &'a str, name: &'a str, input: Cow<'a, RawValue> },
    ToolResult { tool_use_id: &'a str, content: &'a str },
}

#[derive(Debug, Serialize)]
struct Source<'a> {
    r#type: &'static str,
    media_type: &'a str,
    data: &'a str,
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: Cow<'a, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Choice<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Debug, Serialize)]
struct OutputConfig {
    format: JsonFormat,
}

#[derive(Debug, Serialize)]
struct JsonFormat {
    r#type: &'static str,
    schema: Value,
}

/// The body of a request.
pub(super) fn messages<'a>(model: &'a str, request: &'a ModelRequest, streams: bool) -> MessagesBody<'a> {
    let (tools, tool_choice) = match request.output {
        // There is no JSON without a schema but as the input of a tool.
        OutputFormat::JsonObject => (vec![answer_tool()], Some(choice("tool", Some(ANSWER_TOOL), Some(true)))),
        _ => (request.tools.iter().map(tool).collect(), tool_choice(request)),
    };
    MessagesBody {
        model,
        max_tokens: request.max_output_tokens.unwrap_or(USUAL_ANSWER_TOKENS),
        system: system(&request.messages),
        messages: turns(&request.messages),
        tools,
        tool_choice,
        output_config: match &request.output {
            OutputFormat::JsonSchema { schema, .. } => {
                Some(OutputConfig { format: JsonFormat { r#type: "json_schema", schema: closed(schema) } })
            }
            OutputFormat::Text | OutputFormat::JsonObject => None,
        },
        temperature: request.sampling.temperature,
        top_p: request.sampling.top_p,
        stop_sequences: &request.sampling.stop,
        stream: streams,
    }
}

/// All instructions: the API knows one place for them, before the conversation.
fn system(messages: &[Message]) -> Option<Cow<'_, str>> {
    let texts: Vec<&str> = messages
        .iter()
        .filter_map(|message| if let Message::System { text } = message { Some(text.as_str()) } else { None })
        .filter(|text| !text.is_empty())
        .collect();
    match texts.as_slice() {
        [] => None,
        [text] => Some(Cow::Borrowed(text)),
        texts => Some(Cow::Owned(texts.join("\n\n"))),
    }
}

/// The conversation in turns. Results of tools are what a person says there, all those of one answer in one turn.
fn turns(messages: &[Message]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::with_capacity(messages.len());
    for message in messages {
        let (role, blocks): (_, Vec<Block<'_>>) = match message {
            Message::System { .. } => continue,
            Message::User { parts } => ("user", parts.iter().filter_map(part).collect()),
            Message::Assistant { text, tool_calls } => {
                ("assistant", text_block(text).into_iter().chain(tool_calls.iter().map(tool_use)).collect())
            }
            Message::Tool { call_id, text, .. } => {
                ("user", vec![Block::ToolResult { tool_use_id: call_id, content: text }])
            }
        };
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(blocks),
            // A turn that says nothing is refused.
            _ if blocks.is_empty() => {}
            _ => turns.push(Turn { role, content: blocks }),
        }
    }
    turns
}

fn text_block(text: &str) -> Option<Block<'_>> {
    (!text.is_empty()).then_some(Block::Text { text })
}

fn part(part: &Part) -> Option<Block<'_>> {
    match part {
        Part::Text { text } => text_block(text),
        Part::Image(image) => Some(Block::Image {
            source: Source { r#type: "base64", media_type: &image.media_type, data: &image.base64 },
        }),
    }
}

fn tool_use(call: &ToolCall) -> Block<'_> {
    Block::ToolUse { id: &call.id, name: &call.name, input: arguments::as_object(&call.arguments) }
}

fn tool(tool: &ToolDefinition) -> Tool<'_> {
    Tool {
        name: &tool.name,
        description: &tool.description,
        input_schema: if tool.strict { Cow::Owned(closed(&tool.parameters)) } else { Cow::Borrowed(&tool.parameters) },
        strict: tool.strict.then_some(true),
    }
}

fn answer_tool() -> Tool<'static> {
    Tool {
        name: ANSWER_TOOL,
        description: "Takes the answer, as a JSON object.",
        input_schema: Cow::Owned(serde_json::json!({ "type": "object" })),
        strict: None,
    }
}

fn tool_choice(request: &ModelRequest) -> Option<Choice<'_>> {
    let alone = request.parallel_tool_calls.map(|parallel| !parallel);
    match &request.tool_choice {
        ToolChoice::Auto if request.tools.is_empty() || alone != Some(true) => None,
        ToolChoice::Auto => Some(choice("auto", None, alone)),
        ToolChoice::None if request.tools.is_empty() => None,
        ToolChoice::None => Some(choice("none", None, None)),
        ToolChoice::Required => Some(choice("any", None, alone)),
        ToolChoice::Named(name) => Some(choice("tool", Some(name), alone)),
    }
}

fn choice<'a>(word: &'static str, name: Option<&'a str>, alone: Option<bool>) -> Choice<'a> {
    Choice { r#type: word, name, disable_parallel_tool_use: alone.filter(|alone| *alone) }
}

/// The schema with `additionalProperties: false` wherever an object does not say: the API demands it, and what follows the
/// closed schema follows the open one.
fn closed(schema: &Value) -> Value {
    let mut schema = schema.clone();
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let is_object = map.get("type").and_then(Value::as_str) == Some("object");
            if is_object && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            for (key, value) in map.iter_mut() {
                // What stands there is data, not a schema.
                if !matches!(key.as_str(), "const" | "default" | "enum" | "examples") {
                    close(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
