//! Looks at a goal: takes in what has become of its runs, lets its plan say what comes next, and begins that.

use millwright_core::{
    ErrorCode, TenantScope,
    id::{GoalId, RunId},
};
use millwright_store::{
    Bookkeeping, Proof, TenantTx,
    tenant::{GoalRow, GoalStatus, GoalStepRow, GoalStepStatus as Status, MessageRow, RunRow, RunStatus},
};

use super::{
    begin::{Begun, begin},
    check::unmet,
    plan::Step,
    service::{Goals, Input},
    standing::{self, Fail, Standing, answer, checked},
};
use crate::{AgentError, runner::Inner};

/// What is to be done after the look.
struct Next {
    goal: GoalRow,
    input: Input,
    begin: Vec<(Step, Begun)>,
    stop: Vec<RunId>,
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
    let mut standing = standing::read(inner, &mut tx, goal).await?;
    let before = standing.rows.clone();
    for at in 0..standing.rows.len() {
        take_in(inner, &mut tx, &mut standing, at).await?;
    }
    let used = tx.goals().usage(&standing.goal).await?;
    let under_way = tx.goals().under_way(id, now).await?;
    let mut limit = standing.reached(&used, under_way);
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
