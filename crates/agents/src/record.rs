//! What the steps of a run brought about, as it is kept with them: enough for another process to repeat the run up to where it
//! stood. Passages are named by their ids, never copied; what a model wrote holds placeholders.

use std::collections::VecDeque;

use chrono::NaiveDate;
use millwright_core::{
    Label,
    id::{ChunkId, RunId},
};
use millwright_llm::provider::{StopReason, ToolCall};
use millwright_store::tenant::{NewDecision, RunStepRow, StepKind, StepStatus};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{AgentError, memory, outside::OutsideAnswer, prompt::Prompt, table::TableAnswer};

/// Of OBSERVE.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Observed {
    /// Whether there was something to answer from.
    pub(crate) relevant: bool,
    /// The passages that the run went on with, and what they were ordered by.
    pub(crate) passages: Vec<(ChunkId, f32)>,
    /// So many of them the search returned, or were remembered.
    pub(crate) hits: usize,
    /// What was remembered beside that.
    #[serde(default)]
    pub(crate) remembered: Option<memory::Kept>,
    /// Whether models were told in short what came before the turns; not so in records from before there was that.
    #[serde(default)]
    pub(crate) has_extract: bool,
}

/// Of THINK.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Drafted {
    /// All that the model wrote, up to where it was broken off. Empty where no model did: what is quoted comes out again.
    pub(crate) text: String,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) stop_reason: Option<StopReason>,
    pub(crate) model: String,
    /// Whether it was broken off because it repeated its instructions.
    pub(crate) leaked: bool,
    /// What the model was sent. None where none was asked, and in records from before it was kept.
    #[serde(default)]
    pub(crate) prompt: Option<Prompt>,
}

/// Of THINK, where its process died in the middle: what the reader has of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BrokenOff {
    /// Piece by piece, with placeholders and markers.
    pub(crate) pieces: Vec<String>,
    /// All citations up to then, as they were sent.
    pub(crate) citations: Vec<Value>,
    /// Whether a language model wrote it.
    pub(crate) by_model: bool,
}

/// Of ACT: what came of each call, in the order of the draft's.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Acted {
    pub(crate) calls: Vec<ActedCall>,
    /// The day that was `today` to them: that of the run whose step this first was. None where it was kept before.
    #[serde(default)]
    pub(crate) day: Option<NaiveDate>,
}

/// What came of a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ActedCall {
    /// Why nothing did: the word for the reader, and what the model was told.
    pub(crate) failed: Option<(String, String)>,
    pub(crate) chunks: Vec<ChunkId>,
    pub(crate) lines: Vec<String>,
    /// What a tool of another system returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outside: Option<OutsideAnswer>,
    /// What came of the rows of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<TableAnswer>,
}

/// A step as it is kept.
pub(crate) fn kept(record: &impl Serialize) -> Value {
    serde_json::to_value(record).unwrap_or(Value::Null)
}

/// The steps of a run that is repeated, and where it then goes on.
#[derive(Debug, Default)]
pub(crate) struct Repeat {
    /// Steps with a record that are still to be repeated, in their order: those that were finished, and drafts that were broken
    /// off.
    pub(crate) steps: VecDeque<RunStepRow>,
    /// The one that is being repeated.
    pub(crate) current: Option<RunStepRow>,
    /// Whether they are another run's: then they are written and told as this one's.
    pub(crate) aloud: bool,
    /// The step at which its process died.
    pub(crate) broken: Option<RunStepRow>,
    /// The number of its last step.
    pub(crate) last: i32,
    pub(crate) stood: Stood,
    /// Whether a language model wrote what was shown.
    pub(crate) by_model: bool,
    /// What the policies say now.
    pub(crate) decisions: Vec<NewDecision>,
    /// The run whose steps these are where that is another, and the last of them.
    pub(crate) from: Option<(RunId, i32)>,
    /// Of all that it had read.
    pub(crate) read: Option<Label>,
}

/// Whether a step can be repeated.
pub(crate) fn is_repeatable(step: &RunStepRow) -> bool {
    step.status == StepStatus::Finished || step.kind == StepKind::Think && step.record.is_some()
}

/// What the reader of a run has been shown, read from its events.
#[derive(Debug, Default)]
pub(crate) struct Stood {
    /// Piece by piece, with placeholders.
    pub(crate) pieces: Vec<String>,
    /// Whether the text message was begun and not ended.
    pub(crate) text_open: bool,
    /// As they were sent.
    pub(crate) citations: Vec<Value>,
    /// Calls of tools that were begun and not ended.
    pub(crate) calls: Vec<String>,
    /// Names of steps that were begun and not ended.
    pub(crate) steps: Vec<String>,
}

impl Stood {
    /// Reads an event more.
    pub(crate) fn push(&mut self, event: &Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap_or_default() {
            "TEXT_MESSAGE_START" => self.text_open = true,
            "TEXT_MESSAGE_END" => self.text_open = false,
            "TEXT_MESSAGE_CONTENT" => self.pieces.push(text("delta")),
            "TOOL_CALL_START" => self.calls.push(text("toolCallId")),
            "TOOL_CALL_END" => {
                let id = text("toolCallId");
                self.calls.retain(|call| *call != id);
            }
            "STEP_STARTED" => self.steps.push(text("stepName")),
            "STEP_FINISHED" => {
                let name = text("stepName");
                self.steps.retain(|step| *step != name);
            }
            "STATE_DELTA" => event["delta"].as_array().into_iter().flatten().for_each(|patch| self.patch(patch)),
            _ => {}
        }
    }

    fn patch(&mut self, patch: &Value) {
        match patch["path"].as_str().and_then(|path| path.strip_prefix("/citations/")) {
            Some("-") => self.citations.push(patch["value"].clone()),
            Some(index) => {
                let at = index.parse().ok().and_then(|index: usize| self.citations.get_mut(index));
                if let Some(citation) = at {
                    *citation = patch["value"].clone();
                }
            }
            None => {}
        }
    }
}

impl Repeat {
    /// The first steps of another run.
    pub(crate) fn of_another(steps: Vec<RunStepRow>, read: Label) -> Self {
        Self { steps: steps.into(), aloud: true, read: Some(read), ..Self::default() }
    }

    /// Which model wrote the next draft that was finished.
    pub(crate) fn model(&self) -> Option<&str> {
        let is_draft = |step: &&RunStepRow| step.kind == StepKind::Think && step.status == StepStatus::Finished;
        self.steps.iter().find(is_draft)?.record.as_ref()?["model"].as_str()
    }

    /// What the reader was shown of a draft that was broken off, if that is next.
    pub(crate) fn broken_off(&mut self) -> Option<BrokenOff> {
        self.steps.pop_front_if(|step| step.status == StepStatus::Failed).and_then(|step| {
            // One that cannot be read has shown nothing that is known.
            serde_json::from_value(step.record?).ok()
        })
    }

    /// What kind of step is next; `None` when all are repeated.
    pub(crate) fn next_kind(&self) -> Option<StepKind> {
        self.steps.front().map(|step| step.kind)
    }

    /// Passes over a step that another process comes to by itself.
    ///
    /// # Errors
    /// When the next one is of another kind.
    pub(crate) fn pass(&mut self, kind: StepKind) -> Result<(), AgentError> {
        if self.steps.front().is_some_and(|step| step.kind != kind) {
            return Err(AgentError::NotRepeatable);
        }
        self.steps.pop_front();
        Ok(())
    }

    /// The record of the next step, which has to be of this kind. `None` when all are repeated.
    ///
    /// # Errors
    /// When the run has recorded something else: another version of this program worked on it.
    pub(crate) fn next<T: DeserializeOwned>(&mut self, kind: StepKind) -> Result<Option<T>, AgentError> {
        let Some(step) = self.steps.front() else { return Ok(None) };
        if step.kind != kind {
            return Err(AgentError::NotRepeatable);
        }
        let record = step.record.clone().ok_or(AgentError::NotRepeatable)?;
        let record = serde_json::from_value(record).map_err(|_| AgentError::NotRepeatable)?;
        // Only now: a step that cannot be repeated is still to be.
        self.current = self.steps.pop_front();
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_shown_is_read_from_events() {
        let mut stood = Stood::default();
        for event in [
            json!({ "type": "STEP_STARTED", "stepName": "observe" }),
            json!({ "type": "STEP_FINISHED", "stepName": "observe" }),
            json!({ "type": "STEP_STARTED", "stepName": "think" }),
            json!({ "type": "TOOL_CALL_START", "toolCallId": "a" }),
            json!({ "type": "TOOL_CALL_END", "toolCallId": "a" }),
            json!({ "type": "TOOL_CALL_START", "toolCallId": "b" }),
            json!({ "type": "TEXT_MESSAGE_START" }),
            json!({ "type": "STATE_DELTA", "delta": [{ "op": "add", "path": "/citations/-", "value": { "number": 1 } }] }),
            json!({ "type": "TEXT_MESSAGE_CONTENT", "delta": "Grease it. [1]" }),
            json!({ "type": "STATE_DELTA", "delta": [
                { "op": "replace", "path": "/citations/0", "value": { "number": 1, "quote": "x" } },
                { "op": "replace", "path": "/citations/7", "value": 0 },
                { "op": "add", "path": "/queue", "value": null },
            ] }),
        ] {
            stood.push(&event);
        }
        assert_eq!(stood.pieces, ["Grease it. [1]"]);
        assert_eq!(stood.citations, [json!({ "number": 1, "quote": "x" })]);
        assert!(stood.text_open);
        assert_eq!((stood.calls, stood.steps), (vec!["b".to_owned()], vec!["think".to_owned()]));
    }
}
