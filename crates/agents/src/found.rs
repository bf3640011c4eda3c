//! What a search has found, as a step keeps it and its reader is told.

use std::collections::BTreeSet;

use millwright_retrieval::{
    search::{Degraded, SearchOutcome, SearchTimings},
    understanding::FollowUp,
};
use serde_json::{Value, json};

use crate::{
    AgentError,
    events::AgUiEventKind,
    observe::{documents, rerank_cost, shown_agent, shown_passages},
    progress::Progress,
    run::Run,
    runner::Inner,
};

/// What a search has found, as it is stored and sent.
pub(crate) fn detail_of(
    run: &Run,
    progress: &mut Progress,
    (query, masked_query): (&String, &String),
    follow_up: Option<&FollowUp>,
    found: &SearchOutcome,
) -> Result<Value, AgentError> {
    let (agent, shown) = (shown_agent(run, progress)?, shown_passages(progress, &found.passages)?);
    let missing_words = match &found.relevance.missing_words {
        words if masked_query == query => words.iter().collect(),
        words => still_said(masked_query, words),
    };
    let mut detail = json!({
        "agent": agent,
        "query": query,
        "passages": shown,
        "chunk_ids": found.passages.iter().map(|passage| passage.chunk_id).collect::<Vec<_>>(),
        "document_ids": documents(&found.passages),
        "probability": found.relevance.probability,
        "missing_words": missing_words,
        "follow_up": follow_up.map(|found| json!({ "carried": found.carried })),
        "understood": &found.understood,
        "degraded": found.degraded.map(Degraded::as_str),
        "stages_ms": stages_ms(&found.timings),
        "rerank_cost": found.rerank_cost.as_ref().map(rerank_cost),
    });
    if !run.filter.is_empty() {
        detail["filter"] = json!(run.filter);
    }
    for part in ["filter", "query", "missing_words", "follow_up", "understood"] {
        progress.mask_json(&mut detail[part])?;
    }
    Ok(detail)
}

/// The result of the search for whoever follows the run.
pub(crate) fn tool_result(inner: &Inner, tool_call_id: String, detail: &Value, found: &SearchOutcome) -> AgUiEventKind {
    let took_ms = found.timings.total.as_secs_f64() * 1000.0;
    let content = json!({
        "passages": detail["passages"],
        "follow_up": detail["follow_up"],
        "understood": detail["understood"],
        "remembered": detail["remembered"],
        "took_ms": (took_ms * 100.0).round() / 100.0,
    });
    AgUiEventKind::ToolCallResult {
        message_id: format!("tool_{}", inner.sources.new_uuid().as_simple()),
        tool_call_id,
        role: "tool",
        content: content.to_string(),
    }
}

/// The words, which are stems, that begin one of a text whose personal data was taken out: a word alone may be a part of a name or
/// a date, which no filter knows without the rest.
fn still_said<'w>(masked: &str, words: &'w [String]) -> Vec<&'w String> {
    let masked = masked.to_lowercase();
    let said: BTreeSet<&str> = masked.split(|c: char| !c.is_alphanumeric()).collect();
    let is_said = |part: &str| said.iter().any(|word| word.starts_with(part));
    words.iter().filter(|word| word.split(|c: char| !c.is_alphanumeric()).all(is_said)).collect()
}

/// Where the time of the search went, milliseconds.
fn stages_ms(timings: &SearchTimings) -> Value {
    let millis = |time: std::time::Duration| (time.as_secs_f64() * 100_000.0).round() / 100.0;
    json!({
        "keyword": millis(timings.keyword),
        "embedding": millis(timings.embedding),
        "store": millis(timings.store),
        "ranking": millis(timings.ranking),
        "reranker": millis(timings.reranker),
    })
}
