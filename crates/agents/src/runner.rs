use std::sync::Arc;

use futures::{Stream, StreamExt};
use millwright_audit::AuditKey;
use millwright_core::{Principal, Sources, TenantScope, id::RunId};
use millwright_gateway::Gateway;
use millwright_governance::Governance;
use millwright_retrieval::search::Searcher;
use millwright_store::{Store, tenant::RunEventRow};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    AgentError, answerer,
    chat::{self, StartRun, StartedRun},
    events::{AgUiEvent, AgUiEventKind, Snapshot},
    follow::follow,
    guard,
    hub::RunHub,
    run,
};

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
    /// Proves changes.
    pub audit_key: Arc<AuditKey>,
    /// Time, randomness, ids.
    pub sources: Sources,
    /// Keeps the runs; wait for it at shutdown.
    pub tracker: TaskTracker,
    /// Cancelled at shutdown: runs then end as interrupted.
    pub stop: CancellationToken,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) searcher: Searcher,
    pub(crate) gateway: Gateway,
    pub(crate) quotes_where_refused: bool,
    pub(crate) governance: Governance,
    pub(crate) audit_key: Arc<AuditKey>,
    pub(crate) sources: Sources,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) hub: RunHub,
}

/// Begins runs, works on them, and lets them be followed. Cheap to clone.
#[derive(Clone)]
pub struct Runner(Arc<Inner>);

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
            audit_key,
            sources,
            tracker,
            stop,
        } = parts;
        let hub = RunHub::default();
        Self(Arc::new(Inner {
            store,
            searcher,
            gateway,
            quotes_where_refused,
            governance,
            audit_key,
            sources,
            tracker,
            stop,
            hub,
        }))
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
        let inner = &self.0;
        if inner.stop.is_cancelled() {
            return Err(AgentError::ShuttingDown);
        }
        let (wanted, trace_id) = (command.tier, command.trace_id.clone());
        let mut proofs = Vec::new();
        let policy = inner.governance.of(&principal.scope).await?;
        let message = match &command.message {
            Some(message) => {
                let message = chat::checked(message)?;
                Some(guard::inspect_message(inner, principal, &policy, &message, &trace_id).await?)
            }
            None => None,
        };
        if wanted.is_some() && !policy.routing.explicit_tier {
            return Err(AgentError::TierNotAllowed);
        }
        let mut history = Vec::new();
        for said in &command.history {
            let text = chat::checked(&said.text)?;
            history
                .push((said.by_assistant, guard::inspect_message(inner, principal, &policy, &text, &trace_id).await?));
        }
        let said_before = history.iter().map(|(_, said)| said);
        let suspected = message.iter().chain(said_before).any(|message| message.suspected);
        let mut tx = inner.store.tenant(&principal.scope).begin().await?;
        let mut prepared =
            chat::place_question(inner, &mut tx, principal, &policy, (command, message, history), &mut proofs).await?;
        let ids = prepared.ids;
        let (tier, judged) = match wanted {
            Some(tier) => (tier, None),
            None => answerer::judge(inner, &policy, &prepared.question),
        };
        let name = answerer::first_name(inner, tier);
        let first = [
            AgUiEventKind::RunStarted { thread_id: ids.conversation_id, run_id: ids.run_id },
            AgUiEventKind::StateSnapshot {
                snapshot: Snapshot {
                    conversation_id: ids.conversation_id,
                    title: prepared.title.clone(),
                    user_message_id: ids.user_message_id,
                    assistant_message_id: ids.assistant_message_id,
                    citations: Vec::new(),
                    model: name.clone(),
                    tier: tier.as_str().to_owned(),
                    injection_suspected: suspected,
                },
            },
        ];
        let events: Vec<RunEventRow> = (1..)
            .zip(first)
            .map(|(sequence, kind)| RunEventRow {
                sequence,
                payload: AgUiEvent::at(inner.sources.now(), kind).into_json(),
            })
            .collect();
        let model_of_tier = (tier, name.as_str());
        chat::store_run(inner, &mut tx, principal, &mut prepared, model_of_tier, &events, &mut proofs).await?;
        chat::commit(inner, tx, &proofs, &trace_id).await?;
        let run = run::Run {
            principal: *principal,
            policy,
            ids,
            question: prepared.question,
            label: prepared.label,
            filter: prepared.filter,
            tier,
            wanted,
            judged,
            trace_id,
            created_at: prepared.created_at,
            next_sequence: events.len() as i64 + 1,
        };
        let stop = CancellationToken::new();
        inner.hub.insert(principal.scope, ids.run_id, stop.clone());
        inner.tracker.spawn(run::execute(inner.clone(), run, name, stop));
        Ok(ids)
    }

    /// The events of a run with a sequence number above `after`, up to its last. Follows a run of
    /// any process. The caller has checked that the run is the reader's. A failing database ends
    /// the stream early; the reader takes it up again where it ended.
    pub fn events(&self, scope: TenantScope, run: RunId, after: i64) -> impl Stream<Item = RunEventRow> + Send + use<> {
        follow(self.0.store.clone(), self.0.hub.clone(), scope, run, after).filter_map(move |event| async move {
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
