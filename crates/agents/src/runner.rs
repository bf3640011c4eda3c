use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use millwright_audit::AuditKey;
use millwright_core::{
    Label, Principal, Sources, TenantScope,
    id::{GoalId, MessageId, RunId},
};
use millwright_gateway::Gateway;
use millwright_governance::Governance;
use millwright_llm::Tier;
use millwright_mcp::AllowedOrigins;
use millwright_retrieval::search::Searcher;
use millwright_store::{
    Store,
    tenant::{RunEventRow, RunFence, StepFence},
};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    AgentError, Bundle, answerer, bundle,
    chat::{self, Asked, Prepared, Said, StartRun, StartedRun},
    evaluation::{AskedCase, Evaluations},
    events::{AgUiEvent, AgUiEventKind, Snapshot},
    follow::follow,
    goal::Part,
    hub::RunHub,
    memory::Memories,
    outside::Servers,
    person,
    record::Repeat,
    replay::{self, Replay},
    resume::{self, Fork, Input},
    run,
    specialist::{self, Acting, Specialists},
};

/// So many runs of goals may have ended before somebody looks; what is missed is found by looking later.
const ENDED: usize = 1_024;
/// How long a replay waits for its turn.
const REPLAY_WAIT: Duration = Duration::from_secs(5);

/// What a runner works with.
#[derive(Debug)]
pub struct RunnerParts {
    /// The database.
    pub store: Store,
    /// Finds passages.
    pub searcher: Searcher,
    /// The way to language models.
    pub gateway: Gateway,
    /// Whether the built-in answerer answers where no model may be given what was found; else the question is refused.
    /// Where there is no language model it always answers.
    pub quotes_where_refused: bool,
    /// What each tenant allows.
    pub governance: Governance,
    /// Where other systems may stand whose tools are called.
    pub outside: AllowedOrigins,
    /// Proves changes.
    pub audit_key: Arc<AuditKey>,
    /// Time, randomness, ids.
    pub sources: Sources,
    /// Keeps the runs; wait for it at shutdown.
    pub tracker: TaskTracker,
    /// Cancelled at shutdown: runs are then left to another process.
    pub stop: CancellationToken,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) searcher: Searcher,
    pub(crate) gateway: Gateway,
    pub(crate) quotes_where_refused: bool,
    pub(crate) governance: Governance,
    pub(crate) outside: AllowedOrigins,
    pub(crate) specialists: Specialists,
    pub(crate) audit_key: Arc<AuditKey>,
    pub(crate) sources: Sources,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) hub: RunHub,
    /// Turns of those who repeat runs.
    pub(crate) replays: Semaphore,
    /// Goals one of whose runs has ended here.
    pub(crate) ended: broadcast::Sender<(TenantScope, GoalId)>,
}

/// How a run begins.
pub(crate) enum Begin {
    Anew,
    /// With another run's first steps, told what that was told of the steps of a goal before it.
    From(Box<Repeat>, Option<Part>),
    /// As a step of a goal.
    Step(Asked),
    /// As a case of an evaluation.
    Case(AskedCase),
}

/// The same taken apart.
#[derive(Default)]
struct Parts {
    repeat: Option<Repeat>,
    part: Option<Part>,
    /// Version of the plan, and which time it is tried.
    step: Option<(i32, i32)>,
    stored: Option<MessageId>,
    case: Option<AskedCase>,
}

impl From<Begin> for Parts {
    fn from(begin: Begin) -> Self {
        match begin {
            Begin::Anew => Self::default(),
            Begin::From(repeat, part) => Self { repeat: Some(*repeat), part, ..Self::default() },
            Begin::Step(Asked { part, tried, question }) => {
                Self { part: Some(part), step: Some(tried), stored: question, ..Self::default() }
            }
            Begin::Case(case) => Self { case: Some(case), ..Self::default() },
        }
    }
}

/// Begins runs, works on them, and lets them be followed. Cheap to clone.
#[derive(Clone)]
pub struct Runner(pub(crate) Arc<Inner>);

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("running", &self.0.hub.running()).finish_non_exhaustive()
    }
}

impl Runner {
    /// A runner with no runs.
    pub fn new(parts: RunnerParts) -> Self {
        let RunnerParts {
            store,
            searcher,
            gateway,
            quotes_where_refused,
            governance,
            outside,
            audit_key,
            sources,
            tracker,
            stop,
        } = parts;
        let hub = RunHub::default();
        let specialists = Specialists::new(store.clone());
        Self(Arc::new(Inner {
            store,
            searcher,
            gateway,
            quotes_where_refused,
            governance,
            outside,
            specialists,
            audit_key,
            sources,
            tracker,
            stop,
            hub,
            replays: Semaphore::new(1),
            ended: broadcast::channel(ENDED).0,
        }))
    }

    /// The agents of tenants: which there are, and which of them a name means.
    pub fn specialists(&self) -> &Specialists {
        &self.0.specialists
    }

    /// What people have remembered.
    pub fn memories(&self) -> Memories {
        Memories::new(self.clone())
    }

    /// Suites of questions, and how they were answered.
    pub fn evaluations(&self) -> Evaluations {
        Evaluations::new(self.clone())
    }

    /// MCP servers, for whoever administers them.
    pub fn servers(&self) -> Servers {
        Servers::new(self.clone())
    }

    /// How many runs go on in this process.
    pub fn running(&self) -> usize {
        self.0.hub.running()
    }

    /// Stores the question with its run and begins to work on it. The run goes on whether or not
    /// anybody follows it.
    ///
    /// # Errors
    /// When the question or its place is not valid, the answer before is still being written, or
    /// the database fails. Nothing is stored then.
    pub async fn start(&self, principal: &Principal, command: StartRun) -> Result<StartedRun, AgentError> {
        self.begin(principal, command, Begin::Anew).await
    }

    /// Answers the question of an own run once more, beside its answer: with the run's own first steps, up to the one with this
    /// number, and anew from there. A tier that is named takes the place of the run's.
    ///
    /// # Errors
    /// When there is no such run or step, it has not ended, or it has recorded nothing; as for [`start`](Self::start).
    pub async fn fork(
        &self,
        principal: &Principal,
        run: RunId,
        (step, tier): (i32, Option<Tier>),
        trace_id: String,
    ) -> Result<StartedRun, AgentError> {
        let Fork { command, repeat, part } = resume::fork(&self.0, principal, run, (step, tier), trace_id).await?;
        self.begin(principal, command, Begin::From(Box::new(repeat), part)).await
    }

    pub(crate) async fn begin(
        &self,
        principal: &Principal,
        mut command: StartRun,
        begin: Begin,
    ) -> Result<StartedRun, AgentError> {
        let inner = &self.0;
        if inner.stop.is_cancelled() {
            return Err(AgentError::ShuttingDown);
        }
        let (wanted, trace_id) = (command.tier, command.trace_id.clone());
        let (thinking, may_ask, limits) = (command.thinking, command.may_ask, command.limits);
        let Parts { repeat, part, step, stored, case } = begin.into();
        let forked_from = repeat.as_ref().and_then(|repeat| repeat.from);
        let mut proofs = Vec::new();
        let policy = inner.governance.of(&principal.scope).await?;
        // What a fork begins with was allowed when it was asked.
        if thinking.is_some() && forked_from.is_none() {
            chat::may_think(inner, &policy)?;
        }
        let said = Said::checked(inner, principal, &policy, &command).await?;
        let suspected = said.is_suspected();
        let roster = inner.specialists.of(&principal.scope).await?;
        let wish = (std::mem::take(&mut command.agent), command.conversation_id);
        let mut tx = inner.store.tenant(&principal.scope).begin().await?;
        let mut prepared =
            chat::place_question(inner, &mut tx, principal, &policy, (command, said, stored), &mut proofs).await?;
        let ids = prepared.ids;
        let asked = (prepared.question.as_str(), &prepared.label);
        let agent = specialist::choose(&roster, &mut tx, wish, asked).await?;
        let agent = case.map_or_else(|| Arc::clone(&agent), |case| case.narrowed(&agent));
        let (tier, judged) = match wanted.or(agent.tier) {
            Some(tier) => (tier, None),
            None => answerer::judge(inner, &policy, &prepared.question),
        };
        let name = answerer::first_name(inner, tier);
        let events = first_events(inner, &prepared, (tier, &name, &agent), suspected);
        let model_of_tier = (tier, name.as_str());
        let fence = RunFence { id: ids.run_id, owner: inner.sources.new_uuid() };
        let input = Input {
            forked_from,
            part: part.clone(),
            thinking,
            may_ask,
            limits,
            agent: Some(Arc::clone(&agent)),
            ..Input::of(principal, &prepared.filter, wanted, &trace_id)
        };
        let begun_with = (fence, &input, &events[..]);
        chat::store_run(inner, &mut tx, principal, &mut prepared, model_of_tier, begun_with, &mut proofs).await?;
        if let (Some(part), Some((plan_version, round))) = (&part, step) {
            let fence = StepFence { goal: part.goal, step: &part.step, plan_version, round };
            let begun = (ids.run_id, ids.assistant_message_id, ids.conversation_id);
            if !tx.goals().begin_step(fence, begun, prepared.created_at).await? {
                return Err(AgentError::BegunElsewhere);
            }
        }
        AskedCase::begun(case, &mut tx, ids).await?;
        chat::commit(inner, tx, &proofs, &trace_id).await?;
        let run = run::Run {
            principal: *principal,
            policy,
            ids,
            fence,
            question: prepared.question,
            label: prepared.label,
            read: repeat.as_ref().and_then(|repeat| repeat.read.clone()).unwrap_or(Label::LOWEST),
            filter: prepared.filter,
            agent,
            tier,
            wanted,
            judged,
            trace_id,
            thinking,
            may_ask,
            part,
            limits,
            created_at: prepared.created_at,
            counted_from: prepared.created_at,
            next_sequence: events.len() as i64 + 1,
            only_replayed: false,
        };
        self.work_on(run, name, repeat);
        Ok(ids)
    }

    fn work_on(&self, run: run::Run, model: String, repeat: Option<Repeat>) -> CancellationToken {
        let (inner, stop) = (&self.0, CancellationToken::new());
        inner.hub.insert(run.principal.scope, run.fence, stop.clone());
        inner.tracker.spawn(run::execute(inner.clone(), run, (model, repeat), stop.clone()));
        stop
    }

    /// Takes over a run whose process died, and goes on with it in the background. False where somebody has to end it: it was
    /// taken over too often, began too long ago, or whoever asked may not ask any more.
    ///
    /// # Errors
    /// When the database fails; its lease runs out again then.
    pub async fn take_over(&self, scope: TenantScope, run: RunId) -> Result<bool, AgentError> {
        if self.0.stop.is_cancelled() {
            // Not for this process to decide.
            return Ok(true);
        }
        let Some(taken) = resume::take_over(&self.0, scope, run).await? else { return Ok(false) };
        tracing::info!(run.id = %run, steps = taken.repeat.steps.len(), "a run was taken over from a process that ended");
        let stop = self.work_on(taken.run, taken.model, Some(taken.repeat));
        if taken.is_stopped {
            stop.cancel();
        }
        Ok(true)
    }

    /// Gives a run of the person's the answer that it waits for, and goes on with it in the background.
    ///
    /// # Errors
    /// When there is no such run, it does not wait, or the answer is empty, too long or blocked by the tenant. Nothing is stored
    /// then.
    pub async fn answer(
        &self,
        principal: &Principal,
        run: RunId,
        text: &str,
        trace_id: &str,
    ) -> Result<(), AgentError> {
        person::answer(&self.0, principal, run, text, trace_id).await?;
        self.take_over_soon(principal.scope, run).await;
        Ok(())
    }

    /// Takes a run over that is known to be free. Where this fails, whoever looks for such runs takes it over.
    pub async fn take_over_soon(&self, scope: TenantScope, run: RunId) {
        if let Err(error) = self.take_over(scope, run).await {
            tracing::warn!(error = &error as &dyn std::error::Error, run.id = %run, "a run goes on a little later");
        }
    }

    /// Repeats a run of the person that has ended from what its steps recorded, to see whether the same comes of it. Nothing is
    /// asked and nothing is written.
    ///
    /// # Errors
    /// When there is no such run, it has not ended, or it has recorded nothing.
    pub async fn replay(&self, principal: &Principal, run: RunId) -> Result<Replay, AgentError> {
        // Whole drafts are verified in one go: not so many at once that those who wait for an answer notice.
        let turn = tokio::time::timeout(REPLAY_WAIT, self.0.replays.acquire()).await;
        let _turn = turn.map_err(|_| AgentError::ReplaysBusy)?;
        replay::replay(&self.0, principal, run).await
    }

    /// The evidence of a run of the person that has ended. Whoever hands it out proves that with an entry that names its digest.
    ///
    /// # Errors
    /// When there is no such run, its conversation was deleted, or it has not ended.
    pub async fn bundle(&self, principal: &Principal, run: RunId) -> Result<Bundle, AgentError> {
        bundle::settled(&self.0, principal, run).await?;
        // It repeats the run, and holds all that it has read.
        let turn = tokio::time::timeout(REPLAY_WAIT, self.0.replays.acquire()).await;
        let _turn = turn.map_err(|_| AgentError::ReplaysBusy)?;
        Box::pin(bundle::make(&self.0, principal, run)).await
    }

    /// The events of a run with a sequence number above `after`, up to its last. Follows a run of
    /// any process. The caller has checked that the run is the reader's. A failing database and a
    /// shutdown end the stream early; the reader takes it up again where it ended.
    pub fn events(&self, scope: TenantScope, run: RunId, after: i64) -> impl Stream<Item = RunEventRow> + Send + use<> {
        let events = follow(self.0.store.clone(), self.0.hub.clone(), scope, run, after);
        // What this process works on is left to another then, and nobody waits for that in a stream.
        let events = events.take_until(self.0.stop.clone().cancelled_owned());
        events.filter_map(move |event| async move {
            event
                .map(|mut event| {
                    // The database orders fields otherwise: the same bytes come from every process.
                    event.payload.sort_all_objects();
                    event
                })
                .inspect_err(|error| {
                    tracing::warn!(error = error as &dyn std::error::Error, run.id = %run, "cannot follow a run");
                })
                .ok()
        })
    }

    /// Stops a run at once if this process works on it. A run of another process stops within a
    /// second after `request_cancel` was stored.
    pub fn cancel_now(&self, run: RunId) {
        self.0.hub.stop(run);
    }
}

/// What the reader of a run is told before anything is done.
fn first_events(
    inner: &Inner,
    prepared: &Prepared,
    (tier, model, agent): (Tier, &str, &Acting),
    injection_suspected: bool,
) -> Vec<RunEventRow> {
    let ids = prepared.ids;
    let first = [
        AgUiEventKind::RunStarted { thread_id: ids.conversation_id, run_id: ids.run_id },
        AgUiEventKind::StateSnapshot {
            snapshot: Box::new(Snapshot {
                conversation_id: ids.conversation_id,
                title: prepared.title.clone(),
                user_message_id: ids.user_message_id,
                assistant_message_id: ids.assistant_message_id,
                citations: Vec::new(),
                model: model.to_owned(),
                tier: tier.as_str().to_owned(),
                injection_suspected,
                agent: agent.shown.clone(),
            }),
        },
    ];
    let row =
        |(sequence, kind)| RunEventRow { sequence, payload: AgUiEvent::at(inner.sources.now(), kind).into_json() };
    (1..).zip(first).map(row).collect()
}
