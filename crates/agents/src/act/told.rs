//! What is told of calls that were done.

use millwright_llm::{PromptPassage, ToolResult, provider::ToolCall};
use millwright_retrieval::search::Passage;
use serde_json::{Value, json};

use super::{Called, Calling, MALFORMED};
use crate::{AgentError, compute::Computed, observe, outside, progress::Progress, table};

/// What a model is told that has asked for it.
const THOUGHT_THROUGH: &str = "it has been thought through; what came of it stands with the question";
const ANSWERED: &str = "the person was asked; what they answered stands with the question";

/// What the model and the reader are told of each call: event, detail of the step, result.
pub(super) fn told(
    progress: &mut Progress,
    called: Vec<Called>,
    masked: &[Option<PromptPassage>],
) -> Result<Vec<(String, Value, ToolResult)>, AgentError> {
    let mut results = Vec::new();
    // A passage that two calls have found is given with the first.
    let mut given = Vec::new();
    for (number, Called { calling, mut found, mut failed }) in called.into_iter().enumerate() {
        failed = outside::drop_personal(progress, &mut found.outside).or(failed);
        failed = table::drop_personal(progress, &mut found.table).or(failed);
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
                None if *place < first_fresh && progress.prepared.masked[*place].is_some() => known.push(place + 1),
                None => {}
            }
        }
        let thinks = calling.wish.as_ref().is_ok_and(|wish| wish.thinking().is_some());
        let asks = calling.wish.as_ref().is_ok_and(|wish| wish.question().is_some());
        let is_refusal = found.table.as_ref().is_some_and(|answer| answer.is_refusal);
        let has_nothing = found.passages.is_empty() && found.computed.is_none() && found.outside.is_none();
        let nothing = match (is_refusal, has_nothing && !thinks && !asks) {
            (true, _) => MALFORMED,
            (false, true) => "nothing",
            (false, false) => "done",
        };
        let outcome = failed.as_ref().map_or(nothing, |(word, _)| *word);
        let mut data = None;
        let (note, result) = match (failed, found.computed, found.outside.take()) {
            // Our own words, which may repeat what the model wrote.
            (Some((_, why)), ..) => (progress.mask(&why)?, Value::Null),
            (None, Some(computed), _) => keep_computed(progress, computed, calling.only_figures)?,
            (None, None, Some(answer)) => {
                let (note, shown, detail) = outside::keep_said(progress, answer)?;
                data = shown;
                (note, detail)
            }
            (None, None, None) if found.table.is_some() => {
                let (note, shown, detail) = table::keep(progress, found.table.take())?;
                data = shown;
                (note, detail)
            }
            (None, None, None) if thinks => (THOUGHT_THROUGH.to_owned(), Value::Null),
            (None, None, None) if asks => (ANSWERED.to_owned(), Value::Null),
            (None, None, None) => (note_of(fresh.len(), &known, found.passages.len()), Value::Null),
        };
        let shown: Vec<Passage> = places.iter().map(|place| progress.passages[*place].clone()).collect();
        let mut lines = Vec::new();
        for line in &found.lines {
            lines.push(progress.mask(line)?);
        }
        let detail = json!({
            "tool": calling.name,
            "arguments": calling.arguments,
            "outcome": outcome,
            "result": result,
            "rerank_cost": found.rerank_cost.as_ref().map(observe::rerank_cost),
            "passages": observe::shown_passages(progress, &shown)?,
            "chunk_ids": shown.iter().map(|passage| passage.chunk_id).collect::<Vec<_>>(),
            "document_ids": observe::documents(&shown),
        });
        let call = as_sent(progress.rounds.len(), number, &calling);
        let result = ToolResult { call, note, lines, data, passages: fresh };
        results.push((calling.event_id, detail, result));
    }
    Ok(results)
}

/// Keeps a result for the sentences to come; what the model is told of it, and what is kept with the step.
fn keep_computed(
    progress: &mut Progress,
    computed: Computed,
    only_figures: bool,
) -> Result<(String, Value), AgentError> {
    let (mut told, mut detail) = (computed.told(), computed.detail());
    if !only_figures {
        told = progress.mask(&told)?;
        progress.mask_json(&mut detail)?;
    }
    progress.computed.push(computed, told.clone());
    Ok((told, detail))
}

/// A call as it is shown to the model again: under an id of ours and a name that exists, with arguments that are JSON. Servers
/// refuse what they or others have written themselves. The id is the same whenever the run is repeated.
fn as_sent(round: usize, number: usize, calling: &Calling) -> ToolCall {
    let (name, arguments) = (calling.sent.clone(), calling.arguments.to_string());
    ToolCall { id: call_id(round, number), name, arguments }
}

/// Some take nine letters and figures and no others.
pub(crate) fn call_id(round: usize, number: usize) -> String {
    format!("call{round:02}{number:03}")
}

fn note_of(fresh: usize, known: &[usize], found: usize) -> String {
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
