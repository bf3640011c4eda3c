//! Begins a case of an evaluation: with a run like any other.

use std::sync::Arc;

use millwright_core::{Classification, ErrorCode, Principal, TenantScope, ToProblem, id::RunId};
use millwright_store::{
    Bookkeeping, Proof, TenantTx,
    tenant::{CaseFence, EvaluationCaseStatus, EvaluationRow, SearchFilter},
};
use tokio::sync::broadcast::error::RecvError;

use super::{EvaluationError, Evaluations, judged};
use crate::{
    AgentError,
    chat::{Parent, StartRun, StartedRun},
    eval::{Answered, Case, Library, judge},
    limits::RunLimits,
    runner::Begin,
    specialist::{Acting, AgentWish, Choice, ChosenBy, shipped_as},
};

/// What a run is for its evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedCase {
    pub(super) fence: CaseFence,
    /// Up to where it reads.
    pub(super) up_to: Classification,
}

impl AskedCase {
    /// The agent as it answers this case.
    pub(crate) fn narrowed(&self, agent: &Acting) -> Arc<Acting> {
        Arc::new(agent.narrowed_to(self.up_to))
    }

    /// Says, in the run's own transaction, that the case has begun with it, where it is one.
    ///
    /// # Errors
    /// When another process was faster, or the evaluation does not go on.
    pub(crate) async fn begun(case: Option<Self>, tx: &mut TenantTx, ids: StartedRun) -> Result<(), AgentError> {
        let Some(case) = case else { return Ok(()) };
        let run = (ids.run_id, ids.assistant_message_id, ids.conversation_id);
        if tx.evaluations().begin_case(case.fence, run).await? { Ok(()) } else { Err(AgentError::BegunElsewhere) }
    }
}

/// Begins a case. True when the evaluation is to be looked at again: the case could not begin, and is judged as that.
pub(super) async fn begin(
    evaluations: &Evaluations,
    (principal, row): (&Principal, &EvaluationRow),
    (number, case): (i32, Case),
) -> Result<bool, EvaluationError> {
    let fence = CaseFence { evaluation: row.id, number };
    let command = StartRun {
        message: Some(case.question.clone()),
        conversation_id: None,
        parent: Parent::Newest,
        regenerate: None,
        history: case.history(),
        tier: None,
        thinking: None,
        may_ask: false,
        limits: RunLimits::default(),
        agent: wish(row),
        // No higher than what is asked for, so that the question itself is no reason to refuse.
        classification: case.clearance.min(Classification::Internal),
        filter: SearchFilter::default(),
        trace_id: row.trace_id.clone(),
    };
    let begun = Begin::Case(AskedCase { fence, up_to: case.clearance });
    let problem = match evaluations.runner.begin(principal, command, begun).await {
        Ok(ids) => {
            wait_for(evaluations, principal.scope, (row, ids.run_id));
            return Ok(false);
        }
        Err(AgentError::BegunElsewhere | AgentError::ShuttingDown) => return Ok(false),
        Err(AgentError::Store(error)) if error.is_transient() => return Err(error.into()),
        Err(error) => match error.problem() {
            // Away for a moment, whoever said so: another look begins it.
            problem if problem.code == ErrorCode::UpstreamUnavailable => return Err(error.into()),
            problem => problem,
        },
    };
    let failure = format!("{}: {}", problem.code.as_str(), problem.detail);
    let report = judge(&case, &Answered { failure: Some(failure), ..Answered::default() }, &Library::default());
    let mut tx = evaluations.inner().store.tenant(&principal.scope).begin().await?;
    tx.evaluations().finish_case(fence, EvaluationCaseStatus::Pending, &judged::kept(report)?).await?;
    tx.commit(Proof::Bookkeeping(Bookkeeping::EvaluationProgress)).await?;
    Ok(true)
}

/// The one that was chosen when the evaluation was started, whatever holds by now.
fn wish(row: &EvaluationRow) -> AgentWish {
    match (&row.agent_name, row.agent_version) {
        (None, _) => AgentWish::Route,
        (Some(name), None) => match shipped_as(name) {
            Some(agent) => AgentWish::As(Arc::new(Acting::new(agent, Choice::of(ChosenBy::Named)))),
            None => AgentWish::Named { name: name.clone(), version: None },
        },
        (Some(name), version) => AgentWish::Named { name: name.clone(), version },
    }
}

/// Has the evaluation looked at as soon as a run of this process has left it.
pub(super) fn wait_for(evaluations: &Evaluations, scope: TenantScope, (row, run): (&EvaluationRow, RunId)) {
    let (evaluations, id) = (evaluations.clone(), row.id);
    let events = evaluations.inner().hub.subscribe(&scope, run);
    evaluations.inner().tracker.clone().spawn(async move {
        if let Some(mut events) = events {
            while !matches!(events.recv().await, Err(RecvError::Closed)) {}
        }
        evaluations.look_at(scope, id);
    });
}
