//! OBSERVE: the conversation and what the documents say.

use millwright_retrieval::search::SearchRequest;
use millwright_store::{
    StoreError,
    tenant::{StepKind, StepStatus},
};
use serde_json::json;

use crate::{
    AgentError,
    context::{Conversation, MAX_TURNS},
    events::AgUiEventKind,
    machine::Happened,
    run::{Progress, Run},
    runner::Inner,
};

/// Passages that a model is given.
const PASSAGES: usize = 8;

/// Reads the conversation and searches.
pub(crate) async fn observe(inner: &Inner, run: &Run, progress: &mut Progress) -> Result<Happened, AgentError> {
    progress.begin(StepKind::Observe, 1, inner.sources.now());
    progress.conversation = conversation(inner, run).await?;
    let query = progress.conversation.query(&run.question);
    let tool_call_id = format!("call_{}", inner.sources.new_uuid().as_simple());
    progress.journal.emit(AgUiEventKind::ToolCallStart {
        tool_call_id: tool_call_id.clone(),
        tool_call_name: "search_documents",
        parent_message_id: run.ids.assistant_message_id,
    });
    let delta = json!({ "query": query }).to_string();
    progress.journal.emit(AgUiEventKind::ToolCallArgs { tool_call_id: tool_call_id.clone(), delta });
    progress.journal.emit(AgUiEventKind::ToolCallEnd { tool_call_id: tool_call_id.clone() });
    let request = SearchRequest { query: query.clone(), limit: PASSAGES, document_ids: None };
    let found = inner.searcher.search(&run.scope, request).await?;
    let relevant = !found.passages.is_empty() && found.relevance.is_answerable();
    let passages: Vec<_> = found
        .passages
        .iter()
        .map(|passage| {
            json!({
                "document_name": passage.document_name,
                "page": passage.page(),
                "heading_path": passage.heading_path,
                "score": passage.score,
            })
        })
        .collect();
    let took_ms = found.timings.total.as_secs_f64() * 1000.0;
    progress.journal.emit(AgUiEventKind::ToolCallResult {
        message_id: format!("tool_{}", inner.sources.new_uuid().as_simple()),
        tool_call_id,
        role: "tool",
        content: json!({ "passages": passages, "took_ms": (took_ms * 100.0).round() / 100.0 }).to_string(),
    });
    let detail = json!({
        "query": query,
        "passages": passages,
        "chunk_ids": found.passages.iter().map(|passage| passage.chunk_id).collect::<Vec<_>>(),
        "relevant": relevant,
        "probability": found.relevance.probability,
        "missing_words": found.relevance.missing_words,
    });
    if relevant {
        progress.passages = found.passages;
    }
    progress.end(StepStatus::Finished, detail, inner.sources.now());
    Ok(Happened::Observed { relevant })
}

async fn conversation(inner: &Inner, run: &Run) -> Result<Conversation, StoreError> {
    let mut tx = inner.store.tenant(&run.scope).read().await?;
    let branch = tx.messages().branch(run.ids.user_message_id, MAX_TURNS as i64 + 1).await?;
    Ok(Conversation::of(branch.split_last().map_or(&[][..], |(_, before)| before)))
}
