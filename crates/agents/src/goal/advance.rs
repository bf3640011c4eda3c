//! Looks at a goal: takes in what has become of its runs, lets its plan say what comes next, and begins that.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    ErrorCode, Principal, TenantScope, ToProblem,
    id::{ConversationId, GoalId, MessageId, RunId},
};
use millwright_store::{
    Bookkeeping, Proof, StoreError, TenantTx,
    tenant::{
        GoalPlanRow, GoalRow, GoalStatus, GoalStepRow, GoalStepStatus as Status, GoalUsage, MessageRow, RunRow,
        RunStatus,
    },
};

use super::{
    check::{Answer, unmet},
    part::Part,
    plan::{Does, Plan, Step},
    service::{Goals, Input},
    settle::{State, is_over, settle},
};
use crate::{
    AgentError,
    chat::{Asked, Parent, StartRun, StartedRun},
    resume::principal_of,
    runner::{Begin, Inner},
    specialist::{AgentWish, GENERALIST},
};

/// So many runs of a goal are under way at once.
const AT_ONCE: usize = 4;
/// How often the placeholders of a conversation may change under a step that begins.
const TRIES: usize = 3;

/// A goal as it stands, under its lock.
struct Standing {
    goal: GoalRow,
    input: Input,
    plan: Plan,
    /// The same as it is stored, with placeholders: whatever is written of it is said in its words.
    stored: Plan,
    sha256: String,
    /// Beside the steps of the plan.
    rows: Vec<GoalStepRow>,
    /// Of the steps that have one, as they were written and with their personal data.
    answers: BTreeMap<String, MessageRow>,
}

/// What is to be done after the look.
struct Next {
    goal: GoalRow,
    input: Input,
    begin: Vec<(Step, Begun)>,
    stop: Vec<RunId>,
}

/// What a step begins with.
struct Begun {
    round: i32,
    part: Part,
    /// The run's conversation and question, where it has them already.
    place: Option<(ConversationId, MessageId)>,
}

/// The plan of a goal that counts, as it is stored.
pub(super) async fn plan(tx: &mut TenantTx, goal: &GoalRow) -> Result<(GoalPlanRow, Plan), AgentError> {
    let row = tx.goals().plan(goal).await?;
    let row = row.ok_or(StoreError::InvalidState("the goal has no plan yet"))?;
    let plan = serde_json::from_value(row.steps.clone()).map_err(|_| StoreError::UnknownValue("goal_plans.steps"))?;
    Ok((row, plan))
}

/// Looks at a goal until nothing more can be begun now. Any process may do this at any time, also several at once.
pub(super) async fn advance(goals: &Goals, scope: TenantScope, id: GoalId) -> Result<(), AgentError> {
    loop {
        if goals.inner().stop.is_cancelled() {
            return Ok(());
        }
        let Some(next) = look(goals, scope, id).await? else { return Ok(()) };
        next.stop.iter().for_each(|run| goals.runner.cancel_now(*run));
        let mut look_again = false;
        for (step, begun) in next.begin {
            look_again |= begin(goals, (&scope, &next.goal, &next.input), &step, begun).await?;
        }
        if !look_again {
            return Ok(());
        }
    }
}

/// `None` when there is nothing to do for it.
async fn look(goals: &Goals, scope: TenantScope, id: GoalId) -> Result<Option<Next>, AgentError> {
    let inner = goals.inner();
    let now = inner.sources.now();
    let mut tx = inner.store.tenant(&scope).begin().await?;
    let Some(goal) = tx.goals().lock(id).await? else { return Ok(None) };
    if !matches!(goal.status, GoalStatus::Running | GoalStatus::Paused) {
        return Ok(None);
    }
    let mut standing = read(inner, &mut tx, goal).await?;
    let before = standing.rows.clone();
    for at in 0..standing.rows.len() {
        take_in(inner, &mut tx, &mut standing, at).await?;
    }
    let used = tx.goals().usage(&standing.goal).await?;
    let mut limit = standing.reached(&used, now);
    if standing.goal.status == GoalStatus::Running && limit.is_none() {
        standing.settle();
        limit = standing.runs_used_up(&used);
    }
    for (row, before) in standing.rows.iter_mut().zip(&before) {
        if row.status.is_end() && !before.status.is_end() {
            row.finished_at = Some(now);
        }
    }
    let changed: Vec<&GoalStepRow> =
        standing.rows.iter().zip(&before).filter(|(row, before)| row != before).map(|(row, _)| row).collect();
    tx.goals().put_steps(id, &changed).await?;
    let mut stop = Vec::new();
    let was_running =
        |row: &GoalStepRow| before.iter().any(|old| old.name == row.name && old.status == Status::Running);
    for row in changed.iter().filter(|row| row.status == Status::Stopped && was_running(row)) {
        if let Some(run) = row.run_id.map(RunId::from) {
            tx.runs().request_cancel(run, now).await?;
            stop.push(run);
        }
    }
    let end = standing.end(limit);
    if let Some((status, error)) = end {
        stop.extend(goals.stop_steps(&mut tx, &standing.goal).await?);
        let told = error.as_ref().map(|(code, detail)| (code.as_str(), detail.as_str()));
        tx.goals().set_status(id, status, told, now).await?;
        let proof = standing.proof(inner, &scope, status, told);
        let record = inner.audit_key.authenticate(&proof)?;
        tx.commit(Proof::Entry(&record)).await?;
        return Ok(Some(Next { goal: standing.goal, input: standing.input, begin: Vec::new(), stop }));
    }
    tx.goals().look(id, (!changed.is_empty(), standing.is_idle()), now).await?;
    tx.commit(Proof::Bookkeeping(Bookkeeping::GoalProgress)).await?;
    let begin = standing.to_begin(&used);
    Ok(Some(Next { goal: standing.goal, input: standing.input, begin, stop }))
}

async fn read(inner: &Inner, tx: &mut TenantTx, goal: GoalRow) -> Result<Standing, AgentError> {
    let (row, plan) = plan(tx, &goal).await?;
    let sealed = tx.vaults().get(goal.conversation_id).await?;
    let vault = inner.governance.open(goal.conversation_id, sealed.as_deref())?;
    let stored = plan.clone();
    let plan = plan.with_texts(|text| vault.restore(text));
    let mut known: BTreeMap<String, GoalStepRow> =
        tx.goals().steps(goal.id).await?.into_iter().map(|row| (row.name.clone(), row)).collect();
    let rows = plan.steps().iter().filter_map(|step| known.remove(&step.name)).collect::<Vec<_>>();
    if rows.len() != plan.steps().len() {
        return Err(StoreError::InvalidState("the goal's steps are not those of its plan").into());
    }
    let mut answers = BTreeMap::new();
    // A gate in code looks at the answers of steps that have come about, and a further try at the answer before it.
    let is_check = |(step, row): (&Step, &GoalStepRow)| step.does == Does::Check && row.status == Status::Pending;
    let are_checked = plan.steps().iter().zip(&rows).any(is_check);
    let is_needed =
        |row: &&GoalStepRow| are_checked && row.status == Status::Done || row.status == Status::Ready && row.round > 1;
    for row in rows.iter().filter(is_needed) {
        if let Some(answer) = answer(inner, tx, row).await? {
            answers.insert(row.name.clone(), answer);
        }
    }
    Ok(Standing { input: Input::of(&goal)?, goal, plan, stored, sha256: row.sha256, rows, answers })
}

/// The answer of a step, with its personal data.
async fn answer(inner: &Inner, tx: &mut TenantTx, row: &GoalStepRow) -> Result<Option<MessageRow>, AgentError> {
    let (Some(message), Some(conversation)) = (row.message_id, row.conversation_id) else { return Ok(None) };
    let conversation = ConversationId::from(conversation);
    let Some(message) = tx.messages().get(conversation, message.into()).await? else { return Ok(None) };
    let sealed = tx.vaults().get(conversation).await?;
    let vault = inner.governance.open(conversation, sealed.as_deref())?;
    Ok(Some(MessageRow { content: vault.restore(&message.content), ..message }))
}

/// What has become of a step's run, where it has ended.
async fn take_in(inner: &Inner, tx: &mut TenantTx, standing: &mut Standing, at: usize) -> Result<(), AgentError> {
    let row = &standing.rows[at];
    let Some(run) = row.run_id.filter(|_| row.status == Status::Running) else { return Ok(()) };
    let run = tx.runs().get(run.into()).await?;
    if run.as_ref().is_some_and(|run| run.status == RunStatus::Running) {
        return Ok(());
    }
    let answer = answer(inner, tx, row).await?;
    let (step, stored) = (&standing.plan.steps()[at], &standing.stored.steps()[at]);
    let row = &mut standing.rows[at];
    match ended((step, stored), run.as_ref(), answer.as_ref()) {
        Ended::Done => row.status = Status::Done,
        // A quote comes out the same each time: only a language model may do better.
        Ended::Unmet(_) if row.round < i32::from(step.rounds) && inner.gateway.catalog().has_chat() => {
            (row.status, row.round) = (Status::Ready, row.round + 1);
        }
        Ended::Unmet(what) => row.fail(ErrorCode::CheckFailed, &what),
        Ended::Failed(code, detail) => {
            (row.status, row.error_code, row.error_detail) = (Status::Failed, Some(code), Some(detail));
        }
    }
    if let Some(answer) = answer {
        standing.answers.insert(standing.rows[at].name.clone(), answer);
    }
    Ok(())
}

enum Ended {
    Done,
    /// Not as it was demanded.
    Unmet(String),
    Failed(String, String),
}

fn ended((step, stored): (&Step, &Step), run: Option<&RunRow>, answer: Option<&MessageRow>) -> Ended {
    let (Some(run), Some(answer)) = (run, answer) else {
        return Ended::Failed(ErrorCode::NotFound.as_str().to_owned(), "its run is gone".to_owned());
    };
    if run.status != RunStatus::Finished {
        let code = run.error_code.clone().unwrap_or_else(|| ErrorCode::Cancelled.as_str().to_owned());
        let detail = run.error_detail.clone().unwrap_or_else(|| "its run was stopped".to_owned());
        return Ended::Failed(code, detail);
    }
    match unmet((&step.expects, &stored.expects), &checked(answer)) {
        unmet if unmet.is_empty() => Ended::Done,
        unmet => Ended::Unmet(unmet.join("; ")),
    }
}

fn checked(answer: &MessageRow) -> Answer<'_> {
    Answer { text: &answer.content, citations: &answer.citations, answered: answer.answered == Some(true) }
}

impl Standing {
    /// The limit of time, tokens or money that is used up, in words.
    fn reached(&self, used: &GoalUsage, now: DateTime<Utc>) -> Option<String> {
        let limits = self.input.limits;
        if self.under_way(now).num_seconds() > i64::from(limits.seconds) {
            return Some(format!("its steps may be under way for {} seconds", limits.seconds));
        }
        let over = |used: i64, most: u64| u64::try_from(used).unwrap_or(0) >= most;
        if over(used.tokens, limits.tokens) {
            return Some(format!("its model calls may take {} tokens, and took {}", limits.tokens, used.tokens));
        }
        let most = limits.cost_micros.filter(|most| over(used.cost_micros, *most))?;
        Some(format!("its model calls may cost {most} millionths, and cost {}", used.cost_micros))
    }

    /// How long anything was under way for it: what waits for people, or is paused, takes no time.
    fn under_way(&self, now: DateTime<Utc>) -> TimeDelta {
        let span = |row: &GoalStepRow| row.started_at.map(|start| (start, row.finished_at.unwrap_or(now)));
        let mut spans: Vec<_> = self.rows.iter().filter_map(span).collect();
        spans.sort_unstable();
        let (mut whole, mut until) = (TimeDelta::zero(), DateTime::UNIX_EPOCH);
        for (start, end) in spans {
            whole += (end - start.max(until)).max(TimeDelta::zero());
            until = until.max(end);
        }
        whole
    }

    /// A step may begin, and no more runs may.
    fn runs_used_up(&self, used: &GoalUsage) -> Option<String> {
        let is_ready = self.rows.iter().any(|row| row.status == Status::Ready);
        (is_ready && self.runs_left(used) == 0).then(|| format!("its steps may take {} runs", self.input.limits.runs))
    }

    fn runs_left(&self, used: &GoalUsage) -> usize {
        usize::try_from(i64::from(self.input.limits.runs) - used.runs).unwrap_or(0)
    }

    /// Nothing is under way or may begin: only a person moves it on.
    fn is_idle(&self) -> bool {
        !self.rows.iter().any(|row| matches!(row.status, Status::Running | Status::Ready))
    }

    /// Lets the plan say what comes next.
    fn settle(&mut self) {
        let mut states: Vec<State> = self.rows.iter().map(|row| State::of(row.status)).collect();
        let held = |step: &Step| {
            let answers: Vec<&MessageRow> =
                self.built_on(step).into_iter().filter_map(|row| self.answers.get(&row.name)).collect();
            if answers.is_empty() {
                return vec!["there is no answer to be checked".to_owned()];
            }
            let mut unmet: Vec<String> = answers.into_iter().flat_map(|answer| self.unmet(step, answer)).collect();
            unmet.sort();
            unmet.dedup();
            unmet
        };
        settle(&self.plan, &mut states, &held);
        for (row, state) in self.rows.iter_mut().zip(states) {
            if row.status != state.status {
                row.status = state.status;
                if let Some(reason) = state.reason {
                    row.error_detail = Some(reason);
                    row.error_code =
                        (state.status == Status::Failed).then(|| ErrorCode::CheckFailed.as_str().to_owned());
                }
            }
        }
    }

    /// How the goal ends now, if it does.
    fn end(&self, limit: Option<String>) -> Option<(GoalStatus, Option<(String, String)>)> {
        let failed = |code: ErrorCode, detail: String| (GoalStatus::Failed, Some((code.as_str().to_owned(), detail)));
        let states: Vec<State> = self.rows.iter().map(|row| State::of(row.status)).collect();
        let report = self.rows.last().map(|row| row.status);
        if is_over(&states) && report == Some(Status::Done) {
            return Some((GoalStatus::Finished, None));
        }
        if let Some(limit) = limit {
            return Some(failed(ErrorCode::LimitReached, limit));
        }
        if !is_over(&states) {
            return None;
        }
        let first = self.rows.iter().find(|row| row.status == Status::Failed);
        let (code, detail) = match first {
            Some(row) => {
                let detail = row.error_detail.clone().unwrap_or_default();
                let code = row.error_code.clone().unwrap_or_else(|| ErrorCode::CheckFailed.as_str().to_owned());
                (code, format!("step `{}`: {detail}", row.name))
            }
            None => (ErrorCode::Cancelled.as_str().to_owned(), "its steps were stopped".to_owned()),
        };
        Some((GoalStatus::Failed, Some((code, detail))))
    }

    fn proof(&self, inner: &Inner, scope: &TenantScope, status: GoalStatus, error: Option<(&str, &str)>) -> AuditEvent {
        let action = if status == GoalStatus::Finished { AuditAction::GoalFinished } else { AuditAction::GoalFailed };
        let actor = Actor::System("runtime");
        let steps = |status: Status| self.rows.iter().filter(|row| row.status == status).count();
        let proof = AuditEvent::new(&inner.sources, scope.tenant_id(), actor, action, self.goal.id)
            .detail("version", self.goal.plan_version)
            .detail("sha256", self.sha256.clone())
            .detail("done", steps(Status::Done))
            .detail("failed", steps(Status::Failed))
            .trace(&self.input.trace_id);
        match error {
            Some((code, _)) => proof.detail("code", code),
            None => proof,
        }
    }

    /// The steps that may begin now, with what they begin with.
    fn to_begin(&self, used: &GoalUsage) -> Vec<(Step, Begun)> {
        let under_way = self.rows.iter().filter(|row| row.status == Status::Running).count();
        let ready = self.plan.steps().iter().zip(&self.rows).filter(|(_, row)| row.status == Status::Ready);
        if self.goal.status != GoalStatus::Running {
            return Vec::new();
        }
        let most = AT_ONCE.saturating_sub(under_way).min(self.runs_left(used));
        ready.take(most).map(|(step, row)| (step.clone(), self.begun(step, row))).collect()
    }

    fn begun(&self, step: &Step, row: &GoalStepRow) -> Begun {
        let is_report = step.does == Does::Report;
        let from = self
            .built_on(step)
            .into_iter()
            .filter_map(|row| Some((ConversationId::from(row.conversation_id?), MessageId::from(row.message_id?))));
        let answer = self.answers.get(&row.name).filter(|_| row.round > 1);
        let finding = answer.map(|answer| self.unmet(step, answer).join("; "));
        let again = answer.and_then(|answer| Some((answer.conversation_id, MessageId::from(answer.parent_id?))));
        let own = is_report.then_some((self.goal.conversation_id, self.goal.question_id));
        Begun {
            round: row.round,
            part: Part {
                goal: self.goal.id,
                home: self.goal.conversation_id,
                step: step.name.clone(),
                from: from.collect(),
                is_report,
                finding,
            },
            place: own.or(again),
        }
    }

    /// What the answer lacks of the step's demands.
    fn unmet(&self, step: &Step, answer: &MessageRow) -> Vec<String> {
        let stored = self.stored.steps().iter().find(|stored| stored.name == step.name);
        stored.map_or_else(Vec::new, |stored| unmet((&step.expects, &stored.expects), &checked(answer)))
    }

    /// The steps whose answers a step builds on: those that it needs, through gates; all of them for the report.
    fn built_on(&self, step: &Step) -> Vec<&GoalStepRow> {
        let steps = self.plan.steps();
        let mut reached: Vec<&str> = step.after.iter().map(String::as_str).collect();
        let mut at = 0;
        while let Some(name) = reached.get(at).copied() {
            at += 1;
            let Some(found) = steps.iter().find(|step| step.name == name) else { continue };
            if !found.has_run() || step.does == Does::Report {
                let further = found.after.iter().map(String::as_str).filter(|name| !reached.contains(name));
                let further: Vec<&str> = further.collect();
                reached.extend(further);
            }
        }
        let is_built_on = |(own, row): &(&Step, &GoalStepRow)| {
            own.has_run() && row.status == Status::Done && reached.contains(&own.name.as_str())
        };
        steps.iter().zip(&self.rows).filter(is_built_on).map(|(_, row)| row).collect()
    }
}

/// Begins a step. True when the goal is to be looked at again: the step could not begin, and has failed.
async fn begin(
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

trait Fail {
    fn fail(&mut self, code: ErrorCode, detail: &str);
}

impl Fail for GoalStepRow {
    fn fail(&mut self, code: ErrorCode, detail: &str) {
        self.status = Status::Failed;
        (self.error_code, self.error_detail) = (Some(code.as_str().to_owned()), Some(detail.to_owned()));
    }
}
