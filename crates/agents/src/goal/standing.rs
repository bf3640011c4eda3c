//! A goal as it stands, and what that comes to: what it has used up, which steps may begin, and how it ends.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    ErrorCode, TenantScope,
    id::{ConversationId, MessageId},
};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{GoalPlanRow, GoalRow, GoalStatus, GoalStepRow, GoalStepStatus as Status, GoalUsage, MessageRow},
};

use super::{
    begin::Begun,
    check::{Answer, unmet},
    part::Part,
    plan::{Does, Plan, Step},
    service::Input,
    settle::{State, is_over, settle},
};
use crate::{AgentError, runner::Inner};

/// So many runs of a goal are under way at once.
const AT_ONCE: usize = 4;

/// A goal as it stands, under its lock.
pub(super) struct Standing {
    pub(super) goal: GoalRow,
    pub(super) input: Input,
    pub(super) plan: Plan,
    /// The same as it is stored, with placeholders: whatever is written of it is said in its words.
    pub(super) stored: Plan,
    pub(super) sha256: String,
    /// Beside the steps of the plan.
    pub(super) rows: Vec<GoalStepRow>,
    /// Of the steps that have one, as they were written and with their personal data.
    pub(super) answers: BTreeMap<String, MessageRow>,
}

/// The plan of a goal that counts, as it is stored.
pub(super) async fn plan(tx: &mut TenantTx, goal: &GoalRow) -> Result<(GoalPlanRow, Plan), AgentError> {
    let row = tx.goals().plan(goal).await?;
    let row = row.ok_or(StoreError::InvalidState("the goal has no plan yet"))?;
    let plan = serde_json::from_value(row.steps.clone()).map_err(|_| StoreError::UnknownValue("goal_plans.steps"))?;
    Ok((row, plan))
}

/// Reads a goal that is locked.
pub(super) async fn read(inner: &Inner, tx: &mut TenantTx, goal: GoalRow) -> Result<Standing, AgentError> {
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
pub(super) async fn answer(
    inner: &Inner,
    tx: &mut TenantTx,
    row: &GoalStepRow,
) -> Result<Option<MessageRow>, AgentError> {
    let (Some(message), Some(conversation)) = (row.message_id, row.conversation_id) else { return Ok(None) };
    let conversation = ConversationId::from(conversation);
    let Some(message) = tx.messages().get(conversation, message.into()).await? else { return Ok(None) };
    let sealed = tx.vaults().get(conversation).await?;
    let vault = inner.governance.open(conversation, sealed.as_deref())?;
    Ok(Some(MessageRow { content: vault.restore(&message.content), ..message }))
}

/// What checks look at of an answer.
pub(super) fn checked(answer: &MessageRow) -> Answer<'_> {
    Answer { text: &answer.content, citations: &answer.citations, answered: answer.answered == Some(true) }
}

impl Standing {
    /// The limit of time, tokens or money that is used up, in words.
    pub(super) fn reached(&self, used: &GoalUsage, under_way: TimeDelta) -> Option<String> {
        let limits = self.input.limits;
        if under_way.num_seconds() > i64::from(limits.seconds) {
            return Some(format!("its steps may be under way for {} seconds", limits.seconds));
        }
        let over = |used: i64, most: u64| u64::try_from(used).unwrap_or(0) >= most;
        if over(used.tokens, limits.tokens) {
            return Some(format!("its model calls may take {} tokens, and took {}", limits.tokens, used.tokens));
        }
        let most = limits.cost_micros.filter(|most| over(used.cost_micros, *most))?;
        Some(format!("its model calls may cost {most} millionths, and cost {}", used.cost_micros))
    }

    /// A step may begin, and no more runs may.
    pub(super) fn runs_used_up(&self, used: &GoalUsage) -> Option<String> {
        let is_ready = self.rows.iter().any(|row| row.status == Status::Ready);
        (is_ready && self.runs_left(used) == 0).then(|| format!("its steps may take {} runs", self.input.limits.runs))
    }

    fn runs_left(&self, used: &GoalUsage) -> usize {
        usize::try_from(i64::from(self.input.limits.runs) - used.runs).unwrap_or(0)
    }

    /// Nothing is under way or may begin: only a person moves it on.
    pub(super) fn is_idle(&self) -> bool {
        !self.rows.iter().any(|row| matches!(row.status, Status::Running | Status::Ready))
    }

    /// Lets the plan say what comes next.
    pub(super) fn settle(&mut self) {
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
    pub(super) fn end(&self, limit: Option<String>) -> Option<(GoalStatus, Option<(String, String)>)> {
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

    pub(super) fn proof(
        &self,
        inner: &Inner,
        scope: &TenantScope,
        status: GoalStatus,
        error: Option<(&str, &str)>,
    ) -> AuditEvent {
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
    pub(super) fn to_begin(&self, used: &GoalUsage) -> Vec<(Step, Begun)> {
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

/// What did not come about.
pub(super) trait Fail {
    /// With a code, and in words.
    fn fail(&mut self, code: ErrorCode, detail: &str);
}

impl Fail for GoalStepRow {
    fn fail(&mut self, code: ErrorCode, detail: &str) {
        self.status = Status::Failed;
        (self.error_code, self.error_detail) = (Some(code.as_str().to_owned()), Some(detail.to_owned()));
    }
}
