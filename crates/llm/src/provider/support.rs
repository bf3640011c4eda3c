//! What each kind of server cannot do, told before anything is sent.

use super::{ModelRequest, OutputFormat, ProviderKind, ToolChoice};
use crate::LlmError;

impl ProviderKind {
    /// What of this request servers of this kind cannot do; none when they can do all of it. What a particular model
    /// cannot do is another matter.
    pub fn cannot(self, request: &ModelRequest) -> Option<&'static str> {
        match self {
            Self::Openai | Self::Azure => None,
            Self::Ollama => ollama(request),
            Self::Anthropic => anthropic(request),
        }
    }

    /// Whether servers of this kind make vectors of texts.
    pub const fn embeds(self) -> bool {
        !matches!(self, Self::Anthropic)
    }
}

pub(super) fn check(kind: ProviderKind, request: &ModelRequest) -> Result<(), LlmError> {
    match kind.cannot(request) {
        Some(what) => Err(LlmError::Unsupported { provider: kind.as_str(), what }),
        None => Ok(()),
    }
}

fn ollama(request: &ModelRequest) -> Option<&'static str> {
    match request.tool_choice {
        ToolChoice::Required => return Some("forcing a tool call"),
        ToolChoice::Named(_) => return Some("forcing the call of one tool"),
        ToolChoice::Auto | ToolChoice::None => {}
    }
    let alone = request.parallel_tool_calls == Some(false) && !request.tools.is_empty();
    alone.then_some("keeping to one tool call at a time")
}

fn anthropic(request: &ModelRequest) -> Option<&'static str> {
    let sampling = &request.sampling;
    if request.logprobs.is_some() {
        return Some("log probabilities");
    }
    if sampling.seed.is_some() {
        return Some("a seed");
    }
    if sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0) {
        return Some("a frequency penalty");
    }
    if sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0) {
        return Some("a presence penalty");
    }
    if sampling.temperature.is_some_and(|temperature| temperature > 1.0) {
        return Some("a temperature above 1");
    }
    // Done with a tool of ours, beside which no other has a place.
    let json = matches!(request.output, OutputFormat::JsonObject);
    (json && !request.tools.is_empty()).then_some("a JSON object without a schema beside tools")
}
