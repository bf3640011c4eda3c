use std::{collections::BTreeSet, sync::Arc};

use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    Classification, Credential, Principal, TenantScope,
    id::{ApiKeyId, ConversationId, GoalId},
};
use millwright_llm::Tier;
use millwright_store::{
    Proof, StoreError, TenantTx,
    tenant::{GoalPlanRow, GoalRow, GoalStatus, GoalStepRow, GoalStepStatus, NewGoal, SearchFilter},
};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{
    advance,
    plan::{Plan, PlanError},
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

/// What a goal may take at most. Whatever is used up first ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// In which any of its steps is under way: what waits for people, or is paused, takes no time.
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
    pub(super) fn look_at(&self, scope: TenantScope, goal: GoalId) {
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
        let due = tx.goals().claim(ROUND).await?;
        tx.commit().await?;
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
        if let Some(plan) = &plan {
            self.inspect(principal, plan, &request.trace_id).await?;
        }
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
            thinking: None,
            may_ask: false,
            limits: crate::RunLimits::default(),
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

    pub(super) fn proof(
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

    /// Looks at what a plan demands of answers as at any text of a person: a model may be told it. Questions are looked at when they
    /// are asked. Also whether its steps may be thought through.
    pub(super) async fn inspect(&self, principal: &Principal, plan: &Plan, trace_id: &str) -> Result<(), AgentError> {
        let (inner, demands) = (self.inner(), plan.demands());
        let policy = inner.governance.of(&principal.scope).await?;
        if plan.thinks() {
            chat::may_think(inner, &policy)?;
        }
        if !demands.is_empty() {
            guard::inspect_message(inner, principal, &policy, &demands, trace_id).await?;
        }
        Ok(())
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
        for text in plan.texts() {
            let masked = placeholders.mask(&text);
            if placeholders.restore(&masked) != text {
                return Err(PlanError::new("it holds personal data of a kind that may not be kept").into());
            }
        }
        let named = plan.steps().iter().find(|step| {
            let name = step.name.replace(['-', '_'], " ");
            placeholders.mask(&name) != name
        });
        if named.is_some() {
            return Err(PlanError::new("the name of a step holds personal data; name it after what it asks").into());
        }
        let (text, plan) = (placeholders.mask(&text), plan.with_texts(|text| placeholders.mask(text)));
        if let Some(grown) = placeholders.take_grown()?
            && !tx.vaults().put(conversation, &grown.sealed, grown.replaces.as_deref()).await?
        {
            return Err(AgentError::ChangedMeanwhile);
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
}

pub(super) fn pending(name: &str) -> GoalStepRow {
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
