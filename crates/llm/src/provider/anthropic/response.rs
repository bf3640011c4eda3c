//! Answers of the Anthropic Messages API: whole messages, and events that add to one.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{
        Completion, Delta, StopReason, ToolCall, Usage,
        lenient::{MaybeText, Word},
        sse::Events,
    },
    ANSWER_TOOL,
};
use crate::{
    LlmError,
    transport::{Decoder, Seen},
};

/// An event, with the parts of all kinds of events that are read.
#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    r#type: Word<'a>,
    message: Option<Start>,
    #[serde(borrow)]
    content_block: Option<Block<'a>>,
    #[serde(borrow)]
    delta: Option<EventDelta<'a>>,
    usage: Option<WireUsage>,
}

#[derive(Debug, Deserialize)]
struct Start {
    usage: Option<WireUsage>,
}

#[derive(Debug, Deserialize)]
struct Block<'a> {
    #[serde(borrow)]
    r#type: Word<'a>,
    #[serde(default)]
    text: MaybeText,
    #[serde(default)]
    thinking: MaybeText,
    #[serde(default)]
    id: MaybeText,
    #[serde(default)]
    name: MaybeText,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct EventDelta<'a> {
    #[serde(default)]
    text: MaybeText,
    #[serde(default)]
    thinking: MaybeText,
    #[serde(default)]
    partial_json: MaybeText,
    #[serde(borrow)]
    stop_reason: Option<Word<'a>>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

impl WireUsage {
    /// Later figures are totals too, and leave out what has not changed.
    fn update(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cache_creation_input_tokens = later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }
}

impl From<WireUsage> for Usage {
    fn from(usage: WireUsage) -> Self {
        let cached_tokens = usage.cache_read_input_tokens.unwrap_or_default();
        // The API counts what the cache gave and what it was given apart from the rest.
        let fresh = usage.input_tokens.unwrap_or_default() + usage.cache_creation_input_tokens.unwrap_or_default();
        Self {
            input_tokens: fresh + cached_tokens,
            output_tokens: usage.output_tokens.unwrap_or_default(),
            cached_tokens,
            reasoning_tokens: usage
                .output_tokens_details
                .and_then(|details| details.thinking_tokens)
                .unwrap_or_default(),
        }
    }
}

/// The block whose pieces are coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// None, or one of a kind that is passed over.
    Nothing,
    /// The input of the tool that takes the answer.
    Answer,
    /// A call, with its number.
    Call { index: u32, had_arguments: bool },
}

/// Reads the events of a streamed answer.
#[derive(Debug)]
pub(super) struct EventDecoder {
    provider: &'static str,
    events: Events,
    /// Whether the answer comes as the input of a tool.
    answers_by_tool: bool,
    state: State,
}

#[derive(Debug)]
struct State {
    open: Open,
    calls: u32,
    stop: Option<StopReason>,
    usage: WireUsage,
    begun: bool,
}

impl EventDecoder {
    pub(super) fn new(provider: &'static str, answers_by_tool: bool) -> Self {
        let state = State { open: Open::Nothing, calls: 0, stop: None, usage: WireUsage::default(), begun: false };
        Self { provider, events: Events::default(), answers_by_tool, state }
    }
}

impl Decoder for EventDecoder {
    type Item = Delta;

    fn line(&mut self, line: &[u8], out: &mut VecDeque<Delta>) -> Result<Seen, LlmError> {
        let provider = self.provider;
        let Some(data) = self.events.line(line) else { return Ok(Seen::default()) };
        let event: Event<'_> = serde_json::from_slice(data)
            .map_err(|_| LlmError::BadStream { provider, what: "an event that is not one of a message" })?;
        let state = &mut self.state;
        let mut seen = Seen::default();
        match event.r#type.as_str() {
            "message_start" => {
                state.usage = event.message.and_then(|message| message.usage).unwrap_or_default();
            }
            "content_block_start" => {
                if let Some(block) = event.content_block {
                    state.start(block, self.answers_by_tool, &mut seen, out);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = event.delta {
                    state.delta(delta, &mut seen, out);
                }
            }
            "content_block_stop" => state.close(out),
            "message_delta" => {
                if let Some(reason) = event.delta.and_then(|delta| delta.stop_reason) {
                    state.stop = Some(word_for_stop(reason.as_str(), self.answers_by_tool));
                }
                if let Some(usage) = event.usage {
                    state.usage.update(usage);
                    out.push_back(Delta::Usage(state.usage.into()));
                }
            }
            "message_stop" => seen.end = true,
            "error" => return Err(LlmError::FailedMidway { provider }),
            // Pings, and kinds that are yet to come.
            _ => {}
        }
        Ok(seen)
    }

    fn is_whole(&self) -> bool {
        self.state.stop.is_some()
    }

    fn finish(&mut self, out: &mut VecDeque<Delta>) {
        out.push_back(Delta::Done { stop_reason: self.state.stop.unwrap_or(StopReason::Other) });
    }
}

impl State {
    fn start(&mut self, block: Block<'_>, answers_by_tool: bool, seen: &mut Seen, out: &mut VecDeque<Delta>) {
        seen.token = true;
        if !self.begun {
            // Told only now, though it is known from the beginning: whoever has had nothing yet may still ask elsewhere.
            self.begun = true;
            out.push_back(Delta::Usage(self.usage.into()));
        }
        if block.r#type.as_str() != "tool_use" {
            self.open = Open::Nothing;
            out.extend(block.thinking.0.map(Delta::Reasoning));
            out.extend(block.text.0.map(Delta::Text));
            return;
        }
        if answers_by_tool && block.name.0.as_deref() == Some(ANSWER_TOOL) {
            self.open = Open::Answer;
            return;
        }
        self.open = Open::Call { index: self.calls, had_arguments: false };
        out.push_back(Delta::ToolCall {
            index: self.calls,
            id: block.id.0,
            name: block.name.0,
            arguments: String::new(),
        });
        self.calls += 1;
    }

    fn delta(&mut self, delta: EventDelta<'_>, seen: &mut Seen, out: &mut VecDeque<Delta>) {
        seen.token = true;
        let piece = match (delta.text.0, delta.thinking.0, delta.partial_json.0) {
            (Some(text), _, _) => Delta::Text(text),
            (_, Some(thinking), _) => Delta::Reasoning(thinking),
            (_, _, Some(arguments)) => match &mut self.open {
                Open::Answer => Delta::Text(arguments),
                Open::Call { index, had_arguments } => {
                    *had_arguments = true;
                    Delta::ToolCall { index: *index, id: None, name: None, arguments }
                }
                Open::Nothing => return,
            },
            // The signature of a thought, and pieces that say nothing.
            _ => return,
        };
        seen.bytes += match &piece {
            Delta::Text(text) | Delta::Reasoning(text) | Delta::ToolCall { arguments: text, .. } => text.len(),
            _ => 0,
        };
        out.push_back(piece);
    }

    fn close(&mut self, out: &mut VecDeque<Delta>) {
        // A call without arguments comes without a piece of them, and nothing is no JSON.
        if let Open::Call { index, had_arguments: false } = self.open {
            out.push_back(Delta::ToolCall { index, id: None, name: None, arguments: "{}".to_owned() });
        }
        self.open = Open::Nothing;
    }
}

#[derive(Debug, Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    content: Vec<Block<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Word<'a>>,
    usage: Option<WireUsage>,
}

/// An answer in one piece.
pub(super) fn completion(provider: &'static str, bytes: &[u8], answers_by_tool: bool) -> Result<Completion, LlmError> {
    let whole: Whole<'_> = serde_json::from_slice(bytes)
        .map_err(|_| LlmError::BadStream { provider, what: "something else than a message" })?;
    let mut text = String::new();
    let mut reasoning = String::new();
    let mut tool_calls = Vec::new();
    for block in whole.content {
        let input = block.input.map_or("{}", RawValue::get);
        match block.r#type.as_str() {
            "text" => text.push_str(&block.text.0.unwrap_or_default()),
            "thinking" => reasoning.push_str(&block.thinking.0.unwrap_or_default()),
            "tool_use" if answers_by_tool && block.name.0.as_deref() == Some(ANSWER_TOOL) => text.push_str(input),
            "tool_use" => tool_calls.push(ToolCall {
                id: block.id.0.unwrap_or_default(),
                name: block.name.0.unwrap_or_default(),
                arguments: input.to_owned(),
            }),
            _ => {}
        }
    }
    let stop_reason = whole.stop_reason.map_or(StopReason::Other, |word| word_for_stop(word.as_str(), answers_by_tool));
    Ok(Completion { text, reasoning, tool_calls, logprobs: None, usage: whole.usage.map(Into::into), stop_reason })
}

fn word_for_stop(word: &str, answers_by_tool: bool) -> StopReason {
    match word {
        "end_turn" | "stop_sequence" => StopReason::Complete,
        "tool_use" if answers_by_tool => StopReason::Complete,
        "tool_use" => StopReason::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "refusal" => StopReason::Filtered,
        _ => StopReason::Other,
    }
}
