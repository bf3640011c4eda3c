use chrono::{DateTime, Utc};
use millwright_core::{
    Label,
    id::{MessageId, RunId},
};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{citation::Citation, specialist::ShownAgent};

/// What is said when the documents do not hold the answer.
pub const NOT_IN_DOCUMENTS_TEXT: &str = "The documents do not hold an answer to this question.";

/// What the audit entry of a run's end says of its answer: SHA-256, in hex, over its text and where each quote stands, as they are
/// stored. Labels are no part of it: they may rise later.
pub(crate) fn digest(content: &str, citations: &Value) -> String {
    let place = |citation: &Value| {
        json!(["number", "chunk_id", "char_start", "char_end", "quote"].map(|field| citation[field].clone()))
    };
    let places: Vec<Value> = citations.as_array().into_iter().flatten().map(place).collect();
    hex::encode(Sha256::digest(json!([content, places]).to_string()))
}

/// An answer as the API shows it.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerMessage {
    /// The message.
    pub id: MessageId,
    /// The question.
    pub parent_id: MessageId,
    /// Always `assistant`.
    pub role: &'static str,
    /// The text with its markers.
    pub content: String,
    /// `complete`, `stopped` or `failed`.
    pub status: &'static str,
    /// What the markers stand for.
    pub citations: Vec<Citation>,
    /// The run that wrote it.
    pub run_id: RunId,
    /// Which model wrote it.
    pub model: String,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    pub tier: String,
    /// The join of the labels of all that it was made from.
    #[serde(flatten)]
    pub label: Label,
    /// Always false here: whoever reads it later may have another clearance.
    pub withheld: bool,
    /// False when the documents do not hold the answer; null when the run did not come so far.
    pub answered: Option<bool>,
    /// Why it is not complete.
    pub error: Option<AnswerFailure>,
    /// From the question to the end of the answer.
    pub duration_ms: i64,
    /// The moment whose documents it is about; `None` for the present.
    pub as_of: Option<DateTime<Utc>>,
    /// Which agent answered, and why that one; `None` for runs from before there were several.
    pub agent: Option<ShownAgent>,
    /// When the question came.
    pub created_at: DateTime<Utc>,
}

/// Why an answer is not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerFailure {
    /// Stable code.
    pub code: &'static str,
    /// In words.
    pub detail: String,
}
