//! What a person does to a goal of theirs: changes and approves its plan, decides its gates, pauses, resumes, stops and deletes it.

use std::collections::BTreeSet;

use millwright_audit::AuditAction;
use millwright_core::{
    ErrorCode, Principal,
    id::{GoalId, RunId},
};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{GoalRow, GoalStatus, GoalStepRow, GoalStepStatus, RunStatus},
};

use super::{
    plan::Does,
    service::{Author, Goals, pending},
    standing, written,
};
use crate::{AgentError, chat, guard::Placeholders};

const MAX_NOTE_CHARS: usize = 1_000;
/// So many versions a plan may have.
const MOST_VERSIONS: i32 = 50;

impl Goals {
    /// Another plan for a goal that waits for its approval or is paused. Steps that have begun have to stay as they are.
    /// `replaces` is the digest of the plan that was read.
    ///
    /// # Errors
    /// When the plan is none, the one that counts is another by now, or a step that has begun is not the same in it.
    pub async fn change_plan(
        &self,
        principal: &Principal,
        id: GoalId,
        (text, replaces): (String, &str),
        trace_id: &str,
    ) -> Result<(), AgentError> {
        let plan = written::read(&text)?;
        self.inspect(principal, &plan, trace_id).await?;
        let (mut tx, goal) = self.own(principal, id).await?;
        if goal.plan_version >= MOST_VERSIONS {
            return Err(StoreError::InvalidState("the plan was changed too often: begin a goal of its own").into());
        }
        if !matches!(goal.status, GoalStatus::Proposed | GoalStatus::Paused) {
            return Err(
                StoreError::InvalidState("a plan is changed while it waits for its approval or is paused").into()
            );
        }
        let (row, before) = standing::plan(&mut tx, &goal).await?;
        if row.sha256 != replaces {
            return Err(AgentError::StalePlan);
        }
        let steps = tx.goals().steps(id).await?;
        // One that is to be tried again has begun too.
        let has_begun = |row: &&GoalStepRow| {
            row.run_id.is_some() || !matches!(row.status, GoalStepStatus::Pending | GoalStepStatus::Ready)
        };
        let begun: BTreeSet<&str> = steps.iter().filter(has_begun).map(|row| row.name.as_str()).collect();
        let sealed = tx.vaults().get(goal.conversation_id).await?;
        let vault = self.inner().governance.open(goal.conversation_id, sealed.as_deref())?;
        // Whoever sees placeholders has written them.
        let (text, plan) = (vault.restore(&text), plan.with_texts(|text| vault.restore(text)));
        if !plan.keeps(&before.with_texts(|text| vault.restore(text)), &begun) {
            return Err(AgentError::BegunStepChanged(begun.into_iter().collect::<Vec<_>>().join(", ")));
        }
        // What could have begun waits for its needs in the new plan.
        let ready: Vec<GoalStepRow> = steps
            .iter()
            .filter(|row| row.status == GoalStepStatus::Ready && row.run_id.is_none())
            .map(|row| pending(&row.name))
            .collect();
        tx.goals().put_steps(id, &ready.iter().collect::<Vec<_>>()).await?;
        let of = (id, goal.conversation_id, goal.plan_version + 1);
        let proof = self.put_plan(&mut tx, of, (text, plan), Author::Person(*principal)).await?;
        chat::commit(self.inner(), tx, &[proof], trace_id).await
    }

    /// Approves the plan as a whole, and has it carried out.
    ///
    /// # Errors
    /// When none waits for that, or the digest is not that of the plan that does.
    pub async fn approve(
        &self,
        principal: &Principal,
        id: GoalId,
        sha256: &str,
        trace_id: &str,
    ) -> Result<(), AgentError> {
        let (mut tx, goal) = self.own(principal, id).await?;
        if goal.status != GoalStatus::Proposed {
            return Err(StoreError::InvalidState("no plan waits for its approval").into());
        }
        let (row, _) = standing::plan(&mut tx, &goal).await?;
        if row.sha256 != sha256 {
            return Err(AgentError::StalePlan);
        }
        let now = self.inner().sources.now();
        tx.goals().approve_plan(&goal, principal.user_id, now).await?;
        tx.goals().set_status(id, GoalStatus::Running, None, now).await?;
        let details = [("version", row.version.to_string()), ("sha256", row.sha256)];
        let proof = self.proof(principal, AuditAction::GoalApproved, id, &details);
        chat::commit(self.inner(), tx, &[proof], trace_id).await?;
        self.look_at(principal.scope, id);
        Ok(())
    }

    /// Decides a gate that waits for a person.
    ///
    /// # Errors
    /// When there is no such step, or it does not wait.
    pub async fn decide(
        &self,
        principal: &Principal,
        id: GoalId,
        (step, approve, note): (&str, bool, Option<String>),
        trace_id: &str,
    ) -> Result<(), AgentError> {
        let (mut tx, goal) = self.own(principal, id).await?;
        let (_, plan) = standing::plan(&mut tx, &goal).await?;
        if !plan.steps().iter().any(|known| known.name == step && matches!(known.does, Does::Person(_))) {
            return Err(StoreError::NotFound("gate for a person in this plan").into());
        }
        let mut rows = tx.goals().steps(id).await?;
        let row = rows.iter_mut().find(|row| row.name == step && row.status == GoalStepStatus::Waiting);
        let Some(row) = row.filter(|_| !goal.status.is_end()) else {
            return Err(StoreError::InvalidState("the gate does not wait for anybody").into());
        };
        let note = note.map(|note| note.trim().chars().filter(|c| *c != '\0').take(MAX_NOTE_CHARS).collect::<String>());
        row.status = if approve { GoalStepStatus::Done } else { GoalStepStatus::Failed };
        if !approve {
            row.error_code = Some(ErrorCode::CheckFailed.as_str().to_owned());
            row.error_detail = Some("the person said no".to_owned());
        }
        row.decided_by = Some(principal.user_id.uuid());
        row.note = self.masked(&mut tx, &goal, note.filter(|note| !note.is_empty())).await?;
        let now = self.inner().sources.now();
        row.finished_at = Some(now);
        let row = row.clone();
        tx.goals().put_steps(id, &[&row]).await?;
        tx.goals().look(id, (true, false), now).await?;
        let details = [("step", step.to_owned()), ("approved", approve.to_string())];
        let proof = self.proof(principal, AuditAction::GoalGateDecided, id, &details);
        chat::commit(self.inner(), tx, &[proof], trace_id).await?;
        self.look_at(principal.scope, id);
        Ok(())
    }

    /// What a person wrote about a goal, with placeholders.
    pub(super) async fn masked(
        &self,
        tx: &mut TenantTx,
        goal: &GoalRow,
        text: Option<String>,
    ) -> Result<Option<String>, AgentError> {
        let Some(text) = text else { return Ok(None) };
        let (inner, conversation) = (self.inner(), goal.conversation_id);
        let policy = inner.governance.of(tx.scope()).await?;
        let sealed = tx.vaults().get(conversation).await?;
        let mut placeholders = Placeholders::open(inner.governance.clone(), policy, conversation, sealed)?;
        let text = placeholders.mask(&text);
        if let Some(grown) = placeholders.take_grown()?
            && !tx.vaults().put(conversation, &grown.sealed, grown.replaces.as_deref()).await?
        {
            return Err(AgentError::ChangedMeanwhile);
        }
        Ok(Some(text))
    }

    /// Has no further step begin; those under way come to their end.
    ///
    /// # Errors
    /// When the goal is not being carried out.
    pub async fn pause(&self, principal: &Principal, id: GoalId, trace_id: &str) -> Result<(), AgentError> {
        let (mut tx, goal) = self.own(principal, id).await?;
        if goal.status != GoalStatus::Running {
            return Err(StoreError::InvalidState("only a goal that is being carried out can be paused").into());
        }
        tx.goals().set_status(id, GoalStatus::Paused, None, self.inner().sources.now()).await?;
        let proof = self.proof(principal, AuditAction::GoalPaused, id, &[]);
        chat::commit(self.inner(), tx, &[proof], trace_id).await
    }

    /// Lets a paused goal go on.
    ///
    /// # Errors
    /// When it is not paused.
    pub async fn resume(&self, principal: &Principal, id: GoalId, trace_id: &str) -> Result<(), AgentError> {
        let (mut tx, goal) = self.own(principal, id).await?;
        if goal.status != GoalStatus::Paused {
            return Err(StoreError::InvalidState("the goal is not paused").into());
        }
        tx.goals().set_status(id, GoalStatus::Running, None, self.inner().sources.now()).await?;
        let proof = self.proof(principal, AuditAction::GoalResumed, id, &[]);
        chat::commit(self.inner(), tx, &[proof], trace_id).await?;
        self.look_at(principal.scope, id);
        Ok(())
    }

    /// Stops a goal with all that is under way for it, within a second. What was found stays.
    ///
    /// # Errors
    /// When it has ended already.
    pub async fn cancel(&self, principal: &Principal, id: GoalId, trace_id: &str) -> Result<(), AgentError> {
        let (mut tx, goal) = self.own(principal, id).await?;
        if goal.status.is_end() {
            return Err(StoreError::InvalidState("the goal has ended already").into());
        }
        let runs = self.stop_steps(&mut tx, &goal).await?;
        let now = self.inner().sources.now();
        tx.goals().set_status(id, GoalStatus::Cancelled, None, now).await?;
        let proof = self.proof(principal, AuditAction::GoalCancelled, id, &[]);
        chat::commit(self.inner(), tx, &[proof], trace_id).await?;
        for run in runs {
            self.runner.cancel_now(run);
        }
        Ok(())
    }

    /// Deletes a goal that has ended, with its conversations.
    ///
    /// # Errors
    /// When it has not ended.
    pub async fn delete(&self, principal: &Principal, id: GoalId, trace_id: &str) -> Result<(), AgentError> {
        let (mut tx, goal) = self.own(principal, id).await?;
        if !goal.status.is_end() {
            return Err(StoreError::InvalidState("only a goal that has ended can be deleted: stop it first").into());
        }
        tx.goals().delete(id, self.inner().sources.now()).await?;
        let proof = self.proof(principal, AuditAction::GoalDeleted, id, &[]);
        chat::commit(self.inner(), tx, &[proof], trace_id).await
    }

    /// A transaction that holds the person's goal.
    async fn own(&self, principal: &Principal, id: GoalId) -> Result<(TenantTx, GoalRow), AgentError> {
        let mut tx = self.inner().store.tenant(&principal.scope).begin().await?;
        let goal = tx.goals().lock(id).await?.filter(|goal| goal.user_id == principal.user_id);
        Ok((tx, goal.ok_or(StoreError::NotFound("goal"))?))
    }

    /// Says of all steps that have not ended that they are stopped, and asks their runs to. They stop at once where they are in
    /// this process and the caller says so after its commit.
    pub(super) async fn stop_steps(&self, tx: &mut TenantTx, goal: &GoalRow) -> Result<Vec<RunId>, AgentError> {
        let now = self.inner().sources.now();
        let mut runs = Vec::new();
        let mut stopped = tx.goals().steps(goal.id).await?;
        stopped.retain(|row| !row.status.is_end());
        for row in &mut stopped {
            if let Some(run) = row.run_id.filter(|_| row.status == GoalStepStatus::Running) {
                let run = RunId::from(run);
                if tx.runs().get(run).await?.is_some_and(|run| run.status == RunStatus::Running) {
                    tx.runs().request_cancel(run, now).await?;
                    runs.push(run);
                }
            }
            (row.status, row.finished_at) = (GoalStepStatus::Stopped, Some(now));
        }
        tx.goals().put_steps(goal.id, &stopped.iter().collect::<Vec<_>>()).await?;
        Ok(runs)
    }
}
