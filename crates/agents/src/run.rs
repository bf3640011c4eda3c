//! One run from its first step to its last event.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{ErrorCode, Label, Principal, ToProblem, id::DocumentId};
use millwright_gateway::Judged;
use millwright_governance::TenantPolicy;
use millwright_llm::Tier;
use millwright_retrieval::reranker::Account;
use millwright_store::{
    Bookkeeping, Proof, StoreError, TenantTx,
    tenant::{
        FinishedMessage, MessageStatus, NewPolicyEvent, Reader, RunEventRow, RunFence, RunStatus, SearchFilter,
        StepStatus,
    },
};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    AgentError, act,
    answer::{self, AnswerFailure, AnswerMessage, NOT_IN_DOCUMENTS_TEXT},
    bundle::trail,
    chat::StartedRun,
    citation::Citation,
    events::{AgUiEventKind, RunResult, StatePatch},
    goal::Part,
    guard::About,
    journal::Journal,
    limits::{self, RunLimits},
    machine::{Happened, Outcome, Phase},
    observe, person,
    progress::Progress,
    record::Repeat,
    resume,
    runner::Inner,
    show,
    specialist::Acting,
    think,
    thinking::{self, Thinking},
};

/// How often a run looks whether it was asked to stop.
const LOOK: Duration = Duration::from_millis(700);
/// Every how many looks the lease of 30 s is renewed.
const LOOKS_PER_RENEWAL: u32 = 10;
/// How long the end of a run may wait for a database that is away.
const OUTAGE: Duration = Duration::from_secs(20);

/// What a run is about.
pub(crate) struct Run {
    pub(crate) principal: Principal,
    /// As it was when the question came.
    pub(crate) policy: Arc<TenantPolicy>,
    pub(crate) ids: StartedRun,
    /// Under which its writes count.
    pub(crate) fence: RunFence,
    /// As it is stored: with placeholders.
    pub(crate) question: String,
    /// Of the question.
    pub(crate) label: Label,
    /// Of all that it had read before it was taken over.
    pub(crate) read: Label,
    /// What the search is narrowed by.
    pub(crate) filter: SearchFilter,
    /// Who works on it.
    pub(crate) agent: Arc<Acting>,
    /// The one that was named, or the one that the question deserves.
    pub(crate) tier: Tier,
    /// Where the asker named one.
    pub(crate) wanted: Option<Tier>,
    /// How the question was judged, where not.
    pub(crate) judged: Option<Judged>,
    pub(crate) trace_id: String,
    /// How its question is thought through before it is answered.
    pub(crate) thinking: Option<Thinking>,
    /// Whether its person can be asked something before they are answered.
    pub(crate) may_ask: bool,
    /// The step of a goal that it is.
    pub(crate) part: Option<Part>,
    /// What it may take.
    pub(crate) limits: RunLimits,
    pub(crate) created_at: DateTime<Utc>,
    /// From when its time counts: its beginning, and as much later as it waited for its person.
    pub(crate) counted_from: DateTime<Utc>,
    pub(crate) next_sequence: i64,
    /// Only to see what comes of it: nothing is written.
    pub(crate) only_replayed: bool,
}

impl Run {
    /// On whose account its searches have passages judged.
    pub(crate) fn account(&self) -> Account {
        Account { principal: self.principal, run_id: Some(self.ids.run_id), trace_id: self.trace_id.clone() }
    }

    /// What its person may read now, as far as its agent reads.
    pub(crate) async fn reader(&self, tx: &mut TenantTx) -> Result<Reader, StoreError> {
        tx.labels().reader_within(self.principal.user_id, &self.agent.most()).await
    }

    /// A transaction that holds the lease.
    pub(crate) async fn begin(&self, inner: &Inner) -> Result<TenantTx, StoreError> {
        let mut tx = inner.store.tenant(&self.principal.scope).begin().await?;
        tx.runs().require_lease(self.fence).await?;
        Ok(tx)
    }

    /// For what is recorded of it.
    pub(crate) fn about(&self) -> About {
        About { user: self.principal.user_id, run: self.ids.run_id }
    }
}

/// The journal's writer at work.
type Writing = tokio::task::JoinHandle<Result<(), StoreError>>;

/// How the work on a run ended, before it is stored.
enum End {
    Outcome(Outcome),
    Failed(AgentError),
    /// This process ends: another goes on.
    Left,
    /// Its person is asked something: whoever takes it over goes on with what they answered. Until when they can.
    Waits(DateTime<Utc>),
    /// Another process has it or has ended it: nothing may be written.
    Lost,
}

/// Works on a run until its end is stored.
pub(crate) async fn execute(
    inner: Arc<Inner>,
    run: Run,
    (model, repeat): (String, Option<Repeat>),
    stop: CancellationToken,
) {
    let run_id = run.ids.run_id;
    let goal = run.part.as_ref().map(|part| (run.principal.scope, part.goal));
    let (journal, writer) = Journal::new(
        inner.store.clone(),
        inner.hub.clone(),
        inner.sources.clone(),
        run.principal.scope,
        (run.ids.conversation_id, run.fence),
        run.next_sequence,
    );
    let mut writing = inner.tracker.spawn(writer.run());
    let mut progress = Progress::new(journal, model, repeat);
    let mut is_written = false;
    let end = tokio::select! {
        end = work(&inner, &run, &mut progress) => end,
        () = stop.cancelled() => End::Outcome(Outcome::Cancelled),
        () = inner.stop.cancelled() => End::Left,
        end = watch(&inner, &run) => end,
        over = limits::time_is_over(&inner, &run) => End::Failed(over),
        written = &mut writing => {
            is_written = true;
            match written {
                // Nothing that could be written another time: the run ends with it.
                Ok(Err(error)) if !error.is_transient() && !matches!(error, StoreError::LeaseLost) => {
                    End::Failed(error.into())
                }
                _ => End::Lost,
            }
        }
    };
    let writing = (!is_written).then_some(writing);
    let concluded = conclude(&inner, &run, progress, writing, end).await;
    if let Some(goal) = goal {
        // An error only says that nobody listens: then the goal is looked at a little later.
        let _ = inner.ended.send(goal);
    }
    if let Err(error) = concluded {
        let error = &error as &dyn std::error::Error;
        // Its lease runs out, and then the reaper ends it.
        tracing::error!(error, run.id = %run_id, "the end of a run could not be stored");
    }
    inner.hub.remove(run.fence);
}

/// Goes from phase to phase.
async fn work(inner: &Arc<Inner>, run: &Run, progress: &mut Progress) -> End {
    let mut phase = Phase::Observe;
    loop {
        if let Err(error) = resume::before(inner, run, progress, phase).await {
            return End::Failed(error);
        }
        if let Phase::Finished(outcome) = phase {
            return End::Outcome(outcome);
        }
        if let Phase::Wait { attempt, .. } = phase
            && progress.repeat.is_none()
        {
            return person::ask(inner, progress, attempt).map_or_else(End::Failed, End::Waits);
        }
        if let Err(error) = limits::require(inner, run, progress, phase).await {
            // What is only to be added to an answer may be left out: it stands without.
            let stands = progress.stock.lacking.is_some() && matches!(error, AgentError::LimitReached(_));
            return if stands { End::Outcome(Outcome::Answered) } else { End::Failed(error) };
        }
        phase = match step(inner, run, progress, phase).await {
            Ok(next) => next,
            Err(error) => return End::Failed(error),
        };
    }
}

/// Does what a phase is for; returns the next.
pub(crate) async fn step(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &mut Progress,
    phase: Phase,
) -> Result<Phase, AgentError> {
    let happened: Happened = match phase {
        Phase::Observe => observe::observe(inner, run, progress).await?,
        Phase::Deliberate { turn, .. } => thinking::deliberate(inner, run, progress, turn).await?,
        Phase::Think { attempt, rounds } => think::think(inner, run, progress, (attempt, rounds)).await?,
        Phase::Act { round, .. } => act::act(inner, run, progress, round).await?,
        Phase::Wait { attempt, .. } => person::hear(inner, progress, attempt)?,
        Phase::Verify { attempt, .. } => think::verify(inner, run, progress, attempt)?,
        Phase::Finished(_) => return Ok(phase),
    };
    Ok(phase.next(happened)?)
}

/// Keeps the lease and looks for the wish to stop. Returns only when the run must end.
async fn watch(inner: &Inner, run: &Run) -> End {
    let mut looks: u32 = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        looks += 1;
        match look(inner, run, looks.is_multiple_of(LOOKS_PER_RENEWAL)).await {
            Ok(true) => return End::Outcome(Outcome::Cancelled),
            Ok(false) => {}
            Err(StoreError::LeaseLost) => return End::Lost,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, run.id = %run.ids.run_id, "a run could not look for its lease");
            }
        }
    }
}

async fn look(inner: &Inner, run: &Run, renew: bool) -> Result<bool, StoreError> {
    let store = inner.store.tenant(&run.principal.scope);
    if renew {
        let mut tx = store.begin().await?;
        let cancel = tx.runs().renew_lease(run.fence).await?;
        tx.commit(Proof::Bookkeeping(Bookkeeping::RunLease)).await?;
        return Ok(cancel);
    }
    let mut tx = store.read().await?;
    let row = tx.runs().get(run.ids.run_id).await?.ok_or(StoreError::LeaseLost)?;
    let is_ours = row.status == RunStatus::Running && row.lease_owner == Some(run.fence.owner);
    if is_ours { Ok(row.cancel_requested_at.is_some()) } else { Err(StoreError::LeaseLost) }
}

/// Leaves a run to another process, or first to its person until a moment: what was done is on disk, and its lease is free.
async fn leave(
    inner: &Inner,
    run: &Run,
    progress: Progress,
    (writing, until): (Option<Writing>, Option<DateTime<Utc>>),
) -> Result<(), AgentError> {
    drop(progress);
    if let Some(writing) = writing
        && let Ok(written) = writing.await
    {
        written?;
    }
    let mut tx = inner.store.tenant(&run.principal.scope).begin().await?;
    match until {
        Some(until) => match tx.runs().wait(run.fence, until).await {
            // Somebody has asked it to stop: whoever takes it over ends it.
            Err(StoreError::LeaseLost) => tx.runs().release_lease(run.fence).await?,
            waits => waits?,
        },
        None => tx.runs().release_lease(run.fence).await?,
    }
    tx.commit(Proof::Bookkeeping(Bookkeeping::RunLease)).await?;
    let to = if until.is_some() { "its person" } else { "the next process" };
    tracing::info!(run.id = %run.ids.run_id, "the run is left to {to}");
    Ok(())
}

/// How a run ended, in the words of database, API and audit log.
struct Verdict {
    run: RunStatus,
    message: MessageStatus,
    answered: Option<bool>,
    failure: Option<AnswerFailure>,
}

impl Verdict {
    fn of(end: &End, run: &Run) -> Option<Self> {
        let failed = |code: ErrorCode, detail: String| Self {
            run: RunStatus::Failed,
            message: MessageStatus::Failed,
            answered: None,
            failure: Some(AnswerFailure { code: code.as_str(), detail }),
        };
        Some(match end {
            End::Lost | End::Left | End::Waits(_) => return None,
            End::Outcome(Outcome::Answered) => Self::finished(true),
            End::Outcome(Outcome::NotInDocuments) => Self::finished(false),
            End::Outcome(Outcome::Cancelled) => Self {
                run: RunStatus::Cancelled,
                message: MessageStatus::Stopped,
                failure: Some(AnswerFailure {
                    code: ErrorCode::Cancelled.as_str(),
                    detail: "stopped; what was written is kept".into(),
                }),
                answered: None,
            },
            End::Outcome(Outcome::Failed(code)) => failed(*code, "the server is shutting down; ask again".into()),
            End::Failed(error) => {
                tracing::warn!(error = error as &dyn std::error::Error, run.id = %run.ids.run_id, "run failed");
                let problem = error.problem();
                let detail = match problem.remedy {
                    Some(remedy) => format!("{}; {remedy}", problem.detail),
                    None => problem.detail,
                };
                failed(problem.code, detail)
            }
        })
    }

    fn finished(answered: bool) -> Self {
        Self { run: RunStatus::Finished, message: MessageStatus::Complete, answered: Some(answered), failure: None }
    }
}

/// Stores the end of a run in one transaction, then tells those who listen.
async fn conclude(
    inner: &Inner,
    run: &Run,
    mut progress: Progress,
    writing: Option<Writing>,
    end: End,
) -> Result<(), AgentError> {
    if let End::Left | End::Waits(_) = end {
        let until = if let End::Waits(until) = end { Some(until) } else { None };
        return leave(inner, run, progress, (writing, until)).await;
    }
    let Some(verdict) = Verdict::of(&end, run) else { return Ok(()) };
    // A run that ends before it has come to where it stood keeps what it had shown.
    if let Err(error) = resume::go_on(inner, run, &mut progress).await {
        tracing::warn!(error = &error as &dyn std::error::Error, run.id = %run.ids.run_id, "not all of a run could be repeated");
    }
    let now = inner.sources.now();
    if verdict.answered == Some(false) && progress.shown.is_empty() {
        show::show(run, &mut progress, NOT_IN_DOCUMENTS_TEXT.to_owned());
    }
    let status = if verdict.failure.is_some() { StepStatus::Failed } else { StepStatus::Finished };
    let citations = if let Some(sent) = progress.taken.citations.clone() {
        sent
    } else {
        if !progress.taken.conflicts_cited {
            show::cite_conflicts(&mut progress).await?;
        }
        show::shown_citations(&mut progress)?
    };
    let sources = citations.iter().map(|citation| citation.document_id).collect();
    let message = answer(run, &progress, &verdict, citations, now);
    if progress.text_open {
        progress.journal.emit(AgUiEventKind::TextMessageEnd { message_id: run.ids.assistant_message_id });
    }
    progress.end(status, json!({ "reason": verdict.failure.as_ref().map(|failure| failure.code) }), now);
    let mut last =
        vec![progress.journal.row(AgUiEventKind::StateDelta { delta: vec![StatePatch::add_message(&message)] })];
    last.push(progress.journal.row(last_event(run, &progress, &verdict)));
    let finished = finished(&message, &verdict, run);
    let proof = proof(inner, run, &progress, &verdict)
        .detail("answer_sha256", answer::digest(&finished.content, &finished.citations));
    let read = progress.label(run);
    let withheld = std::mem::take(&mut progress.stock.withheld);
    // Dropping the journal lets its writer end; then the last events follow all others.
    drop(progress);
    if let Some(writing) = writing {
        match writing.await {
            Ok(written) => written?,
            Err(_) => return Err(StoreError::LeaseLost.into()),
        }
    }
    let end = Ending { message: finished, label: read, sources, withheld, verdict, events: last, proof };
    let started = Instant::now();
    loop {
        match end.store(inner, run, now).await {
            Ok(()) => break,
            // Stored already by a commit whose confirmation was lost, or ended by another process.
            Err(AgentError::Store(StoreError::LeaseLost | StoreError::Duplicate(_))) => return Ok(()),
            Err(AgentError::Store(error)) if error.is_transient() && started.elapsed() < OUTAGE => {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            Err(error) => return Err(error),
        }
    }
    inner.hub.publish(run.ids.run_id, Arc::from(end.events));
    Ok(())
}

struct Ending {
    message: FinishedMessage,
    /// Of all that the run has read.
    label: Label,
    /// The documents that the answer cites.
    sources: Vec<DocumentId>,
    withheld: Vec<NewPolicyEvent>,
    verdict: Verdict,
    events: Vec<RunEventRow>,
    proof: AuditEvent,
}

impl Ending {
    async fn store(&self, inner: &Inner, run: &Run, now: DateTime<Utc>) -> Result<(), AgentError> {
        let mut tx = run.begin(inner).await?;
        let failure = self.verdict.failure.as_ref().map(|failure| (failure.code, failure.detail.as_str()));
        let now_are = Label::join_all(&tx.documents().hold_labels(&self.sources).await?);
        let read = self.label.join(&now_are);
        tx.runs().set_label(run.ids.run_id, &read, &self.message.model).await?;
        tx.runs().finish(run.ids.run_id, self.verdict.run, failure, now).await?;
        let label = self.message.label.as_ref().map(|label| label.join(&now_are));
        let message = FinishedMessage { label, ..self.message.clone() };
        tx.messages().finish(run.ids.assistant_message_id, &message).await?;
        tx.runs().append_events(run.ids.run_id, &self.events).await?;
        tx.policy_events().insert(&self.withheld).await?;
        let question = (run.ids.user_message_id, run.question.clone());
        let trail = trail::of_ending(&mut tx, run.ids.run_id, question, run.created_at).await?;
        let record = inner.audit_key.authenticate(&self.proof.clone().detail("trail_sha256", trail))?;
        Ok(tx.commit(Proof::Entry(&record)).await?)
    }
}

fn last_event(run: &Run, progress: &Progress, verdict: &Verdict) -> AgUiEventKind {
    match &verdict.failure {
        Some(failure) => AgUiEventKind::RunError { message: failure.detail.clone(), code: failure.code },
        None => AgUiEventKind::RunFinished {
            thread_id: run.ids.conversation_id,
            run_id: run.ids.run_id,
            result: RunResult {
                answered: verdict.answered.unwrap_or_default(),
                supported: progress.stock.supported,
                cut: progress.stock.cut.len(),
            },
        },
    }
}

fn answer(
    run: &Run,
    progress: &Progress,
    verdict: &Verdict,
    citations: Vec<Citation>,
    now: DateTime<Utc>,
) -> AnswerMessage {
    AnswerMessage {
        id: run.ids.assistant_message_id,
        parent_id: run.ids.user_message_id,
        role: "assistant",
        content: progress.shown.clone(),
        status: verdict.message.as_str(),
        citations,
        run_id: run.ids.run_id,
        model: progress.model.clone(),
        tier: run.tier.as_str().to_owned(),
        label: label(run, progress),
        withheld: false,
        answered: verdict.answered,
        error: verdict.failure.clone(),
        duration_ms: (now - run.created_at).num_milliseconds().max(0),
        as_of: run.filter.as_of,
        agent: run.agent.shown.clone(),
        created_at: run.created_at,
    }
}

/// Labels only rise. What a language model writes takes the join of everything it was given, the passages and the
/// conversation, whether or not it cites them. The built-in answerer writes quotes and nothing else, so its answer takes the
/// join of what it quotes.
fn label(run: &Run, progress: &Progress) -> Label {
    // A run that ends before it has come to where it stood does not know what wrote.
    if progress.answerer.is_language_model() || progress.taken.by_model || progress.taken.citations.is_some() {
        progress.label(run)
    } else {
        Label::join_all(progress.citations.list().iter().map(|citation| &citation.label))
    }
}

fn finished(message: &AnswerMessage, verdict: &Verdict, run: &Run) -> FinishedMessage {
    FinishedMessage {
        content: message.content.clone(),
        status: verdict.message,
        citations: serde_json::to_value(&message.citations).unwrap_or_else(|_| json!([])),
        model: message.model.clone(),
        tier: run.tier.as_str().to_owned(),
        label: Some(message.label.clone()),
        answered: message.answered,
        error: verdict.failure.as_ref().map(|failure| (failure.code.to_owned(), failure.detail.clone())),
        duration_ms: message.duration_ms,
    }
}

fn proof(inner: &Inner, run: &Run, progress: &Progress, verdict: &Verdict) -> AuditEvent {
    let action = if verdict.failure.is_some() { AuditAction::RunFailed } else { AuditAction::RunFinished };
    let actor = Actor::System("runtime");
    let mut proof = AuditEvent::new(&inner.sources, run.principal.scope.tenant_id(), actor, action, run.ids.run_id)
        .detail("conversation_id", run.ids.conversation_id.to_string())
        .detail("model", progress.model.clone())
        .detail("supported", progress.stock.supported)
        .detail("cut", progress.stock.cut.len())
        .detail("chunks", progress.passages.iter().map(|passage| passage.chunk_id.to_string()).collect::<Vec<_>>());
    if let Some(answered) = verdict.answered {
        proof = proof.detail("answered", answered);
    }
    if let Some(failure) = &verdict.failure {
        proof = proof.detail("code", failure.code);
    }
    let label = label(run, progress);
    proof = proof.detail("classification", label.classification.as_str()).detail("integrity", label.integrity.as_str());
    proof.trace(&run.trace_id)
}
