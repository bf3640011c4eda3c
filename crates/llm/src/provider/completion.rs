use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ToolCall;
use crate::LlmError;

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The answer is complete.
    Complete,
    /// The limit on tokens was reached: the last sentence may be cut.
    Length,
    /// It waits for the results of tools.
    ToolCalls,
    /// The server withheld the rest.
    Filtered,
    /// The server gave another reason, or none.
    Other,
}

/// What an answer has cost, as the server counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, those from a cache included.
    pub input_tokens: u64,
    /// Tokens written, those of reasoning included.
    pub output_tokens: u64,
    /// Tokens read from the server's cache.
    pub cached_tokens: u64,
    /// Tokens of reasoning.
    pub reasoning_tokens: u64,
}

/// A piece of a streamed answer. A stream that yields no error ends with exactly one `Done`.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// The next characters of the answer.
    Text(String),
    /// The next characters of the model's reasoning, which is no part of the answer.
    Reasoning(String),
    /// A piece of a call that the model asks for.
    ToolCall {
        /// Which of the answer's calls, from 0.
        index: u32,
        /// Its id; with the first piece.
        id: Option<String>,
        /// The function's name; with the first piece.
        name: Option<String>,
        /// The next characters of the arguments.
        arguments: String,
    },
    /// Log probabilities of the tokens that came with the text before, in OpenAI's form (`content` array).
    Logprobs(Value),
    /// What the answer has cost so far; the last one counts.
    Usage(Usage),
    /// The end marker.
    Done {
        /// Why it stopped.
        stop_reason: StopReason,
    },
}

/// The pieces of an answer as they come. Dropping it cancels the request to the server.
pub type DeltaStream = BoxStream<'static, Result<Delta, LlmError>>;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// The reasoning, where the server shows it.
    pub reasoning: String,
    /// The calls that the model asks for.
    pub tool_calls: Vec<ToolCall>,
    /// In OpenAI's form (`content` array), where asked for and had.
    pub logprobs: Option<Value>,
    /// Where the server tells.
    pub usage: Option<Usage>,
    /// Why it stopped.
    pub stop_reason: StopReason,
}

/// Vectors of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// One for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read.
    pub input_tokens: u64,
}
