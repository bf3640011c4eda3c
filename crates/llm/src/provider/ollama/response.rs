//! Answers of Ollama's API: JSON lines.

use std::collections::VecDeque;

use millwright_core::Sources;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::super::{
    Completion, Delta, Embeddings, StopReason, ToolCall, Usage,
    lenient::{MaybeText, Present, Word},
};
use crate::{
    LlmError,
    transport::{Decoder, Seen},
};

#[derive(Debug, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    message: Option<LineMessage<'a>>,
    #[serde(default)]
    done: bool,
    #[serde(borrow)]
    done_reason: Option<Word<'a>>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    logprobs: Option<Value>,
    #[serde(default)]
    error: Present,
}

#[derive(Debug, Deserialize)]
struct LineMessage<'a> {
    #[serde(default)]
    content: MaybeText,
    #[serde(default)]
    thinking: MaybeText,
    #[serde(borrow)]
    tool_calls: Option<Vec<LineCall<'a>>>,
}

#[derive(Debug, Deserialize)]
struct LineCall<'a> {
    #[serde(default)]
    id: MaybeText,
    #[serde(borrow)]
    function: LineFunction<'a>,
}

#[derive(Debug, Deserialize)]
struct LineFunction<'a> {
    #[serde(borrow)]
    name: Word<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl Line<'_> {
    fn usage(&self) -> Option<Usage> {
        // Some versions leave a figure out, for instance of a prompt that they still have: then nothing is known, which is
        // not nothing.
        let (input_tokens, output_tokens) = (self.prompt_eval_count?, self.eval_count?);
        Some(Usage { input_tokens, output_tokens, ..Usage::default() })
    }

    fn stop_reason(&self, calls: bool) -> StopReason {
        match self.done_reason.as_ref().map(Word::as_str) {
            Some("stop") | None if calls => StopReason::ToolCalls,
            Some("stop") | None => StopReason::Complete,
            Some("length") => StopReason::Length,
            Some(_) => StopReason::Other,
        }
    }
}

/// Older servers give calls no id, and an id that comes twice in a conversation could not be answered.
fn id(given: MaybeText, sources: &Sources) -> String {
    given.0.unwrap_or_else(|| format!("call_{}", hex::encode(sources.random_bytes::<12>())))
}

fn arguments(raw: Option<&RawValue>) -> String {
    raw.map_or_else(|| "{}".to_owned(), |raw| raw.get().to_owned())
}

/// Reads the lines of a streamed answer.
#[derive(Debug)]
pub(super) struct LineDecoder {
    provider: &'static str,
    sources: Sources,
    stop: Option<StopReason>,
    calls: u32,
}

impl LineDecoder {
    pub(super) fn new(provider: &'static str, sources: Sources) -> Self {
        Self { provider, sources, stop: None, calls: 0 }
    }
}

impl Decoder for LineDecoder {
    type Item = Delta;

    fn line(&mut self, line: &[u8], out: &mut VecDeque<Delta>) -> Result<Seen, LlmError> {
        let provider = self.provider;
        if line.trim_ascii().is_empty() {
            return Ok(Seen::default());
        }
        let mut line: Line<'_> = serde_json::from_slice(line)
            .map_err(|_| LlmError::BadStream { provider, what: "a line that is not a chat message" })?;
        if line.error.0 {
            return Err(LlmError::FailedMidway { provider });
        }
        let mut seen = Seen::default();
        if let Some(message) = line.message.take() {
            if let Some(text) = message.thinking.0 {
                seen.token = true;
                seen.bytes += text.len();
                out.push_back(Delta::Reasoning(text));
            }
            if let Some(text) = message.content.0 {
                seen.token = true;
                seen.bytes += text.len();
                out.push_back(Delta::Text(text));
            }
            for call in message.tool_calls.into_iter().flatten() {
                let arguments = arguments(call.function.arguments);
                seen.token = true;
                seen.bytes += arguments.len();
                out.push_back(Delta::ToolCall {
                    index: self.calls,
                    id: Some(id(call.id, &self.sources)),
                    name: Some(call.function.name.into_owned()),
                    arguments,
                });
                self.calls += 1;
            }
        }
        if let Some(logprobs) = line.logprobs.take() {
            out.push_back(Delta::Logprobs(logprobs));
        }
        if line.done {
            self.stop = Some(line.stop_reason(self.calls > 0));
            out.extend(line.usage().map(Delta::Usage));
            seen.end = true;
        }
        Ok(seen)
    }

    fn is_whole(&self) -> bool {
        self.stop.is_some()
    }

    fn finish(&mut self, out: &mut VecDeque<Delta>) {
        out.push_back(Delta::Done { stop_reason: self.stop.unwrap_or(StopReason::Other) });
    }
}

/// An answer in one piece.
pub(super) fn completion(provider: &'static str, bytes: &[u8], sources: &Sources) -> Result<Completion, LlmError> {
    let bad = || LlmError::BadStream { provider, what: "something else than a chat answer" };
    let mut line: Line<'_> = serde_json::from_slice(bytes).map_err(|_| bad())?;
    if line.error.0 {
        return Err(LlmError::FailedMidway { provider });
    }
    let message = line.message.take().filter(|_| line.done).ok_or_else(bad)?;
    let call = |call: LineCall<'_>| ToolCall {
        id: id(call.id, sources),
        name: call.function.name.into_owned(),
        arguments: arguments(call.function.arguments),
    };
    let tool_calls: Vec<ToolCall> = message.tool_calls.into_iter().flatten().map(call).collect();
    Ok(Completion {
        text: message.content.0.unwrap_or_default(),
        reasoning: message.thinking.0.unwrap_or_default(),
        stop_reason: line.stop_reason(!tool_calls.is_empty()),
        tool_calls,
        usage: line.usage(),
        logprobs: line.logprobs,
    })
}

#[derive(Debug, Deserialize)]
struct WireEmbeddings {
    embeddings: Vec<Vec<f32>>,
    #[serde(default)]
    prompt_eval_count: u64,
}

/// Vectors of so many texts. `ollama-rs`'s type leaves out what they cost.
pub(super) fn embeddings(provider: &'static str, bytes: &[u8], count: usize) -> Result<Embeddings, LlmError> {
    let bad = || LlmError::BadStream { provider, what: "something else than one vector for each text" };
    let wire: WireEmbeddings = serde_json::from_slice(bytes).map_err(|_| bad())?;
    if wire.embeddings.len() != count || wire.embeddings.iter().any(Vec::is_empty) {
        return Err(bad());
    }
    Ok(Embeddings { vectors: wire.embeddings, input_tokens: wire.prompt_eval_count })
}

/// The list of installed models.
#[derive(Debug, Deserialize)]
pub(super) struct Tags {
    pub(super) models: Vec<Tag>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(super) struct Tag {
    pub(super) name: String,
    /// SHA-256 of its manifest, and so of its weights.
    pub(super) digest: Option<String>,
}
