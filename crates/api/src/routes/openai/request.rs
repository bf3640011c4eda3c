//! A chat request in OpenAI's form, and what it asks of a model.

use std::collections::BTreeMap;

use millwright_agents::OWN_AGENT;
use millwright_core::{ErrorCode, Problem};
use millwright_gateway::Wanted;
use millwright_llm::{
    Tier,
    provider::{ModelRequest, OutputFormat, Sampling, ToolChoice, ToolDefinition},
};
use serde::Deserialize;
use serde_json::Value;

use super::message::ChatMessage;
use crate::ApiError;

/// The name of the whole agent, with retrieval and citations.
pub(super) const AGENT: &str = "millwright-agent";
/// Names that stand for what a request deserves, or for a tier.
pub(super) const TIERS: [(&str, Option<Tier>); 4] = [
    ("millwright-auto", None),
    ("millwright-light", Some(Tier::Light)),
    ("millwright-standard", Some(Tier::Standard)),
    ("millwright-heavy", Some(Tier::Heavy)),
];

/// Bounds of what is looked at; a model's own context is far smaller than most of them allow.
const MOST_MESSAGES: usize = 2_000;
const MOST_TOOLS: usize = 128;

/// The request as OpenAI's clients send it. A parameter that is not here is refused.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatCompletionRequest {
    /// A model of `GET /v1/models`: a configured one, `millwright-auto`, `millwright-light`, `millwright-standard`,
    /// `millwright-heavy`, or `millwright-agent`.
    pub(super) model: String,
    /// The conversation, oldest first.
    messages: Vec<ChatMessage>,
    /// Server-sent events when true.
    pub(super) stream: Option<bool>,
    /// What a stream tells beside the answer.
    pub(super) stream_options: Option<StreamOptions>,
    /// 0 to 2.
    temperature: Option<f32>,
    /// 0 to 1.
    top_p: Option<f32>,
    /// Only 1.
    n: Option<u32>,
    /// One text or up to four.
    #[schema(value_type = Option<Value>)]
    stop: Option<OneOrMany>,
    /// The most tokens of the answer.
    max_tokens: Option<u32>,
    /// The same by its newer name.
    max_completion_tokens: Option<u32>,
    /// -2 to 2.
    presence_penalty: Option<f32>,
    /// -2 to 2.
    frequency_penalty: Option<f32>,
    /// For the same answer to the same request, where the model can.
    seed: Option<i64>,
    /// Functions that the model may ask to be called.
    tools: Option<Vec<Tool>>,
    /// `auto`, `none`, `required`, or one function.
    #[schema(value_type = Option<Value>)]
    tool_choice: Option<Choice>,
    /// Whether it may ask for several at once.
    parallel_tool_calls: Option<bool>,
    /// `text`, `json_object` or `json_schema`.
    #[schema(value_type = Option<Value>)]
    response_format: Option<Format>,
    /// Whether log probabilities are wanted.
    logprobs: Option<bool>,
    /// Of how many alternatives, 0 to 20.
    top_logprobs: Option<u8>,
    /// Taken and not used: usage is kept by the credential.
    #[expect(dead_code, reason = "accepted because many clients send it")]
    user: Option<String>,
    /// `agent` and `task` are kept with the usage, and budgets may be kept by them; nothing else is taken.
    metadata: Option<BTreeMap<String, String>>,
    /// Only false: nothing is stored but usage and proof.
    store: Option<bool>,
    /// Only `auto` and `default`.
    service_tier: Option<String>,
}

/// What a stream tells beside the answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamOptions {
    /// A last chunk with the usage.
    pub(super) include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// A function that may be called.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tool {
    /// Only `function`.
    #[serde(rename = "type")]
    kind: String,
    function: Function,
}

/// What it is called and takes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Function {
    name: String,
    description: Option<String>,
    /// A JSON Schema.
    parameters: Option<Value>,
    strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Choice {
    Word(String),
    Named { function: NamedFunction },
}

#[derive(Debug, Deserialize)]
struct NamedFunction {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format {
    Text,
    JsonObject,
    JsonSchema { json_schema: JsonSchema },
}

#[derive(Debug, Deserialize)]
struct JsonSchema {
    name: String,
    schema: Value,
    #[serde(default)]
    strict: Option<bool>,
}

/// A request that is as it should be.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) model: String,
    pub(super) wanted: Wanted,
    pub(super) request: ModelRequest,
    pub(super) agent: Option<String>,
    pub(super) task: Option<String>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

/// Collects what is wrong with a request.
pub(super) struct Faults(Problem);

impl Faults {
    pub(super) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let problem = std::mem::replace(&mut self.0, Problem::internal());
        self.0 = problem.field(field.into(), message.into());
    }

    fn within<T: PartialOrd + Copy>(&mut self, field: &str, value: Option<T>, least: T, most: T, words: &str) {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            self.add(field, format!("expected {words}"));
        }
    }
}

impl ChatCompletionRequest {
    /// What it asks for, or everything that is wrong with it.
    pub(super) fn parse(self) -> Result<Parsed, ApiError> {
        let mut faults = Faults(Problem::new(ErrorCode::ValidationFailed, "the request is not of the documented form"));
        self.check(&mut faults);
        let mut metadata = self.metadata.unwrap_or_default();
        let (agent, task) = (metadata.remove("agent"), metadata.remove("task"));
        if agent.as_deref() == Some(OWN_AGENT) {
            faults.add("metadata.agent", format!("expected another name: `{OWN_AGENT}` is Millwright's own"));
        }
        for (name, value) in [("agent", &agent), ("task", &task)] {
            if value.as_ref().is_some_and(|value| value.is_empty() || value.chars().count() > 200) {
                faults.add(format!("metadata.{name}"), "expected 1 to 200 characters");
            }
        }
        for name in metadata.keys() {
            faults.add(format!("metadata.{name}"), "expected only `agent` and `task`");
        }
        let stop = match self.stop {
            None => Vec::new(),
            Some(OneOrMany::One(text)) => vec![text],
            Some(OneOrMany::Many(texts)) => texts,
        };
        if stop.len() > 4 || stop.iter().any(String::is_empty) {
            faults.add("stop", "expected one to four texts that are not empty");
        }
        if self.messages.is_empty() || self.messages.len() > MOST_MESSAGES {
            faults.add("messages", format!("expected 1 to {MOST_MESSAGES} messages"));
        }
        let mut names = BTreeMap::new();
        let messages = self.messages.into_iter().enumerate();
        let messages: Vec<_> =
            messages.filter_map(|(at, message)| message.parse(at, &mut names, &mut faults)).collect();
        let tools = self.tools.unwrap_or_default();
        if tools.len() > MOST_TOOLS {
            faults.add("tools", format!("expected at most {MOST_TOOLS}"));
        }
        let tools: Vec<_> = tools.into_iter().map(|tool| tool.parse(&mut faults)).collect();
        let tool_choice = self.tool_choice.map_or(ToolChoice::Auto, |choice| choice.parse(&mut faults));
        if !faults.0.fields.is_empty() {
            return Err(faults.0.into());
        }
        let output = match self.response_format {
            None | Some(Format::Text) => OutputFormat::Text,
            Some(Format::JsonObject) => OutputFormat::JsonObject,
            Some(Format::JsonSchema { json_schema: JsonSchema { name, schema, strict } }) => {
                OutputFormat::JsonSchema { name, schema, strict: strict.unwrap_or(false) }
            }
        };
        let request = ModelRequest {
            messages,
            tools,
            tool_choice,
            parallel_tool_calls: self.parallel_tool_calls,
            output,
            max_output_tokens: self.max_completion_tokens.or(self.max_tokens),
            sampling: Sampling {
                temperature: self.temperature,
                top_p: self.top_p,
                seed: self.seed,
                frequency_penalty: self.frequency_penalty,
                presence_penalty: self.presence_penalty,
                stop,
            },
            logprobs: self.logprobs.unwrap_or(false).then(|| self.top_logprobs.unwrap_or(0)),
        };
        Ok(Parsed {
            wanted: wanted(&self.model),
            model: self.model,
            request,
            agent,
            task,
            stream: self.stream.unwrap_or(false),
            include_usage: self.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
        })
    }

    fn check(&self, faults: &mut Faults) {
        faults.within("temperature", self.temperature, 0.0, 2.0, "0 to 2");
        faults.within("top_p", self.top_p, 0.0, 1.0, "0 to 1");
        faults.within("presence_penalty", self.presence_penalty, -2.0, 2.0, "-2 to 2");
        faults.within("frequency_penalty", self.frequency_penalty, -2.0, 2.0, "-2 to 2");
        faults.within("top_logprobs", self.top_logprobs, 0, 20, "0 to 20");
        faults.within("n", self.n, 1, 1, "1: one answer a request");
        faults.within("max_tokens", self.max_tokens, 1, u32::MAX, "at least 1");
        faults.within("max_completion_tokens", self.max_completion_tokens, 1, u32::MAX, "at least 1");
        if self.top_logprobs.is_some() && self.logprobs != Some(true) {
            faults.add("top_logprobs", "expected together with `logprobs: true`");
        }
        if self.store == Some(true) {
            faults.add("store", "expected false: answers are not stored");
        }
        if self.service_tier.as_deref().is_some_and(|tier| !matches!(tier, "auto" | "default")) {
            faults.add("service_tier", "expected `auto` or `default`");
        }
        if self.stream_options.is_some() && self.stream != Some(true) {
            faults.add("stream_options", "expected together with `stream: true`");
        }
    }
}

fn wanted(model: &str) -> Wanted {
    match TIERS.iter().find(|(name, _)| *name == model) {
        Some((_, None)) => Wanted::Auto,
        Some((_, Some(tier))) => Wanted::Tier(*tier),
        None => Wanted::Model(model.to_owned()),
    }
}

impl Choice {
    fn parse(self, faults: &mut Faults) -> ToolChoice {
        let word = match self {
            Self::Named { function } => return ToolChoice::Named(function.name),
            Self::Word(word) => word,
        };
        match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => {
                faults.add("tool_choice", "expected `auto`, `none`, `required` or one function");
                ToolChoice::Auto
            }
        }
    }
}

impl Tool {
    fn parse(self, faults: &mut Faults) -> ToolDefinition {
        let name = self.function.name;
        let fits = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if self.kind != "function" {
            faults.add("tools", "expected only tools of type `function`");
        }
        if !fits {
            faults.add("tools", "expected names of 1 to 64 letters, digits, `_` and `-`");
        }
        ToolDefinition {
            name,
            description: self.function.description.unwrap_or_default(),
            parameters: self
                .function
                .parameters
                .unwrap_or_else(|| serde_json::json!({ "type": "object", "properties": {} })),
            strict: self.function.strict.unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use millwright_llm::provider::Message;

    use super::*;

    fn parse(body: Value) -> Result<Parsed, ApiError> {
        serde_json::from_value::<ChatCompletionRequest>(body).unwrap().parse()
    }

    fn faults(body: Value) -> Vec<String> {
        parse(body).unwrap_err().problem().fields.iter().map(|fault| fault.field.clone()).collect()
    }

    #[test]
    fn a_request_with_tools_and_results_is_read() {
        let parsed = parse(json!({
            "model": "millwright-auto",
            "messages": [
                { "role": "developer", "content": "Be brief." },
                { "role": "user", "content": [{ "type": "text", "text": "Stock of 4711?" },
                                              { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } }] },
                { "role": "assistant", "content": null,
                  "tool_calls": [{ "id": "c1", "type": "function", "function": { "name": "stock", "arguments": "{}" } }] },
                { "role": "tool", "tool_call_id": "c1", "content": "12" }
            ],
            "tools": [{ "type": "function", "function": { "name": "stock" } }],
            "tool_choice": { "type": "function", "function": { "name": "stock" } },
            "max_tokens": 9, "stop": "END", "metadata": { "task": "PM-1" }
        }))
        .unwrap();
        assert_eq!(parsed.wanted, Wanted::Auto);
        assert_eq!(parsed.task.as_deref(), Some("PM-1"));
        assert_eq!(parsed.request.tool_choice, ToolChoice::Named("stock".into()));
        assert!(parsed.request.has_images());
        let result = Message::Tool { call_id: "c1".into(), name: "stock".into(), text: "12".into() };
        assert_eq!(parsed.request.messages[3], result);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let faults = faults(json!({
            "model": "m", "n": 2, "temperature": 3, "store": true, "top_logprobs": 2, "stream_options": {},
            "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "http://10.0.0.1/x.png" } }] },
                         { "role": "tool", "tool_call_id": "nobody", "content": "x" },
                         { "role": "boss", "content": "x" },
                         { "role": "user" }],
            "metadata": { "secret": "x" }
        }));
        for field in [
            "temperature",
            "n",
            "top_logprobs",
            "store",
            "stream_options",
            "metadata.secret",
            "messages[0].content",
            "messages[1].tool_call_id",
            "messages[2].role",
            "messages[3].content",
        ] {
            assert!(faults.iter().any(|fault| fault == field), "{field}: {faults:?}");
        }
    }

    #[test]
    fn a_parameter_that_nobody_reads_is_refused() {
        for name in ["logit_bias", "functions", "audio", "reasoning_effort", "web_search_options"] {
            let body = json!({ "model": "m", "messages": [], name: {} });
            let error = serde_json::from_value::<ChatCompletionRequest>(body).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
