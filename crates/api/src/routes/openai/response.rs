//! Answers in OpenAI's form.

use bytes::{BufMut, Bytes, BytesMut};
use millwright_llm::provider::{Completion, Delta, StopReason, Usage};
use serde::Serialize;
use serde_json::Value;

/// A whole answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChatCompletionResponse {
    id: String,
    /// `chat.completion`.
    object: &'static str,
    /// Seconds since 1970.
    created: i64,
    /// The model that answered.
    model: String,
    choices: Vec<ChoiceBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageBody>,
    /// Of `millwright-agent`: run, conversation, and what the answer cites.
    #[serde(skip_serializing_if = "Option::is_none")]
    millwright: Option<Value>,
}

/// The one answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChoiceBody {
    index: u32,
    message: MessageBody,
    logprobs: Option<LogprobsBody>,
    /// `stop`, `length`, `tool_calls` or `content_filter`.
    finish_reason: &'static str,
}

/// What the model says.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MessageBody {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallBody>,
}

/// A call that it asks for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ToolCallBody {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionBody,
}

/// Which function, and what it is given.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FunctionBody {
    name: String,
    /// JSON as the model wrote it.
    arguments: String,
}

/// Log probabilities by token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LogprobsBody {
    content: Value,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub(crate) struct UsageBody {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

/// Parts of the prompt.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub(crate) struct PromptDetails {
    cached_tokens: u64,
}

/// Parts of the answer.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub(crate) struct CompletionDetails {
    reasoning_tokens: u64,
}

impl From<Usage> for UsageBody {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            prompt_tokens_details: PromptDetails { cached_tokens: usage.cached_tokens },
            completion_tokens_details: CompletionDetails { reasoning_tokens: usage.reasoning_tokens },
        }
    }
}

/// What every part of an answer carries.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// `chatcmpl-` and the id of the call.
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) created: i64,
    pub(super) model: String,
}

const fn finish_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Complete | StopReason::Other => "stop",
        StopReason::Length => "length",
        StopReason::ToolCalls => "tool_calls",
        StopReason::Filtered => "content_filter",
    }
}

pub(super) fn whole(
    head: Head,
    completion: Completion,
    usage: Option<Usage>,
    millwright: Option<Value>,
) -> ChatCompletionResponse {
    let Completion { text, reasoning, tool_calls, logprobs, stop_reason, .. } = completion;
    let message = MessageBody {
        role: "assistant",
        content: (!text.is_empty() || tool_calls.is_empty()).then_some(text),
        reasoning_content: (!reasoning.is_empty()).then_some(reasoning),
        refusal: None,
        tool_calls: tool_calls
            .into_iter()
            .map(|call| ToolCallBody {
                id: call.id,
                kind: "function",
                function: FunctionBody { name: call.name, arguments: call.arguments },
            })
            .collect(),
    };
    let choice = ChoiceBody {
        index: 0,
        message,
        logprobs: logprobs.map(|content| LogprobsBody { content }),
        finish_reason: finish_reason(stop_reason),
    };
    ChatCompletionResponse {
        id: head.id,
        object: "chat.completion",
        created: head.created,
        model: head.model,
        choices: vec![choice],
        usage: usage.map(Into::into),
        millwright,
    }
}

#[derive(Serialize)]
struct Chunk<'c> {
    id: &'c str,
    object: &'static str,
    created: i64,
    model: &'c str,
    choices: &'c [ChunkChoice<'c>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ToldUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    millwright: Option<&'c Value>,
}

/// The usage, or the null of a chunk that has none though usage was asked for.
#[derive(Serialize)]
#[serde(transparent)]
struct ToldUsage(Option<UsageBody>);

#[derive(Serialize)]
struct ChunkChoice<'c> {
    index: u32,
    delta: ChunkDelta<'c>,
    logprobs: Option<LogprobsBody>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct ChunkDelta<'c> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ChunkCall<'c>; 1]>,
}

#[derive(Serialize)]
struct ChunkCall<'c> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'c str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: ChunkFunction<'c>,
}

#[derive(Serialize)]
struct ChunkFunction<'c> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'c str>,
    arguments: &'c str,
}

/// Writes the events of a stream.
pub(super) struct ChunkWriter {
    head: Head,
    include_usage: bool,
    usage: Option<Usage>,
    begun: bool,
    millwright: Option<Value>,
}

impl ChunkWriter {
    pub(super) fn new(head: Head, include_usage: bool) -> Self {
        Self { head, include_usage, usage: None, begun: false, millwright: None }
    }

    /// Goes out with the end of the answer.
    pub(super) fn remember(&mut self, millwright: Value) {
        self.millwright = Some(millwright);
    }

    /// The events that a part of an answer becomes; perhaps none.
    pub(super) fn delta(&mut self, delta: Delta) -> Bytes {
        let mut out = BytesMut::new();
        if !self.begun && !matches!(delta, Delta::Usage(_)) {
            self.begun = true;
            let role = ChunkDelta { role: Some("assistant"), content: Some(""), ..ChunkDelta::default() };
            self.choice(&mut out, role, None, None);
        }
        match delta {
            Delta::Text(text) => {
                self.choice(&mut out, ChunkDelta { content: Some(&text), ..ChunkDelta::default() }, None, None);
            }
            Delta::Reasoning(text) => {
                let delta = ChunkDelta { reasoning_content: Some(&text), ..ChunkDelta::default() };
                self.choice(&mut out, delta, None, None);
            }
            Delta::ToolCall { index, id, name, arguments } => {
                let kind = id.is_some().then_some("function");
                let function = ChunkFunction { name: name.as_deref(), arguments: &arguments };
                let call = ChunkCall { index, id: id.as_deref(), kind, function };
                let delta = ChunkDelta { tool_calls: Some([call]), ..ChunkDelta::default() };
                self.choice(&mut out, delta, None, None);
            }
            Delta::Logprobs(content) => {
                let logprobs = Some(LogprobsBody { content });
                self.choice(&mut out, ChunkDelta::default(), logprobs, None);
            }
            Delta::Usage(usage) => self.usage = Some(usage),
            Delta::Done { stop_reason } => {
                let reason = Some(finish_reason(stop_reason));
                self.choice(&mut out, ChunkDelta::default(), None, reason);
                if self.include_usage {
                    let usage = Some(ToldUsage(self.usage.map(Into::into)));
                    self.event(&mut out, &[], usage, false);
                }
                out.put_slice(b"data: [DONE]\n\n");
            }
        }
        out.freeze()
    }

    fn choice(
        &self,
        out: &mut BytesMut,
        delta: ChunkDelta<'_>,
        logprobs: Option<LogprobsBody>,
        finish_reason: Option<&'static str>,
    ) {
        // Where usage is asked for, every other chunk says that it has none.
        let usage = self.include_usage.then_some(ToldUsage(None));
        self.event(out, &[ChunkChoice { index: 0, delta, logprobs, finish_reason }], usage, finish_reason.is_some());
    }

    fn event(&self, out: &mut BytesMut, choices: &[ChunkChoice<'_>], usage: Option<ToldUsage>, ends: bool) {
        let millwright = self.millwright.as_ref().filter(|_| ends);
        let Head { id, created, model } = &self.head;
        let chunk = Chunk { id, object: "chat.completion.chunk", created: *created, model, choices, usage, millwright };
        out.put_slice(b"data: ");
        // Strings, numbers and lists: JSON holds them all.
        let _ = serde_json::to_writer((&mut *out).writer(), &chunk);
        out.put_slice(b"\n\n");
    }
}
