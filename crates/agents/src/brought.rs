//! What a run begins with beside what it finds: what the steps of a goal before it have cited, and what stands around its best hits.

use std::sync::Arc;

use millwright_core::{Label, id::ChunkId};
use millwright_retrieval::search::Passage;
use millwright_store::tenant::{NewDecision, Reader};
use serde_json::json;

use crate::{
    AgentError,
    machine::Happened,
    observe,
    progress::Progress,
    record::{Observed, kept},
    run::Run,
    runner::Inner,
    thinking,
};

/// A language model is given the surroundings of so many of the best, and so many passages of them at most.
const SURROUNDED: usize = 3;
const SURROUNDINGS: usize = 6;

/// Hits of a search, then what earlier steps have brought, and what stands around the best hits; only a language model is given
/// more than hits.
pub(crate) async fn surrounded(
    inner: &Inner,
    run: &Run,
    reader: &Reader,
    (mut passages, brought): (Vec<Passage>, Vec<Passage>),
) -> Result<Vec<Passage>, AgentError> {
    if !inner.gateway.catalog().has_chat() {
        return Ok(passages);
    }
    let best = &passages[..passages.len().min(SURROUNDED)];
    let around = inner.searcher.surroundings(&run.principal.scope, reader, best).await?;
    for (further, most) in [(brought, usize::MAX), (around, SURROUNDINGS)] {
        let is_new = |passage: &Passage| passages.iter().all(|known| known.chunk_id != passage.chunk_id);
        let further: Vec<Passage> = further.into_iter().filter(is_new).take(most).collect();
        passages.extend(further);
    }
    Ok(passages)
}

/// What the steps before have cited, as far as it may be read and holds.
pub(crate) async fn brought(
    inner: &Inner,
    run: &Run,
    progress: &Progress,
    reader: &Reader,
) -> Result<Vec<Passage>, AgentError> {
    let mut chunks: Vec<ChunkId> = Vec::new();
    for (chunk, _) in &progress.brought {
        if !chunks.contains(chunk) {
            chunks.push(*chunk);
        }
    }
    if chunks.is_empty() {
        return Ok(Vec::new());
    }
    let mut passages = inner.searcher.read_again(&run.principal.scope, reader, &chunks).await?;
    passages.retain(|passage| passage.is_current || run.filter.as_of.is_some());
    Ok(passages)
}

/// Of a report: nothing is searched, what the steps have cited is all there is.
pub(crate) async fn observe_brought(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &mut Progress,
    reader: &Reader,
    asked: NewDecision,
) -> Result<Happened, AgentError> {
    let passages = brought(inner, run, progress, reader).await?;
    let relevant = !passages.is_empty();
    let mut decisions = vec![asked];
    let detail = json!({
        "agent": observe::shown_agent(run, progress)?,
        "left_out": progress.left_out,
        "brought_from": run.part.as_ref().map_or(0, |part| part.from.len()),
        "passages": observe::shown_passages(progress, &passages)?,
        "chunk_ids": passages.iter().map(|passage| passage.chunk_id).collect::<Vec<_>>(),
        "document_ids": observe::documents(&passages),
        "relevant": relevant,
    });
    progress.hits = passages.len();
    progress.found = Label::join_all(passages.iter().map(|passage| &passage.label));
    if relevant {
        observe::prepare(inner, run, progress, passages).await?;
        (progress.begun_with, progress.given) = (progress.passages.len(), progress.passages.len());
        decisions.extend(observe::choose(inner, run, progress, reader).await?);
    }
    observe::keep(inner, run, progress, &decisions).await?;
    let passages = progress.passages.iter().map(|passage| (passage.chunk_id, passage.score)).collect();
    let record = Observed { relevant, passages, hits: progress.hits, remembered: None, has_extract: false };
    progress.end_recorded(detail, kept(&record), inner.sources.now());
    Ok(Happened::Observed { relevant, thinks: relevant && thinking::thinks(run, progress) })
}
