//! OBSERVE: the conversation and what the documents say, after all that policy has to say about them.

use std::{collections::BTreeSet, sync::Arc};

use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    Label,
    id::{ChunkId, DocumentId},
};
use millwright_governance::decision::{Question, person, thing};
use millwright_llm::{EXTRACTIVE, PromptPassage};
use millwright_policy::decision::{Action, Verdict};
use millwright_retrieval::{
    reranker::RerankCost,
    search::{Passage, SearchRequest},
};
use millwright_store::{
    Bookkeeping, Proof,
    tenant::{NewDecision, NewPolicyEvent, PolicyEventKind, Reader, StepKind, StepStatus},
};
use serde_json::{Value, json};

use crate::{
    AgentError,
    answerer::{self, Allowed, Answerer},
    brought::{brought, observe_brought, surrounded},
    citation::Citations,
    context::{Conversation, MAX_EARLIER, MAX_TURNS},
    events::AgUiEventKind,
    export,
    found::{detail_of, tool_result},
    goal,
    guard::{self, Placeholders},
    machine::Happened,
    memory::{self, Recalled},
    progress::Progress,
    record::{Observed, Repeat, kept},
    refusal, resume,
    run::Run,
    runner::Inner,
    think, thinking,
    tools::SEARCH,
};

/// Passages that an answer is looked for in.
const PASSAGES: usize = 8;

/// Reads the conversation and searches.
pub(crate) async fn observe(inner: &Arc<Inner>, run: &Run, progress: &mut Progress) -> Result<Happened, AgentError> {
    let repeated = progress.repeated::<Observed>(StepKind::Observe)?;
    progress.begin(StepKind::Observe, 1, inner.sources.now());
    let reader = look(inner, run, progress).await?;
    if let Some(observed) = repeated {
        return observe_again(inner, run, progress, &reader, observed).await;
    }
    let asked = may_ask(inner, run, &reader).await?;
    if run.part.as_ref().is_some_and(|part| part.is_report) {
        return observe_brought(inner, run, progress, &reader, asked).await;
    }
    // A step's question stands by itself.
    let follow_up = if run.part.is_some() { None } else { progress.conversation.follow_up(&progress.question) };
    let query = follow_up.as_ref().map_or(&progress.question, |found| &found.query).clone();
    let masked_query = progress.mask(&query)?;
    let arguments = json!({ "query": masked_query });
    let call = announce(inner, run, progress, SEARCH, &arguments);
    let label = progress.asked_label(run);
    let request = SearchRequest {
        query: query.clone(),
        limit: PASSAGES,
        filter: run.filter.clone(),
        label,
        account: Some(run.account()),
    };
    let mut found = inner.searcher.search(&run.principal.scope, &reader, request.clone()).await?;
    let found_some = !found.passages.is_empty() && found.relevance.is_answerable();
    let has_model = inner.gateway.catalog().has_chat();
    let brought = if has_model { brought(inner, run, progress, &reader).await? } else { Vec::new() };
    let recalled = memory::recall(inner, run, progress, &reader, &query).await?;
    // Where no document says anything, another system may.
    let has_outside = has_model && !run.agent.outside.is_empty();
    // What is remembered makes nothing answerable: that it has words of the question does not say that it answers it.
    let relevant = found_some || !brought.is_empty() || has_outside;
    // Where nothing is answered, nothing of it is used.
    let mut recalled = if relevant { recalled } else { Recalled::default() };
    let mut detail = detail_of(run, progress, (&query, &masked_query), follow_up.as_ref(), &found)?;
    detail["relevant"] = json!(relevant);
    progress.found = Label::join_all(found.passages.iter().map(|passage| &passage.label).chain([recalled.label()]));
    export::notice(inner, (run, &progress.noticed), &reader, request);
    let mut decisions = vec![asked];
    let hits = recalled.behind(if found_some { std::mem::take(&mut found.passages) } else { Vec::new() });
    progress.notes = recalled.take_notes();
    if relevant {
        progress.hits = if hits.is_empty() { brought.len() } else { hits.len() };
        let passages = surrounded(inner, run, &reader, (hits, brought)).await?;
        // A label that rose since the search counts too.
        progress.found = Label::join_all(passages.iter().map(|passage| &passage.label).chain([&progress.found]));
        prepare(inner, run, progress, passages).await?;
        (progress.begun_with, progress.given) = (progress.passages.len(), progress.passages.len());
        // Where one of them is hidden later, so is the run.
        detail["document_ids"] = json!(documents(&progress.passages));
        decisions.extend(choose(inner, run, progress, &reader).await?);
        let around = progress.passages[progress.hits..].iter().map(|passage| passage.chunk_id);
        detail["surroundings"] = json!(around.collect::<Vec<_>>());
    } else {
        progress.forget_asides();
    }
    if progress.notes.texts.is_empty() {
        recalled.forget_notes();
    }
    detail["remembered"] = recalled.shown();
    progress.recalled = recalled.ids();
    keep(inner, run, progress, &decisions).await?;
    // Names of documents: only now that the run carries their label.
    progress.journal.emit(tool_result(inner, call, &detail, &found));
    let passages = progress.passages.iter().map(|passage| (passage.chunk_id, passage.score)).collect();
    let (remembered, has_extract) = (recalled.kept(), !progress.conversation.earlier.is_empty());
    let record = Observed { relevant, passages, hits: progress.hits, remembered, has_extract };
    progress.end_recorded(detail, kept(&record), inner.sources.now());
    let thinks = relevant && !progress.passages.is_empty() && thinking::thinks(run, progress);
    Ok(Happened::Observed { relevant, thinks })
}

/// Who answers, as it is kept: what an administrator wrote for readers may name somebody.
pub(crate) fn shown_agent(run: &Run, progress: &mut Progress) -> Result<Value, AgentError> {
    let mut shown = json!(run.agent.shown);
    for words in ["/title", "/choice/nearest", "/choice/words", "/choice/runner_up/title"] {
        if let Some(words) = shown.pointer_mut(words) {
            progress.mask_json(words)?;
        }
    }
    Ok(shown)
}

/// What was observed before the process died. Policy is asked again: from here on a model may be given it again.
async fn observe_again(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &mut Progress,
    reader: &Reader,
    observed: Observed,
) -> Result<Happened, AgentError> {
    let mut decisions = vec![may_ask(inner, run, reader).await?];
    if !observed.has_extract {
        // Then no model was told of it.
        progress.conversation.forget_earlier();
    }
    let told = tell_again(inner, run, progress);
    if observed.relevant {
        let chunks: Vec<ChunkId> = observed.passages.iter().map(|(chunk, _)| *chunk).collect();
        let mut passages = resume::passages(inner, run, reader, &chunks).await?;
        for (passage, (_, score)) in passages.iter_mut().zip(&observed.passages) {
            passage.score = *score;
        }
        progress.hits = observed.hits.min(passages.len());
        progress.found = Label::join_all(passages.iter().map(|passage| &passage.label));
        if let Some(remembered) = &observed.remembered {
            progress.notes = memory::again(inner, run, reader, remembered).await?;
            progress.found = progress.found.join(remembered.label());
        }
        prepare(inner, run, progress, passages).await?;
        progress.prepared.events.clear();
        (progress.begun_with, progress.given) = (progress.passages.len(), progress.passages.len());
        decisions.extend(choose(inner, run, progress, reader).await?);
        // What was quoted is quoted again, whichever models there are by now.
        if progress.repeat.as_ref().and_then(Repeat::model) == Some(EXTRACTIVE) {
            progress.answerer = Answerer::Quotes;
            EXTRACTIVE.clone_into(&mut progress.model);
        }
    }
    if let Some(told) = told {
        keep(inner, run, progress, &decisions).await?;
        progress.journal.emit(told);
    } else if let Some(repeat) = &mut progress.repeat {
        repeat.decisions = decisions;
    }
    progress.end(StepStatus::Finished, json!({}), inner.sources.now());
    let relevant = observed.relevant;
    let thinks = relevant && !progress.passages.is_empty() && thinking::thinks(run, progress);
    Ok(Happened::Observed { relevant, thinks })
}

/// The search as another run has told of it; its result is to be told once the run carries its label.
fn tell_again(inner: &Inner, run: &Run, progress: &mut Progress) -> Option<AgUiEventKind> {
    let repeat = progress.repeat.as_ref().filter(|repeat| repeat.aloud)?;
    let detail = repeat.current.as_ref()?.detail.clone();
    let tool_call_id = announce(inner, run, progress, SEARCH, &json!({ "query": detail["query"] }));
    let content = json!({
        "passages": detail["passages"],
        "follow_up": detail["follow_up"],
        "understood": detail["understood"],
        "remembered": detail["remembered"],
    });
    Some(AgUiEventKind::ToolCallResult {
        message_id: format!("tool_{}", inner.sources.new_uuid().as_simple()),
        tool_call_id,
        role: "tool",
        content: content.to_string(),
    })
}

/// Who asks and may read what, and the conversation so far.
async fn look(inner: &Inner, run: &Run, progress: &mut Progress) -> Result<Reader, AgentError> {
    let mut tx = inner.store.tenant(&run.principal.scope).read().await?;
    let reader = run.reader(&mut tx).await?;
    let branch = tx.messages().branch(run.ids.user_message_id, (MAX_TURNS + MAX_EARLIER) as i64 + 1).await?;
    let sealed = tx.vaults().get(run.ids.conversation_id).await?;
    let (built_on, finding) = match &run.part {
        Some(part) => (goal::before(inner, &mut tx, part).await?, part.finding(inner, &mut tx).await?),
        None => Default::default(),
    };
    drop(tx);
    let (governance, policy) = (inner.governance.clone(), Arc::clone(&run.policy));
    let placeholders = Placeholders::open(governance, policy, run.ids.conversation_id, sealed)?;
    let before = branch.split_last().map_or(&[][..], |(_, before)| before);
    progress.conversation = Conversation::of(before, reader.clearance());
    for turn in &mut progress.conversation.turns {
        turn.text = placeholders.restore(&turn.text);
    }
    for line in &mut progress.conversation.earlier {
        *line = placeholders.restore(line);
    }
    if run.part.is_some() {
        progress.conversation = Conversation::of_steps(&built_on, reader.clearance());
        let most = if inner.gateway.catalog().has_chat() { goal::FOR_A_MODEL } else { goal::FOR_QUOTES };
        (progress.brought, progress.left_out) = goal::said(&built_on, most);
    }
    progress.citations = Citations::of(reader.clearance().clone());
    progress.question = placeholders.restore(&run.question);
    progress.placeholders = Some(placeholders);
    progress.finding = finding;
    Ok(reader)
}

/// Whether this person may ask this at all.
async fn may_ask(inner: &Inner, run: &Run, reader: &Reader) -> Result<NewDecision, AgentError> {
    let who = person(&run.principal, reader.clearance());
    let question = thing("message", &run.ids.user_message_id, &run.label);
    let mut question = Question::new(who, Action::ChatAsk, question);
    question.run_id = Some(run.ids.run_id);
    allowed(inner, run, question).await
}

/// The decision's record, if it allows. A refusal is recorded here, with an entry in the log.
async fn allowed(inner: &Inner, run: &Run, question: Question) -> Result<NewDecision, AgentError> {
    let decided = inner.governance.decide(&run.policy, &run.principal, question);
    let record = decided.record.clone();
    match decided.allowed() {
        Ok(record) => Ok(record),
        Err(refusal) => {
            refuse(inner, run, &[record], &[]).await?;
            Err(refusal.into())
        }
    }
}

/// Stores decisions; refusals among them with an entry in the log.
pub(crate) async fn record(inner: &Inner, run: &Run, decisions: Vec<NewDecision>) -> Result<(), AgentError> {
    let (allowed, refused): (Vec<_>, Vec<_>) =
        decisions.into_iter().partition(|decision| decision.verdict == Verdict::Allow.as_str());
    if !refused.is_empty() {
        refuse(inner, run, &refused, &[]).await?;
    }
    if !allowed.is_empty() {
        let mut tx = run.begin(inner).await?;
        tx.policies().insert_decisions(&allowed).await?;
        tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await?;
    }
    Ok(())
}

async fn refuse(
    inner: &Inner,
    run: &Run,
    decisions: &[NewDecision],
    events: &[NewPolicyEvent],
) -> Result<(), AgentError> {
    if run.only_replayed {
        return Ok(());
    }
    let (tenant, actor) = (run.principal.tenant_id(), Actor::User(run.principal.user_id));
    let proof = AuditEvent::new(&inner.sources, tenant, actor, AuditAction::PolicyRefused, run.ids.run_id)
        .detail("actions", decisions.iter().map(|decision| decision.action.clone()).collect::<Vec<_>>())
        .trace(&run.trace_id);
    refusal::record((&inner.store, &inner.audit_key), &run.principal.scope, &proof, decisions, events).await
}

/// Tells the reader of a call before it is done; returns its id. The arguments hold placeholders.
pub(crate) fn announce(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    tool_call_name: &str,
    arguments: &Value,
) -> String {
    let tool_call_id = format!("call_{}", inner.sources.new_uuid().as_simple());
    progress.journal.emit(AgUiEventKind::ToolCallStart {
        tool_call_id: tool_call_id.clone(),
        tool_call_name: tool_call_name.to_owned(),
        parent_message_id: run.ids.assistant_message_id,
    });
    let delta = arguments.to_string();
    progress.journal.emit(AgUiEventKind::ToolCallArgs { tool_call_id: tool_call_id.clone(), delta });
    progress.journal.emit(AgUiEventKind::ToolCallEnd { tool_call_id: tool_call_id.clone() });
    tool_call_id
}

/// The documents of passages, each once: where one is hidden later, so is the step that names it.
pub(crate) fn documents(passages: &[Passage]) -> BTreeSet<DocumentId> {
    passages.iter().map(|passage| passage.document_id).collect()
}

/// What was found as it is stored and sent.
pub(crate) fn shown_passages(progress: &mut Progress, passages: &[Passage]) -> Result<Value, AgentError> {
    let mut passages: Value = passages
        .iter()
        .map(|passage| {
            json!({
                "document_name": passage.document_name,
                "label": passage.label,
                "page": passage.page(),
                "heading_path": passage.heading_path,
                "score": passage.score,
            })
        })
        .collect();
    for passage in passages.as_array_mut().into_iter().flatten() {
        progress.mask_json(&mut passage["document_name"])?;
        progress.mask_json(&mut passage["heading_path"])?;
    }
    Ok(passages)
}

/// What a model's judgement has cost, as it is kept.
pub(crate) fn rerank_cost(cost: &RerankCost) -> Value {
    json!({
        "model": cost.model,
        "input_tokens": cost.input_tokens,
        "output_tokens": cost.output_tokens,
        "cost_micros": cost.cost_micros,
    })
}

/// Takes instructions out of further passages and personal data out of what a language model gets. Returns what it gets of
/// each; none for one that no model may be given.
pub(crate) async fn prepare(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &mut Progress,
    passages: Vec<Passage>,
) -> Result<Vec<Option<PromptPassage>>, AgentError> {
    // A copy: should the run be stopped meanwhile, what it has shown is still stored with placeholders.
    let Some(mut placeholders) = progress.placeholders.clone() else { return Err(AgentError::Classifier) };
    let first = u32::try_from(progress.passages.len() + 1).unwrap_or(u32::MAX);
    let (inner, about) = (inner.clone(), run.about());
    // Some milliseconds for eight passages: not on a thread that others wait for.
    let work = tokio::task::spawn_blocking(move || {
        let prepared = guard::prepare(&inner, about, &mut placeholders, &passages, first);
        (placeholders, passages, prepared)
    });
    let (placeholders, passages, prepared) = work.await.map_err(|_| AgentError::Classifier)?;
    let masked = prepared.masked.clone();
    progress.placeholders = Some(placeholders);
    progress.passages.extend(passages);
    progress.prepared.extend(prepared);
    Ok(masked)
}

/// Who drafts from what was found, and the decisions that it may be given it.
pub(crate) async fn choose(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    reader: &Reader,
) -> Result<Vec<NewDecision>, AgentError> {
    // What stands around them alone answers nothing.
    let nothing_to_send = progress.prepared.masked[..progress.hits].iter().all(Option::is_none);
    if nothing_to_send && run.agent.outside.is_empty() || !inner.gateway.catalog().has_chat() {
        // The answerer in this process may quote what no language model may be given.
        quotes(progress);
        return Ok(Vec::new());
    }
    let mut request = think::preview(inner, run, progress);
    let mut decided = answerer::decide(inner, run, progress, reader, &request);
    // What only helps keeps nobody from an answer, by its label or its length.
    if !matches!(decided, Ok(Allowed::Some(..))) && progress.forget_asides() {
        request = think::preview(inner, run, progress);
        decided = answerer::decide(inner, run, progress, reader, &request);
    }
    // A model that reads little is refused for the label where another is refused for that: whatever it was called, the
    // passages may do without what stands around them.
    if !matches!(decided, Ok(Allowed::Some(..))) && progress.passages.len() > progress.hits {
        progress.keep_hits();
        request = think::preview(inner, run, progress);
        decided = answerer::decide(inner, run, progress, reader, &request);
    }
    match decided? {
        Allowed::Some(answerer, decisions) => {
            progress.answerer = answerer;
            let plan = answerer::plan(inner, run, progress, &request, 1)?;
            plan.model().clone_into(&mut progress.model);
            progress.may_call = plan.calls_tools() && !run.agent.tools.is_empty();
            Ok(decisions)
        }
        Allowed::LabelDenied(_) if inner.quotes_where_refused => {
            quotes(progress);
            Ok(Vec::new())
        }
        denied => Err(refused(inner, run, denied).await?),
    }
}

/// The answerer in this process drafts, which is told of nothing but passages.
fn quotes(progress: &mut Progress) {
    progress.answerer = Answerer::Quotes;
    EXTRACTIVE.clone_into(&mut progress.model);
    progress.forget_asides();
}

/// Records that no model may be given what was read; returns why.
pub(crate) async fn refused(inner: &Inner, run: &Run, denied: Allowed) -> Result<AgentError, AgentError> {
    Ok(match denied {
        Allowed::Some(..) => AgentError::Classifier,
        Allowed::None(decided) => {
            refuse(inner, run, std::slice::from_ref(&decided.record), &[]).await?;
            decided.allowed().err().map_or(AgentError::Classifier, Into::into)
        }
        Allowed::LabelDenied(refusal) => {
            let what = (PolicyEventKind::LabelDenied, "block");
            let event = guard::of_run(inner, run.about(), what, &refusal.to_string());
            refuse(inner, run, &[], &[event]).await?;
            refusal.into()
        }
    })
}

/// Stored before anything is shown: should this process die, what is left carries its label, and its placeholders can be
/// turned back.
pub(crate) async fn keep(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    decisions: &[NewDecision],
) -> Result<(), AgentError> {
    let label: Label = progress.label(run);
    let events = std::mem::take(&mut progress.prepared.events);
    let grown = match &mut progress.placeholders {
        Some(placeholders) => placeholders.take_grown()?,
        None => None,
    };
    if let Some(grown) = grown {
        progress.journal.vault(grown);
    }
    let mut tx = run.begin(inner).await?;
    tx.runs().set_label(run.ids.run_id, &label, &progress.model).await?;
    tx.messages().set_label(run.ids.assistant_message_id, &label).await?;
    tx.policies().insert_decisions(decisions).await?;
    tx.policy_events().insert(&events).await?;
    if !progress.recalled.is_empty() {
        let used = std::mem::take(&mut progress.recalled);
        tx.memories().set_used(run.principal.user_id, &used, inner.sources.now()).await?;
    }
    tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await?;
    Ok(())
}
