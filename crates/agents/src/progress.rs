//! What a run has so far.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use millwright_core::{Classification, Clearance, Label, id::MemoryId};
use millwright_gateway::Route;
use millwright_llm::{
    ToolRound,
    provider::{ModelRequest, ToolCall},
};
use millwright_policy::pii::Restorer;
use millwright_retrieval::search::Passage;
use millwright_store::tenant::{RunStepRow, StepKind, StepStatus};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    AgentError,
    answerer::Answerer,
    citation::{Citation, Citations},
    compute::Computations,
    context::Conversation,
    events::AgUiEventKind,
    export::Noticed,
    goal::Brought,
    guard::{Placeholders, Prepared},
    journal::Journal,
    memory::Notes,
    outside::{Ended, OutsideResult},
    person::{self, PersonQuestion},
    prompt::{Prompt, Words},
    record::Repeat,
    run::Run,
    show::Stock,
    table::{CitedRow, TableResult},
    thinking::{Deliberated, Deliberation, Thinking},
    verify::{Support, Verifier},
};

/// What a run has so far; survives the moment in which it is stopped.
pub(crate) struct Progress {
    pub(crate) journal: Journal,
    /// Who drafts.
    pub(crate) answerer: Answerer,
    /// The model that answers or is about to.
    pub(crate) model: String,
    /// The way to it, once it has answered.
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) conversation: Conversation,
    /// The question as it was asked.
    pub(crate) question: String,
    /// Of the conversation; there from OBSERVE on.
    pub(crate) placeholders: Option<Placeholders>,
    pub(crate) passages: Vec<Passage>,
    /// So many of them the search of OBSERVE returned; the built-in answerer quotes from these.
    pub(crate) hits: usize,
    /// So many of them it had before it read on.
    pub(crate) begun_with: usize,
    /// So many of them the present attempt began with; the others came by its calls.
    pub(crate) given: usize,
    /// Whether the model may call tools.
    pub(crate) may_call: bool,
    /// Drawn for the present draft.
    pub(crate) words: Words,
    /// What its model was sent.
    pub(crate) prompt: Option<Prompt>,
    /// Of a run that is only repeated: what models were sent, by the numbers of the steps.
    pub(crate) prompts: Vec<(i32, ModelRequest)>,
    /// What the draft asks for, and what it said beside that.
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) said: String,
    /// How many calls of tools were done, over all attempts.
    pub(crate) called: usize,
    /// What its calls have computed, over all attempts.
    pub(crate) computed: Computations,
    /// What tools of other systems have returned, over all attempts.
    pub(crate) outside: Vec<OutsideResult>,
    /// What was counted up over rows of tables, over all attempts.
    pub(crate) tables: Vec<TableResult>,
    /// The calls at which a process died, as far as they had ended.
    pub(crate) half_acted: Option<Ended>,
    /// What the present attempt has called.
    pub(crate) rounds: Vec<ToolRound>,
    /// Of all passages that were found, whether or not they are used.
    pub(crate) found: Label,
    /// The passages as a model is given them.
    pub(crate) prepared: Prepared,
    pub(crate) citations: Citations,
    /// What the reader has been shown, with placeholders.
    pub(crate) shown: String,
    /// Whether the text message was begun.
    pub(crate) text_open: bool,
    pub(crate) stock: Stock,
    /// What the steps of a goal before this one have cited.
    pub(crate) brought: Vec<Brought>,
    /// How many of their statements there was no room for.
    pub(crate) left_out: usize,
    /// What is added to the question where an answer to it before did not do.
    pub(crate) finding: String,
    /// What the draft asks the person, and what they have answered so far.
    pub(crate) asked: Option<PersonQuestion>,
    pub(crate) heard: Vec<(PersonQuestion, String)>,
    /// How the draft asked for the question to be thought through.
    pub(crate) thinking: Option<Thinking>,
    /// What was said then, or before anything was drafted, and what of it is told to who drafts.
    pub(crate) deliberation: Deliberation,
    pub(crate) conclusion: Vec<String>,
    /// The turn at which a process died, as far as it had come.
    pub(crate) half: Option<Deliberated>,
    /// What a language model is told of whoever asks.
    pub(crate) notes: Notes,
    /// What was remembered for this and is not marked as used yet.
    pub(crate) recalled: Vec<MemoryId>,
    /// Documents of which the compliance role was told.
    pub(crate) noticed: Noticed,
    /// While steps are repeated: of a process that died, or of another run.
    pub(crate) repeat: Option<Repeat>,
    pub(crate) taken: Taken,
    step: Option<RunStepRow>,
    pub(crate) steps: i32,
}

/// What others have done for a run before: processes that died, or the run whose steps it begins with.
#[derive(Default)]
pub(crate) struct Taken {
    /// What the reader was shown of drafts that were broken off.
    pub(crate) broken_off: String,
    /// Whether a language model wrote some of what was shown, whoever drafts now.
    pub(crate) by_model: bool,
    /// Whether what contradicts the cited was cited.
    pub(crate) conflicts_cited: bool,
    /// The citations as the reader has them, where the run ends before it has come to where it stood.
    pub(crate) citations: Option<Vec<Citation>>,
}

impl Progress {
    /// Nothing yet; what is to be repeated first.
    pub(crate) fn new(mut journal: Journal, model: String, repeat: Option<Repeat>) -> Self {
        journal.set_silent(repeat.as_ref().is_some_and(|repeat| !repeat.aloud));
        Self {
            journal,
            answerer: Answerer::Quotes,
            model,
            route: None,
            conversation: Conversation::default(),
            question: String::new(),
            placeholders: None,
            passages: Vec::new(),
            hits: 0,
            begun_with: 0,
            given: 0,
            may_call: false,
            words: Words::default(),
            prompt: None,
            prompts: Vec::new(),
            calls: Vec::new(),
            said: String::new(),
            called: 0,
            computed: Computations::default(),
            outside: Vec::new(),
            tables: Vec::new(),
            half_acted: None,
            rounds: Vec::new(),
            found: Label::LOWEST,
            prepared: Prepared::default(),
            citations: Citations::of(Clearance::up_to(Classification::Public)),
            shown: String::new(),
            text_open: false,
            stock: Stock::default(),
            brought: Vec::new(),
            left_out: 0,
            finding: String::new(),
            asked: None,
            heard: Vec::new(),
            thinking: None,
            deliberation: Deliberation::default(),
            conclusion: Vec::new(),
            half: None,
            notes: Notes::default(),
            recalled: Vec::new(),
            noticed: Noticed::default(),
            repeat,
            taken: Taken::default(),
            step: None,
            steps: 0,
        }
    }

    /// Gives up the passages that the search of OBSERVE did not return. What was read stays in the label.
    pub(crate) fn keep_hits(&mut self) {
        self.passages.truncate(self.hits);
        self.prepared.truncate(self.hits);
        self.begun_with = self.passages.len();
        self.given = self.given.min(self.hits);
    }

    /// Gives up what only helps a language model: what is told of whoever asks, and of what fell out of the conversation.
    /// False where there was nothing of it.
    pub(crate) fn forget_asides(&mut self) -> bool {
        let had = !self.notes.texts.is_empty() || !self.conversation.earlier.is_empty();
        self.notes = Notes::default();
        self.conversation.forget_earlier();
        had
    }

    /// The question with what the person was asked since, and what is added to it.
    pub(crate) fn asked_text(&self) -> String {
        self.question.clone() + &person::told(&self.heard) + &self.finding
    }

    /// The join of the labels of what is searched for.
    pub(crate) fn asked_label(&self, run: &Run) -> Label {
        Label::join_all([&self.found, &run.label, &run.read, &self.conversation.label])
    }

    /// The join of the labels of all that the run has read.
    pub(crate) fn label(&self, run: &Run) -> Label {
        Label::join_all([&self.asked_label(run), &self.conversation.earlier_label, &self.notes.label])
    }

    /// Holds drafts against what the model was given, and what its calls have computed.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(&self.question, &self.prepared.evidence)
            .with_computed(self.computed.list())
            .with_outside(&self.outside)
            .with_tables(&self.tables, |row| self.place(row))
    }

    /// Where a row stands among the passages; none where no passage has it, or an answer may not stand on it.
    fn place(&self, row: &CitedRow) -> Option<Support> {
        let at = self.passages.iter().position(|passage| passage.chunk_id == row.chunk)?;
        let (own, evidence) = (&self.passages[at].text, &self.prepared.evidence.get(at)?.text);
        let byte = |point: usize| own.char_indices().map(|(byte, _)| byte).chain([own.len()]).nth(point);
        let (start, end) = (byte(row.start)?, byte(row.end)?);
        (own.get(start..end)? == evidence.get(start..end)?).then_some(Support { passage: at, start, end })
    }

    /// Turns placeholders of a model's answer back, piece by piece; none where the model was given none.
    pub(crate) fn restorer(&self) -> Option<Restorer> {
        let placeholders = self.placeholders.as_ref()?;
        self.answerer.is_language_model().then(|| placeholders.restorer())
    }

    /// The text as it is stored and sent: personal data behind placeholders. Before the conversation's are there, nothing
    /// but our own words is shown.
    pub(crate) fn mask(&mut self, text: &str) -> Result<String, AgentError> {
        let Some(placeholders) = &mut self.placeholders else { return Ok(text.to_owned()) };
        let masked = placeholders.mask(text);
        if let Some(grown) = placeholders.take_grown()? {
            self.journal.vault(grown);
        }
        Ok(masked)
    }

    /// Whether a text holds what the organisation gives no model, whatever stands in its place.
    pub(crate) fn keeps_from_models(&self, text: &str) -> bool {
        self.placeholders.as_ref().is_none_or(|placeholders| placeholders.keeps_from_models(text))
    }

    /// The same for a model: what the conversation knows already stays hidden also where nothing around it says what it is.
    pub(crate) fn mask_all(&mut self, text: &str) -> Result<String, AgentError> {
        let masked = self.mask(text)?;
        Ok(self.placeholders.as_ref().map_or_else(|| masked.clone(), |placeholders| placeholders.mask_known(&masked)))
    }

    /// The same for every string of a value.
    pub(crate) fn mask_json(&mut self, value: &mut Value) -> Result<(), AgentError> {
        let Some(placeholders) = &mut self.placeholders else { return Ok(()) };
        placeholders.mask_json(value);
        if let Some(grown) = placeholders.take_grown()? {
            self.journal.vault(grown);
        }
        Ok(())
    }

    /// The same for what a model wrote about what it was given, turned back.
    pub(crate) fn mask_again(&mut self, value: &mut Value) -> Result<(), AgentError> {
        let Some(placeholders) = &mut self.placeholders else { return Err(AgentError::Classifier) };
        placeholders.mask_again(value);
        if let Some(grown) = placeholders.take_grown()? {
            self.journal.vault(grown);
        }
        Ok(())
    }

    /// Begins a step.
    pub(crate) fn begin(&mut self, kind: StepKind, attempt: u8, now: DateTime<Utc>) {
        self.steps += 1;
        let step = RunStepRow {
            number: self.steps,
            kind,
            attempt: i32::from(attempt),
            status: StepStatus::Running,
            detail: json!({}),
            record: None,
            started_at: now,
            finished_at: None,
        };
        self.journal.step(step.clone());
        self.step = Some(step);
        self.journal.emit(AgUiEventKind::StepStarted { step_name: kind.as_str() });
    }

    /// What the next step brought about, where it is only repeated.
    pub(crate) fn repeated<T: DeserializeOwned>(&mut self, kind: StepKind) -> Result<Option<T>, AgentError> {
        self.repeat.as_mut().map_or(Ok(None), |repeat| repeat.next(kind))
    }

    /// Keeps what the step that was begun has brought about so far.
    pub(crate) fn keep_so_far(&mut self, record: Value) {
        if let Some(step) = &mut self.step {
            step.record = Some(record);
            self.journal.step(step.clone());
        }
    }

    /// Tells what the step that was begun is about, before it ends.
    pub(crate) fn tell_so_far(&mut self, detail: Value) {
        if let Some(step) = &mut self.step {
            step.detail = detail;
            self.journal.step(step.clone());
        }
    }

    /// Ends the step that was begun, without a record: it failed, or another process would come to the same by itself.
    pub(crate) fn end(&mut self, status: StepStatus, detail: Value, now: DateTime<Utc>) {
        self.finish(status, detail, None, now);
    }

    /// Ends the step that was begun, with what it brought about.
    pub(crate) fn end_recorded(&mut self, detail: Value, record: Value, now: DateTime<Utc>) {
        self.finish(StepStatus::Finished, detail, Some(record), now);
    }

    /// Whether steps of another run are repeated as this one's.
    pub(crate) fn repeats_aloud(&self) -> bool {
        self.repeat.as_ref().is_some_and(|repeat| repeat.aloud)
    }

    /// Ends the step that was begun as one in the middle of which a process died, with what it had come to.
    pub(crate) fn end_broken(&mut self, record: Value, now: DateTime<Utc>) {
        self.finish(StepStatus::Failed, json!({ "reason": "interrupted" }), Some(record), now);
    }

    /// Leaves the step that was begun as it is; false when none was.
    pub(crate) fn leave_step(&mut self) -> bool {
        self.step.take().is_some()
    }

    fn finish(&mut self, status: StepStatus, detail: Value, record: Option<Value>, now: DateTime<Utc>) {
        let repeated = self.repeat.as_mut().and_then(|repeat| repeat.current.take());
        let (detail, record) = repeated.map_or((detail, record), |mut repeated| {
            // That was spent once.
            for cost in ["usage", "rerank_cost"] {
                if let Some(cost) = repeated.detail.get_mut(cost) {
                    *cost = Value::Null;
                }
            }
            (repeated.detail, repeated.record)
        });
        if let Some(mut step) = self.step.take() {
            step.status = status;
            step.detail = detail;
            step.record = record;
            step.finished_at = Some(now);
            let step_name = step.kind.as_str();
            self.journal.step(step);
            self.journal.emit(AgUiEventKind::StepFinished { step_name });
        }
    }
}
