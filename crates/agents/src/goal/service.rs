use std::{collections::BTreeSet, sync::Arc};

use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    Classification, Credential, Principal, TenantScope,
    id::{ApiKeyId, ConversationId, GoalId},
};
use millwright_llm::Tier;
use millwright_store::{
    Proof, StoreError, TenantTx,
    tenant::{GoalPlanRow, GoalRow, GoalStatus, GoalStepRow, GoalStepStatus, NewGoal, RunStatus, SearchFilter},
};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{
    advance,
    plan::{Does, Plan, PlanError},
    planner, written,
};
use crate::{
    AgentError, Completions, Runner,
    chat::{self, Parent, Said, StartRun},
    guard::{self, Placeholders},
    record::kept,
    runner::Inner,
    specialist::AgentWish,
};

/// So many goals are looked at in a round.
const ROUND: i64 = 50;
/// How often a process looks for goals that nobody has looked at.
const EVERY: std::time::Duration = std::time::Duration::from_secs(2);
const MAX_NOTE_CHARS: usize = 1_000;

/// What a goal may take at most. Whatever is used up first ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From its start, without the time in which it waits for nobody but people.
    pub seconds: u32,
    /// Runs of its steps, further tries included.
    pub runs: u32,
    /// Tokens of all its model calls, in and out.
    pub tokens: u64,
    /// What they cost, millionths of the currency.
    pub cost_micros: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { seconds: 3_600, runs: 60, tokens: 2_000_000, cost_micros: None }
    }
}

/// What somebody wants to have done.
#[derive(Debug, Clone)]
pub struct NewGoalRequest {
    /// In words, 1 to 16,000 characters.
    pub goal: String,
    /// Its plan as YAML; a model writes one where it is absent.
    pub plan: Option<String>,
    /// Whether the plan waits for a person before its first step.
    pub review: bool,
    /// How much model its steps are worth, where they do not say; absent: what each question deserves.
    pub tier: Option<Tier>,
    /// How confidential the goal itself is.
    pub classification: Classification,
    /// What all searches are narrowed by.
    pub filter: SearchFilter,
    /// What it may take.
    pub limits: Limits,
    /// The request, for the audit log.
    pub trace_id: String,
}

/// What a goal is pursued with beside its plan, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Input {
    pub(super) review: bool,
    pub(super) tier: Option<Tier>,
    pub(super) classification: Classification,
    pub(super) filter: SearchFilter,
    pub(super) limits: Limits,
    pub(super) api_key: Option<ApiKeyId>,
    pub(super) trace_id: String,
}

impl Input {
    /// Of a stored goal.
    pub(super) fn of(goal: &GoalRow) -> Result<Self, AgentError> {
        serde_json::from_value(goal.input.clone()).map_err(|_| StoreError::UnknownValue("goals.input").into())
    }
}

/// Pursues goals. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Goals {
    pub(super) runner: Runner,
    pub(super) completions: Completions,
}

/// Who wrote a plan.
pub(super) enum Author {
    Person(Principal),
    Model(String),
}

impl Goals {
    /// Goals whose steps this runner works on.
    pub fn new(runner: Runner, completions: Completions) -> Self {
        Self { runner, completions }
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.runner.0
    }

    /// Looks at goals until `stop`: at once when a run of theirs ends here, and after some seconds at what other processes have
    /// left.
    pub async fn run(&self, stop: CancellationToken) {
        let mut ended = self.inner().ended.subscribe();
        let mut round = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                ended = ended.recv() => match ended {
                    Ok((scope, goal)) => self.look_at(scope, goal),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                _ = round.tick() => {
                    if let Err(error) = self.sweep().await {
                        tracing::debug!(error = &error as &dyn std::error::Error, "no goals were looked at");
                    }
                }
            }
        }
    }

    /// In the background: one goal does not wait for another.
    fn look_at(&self, scope: TenantScope, goal: GoalId) {
        let goals = self.clone();
        self.inner().tracker.spawn(async move {
            if let Err(error) = advance::advance(&goals, scope, goal).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, goal.id = %goal, "a goal could not be looked at yet");
            }
        });
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let mut tx = self.inner().store.system().await?;
        let due = tx.goals().list(ROUND).await?;
        drop(tx);
        for goal in due {
            let mut tx = self.inner().store.tenant(&goal.scope).begin().await?;
            if let Some(attempt) = tx.goals().take_planning_over(goal.id).await? {
                tx.commit(Proof::Bookkeeping(millwright_store::Bookkeeping::GoalProgress)).await?;
                planner::spawn(self, goal.scope, goal.id, attempt);
            } else {
                drop(tx);
                self.look_at(goal.scope, goal.id);
            }
        }
        Ok(())
    }

    /// Stores a goal, and begins to plan it or to carry its plan out.
    ///
    /// # Errors
    /// When the goal or its plan is not valid, policy refuses, no model could plan it, or the database fails. Nothing is stored
    /// then.
    pub async fn create(&self, principal: &Principal, request: NewGoalRequest) -> Result<GoalId, AgentError> {
        let inner = self.inner();
        if inner.stop.is_cancelled() {
            return Err(AgentError::ShuttingDown);
        }
        let policy = inner.governance.of(&principal.scope).await?;
        let plan = request.plan.as_deref().map(written::read).transpose()?;
        if plan.is_none() && !inner.gateway.catalog().has_chat() {
            return Err(AgentError::NeedsModel);
        }
        if request.tier.is_some() && !policy.routing.explicit_tier {
            return Err(AgentError::TierNotAllowed);
        }
        let message = chat::checked(&request.goal)?;
        let message = guard::inspect_message(inner, principal, &policy, &message, &request.trace_id).await?;
        let status = match (&plan, request.review) {
            (None, _) => GoalStatus::Planning,
            (Some(_), true) => GoalStatus::Proposed,
            (Some(_), false) => GoalStatus::Running,
        };
        let id = inner.sources.new_id::<GoalId>();
        let input = Input {
            review: request.review,
            tier: request.tier,
            classification: request.classification,
            filter: request.filter.clone(),
            limits: request.limits,
            api_key: match principal.credential {
                Credential::ApiKey(id) => Some(id),
                Credential::Session(_) | Credential::Token => None,
            },
            trace_id: request.trace_id.clone(),
        };
        let question = StartRun {
            message: None,
            conversation_id: None,
            parent: Parent::Root,
            regenerate: None,
            history: Vec::new(),
            tier: None,
            agent: AgentWish::Route,
            classification: request.classification,
            filter: request.filter,
            trace_id: request.trace_id.clone(),
        };
        let mut proofs = Vec::new();
        let mut tx = inner.store.tenant(&principal.scope).begin().await?;
        let placed = (question, Said { message: Some(message), ..Said::default() }, None);
        let prepared = chat::place_question(inner, &mut tx, principal, &policy, placed, &mut proofs).await?;
        tx.messages().insert_all(&prepared.rows).await?;
        let (conversation_id, question_id) = (prepared.ids.conversation_id, prepared.ids.user_message_id);
        let (user_id, created_at) = (principal.user_id, inner.sources.now());
        let goal = NewGoal { id, user_id, conversation_id, question_id, status, input: kept(&input), created_at };
        tx.goals().insert(&goal).await?;
        let details = [("review", request.review.to_string())];
        proofs.push(self.proof(principal, AuditAction::GoalCreated, id, &details));
        if let Some(plan) = plan {
            let written = (request.plan.unwrap_or_default(), plan);
            let of = (id, conversation_id, 1);
            proofs.push(self.put_plan(&mut tx, of, written, Author::Person(*principal)).await?);
        }
        chat::commit(inner, tx, &proofs, &request.trace_id).await?;
        match status {
            GoalStatus::Planning => planner::spawn(self, principal.scope, id, 1),
            GoalStatus::Running => self.look_at(principal.scope, id),
            _ => {}
        }
        Ok(id)
    }

    fn proof(
        &self,
        principal: &Principal,
        action: AuditAction,
        goal: GoalId,
        details: &[(&str, String)],
    ) -> AuditEvent {
        let actor = Actor::User(principal.user_id);
        let proof = AuditEvent::new(&self.inner().sources, principal.tenant_id(), actor, action, goal);
        let proof = details.iter().fold(proof, |proof, (name, value)| proof.detail(name, value.clone()));
        match principal.credential {
            Credential::ApiKey(key) => proof.detail("api_key", key.to_string()),
            Credential::Session(_) | Credential::Token => proof,
        }
    }

    /// Stores a version of the plan with placeholders, and its steps that are not known yet.
    pub(super) async fn put_plan(
        &self,
        tx: &mut TenantTx,
        (id, conversation, version): (GoalId, ConversationId, i32),
        (text, plan): (String, Plan),
        author: Author,
    ) -> Result<AuditEvent, AgentError> {
        let inner = self.inner();
        let scope = *tx.scope();
        let policy = inner.governance.of(&scope).await?;
        if plan.steps().iter().any(|step| step.tier.is_some()) && !policy.routing.explicit_tier {
            return Err(AgentError::TierNotAllowed);
        }
        let roster = inner.specialists.of(&scope).await?;
        let agents = plan.steps().iter().filter_map(|step| step.agent.as_deref());
        if let Some(missing) = agents.into_iter().find(|name| roster.get(name).is_none()) {
            return Err(PlanError::new(format!("there is no agent `{missing}`")).into());
        }
        let sealed = tx.vaults().get(conversation).await?;
        let mut placeholders = Placeholders::open(inner.governance.clone(), policy, conversation, sealed)?;
        let (text, plan) = (placeholders.mask(&text), plan.with_texts(|text| placeholders.mask(text)));
        if let Some(grown) = placeholders.take_grown()?
            && !tx.vaults().put(conversation, &grown.sealed, grown.replaces.as_deref()).await?
        {
            return Err(AgentError::BegunElsewhere);
        }
        let (made_by, model) = match &author {
            Author::Person(principal) => (Some(principal.user_id.uuid()), None),
            Author::Model(model) => (None, Some(model.clone())),
        };
        let row = GoalPlanRow {
            version,
            text,
            steps: kept(&plan),
            sha256: plan.sha256(),
            made_by,
            model,
            approved_by: None,
            approved_at: None,
            created_at: inner.sources.now(),
        };
        tx.goals().put_plan(id, &row).await?;
        let known = tx.goals().steps(id).await?;
        let is_known = |name: &str| known.iter().any(|row| row.name == name);
        let new: Vec<GoalStepRow> =
            plan.steps().iter().filter(|step| !is_known(&step.name)).map(|step| pending(&step.name)).collect();
        tx.goals().put_steps(id, &new.iter().collect::<Vec<_>>()).await?;
        let names: BTreeSet<&str> = plan.steps().iter().map(|step| step.name.as_str()).collect();
        let gone: Vec<&str> = known.iter().map(|row| row.name.as_str()).filter(|name| !names.contains(name)).collect();
        tx.goals().remove_steps(id, &gone).await?;
        let details = [("version", version.to_string()), ("sha256", row.sha256.clone())];
        Ok(match author {
            Author::Person(principal) => self.proof(&principal, AuditAction::GoalPlanned, id, &details),
            Author::Model(model) => {
                let actor = Actor::System("planner");
                let action = AuditAction::GoalPlanned;
                let proof =
                    AuditEvent::new(&inner.sources, scope.tenant_id(), actor, action, id).detail("model", model);
                details.into_iter().fold(proof, |proof, (name, value)| proof.detail(name, value))
            }
        })
    }

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
        let (mut tx, goal) = self.own(principal, id).await?;
        if !matches!(goal.status, GoalStatus::Proposed | GoalStatus::Paused) {
            return Err(
                StoreError::InvalidState("a plan is changed while it waits for its approval or is paused").into()
            );
        }
        let (row, before) = advance::plan(&mut tx, &goal).await?;
        if row.sha256 != replaces {
            return Err(AgentError::StalePlan);
        }
        let steps = tx.goals().steps(id).await?;
        let has_begun = |row: &&GoalStepRow| !matches!(row.status, GoalStepStatus::Pending | GoalStepStatus::Ready);
        let begun: BTreeSet<&str> = steps.iter().filter(has_begun).map(|row| row.name.as_str()).collect();
        let sealed = tx.vaults().get(goal.conversation_id).await?;
        let vault = self.inner().governance.open(goal.conversation_id, sealed.as_deref())?;
        // Whoever sees placeholders has written them.
        let (text, plan) = (vault.restore(&text), plan.with_texts(|text| vault.restore(text)));
        if !plan.keeps(&before.with_texts(|text| vault.restore(text)), &begun) {
            return Err(AgentError::BegunStepChanged(begun.into_iter().collect::<Vec<_>>().join(", ")));
        }
        // What could have begun waits for its needs in the new plan.
        let ready: Vec<GoalStepRow> =
            steps.iter().filter(|row| row.status == GoalStepStatus::Ready).map(|row| pending(&row.name)).collect();
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
        let (row, _) = advance::plan(&mut tx, &goal).await?;
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
        let (_, plan) = advance::plan(&mut tx, &goal).await?;
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
            row.error_code = Some(millwright_core::ErrorCode::CheckFailed.as_str().to_owned());
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
    async fn masked(
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
            return Err(AgentError::BegunElsewhere);
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
    pub(super) async fn stop_steps(
        &self,
        tx: &mut TenantTx,
        goal: &GoalRow,
    ) -> Result<Vec<millwright_core::id::RunId>, AgentError> {
        let now = self.inner().sources.now();
        let mut runs = Vec::new();
        let mut stopped = tx.goals().steps(goal.id).await?;
        stopped.retain(|row| !row.status.is_end());
        for row in &mut stopped {
            if let Some(run) = row.run_id.filter(|_| row.status == GoalStepStatus::Running) {
                let run = millwright_core::id::RunId::from(run);
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

fn pending(name: &str) -> GoalStepRow {
    GoalStepRow {
        name: name.to_owned(),
        status: GoalStepStatus::Pending,
        round: 1,
        run_id: None,
        message_id: None,
        conversation_id: None,
        error_code: None,
        error_detail: None,
        decided_by: None,
        note: None,
        started_at: None,
        finished_at: None,
    }
}
