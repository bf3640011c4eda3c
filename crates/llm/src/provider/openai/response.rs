//! Answers of the OpenAI chat API.
//!
//! Read more leniently than by the official types: servers leave out fields and invent reasons for stopping. Texts are
//! copied once, out of the line; words of the format are only looked at.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;

use super::super::{
    Completion, Delta, Embeddings, StopReason, ToolCall, Usage,
    lenient::{MaybeText, Present, Word},
    sse::Events,
};
use crate::{
    LlmError,
    transport::{Decoder, Seen},
};

#[derive(Debug, Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Vec<ChunkChoice<'a>>,
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Present,
}

#[derive(Debug, Deserialize)]
struct ChunkChoice<'a> {
    #[serde(borrow, default)]
    delta: Option<WireMessage<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Word<'a>>,
    logprobs: Option<WireLogprobs>,
}

#[derive(Debug, Deserialize)]
struct Whole<'a> {
    #[serde(borrow, default)]
    choices: Vec<WholeChoice<'a>>,
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Present,
}

#[derive(Debug, Deserialize)]
struct WholeChoice<'a> {
    #[serde(borrow)]
    message: WireMessage<'a>,
    #[serde(borrow)]
    finish_reason: Option<Word<'a>>,
    logprobs: Option<WireLogprobs>,
}

/// A message, or what is added to it.
#[derive(Debug, Default, Deserialize)]
struct WireMessage<'a> {
    #[serde(default)]
    content: MaybeText,
    #[serde(default)]
    refusal: MaybeText,
    // Two words for the same; some servers send both.
    #[serde(default)]
    reasoning_content: MaybeText,
    #[serde(default)]
    reasoning: MaybeText,
    #[serde(borrow)]
    tool_calls: Option<Vec<WireCall<'a>>>,
}

#[derive(Debug, Deserialize)]
struct WireCall<'a> {
    index: Option<u32>,
    #[serde(default)]
    id: MaybeText,
    #[serde(borrow)]
    function: Option<WireFunction<'a>>,
}

#[derive(Debug, Deserialize)]
struct WireFunction<'a> {
    #[serde(default)]
    name: MaybeText,
    #[serde(borrow)]
    arguments: Option<Word<'a>>,
}

#[derive(Debug, Deserialize)]
struct WireLogprobs {
    content: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Debug, Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    fn from(usage: WireUsage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens,
            output_tokens: usage.completion_tokens,
            cached_tokens: usage.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or_default(),
            reasoning_tokens: usage
                .completion_tokens_details
                .and_then(|details| details.reasoning_tokens)
                .unwrap_or_default(),
        }
    }
}

/// Reads the events of a streamed answer.
#[derive(Debug)]
pub(crate) struct ChunkDecoder {
    events: Events,
    state: State,
}

/// What an answer has told so far.
#[derive(Debug)]
struct State {
    provider: &'static str,
    stop: Option<StopReason>,
    /// Calls begun so far.
    calls: u32,
    refused: bool,
}

impl ChunkDecoder {
    pub(crate) fn new(provider: &'static str) -> Self {
        Self { events: Events::default(), state: State { provider, stop: None, calls: 0, refused: false } }
    }
}

impl Decoder for ChunkDecoder {
    type Item = Delta;

    fn line(&mut self, line: &[u8], out: &mut VecDeque<Delta>) -> Result<Seen, LlmError> {
        match self.events.line(line) {
            Some(data) => self.state.event(data, out),
            None => Ok(Seen::default()),
        }
    }

    fn is_whole(&self) -> bool {
        self.state.stop.is_some()
    }

    fn finish(&mut self, out: &mut VecDeque<Delta>) {
        let state = &self.state;
        out.push_back(Delta::Done { stop_reason: stop_reason(state.stop, state.calls > 0, state.refused) });
    }
}

impl State {
    fn event(&mut self, data: &[u8], out: &mut VecDeque<Delta>) -> Result<Seen, LlmError> {
        let provider = self.provider;
        if data.trim_ascii() == b"[DONE]" {
            return Ok(Seen { end: true, ..Seen::default() });
        }
        let chunk: Chunk<'_> = serde_json::from_slice(data)
            .map_err(|_| LlmError::BadStream { provider, what: "an event that is not a chat chunk" })?;
        if chunk.error.0 {
            return Err(LlmError::FailedMidway { provider });
        }
        let mut seen = Seen::default();
        if let Some(choice) = chunk.choices.into_iter().next() {
            if let Some(delta) = choice.delta {
                self.delta(delta, &mut seen, out);
            }
            if let Some(content) = choice.logprobs.and_then(|logprobs| logprobs.content) {
                out.push_back(Delta::Logprobs(content));
            }
            if let Some(reason) = choice.finish_reason {
                self.stop = Some(word_for_stop(reason.as_str()));
            }
        }
        if let Some(usage) = chunk.usage {
            out.push_back(Delta::Usage(usage.into()));
        }
        Ok(seen)
    }

    fn delta(&mut self, delta: WireMessage<'_>, seen: &mut Seen, out: &mut VecDeque<Delta>) {
        if let Some(text) = delta.reasoning_content.0.or(delta.reasoning.0) {
            seen.token = true;
            seen.bytes += text.len();
            out.push_back(Delta::Reasoning(text));
        }
        self.refused |= delta.refusal.0.is_some();
        for text in [delta.content.0, delta.refusal.0].into_iter().flatten() {
            seen.token = true;
            seen.bytes += text.len();
            out.push_back(Delta::Text(text));
        }
        for call in delta.tool_calls.into_iter().flatten() {
            seen.token = true;
            self.call(call, seen, out);
        }
    }

    fn call(&mut self, call: WireCall<'_>, seen: &mut Seen, out: &mut VecDeque<Delta>) {
        let id = call.id.0;
        // Servers that leave the index out send a call with its id, and then more of it without.
        let index = call.index.unwrap_or(match id {
            Some(_) => self.calls,
            None => self.calls.saturating_sub(1),
        });
        self.calls = self.calls.max(index.saturating_add(1));
        let (name, arguments) = match call.function {
            Some(function) => (function.name.0, function.arguments.map(Word::into_owned)),
            None => (None, None),
        };
        let arguments = arguments.unwrap_or_default();
        seen.bytes += arguments.len();
        out.push_back(Delta::ToolCall { index, id, name, arguments });
    }
}

/// An answer in one piece.
pub(crate) fn completion(provider: &'static str, bytes: &[u8]) -> Result<Completion, LlmError> {
    let bad = || LlmError::BadStream { provider, what: "something else than a chat answer" };
    let whole: Whole<'_> = serde_json::from_slice(bytes).map_err(|_| bad())?;
    if whole.error.0 {
        return Err(LlmError::FailedMidway { provider });
    }
    let choice = whole.choices.into_iter().next().ok_or_else(bad)?;
    let message = choice.message;
    let refused = message.refusal.0.is_some();
    let tool_calls: Vec<ToolCall> = message.tool_calls.into_iter().flatten().map(tool_call).collect();
    let stop = choice.finish_reason.map(|reason| word_for_stop(reason.as_str()));
    Ok(Completion {
        text: message.content.0.or(message.refusal.0).unwrap_or_default(),
        reasoning: message.reasoning_content.0.or(message.reasoning.0).unwrap_or_default(),
        stop_reason: stop_reason(stop, !tool_calls.is_empty(), refused),
        tool_calls,
        logprobs: choice.logprobs.and_then(|logprobs| logprobs.content),
        usage: whole.usage.map(Into::into),
    })
}

fn tool_call(call: WireCall<'_>) -> ToolCall {
    let (name, arguments) = call.function.map(|function| (function.name.0, function.arguments)).unwrap_or_default();
    ToolCall {
        id: call.id.0.unwrap_or_default(),
        name: name.unwrap_or_default(),
        arguments: arguments.map(Word::into_owned).unwrap_or_default(),
    }
}

fn word_for_stop(word: &str) -> StopReason {
    match word {
        "stop" => StopReason::Complete,
        "length" => StopReason::Length,
        "tool_calls" | "function_call" => StopReason::ToolCalls,
        "content_filter" => StopReason::Filtered,
        _ => StopReason::Other,
    }
}

/// Servers say `stop` after a call that was forced, and after a refusal.
fn stop_reason(said: Option<StopReason>, calls: bool, refused: bool) -> StopReason {
    match said {
        Some(StopReason::Complete) if calls => StopReason::ToolCalls,
        Some(StopReason::Complete) if refused => StopReason::Filtered,
        Some(reason) => reason,
        None => StopReason::Other,
    }
}

#[derive(Debug, Deserialize)]
struct WireEmbeddings {
    data: Vec<WireEmbedding>,
    usage: Option<WireUsage>,
}

#[derive(Debug, Deserialize)]
struct WireEmbedding {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// Vectors of so many texts.
pub(crate) fn embeddings(provider: &'static str, bytes: &[u8], count: usize) -> Result<Embeddings, LlmError> {
    let bad = || LlmError::BadStream { provider, what: "something else than one vector for each text" };
    let wire: WireEmbeddings = serde_json::from_slice(bytes).map_err(|_| bad())?;
    let mut vectors = vec![Vec::new(); count];
    for (position, item) in wire.data.into_iter().enumerate() {
        *vectors.get_mut(item.index.unwrap_or(position)).ok_or_else(bad)? = item.embedding;
    }
    if vectors.iter().any(Vec::is_empty) {
        return Err(bad());
    }
    Ok(Embeddings { vectors, input_tokens: wire.usage.map(|usage| usage.prompt_tokens).unwrap_or_default() })
}
