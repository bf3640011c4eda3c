//! ACT: the calls that a draft asked for, each decided by policy, done at the same time, and kept as one step.

use std::sync::Arc;

use futures::future::join_all;
use millwright_core::{Integrity, Label};
use millwright_governance::decision::{Question, person};
use millwright_llm::{ToolResult, ToolRound, provider::ToolCall};
use millwright_policy::decision::Verdict;
use millwright_retrieval::search::{Passage, SearchRequest};
use millwright_store::tenant::{NewDecision, Reader, StepKind, StepStatus};
use serde_json::{Value, json};

use crate::{
    AgentError,
    answerer::{self, Allowed},
    events::AgUiEventKind,
    export,
    machine::Happened,
    observe,
    progress::Progress,
    run::Run,
    runner::Inner,
    think,
    tools::{self, Found, PATIENCE, ReadCall},
};

/// So many calls of one draft are done.
const MAX_CALLS: usize = 4;
/// So many passages a run may read beyond those that it began with.
const MAX_READ: usize = 24;

/// A call on its way.
struct Calling {
    call: ToolCall,
    /// Its id in the events.
    event_id: String,
    /// What is to be done, or what is wrong with it.
    wish: Result<ReadCall, String>,
    /// As it is shown: with placeholders.
    arguments: Value,
}

/// A call that was done.
struct Called {
    calling: Calling,
    found: Found,
    /// What is said of it beside passages.
    note: String,
}

/// Does what the draft asked for. What cannot be done is told to the model, and the run goes on.
pub(crate) async fn act(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &mut Progress,
    round: u8,
) -> Result<Happened, AgentError> {
    progress.begin(StepKind::Tool, round, inner.sources.now());
    let mut tx = inner.store.tenant(&run.principal.scope).read().await?;
    // Anew each time: what somebody may read can have changed since the question came.
    let reader = tx.labels().reader(run.principal.user_id).await?;
    drop(tx);
    let mut decisions = Vec::new();
    let mut calling = Vec::new();
    for (number, call) in std::mem::take(&mut progress.calls).into_iter().enumerate() {
        calling.push(decided(inner, run, progress, &reader, (number, call), &mut decisions)?);
    }
    let called = done(inner, run, progress, &reader, calling).await?;
    let fresh = take_in(inner, run, progress, &reader, &called, &mut decisions)?;
    let masked = observe::prepare(inner, run, progress, fresh).await?;
    let results = told(progress, called, &masked)?;
    observe::keep(inner, run, progress, &decisions).await?;
    let calls: Vec<Value> = results.iter().map(|(_, detail, _)| detail.clone()).collect();
    let mut round_of = ToolRound { text: std::mem::take(&mut progress.said), results: Vec::new() };
    // Names of documents: only now that the run carries their label.
    for (event_id, detail, result) in results {
        progress.journal.emit(AgUiEventKind::ToolCallResult {
            message_id: format!("tool_{}", inner.sources.new_uuid().as_simple()),
            tool_call_id: event_id,
            role: "tool",
            content: detail.to_string(),
        });
        round_of.results.push(result);
    }
    progress.rounds.push(round_of);
    progress.end(StepStatus::Finished, json!({ "calls": calls }), inner.sources.now());
    Ok(Happened::Acted)
}

/// Reads a call, asks the policies, and tells the reader of it.
fn decided(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    reader: &Reader,
    (number, call): (usize, ToolCall),
    decisions: &mut Vec<NewDecision>,
) -> Result<Calling, AgentError> {
    let mut wish = ReadCall::read(&call, progress.passages.len());
    if number >= MAX_CALLS {
        wish = Err(format!("at most {MAX_CALLS} calls at once; ask again"));
    }
    if let Some(placeholders) = &progress.placeholders {
        wish = wish.map(|wish| wish.restored(|text| placeholders.restore(text)));
    }
    if let Ok(call) = &wish {
        let label = progress.label(run);
        let (action, what) = call.permission(&progress.passages, &label);
        let mut question = Question::new(person(&run.principal, reader.clearance()), action, what);
        question.run_id = Some(run.ids.run_id);
        question.untrusted = label.integrity == Integrity::Untrusted;
        let decided = inner.governance.decide(&run.policy, &run.principal, question);
        let is_allowed = decided.decision.verdict == Verdict::Allow;
        decisions.push(decided.record);
        if !is_allowed {
            wish = Err("a policy of the company does not permit this".to_owned());
        }
    }
    let mut arguments = wish.as_ref().map_or_else(|_| json!({}), ReadCall::arguments);
    progress.mask_json(&mut arguments)?;
    let event_id = observe::announce(inner, run, progress, tools::name_of(&call), &arguments);
    Ok(Calling { call, event_id, wish, arguments })
}

/// All calls at the same time, each with an end.
async fn done(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &Progress,
    reader: &Reader,
    calling: Vec<Calling>,
) -> Result<Vec<Called>, AgentError> {
    let label = progress.label(run);
    let work = calling.into_iter().map(async |calling| {
        let wish = match &calling.wish {
            Ok(wish) => wish,
            Err(why) => {
                let note = why.clone();
                return Called { calling, found: Found::default(), note };
            }
        };
        if let ReadCall::Search { query } = wish {
            let (query, filter, label) = (query.clone(), run.filter.clone(), label.clone());
            export::notice(inner, run, reader, SearchRequest { query, limit: 1, filter, label, principal: None });
        }
        let of = (&run.principal, reader);
        let found = wish.execute(&inner.searcher, of, (&run.filter, &label), &progress.passages);
        let (found, note) = match tokio::time::timeout(PATIENCE, found).await {
            Ok(Ok(found)) => (found, String::new()),
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, run.id = %run.ids.run_id, "a tool of a run failed");
                (Found::default(), "this did not work; answer from what you have, or try something else".to_owned())
            }
            Err(_) => (Found::default(), "this took too long".to_owned()),
        };
        Called { calling, found, note }
    });
    Ok(join_all(work).await)
}

/// What was found and is not there yet, as far as a model may be given it. The run carries its label from now on.
fn take_in(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    reader: &Reader,
    called: &[Called],
    decisions: &mut Vec<NewDecision>,
) -> Result<Vec<Passage>, AgentError> {
    let mut room = MAX_READ.saturating_sub(progress.passages.len().saturating_sub(progress.hits));
    let mut fresh: Vec<Passage> = Vec::new();
    for passage in called.iter().flat_map(|called| &called.found.passages) {
        let is_known = |known: &Passage| known.chunk_id == passage.chunk_id;
        if room > 0 && !progress.passages.iter().any(is_known) && !fresh.iter().any(is_known) {
            room -= 1;
            fresh.push(passage.clone());
        }
    }
    let before = (progress.found.clone(), progress.label(run));
    progress.found = Label::join_all(fresh.iter().map(|passage| &passage.label).chain([&before.0]));
    if progress.label(run) == before.1 {
        return Ok(fresh);
    }
    let request = think::preview(inner, progress);
    match answerer::decide(inner, run, progress, reader, &request) {
        Ok(Allowed::Some(answerer, more)) => {
            progress.answerer = answerer;
            decisions.extend(more);
        }
        Ok(Allowed::None(decided)) => {
            decisions.push(decided.record);
            drop_what_raises(progress, &mut fresh, before.0);
        }
        Ok(Allowed::LabelDenied(_)) => drop_what_raises(progress, &mut fresh, before.0),
        Err(error) => return Err(error),
    }
    Ok(fresh)
}

/// The model that answers may not be given these: the others it may.
fn drop_what_raises(progress: &mut Progress, fresh: &mut Vec<Passage>, label: Label) {
    fresh.retain(|passage| Label::join_all([&label, &passage.label]) == label);
    progress.found = label;
}

/// What the model and the reader are told of each call: event, detail of the step, result.
fn told(
    progress: &mut Progress,
    called: Vec<Called>,
    masked: &[Option<millwright_llm::PromptPassage>],
) -> Result<Vec<(String, Value, ToolResult)>, AgentError> {
    let mut results = Vec::new();
    // A passage that two calls have found is given with the first.
    let mut given = Vec::new();
    for Called { calling, found, note } in called {
        let at = |passage: &Passage| progress.passages.iter().position(|known| known.chunk_id == passage.chunk_id);
        let places: Vec<usize> = found.passages.iter().filter_map(at).collect();
        let first_fresh = progress.passages.len() - masked.len();
        let (mut fresh, mut known) = (Vec::new(), Vec::new());
        for place in &places {
            match place.checked_sub(first_fresh).and_then(|index| masked[index].as_ref()) {
                Some(passage) if !given.contains(place) => {
                    given.push(*place);
                    fresh.push(passage.clone());
                }
                Some(_) => known.push(place + 1),
                None if *place < first_fresh => known.push(place + 1),
                None => {}
            }
        }
        let note = note_of(note, fresh.len(), &known, found.passages.len());
        let shown: Vec<Passage> = places.iter().map(|place| progress.passages[*place].clone()).collect();
        let mut lines = Vec::new();
        for line in &found.lines {
            lines.push(progress.mask(line)?);
        }
        let detail = json!({
            "tool": tools::name_of(&calling.call),
            "arguments": calling.arguments,
            "note": note,
            "passages": observe::shown_passages(progress, &shown)?,
            "chunk_ids": shown.iter().map(|passage| passage.chunk_id).collect::<Vec<_>>(),
        });
        let result = ToolResult { call: calling.call, note, lines, passages: fresh };
        results.push((calling.event_id, detail, result));
    }
    Ok(results)
}

fn note_of(note: String, fresh: usize, known: &[usize], found: usize) -> String {
    if !note.is_empty() {
        return note;
    }
    let mut said = vec![match (fresh, found) {
        (_, 0) => "nothing was found".to_owned(),
        (0, _) => "nothing new".to_owned(),
        (1, _) => "1 further passage".to_owned(),
        (count, _) => format!("{count} further passages"),
    }];
    if !known.is_empty() {
        let numbers: Vec<String> = known.iter().map(ToString::to_string).collect();
        said.push(format!("you have {} already", numbers.join(", ")));
    }
    if fresh + known.len() < found {
        said.push("the others may not be given to you, or are too many".to_owned());
    }
    said.join("; ")
}
