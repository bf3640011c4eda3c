//! How a run goes on whose process died: another takes its lease over, repeats its finished steps in silence from what they
//! recorded, and then goes on in the open where the reader was left.

use std::{collections::VecDeque, sync::Arc};

use chrono::TimeDelta;
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    Classification, Credential, Label, Permission, Principal, TenantScope,
    id::{ApiKeyId, ChunkId, RunId, UserId},
};
use millwright_llm::{EXTRACTIVE, Tier};
use millwright_retrieval::search::Passage;
use millwright_store::{
    Proof, StoreError, TenantTx,
    tenant::{
        MessageRow, Reader, RunFence, RunRow, RunStatus, RunStepRow, SearchFilter, StepKind, StepStatus, UserStatus,
        label_of_json,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    AgentError, answerer,
    chat::{Parent, StartRun, StartedRun},
    context::without_markers,
    events::{AgUiEventKind, StatePatch},
    goal::Part,
    limits::RunLimits,
    machine::Phase,
    observe, outside,
    progress::Progress,
    record::{BrokenOff, Repeat, Stood, is_repeatable, kept},
    run::Run,
    runner::Inner,
    show,
    specialist::{Acting, AgentWish},
    thinking::Thinking,
};

/// So often a run is taken over; one that ends its process each time must come to an end itself.
const MOST_TAKEOVERS: i32 = 5;
/// Nobody waits longer for an answer.
const WAITED_FOR: TimeDelta = TimeDelta::hours(1);
/// Events read at once.
const PAGE: i64 = 500;

/// What a run is begun with beside its question, for whoever takes it over.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) filter: SearchFilter,
    /// The tier that the asker named.
    pub(crate) wanted: Option<Tier>,
    /// The key of the program that asked.
    pub(crate) api_key: Option<ApiKeyId>,
    pub(crate) trace_id: String,
    /// The run whose first steps it begins with, and the last of them.
    pub(crate) forked_from: Option<(RunId, i32)>,
    /// The step of a goal that it is.
    #[serde(default)]
    pub(crate) part: Option<Part>,
    /// How its question is thought through.
    #[serde(default)]
    pub(crate) thinking: Option<Thinking>,
    /// Whether its person can be asked something.
    #[serde(default)]
    pub(crate) may_ask: bool,
    /// What it may take.
    #[serde(default)]
    pub(crate) limits: RunLimits,
    /// Who works on it: as that was defined then. `None` for runs from before there were several.
    #[serde(default)]
    pub(crate) agent: Option<Arc<Acting>>,
}

impl Input {
    pub(crate) fn of(principal: &Principal, filter: &SearchFilter, wanted: Option<Tier>, trace_id: &str) -> Self {
        let api_key = match principal.credential {
            Credential::ApiKey(id) => Some(id),
            Credential::Session(_) | Credential::Token => None,
        };
        let (filter, trace_id) = (filter.clone(), trace_id.to_owned());
        Self {
            filter,
            wanted,
            api_key,
            trace_id,
            forked_from: None,
            part: None,
            thinking: None,
            may_ask: false,
            limits: RunLimits::default(),
            agent: None,
        }
    }
}

/// A run that was taken over.
pub(crate) struct TakenOver {
    pub(crate) run: Run,
    pub(crate) model: String,
    pub(crate) repeat: Repeat,
    /// Whether somebody has asked it to stop.
    pub(crate) is_stopped: bool,
}

/// Takes the lease of a run whose process died. `None` where somebody has to end it instead: it was taken over too often,
/// began too long ago, or whoever asked may not ask any more.
pub(crate) async fn take_over(
    inner: &Arc<Inner>,
    scope: TenantScope,
    id: RunId,
) -> Result<Option<TakenOver>, AgentError> {
    let fence = RunFence { id, owner: inner.sources.new_uuid() };
    let mut tx = inner.store.tenant(&scope).begin().await?;
    let since = inner.sources.now() - WAITED_FOR;
    if !tx.runs().take_over(fence, MOST_TAKEOVERS, since).await? {
        return Ok(None);
    }
    let Some(row) = tx.runs().get(id).await? else { return Ok(None) };
    let Some(begun) = begun(&mut tx, &row).await? else { return Ok(None) };
    let Some(principal) = principal_of(inner, &mut tx, (row.user_id, begun.input.api_key)).await? else {
        return Ok(None);
    };
    let proof =
        AuditEvent::new(&inner.sources, scope.tenant_id(), Actor::System("runtime"), AuditAction::RunTakenOver, id)
            .detail("takeovers", row.takeovers)
            .trace(&begun.input.trace_id);
    let record = inner.audit_key.authenticate(&proof)?;
    tx.commit(Proof::Entry(&record)).await?;
    // Now that nobody else writes any more.
    let (repeat, next_sequence, waited) = stood(inner, &scope, (row.id, &row.model)).await?;
    let mut run = run_of(inner, principal, (&row, begun), (fence, next_sequence)).await?;
    run.counted_from += waited;
    Ok(Some(TakenOver { run, model: row.model, repeat, is_stopped: row.cancel_requested_at.is_some() }))
}

/// Whoever asked, as they are by now; `None` where they may not ask any more.
pub(crate) async fn principal_of(
    inner: &Inner,
    tx: &mut TenantTx,
    (user, api_key): (UserId, Option<ApiKeyId>),
) -> Result<Option<Principal>, StoreError> {
    let Some(row) = tx.users().get(user).await?.filter(|user| user.status() == UserStatus::Active) else {
        return Ok(None);
    };
    if let Some(key) = api_key
        && !tx.api_keys().is_usable(key, inner.sources.now()).await?
    {
        return Ok(None);
    }
    let credential = api_key.map_or(Credential::Token, Credential::ApiKey);
    let principal = Principal::new(user, *tx.scope(), row.role, credential);
    Ok(principal.permissions.contains(Permission::ChatUse).then_some(principal))
}

/// What a run was begun with.
pub(crate) struct Begun {
    input: Input,
    question: MessageRow,
}

/// What a run was begun with; `None` where that is gone, or the run is from before it was kept.
pub(crate) async fn begun(tx: &mut TenantTx, row: &RunRow) -> Result<Option<Begun>, AgentError> {
    let input = row.input.clone().and_then(|input| serde_json::from_value(input).ok());
    match tx.conversations().require(row.conversation_id, row.user_id).await {
        Ok(_) => {}
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let question = tx.messages().get(row.conversation_id, row.user_message_id).await?;
    Ok(input.zip(question).map(|(input, question)| Begun { input, question }))
}

/// The run as it is worked on, under the policies of now.
pub(crate) async fn run_of(
    inner: &Inner,
    principal: Principal,
    (row, begun): (&RunRow, Begun),
    (fence, next_sequence): (RunFence, i64),
) -> Result<Run, AgentError> {
    let Begun { input, question } = begun;
    let policy = inner.governance.of(&principal.scope).await?;
    let agent = input.agent.unwrap_or_default();
    let judged =
        if input.wanted.or(agent.tier).is_none() { answerer::judge(inner, &policy, &question.content).1 } else { None };
    Ok(Run {
        principal,
        policy,
        ids: StartedRun {
            conversation_id: row.conversation_id,
            run_id: row.id,
            user_message_id: row.user_message_id,
            assistant_message_id: row.assistant_message_id,
        },
        fence,
        question: question.content,
        label: question.label.map_or(Label::LOWEST, label_of_json),
        read: row.stored_label.clone().map_or(Label::LOWEST, label_of_json),
        filter: input.filter,
        agent,
        tier: row.tier.parse().unwrap_or_default(),
        wanted: input.wanted,
        judged,
        trace_id: input.trace_id,
        thinking: input.thinking,
        may_ask: input.may_ask,
        part: input.part,
        limits: input.limits,
        created_at: row.created_at,
        counted_from: row.created_at,
        next_sequence,
        only_replayed: false,
    })
}

/// A run that is to be answered once more from one of its steps.
pub(crate) struct Fork {
    pub(crate) command: StartRun,
    /// The steps up to there.
    pub(crate) repeat: Repeat,
    /// What it was told of the steps of a goal before it.
    pub(crate) part: Option<Part>,
}

/// What is asked for when a run is answered once more from one of its steps.
pub(crate) async fn fork(
    inner: &Inner,
    principal: &Principal,
    id: RunId,
    (step, tier): (i32, Option<Tier>),
    trace_id: String,
) -> Result<Fork, AgentError> {
    let policy = inner.governance.of(&principal.scope).await?;
    let mut tx = inner.store.tenant(&principal.scope).read().await?;
    let row = tx.runs().require(id, principal.user_id).await?;
    if row.status == RunStatus::Running {
        return Err(AgentError::StillRunning);
    }
    let Some(Begun { input, .. }) = begun(&mut tx, &row).await? else { return Err(AgentError::NotRecorded) };
    let steps = tx.runs().steps(id).await?;
    if !steps.iter().any(|row| row.number == step && row.status == StepStatus::Finished) {
        return Err(StoreError::NotFound("finished step").into());
    }
    let steps: Vec<_> = steps.into_iter().filter(|row| row.number <= step && is_repeatable(row)).collect();
    if steps.first().is_none_or(|row| row.record.is_none()) {
        return Err(AgentError::NotRecorded);
    }
    let command = StartRun {
        message: None,
        conversation_id: Some(row.conversation_id),
        parent: Parent::Newest,
        regenerate: Some(row.assistant_message_id),
        history: Vec::new(),
        thinking: input.thinking,
        may_ask: input.may_ask,
        limits: input.limits,
        // What could be named then may not be named by now.
        tier: tier.or(input.wanted.filter(|_| policy.routing.explicit_tier)),
        agent: AgentWish::As(input.agent.unwrap_or_default()),
        // The question keeps its label.
        classification: Classification::Public,
        filter: input.filter,
        trace_id,
    };
    let read = row.stored_label.map_or(Label::LOWEST, label_of_json);
    let repeat = Repeat { from: Some((id, step)), ..Repeat::of_another(steps, read) };
    Ok(Fork { command, repeat, part: input.part })
}

/// How far a run has come, the number of its next event, and how long it has waited for its person.
async fn stood(
    inner: &Inner,
    scope: &TenantScope,
    (id, model): (RunId, &str),
) -> Result<(Repeat, i64, TimeDelta), AgentError> {
    let mut tx = inner.store.tenant(scope).read().await?;
    let steps = tx.runs().steps(id).await?;
    let (mut stood, mut last) = (Stood::default(), 0);
    loop {
        let events = tx.runs().events_after(id, last, PAGE).await?;
        let is_all = (events.len() as i64) < PAGE;
        for event in events {
            last = event.sequence;
            stood.push(&event.payload);
        }
        if is_all {
            break;
        }
    }
    let waits = steps.iter().filter(|step| step.kind == StepKind::Person && step.status == StepStatus::Finished);
    let waited = waits.filter_map(|step| Some(step.finished_at? - step.started_at)).sum();
    let number = steps.last().map_or(0, |step| step.number);
    let broken = steps.last().filter(|step| step.status == StepStatus::Running).cloned();
    let steps: VecDeque<RunStepRow> = steps.into_iter().filter(is_repeatable).collect();
    let by_model = model != EXTRACTIVE;
    Ok((Repeat { steps, broken, last: number, stood, by_model, ..Repeat::default() }, last + 1, waited))
}

/// The passages that a repeated step has found, as they stand.
///
/// # Errors
/// When one of them was deleted, may not be read any more, or does not hold any more where the run goes on: what comes after
/// stands on it.
pub(crate) async fn passages(
    inner: &Inner,
    run: &Run,
    reader: &Reader,
    chunks: &[ChunkId],
) -> Result<Vec<Passage>, AgentError> {
    let passages = inner.searcher.read_again(&run.principal.scope, reader, chunks).await?;
    let must_hold = !run.only_replayed && run.filter.as_of.is_none();
    if passages.len() == chunks.len() && passages.iter().all(|passage| passage.is_current || !must_hold) {
        Ok(passages)
    } else {
        Err(AgentError::NotRepeatable)
    }
}

/// Before a phase: what was broken off there comes first, and after all that was recorded the run goes on in the open.
pub(crate) async fn before(inner: &Inner, run: &Run, progress: &mut Progress, phase: Phase) -> Result<(), AgentError> {
    if let Phase::Think { attempt, .. } = phase {
        show_broken_off(inner, run, progress, attempt)?;
    }
    let is_repeated = progress.repeat.as_ref().is_some_and(|repeat| repeat.steps.is_empty());
    if is_repeated && !run.only_replayed { go_on(inner, run, progress).await } else { Ok(()) }
}

/// What was shown of drafts that were broken off comes again.
fn show_broken_off(inner: &Inner, run: &Run, progress: &mut Progress, attempt: u8) -> Result<(), AgentError> {
    while let Some(broken) = progress.repeat.as_mut().and_then(Repeat::broken_off) {
        progress.begin(StepKind::Think, attempt, inner.sources.now());
        let record = kept(&broken);
        let BrokenOff { pieces, citations, by_model } = broken;
        progress.taken.by_model |= by_model;
        let known = progress.citations.list().len();
        cite_again(progress, &citations)?;
        let further = progress.citations.list()[known.min(citations.len())..].to_vec();
        let further = further.into_iter().map(|citation| show::shown_citation(progress, citation));
        let patches = further.map(|citation| Ok(StatePatch::add_citation(&citation?)));
        let patches = patches.collect::<Result<Vec<_>, AgentError>>()?;
        if !patches.is_empty() {
            progress.journal.emit(AgUiEventKind::StateDelta { delta: patches });
        }
        take_as_said(progress, &pieces);
        for piece in pieces {
            show::show(run, progress, piece);
        }
        end_text(run, progress);
        progress.end_broken(record, inner.sources.now());
    }
    Ok(())
}

/// Pieces of a draft that was broken off count, and are not said again.
fn take_as_said(progress: &mut Progress, pieces: &[String]) {
    progress.stock.shown_already(pieces);
    let whole = without_markers(&pieces.concat());
    let restored = progress.placeholders.as_ref().map(|placeholders| placeholders.restore(&whole));
    progress.taken.broken_off.push_str(&restored.unwrap_or(whole));
}

fn end_text(run: &Run, progress: &mut Progress) {
    if std::mem::take(&mut progress.text_open) {
        progress.journal.emit(AgUiEventKind::TextMessageEnd { message_id: run.ids.assistant_message_id });
    }
}

/// All that was recorded is repeated: from here on the run goes on in the open, from what its reader has seen. So it does where
/// it ends before that: then it only puts in order what its process has left.
pub(crate) async fn go_on(inner: &Inner, run: &Run, progress: &mut Progress) -> Result<(), AgentError> {
    let Some(repeat) = progress.repeat.take() else { return Ok(()) };
    if repeat.aloud {
        return Ok(());
    }
    let Repeat { steps, broken, last, stood, by_model, decisions, .. } = repeat;
    let repeated = std::mem::replace(&mut progress.shown, stood.pieces.concat());
    progress.journal.set_silent(false);
    let is_early = progress.leave_step() || !steps.is_empty();
    progress.steps = last;
    progress.text_open = stood.text_open;
    for tool_call_id in stood.calls {
        progress.journal.emit(AgUiEventKind::ToolCallEnd { tool_call_id });
    }
    end_text(run, progress);
    progress.taken.by_model |= by_model && !stood.pieces.is_empty();
    let is_disputed = |citation: &Value| citation["disputed_by"].as_array().is_some_and(|by| !by.is_empty());
    progress.taken.conflicts_cited = stood.citations.iter().any(is_disputed);
    let pieces = pieces_after(&repeated, &stood.pieces);
    if let Some(broken) = broken {
        let is_draft = !is_early && broken.kind == StepKind::Think && !pieces.is_empty();
        let record = BrokenOff { pieces: pieces.to_vec(), citations: stood.citations.clone(), by_model };
        if broken.kind == StepKind::Deliberate && !is_early {
            progress.half = broken.record.clone().and_then(|record| serde_json::from_value(record).ok());
        }
        if broken.kind == StepKind::Tool && !is_early {
            progress.half_acted = broken.record.clone().and_then(|record| serde_json::from_value(record).ok());
        }
        progress.journal.step(RunStepRow {
            status: StepStatus::Failed,
            detail: json!({ "reason": "interrupted" }),
            record: is_draft.then(|| kept(&record)),
            finished_at: Some(inner.sources.now()),
            ..broken
        });
    }
    for step in stood.steps.into_iter().filter_map(|name| StepKind::try_from(name).ok()) {
        progress.journal.emit(AgUiEventKind::StepFinished { step_name: step.as_str() });
    }
    observe::record(inner, run, decisions).await?;
    let cited = if is_early { Err(AgentError::NotRepeatable) } else { cite_again(progress, &stood.citations) };
    if cited.is_err() {
        // As the reader has them; the text has their markers.
        let sent = stood.citations.into_iter().map(serde_json::from_value);
        progress.taken.citations = Some(sent.filter_map(Result::ok).collect());
        return if is_early { Ok(()) } else { cited };
    }
    take_as_said(progress, pieces);
    progress.stock.shown_already(&stood.pieces);
    // Whatever came out again: so much of what the reader has stands on a passage.
    progress.stock.supported = supported(&stood.pieces);
    observe::keep(inner, run, progress, &[]).await
}

/// The pieces that follow this text; none where they do not begin with it.
fn pieces_after<'p>(text: &str, pieces: &'p [String]) -> &'p [String] {
    if !pieces.concat().starts_with(text) {
        return &[];
    }
    let mut length = 0;
    let known = pieces.iter().take_while(|piece| {
        let is_known = length < text.len();
        length += piece.len();
        is_known
    });
    let count = known.count();
    &pieces[count..]
}

/// How many pieces stand on something: on a passage, whose marker they have, or on what another system said, which they name.
pub(crate) fn supported(pieces: &[String]) -> usize {
    let names_tool = |piece: &str| piece.contains(&format!("({}", outside::PREFIX));
    pieces.iter().filter(|piece| without_markers(piece) != **piece || names_tool(piece)).count()
}

/// The citations as the reader has them.
fn cite_again(progress: &mut Progress, sent: &[Value]) -> Result<(), AgentError> {
    #[derive(Deserialize)]
    struct Sent {
        chunk_id: ChunkId,
        char_start: i32,
        char_end: i32,
        disputed_by: Vec<u32>,
    }
    progress.citations.clear();
    for citation in sent {
        let sent = Sent::deserialize(citation).map_err(|_| AgentError::NotRepeatable)?;
        let passage = progress.passages.iter().find(|passage| passage.chunk_id == sent.chunk_id);
        let passage = passage.ok_or(AgentError::NotRepeatable)?;
        if !progress.citations.cite_again(passage, (sent.char_start, sent.char_end), sent.disputed_by) {
            return Err(AgentError::NotRepeatable);
        }
    }
    Ok(())
}
