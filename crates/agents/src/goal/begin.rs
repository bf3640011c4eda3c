//! Begins a step of a goal: with a run like any other, told of the steps before it.

use millwright_core::{
    ErrorCode, Principal, TenantScope, ToProblem,
    id::{ConversationId, MessageId},
};
use millwright_store::{
    Bookkeeping, Proof,
    tenant::{GoalRow, GoalStepRow, GoalStepStatus as Status},
};

use super::{
    part::Part,
    plan::{Does, Step},
    service::{Goals, Input},
    standing::Fail,
};
use crate::{
    AgentError,
    chat::{Asked, Parent, StartRun, StartedRun},
    resume::principal_of,
    runner::Begin,
    specialist::{AgentWish, GENERALIST},
};

/// How often the placeholders of a conversation may change under a step that begins.
const TRIES: usize = 3;

/// What a step begins with.
pub(super) struct Begun {
    pub(super) round: i32,
    pub(super) part: Part,
    /// The run's conversation and question, where it has them already.
    pub(super) place: Option<(ConversationId, MessageId)>,
}

/// Begins a step. True when the goal is to be looked at again: the step could not begin, and has failed.
pub(super) async fn begin(
    goals: &Goals,
    (scope, goal, input): (&TenantScope, &GoalRow, &Input),
    step: &Step,
    begun: Begun,
) -> Result<bool, AgentError> {
    let inner = goals.inner();
    let mut tx = inner.store.tenant(scope).read().await?;
    let principal = principal_of(inner, &mut tx, (goal.user_id, input.api_key)).await?;
    drop(tx);
    let error = match principal {
        Some(principal) => match start(goals, &principal, (goal, input), step, &begun).await {
            Ok(_) | Err(AgentError::BegunElsewhere | AgentError::ShuttingDown) => return Ok(false),
            Err(AgentError::Store(error)) if error.is_transient() => return Err(error.into()),
            Err(error) => error.problem(),
        },
        None => millwright_core::Problem::new(ErrorCode::NotAuthorized, "whoever wanted this may not ask any more"),
    };
    let mut tx = inner.store.tenant(scope).begin().await?;
    let Some(goal) = tx.goals().lock(goal.id).await? else { return Ok(false) };
    let mut rows = tx.goals().steps(goal.id).await?;
    let is_it =
        |row: &&mut GoalStepRow| row.name == step.name && row.status == Status::Ready && row.round == begun.round;
    let Some(row) = rows.iter_mut().find(is_it) else { return Ok(false) };
    row.fail(error.code, &error.detail);
    (row.started_at, row.finished_at) = (Some(inner.sources.now()), Some(inner.sources.now()));
    let row = row.clone();
    tx.goals().put_steps(goal.id, &[&row]).await?;
    tx.goals().look(goal.id, (true, false), inner.sources.now()).await?;
    tx.commit(Proof::Bookkeeping(Bookkeeping::GoalProgress)).await?;
    Ok(true)
}

async fn start(
    goals: &Goals,
    principal: &Principal,
    (goal, input): (&GoalRow, &Input),
    step: &Step,
    begun: &Begun,
) -> Result<StartedRun, AgentError> {
    let mut tries = 0;
    loop {
        let message = match (&step.does, begun.place) {
            (Does::Ask(question), None) => Some(question.clone()),
            _ => None,
        };
        let command = StartRun {
            message,
            conversation_id: begun.place.map(|(conversation, _)| conversation),
            parent: Parent::Root,
            regenerate: None,
            history: Vec::new(),
            tier: step.tier.or(input.tier),
            thinking: step.thinking,
            may_ask: false,
            limits: crate::RunLimits::default(),
            agent: agent_of(step),
            classification: input.classification,
            filter: input.filter.clone(),
            trace_id: input.trace_id.clone(),
        };
        let asked = Asked {
            part: begun.part.clone(),
            tried: (goal.plan_version, begun.round),
            question: begun.place.map(|(_, question)| question),
        };
        tries += 1;
        match goals.runner.begin(principal, command, Begin::Step(asked)).await {
            // The conversation's placeholders were changed in this moment.
            Err(AgentError::StillRunning) if tries < TRIES => {}
            other => {
                if other.is_ok() {
                    tracing::debug!(goal.id = %goal.id, step = step.name, round = begun.round, "a step has begun");
                }
                return other;
            }
        }
    }
}

/// The report reads whatever any step has: it is the generalist's.
fn agent_of(step: &Step) -> AgentWish {
    let named = |name: &str| AgentWish::Named { name: name.to_owned(), version: None };
    match (&step.does, &step.agent) {
        (Does::Report, _) => named(GENERALIST),
        (_, Some(name)) => named(name),
        (_, None) => AgentWish::Route,
    }
}
