//! The events of a run, as the AG-UI protocol (1.0) writes them.

use chrono::{DateTime, Utc};
use millwright_core::id::{ConversationId, MessageId, RunId};
use serde::Serialize;
use serde_json::Value;

use crate::{answer::AnswerMessage, citation::Citation, specialist::ShownAgent};

/// An event and when it happened.
#[derive(Debug, Clone, Serialize)]
pub struct AgUiEvent {
    /// What happened.
    #[serde(flatten)]
    pub kind: AgUiEventKind,
    /// When, milliseconds since 1970.
    pub timestamp: i64,
}

impl AgUiEvent {
    /// An event at a time.
    pub fn at(now: DateTime<Utc>, kind: AgUiEventKind) -> Self {
        Self { kind, timestamp: now.timestamp_millis() }
    }

    /// The JSON that is stored and sent.
    pub fn into_json(self) -> Value {
        // Only strings, numbers and maps with string keys are in it, which JSON can always hold.
        let mut value = serde_json::to_value(self).unwrap_or(Value::Null);
        value.sort_all_objects();
        value
    }
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the names are the protocol's")]
pub enum AgUiEventKind {
    RunStarted { thread_id: ConversationId, run_id: RunId },
    StateSnapshot { snapshot: Box<Snapshot> },
    StateDelta { delta: Vec<StatePatch> },
    StepStarted { step_name: &'static str },
    StepFinished { step_name: &'static str },
    ToolCallStart { tool_call_id: String, tool_call_name: String, parent_message_id: MessageId },
    ToolCallArgs { tool_call_id: String, delta: String },
    ToolCallEnd { tool_call_id: String },
    ToolCallResult { message_id: String, tool_call_id: String, role: &'static str, content: String },
    TextMessageStart { message_id: MessageId, role: &'static str },
    TextMessageContent { message_id: MessageId, delta: String },
    TextMessageEnd { message_id: MessageId },
    RunFinished { thread_id: ConversationId, run_id: RunId, result: RunResult },
    RunError { message: String, code: &'static str },
}

/// The state with which a run begins.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Snapshot {
    pub conversation_id: ConversationId,
    pub title: String,
    pub user_message_id: MessageId,
    pub assistant_message_id: MessageId,
    pub citations: Vec<Citation>,
    pub model: String,
    pub tier: String,
    pub injection_suspected: bool,
    pub agent: Option<ShownAgent>,
}

/// A change of the state: one operation of a JSON patch.
#[derive(Debug, Clone, Serialize)]
pub struct StatePatch {
    op: &'static str,
    path: String,
    value: Value,
}

impl StatePatch {
    /// A further citation.
    pub fn add_citation(citation: &Citation) -> Self {
        Self { op: "add", path: "/citations/-".into(), value: json(citation) }
    }

    /// A citation that now reaches further; `index` counts from 0.
    pub fn replace_citation(index: usize, citation: &Citation) -> Self {
        Self { op: "replace", path: format!("/citations/{index}"), value: json(citation) }
    }

    /// The way to the model that answers.
    pub fn route(route: &impl Serialize) -> Self {
        Self { op: "add", path: "/route".into(), value: json(route) }
    }

    /// The question's place in the line before a model; null when its turn has come.
    pub fn place(place: Option<&impl Serialize>) -> Self {
        Self { op: "add", path: "/queue".into(), value: place.map_or(Value::Null, json) }
    }

    /// What the answer's agent asks of it, and what of that it does.
    pub(crate) fn checks(findings: &impl Serialize) -> Self {
        Self { op: "add", path: "/checks".into(), value: json(findings) }
    }

    /// What the person is asked, and until when; null when they are not asked any more.
    pub(crate) fn waiting(question: Option<&impl Serialize>) -> Self {
        Self { op: "add", path: "/waiting".into(), value: question.map_or(Value::Null, json) }
    }

    /// What the person was asked last, with what they answered.
    pub(crate) fn heard(answered: &impl Serialize) -> Self {
        Self { op: "add", path: "/heard".into(), value: json(answered) }
    }

    /// What is said before an answer is drafted: the whole, a turn of it, or a voice in a turn.
    pub(crate) fn deliberation(place: &str, value: &impl Serialize) -> Self {
        Self { op: "add", path: format!("/deliberation{place}"), value: json(value) }
    }

    /// The answer in its final form.
    pub fn add_message(message: &AnswerMessage) -> Self {
        Self { op: "add", path: "/message".into(), value: json(message) }
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// What a finished run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RunResult {
    /// False when the documents do not hold the answer.
    pub answered: bool,
    /// Sentences that a passage supports.
    pub supported: usize,
    /// Sentences that were cut because none does.
    pub cut: usize,
}

/// Whether nothing follows an event of this type.
pub fn is_last(payload: &Value) -> bool {
    matches!(payload.get("type").and_then(Value::as_str), Some("RUN_FINISHED" | "RUN_ERROR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_written_as_the_protocol_has_them() {
        let at = |kind| AgUiEvent::at(DateTime::UNIX_EPOCH, kind).into_json();
        let id = |n: u128| uuid::Uuid::from_u128(n);
        let (thread_id, run_id, message_id) = (id(1).into(), id(2).into(), MessageId::from(id(3)));
        let events = [
            at(AgUiEventKind::RunStarted { thread_id, run_id }),
            at(AgUiEventKind::StepStarted { step_name: "observe" }),
            at(AgUiEventKind::ToolCallStart {
                tool_call_id: "call_1".into(),
                tool_call_name: "search_documents".into(),
                parent_message_id: message_id,
            }),
            at(AgUiEventKind::TextMessageContent { message_id, delta: "25 Nm".into() }),
            at(AgUiEventKind::RunError { message: "stopped".into(), code: "cancelled" }),
            at(AgUiEventKind::RunFinished {
                thread_id,
                run_id,
                result: RunResult { answered: true, supported: 2, cut: 0 },
            }),
        ];
        insta::assert_snapshot!(events.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), @r#"
    {"runId":"run_00000000000000000000000000000002","threadId":"cnv_00000000000000000000000000000001","timestamp":0,"type":"RUN_STARTED"}
    {"stepName":"observe","timestamp":0,"type":"STEP_STARTED"}
    {"parentMessageId":"msg_00000000000000000000000000000003","timestamp":0,"toolCallId":"call_1","toolCallName":"search_documents","type":"TOOL_CALL_START"}
    {"delta":"25 Nm","messageId":"msg_00000000000000000000000000000003","timestamp":0,"type":"TEXT_MESSAGE_CONTENT"}
    {"code":"cancelled","message":"stopped","timestamp":0,"type":"RUN_ERROR"}
    {"result":{"answered":true,"cut":0,"supported":2},"runId":"run_00000000000000000000000000000002","threadId":"cnv_00000000000000000000000000000001","timestamp":0,"type":"RUN_FINISHED"}
    "#);
        assert!(is_last(&events[4]) && is_last(&events[5]) && !is_last(&events[3]));
    }
}
