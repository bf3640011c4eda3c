use std::collections::BTreeMap;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_agents::{
    Thinking,
    goal::{Check, Does, Join, Limits, Plan, Step},
};
use millwright_core::{
    Principal,
    id::{ConversationId, GoalId, MessageId, RunId, UserId},
};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{GoalPlanRow, GoalRow, GoalStepRow, GoalUsage, Reader},
};
use serde::{Deserialize, Serialize};

use super::create::GoalLimits;
use crate::{
    ApiError, AppState,
    dto::{FailureResponse, MessageResponse},
    extract::{ChatUse, PathId},
    reveal::Reveal,
};

/// A demand on an answer, checked in code.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GoalCheckResponse {
    /// `answered`, `says`, `never_says`, `documents` or `figure_in`.
    kind: &'static str,
    /// The text or the unit.
    text: Option<String>,
    /// So many documents.
    count: Option<u8>,
}

impl From<&Check> for GoalCheckResponse {
    fn from(check: &Check) -> Self {
        let (kind, text, count) = match check {
            Check::Answered => ("answered", None, None),
            Check::Says(text) => ("says", Some(text), None),
            Check::NeverSays(text) => ("never_says", Some(text), None),
            Check::Documents(count) => ("documents", None, Some(*count)),
            Check::FigureIn(unit) => ("figure_in", Some(unit), None),
        };
        Self { kind, text: text.cloned(), count }
    }
}

/// A step as a plan has it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PlanStepResponse {
    name: String,
    /// `ask`, `person`, `check` or `report`.
    kind: &'static str,
    /// The question, or what a person decides.
    text: Option<String>,
    /// The steps that it needs.
    after: Vec<String>,
    /// How many of them have to come about: `all`, `any`, `at_least`, or `settled` for whatever becomes of them.
    join: &'static str,
    /// Of `at_least`.
    join_count: Option<u8>,
    /// What is demanded of its answer, or of those before it.
    expects: Vec<GoalCheckResponse>,
    /// How often it is tried until that is met.
    rounds: u8,
    /// `LIGHT`, `STANDARD` or `HEAVY`, where the plan says.
    tier: Option<&'static str>,
    /// The agent that answers, where the plan says.
    agent: Option<String>,
    /// How its question is thought through first, where the plan says: `red_team`, `first_principles` or `council`.
    thinking: Option<&'static str>,
}

impl From<&Step> for PlanStepResponse {
    fn from(step: &Step) -> Self {
        let (kind, text) = match &step.does {
            Does::Ask(text) => ("ask", Some(text.clone())),
            Does::Person(text) => ("person", Some(text.clone())),
            Does::Check => ("check", None),
            Does::Report => ("report", None),
        };
        let (join, join_count) = match step.join {
            Join::All => ("all", None),
            Join::Any => ("any", None),
            Join::AtLeast(count) => ("at_least", Some(count)),
            Join::Settled => ("settled", None),
        };
        Self {
            name: step.name.clone(),
            kind,
            text,
            after: step.after.clone(),
            join,
            join_count,
            expects: step.expects.iter().map(Into::into).collect(),
            rounds: step.rounds,
            tier: step.tier.map(millwright_llm::Tier::as_str),
            agent: step.agent.clone(),
            thinking: step.thinking.map(Thinking::as_str),
        }
    }
}

/// A step of a goal as it stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GoalStepResponse {
    #[serde(flatten)]
    step: PlanStepResponse,
    /// `pending`, `ready`, `running`, `waiting` (for a person), `done`, `failed`, `skipped` or `stopped`.
    status: &'static str,
    /// Which time it is tried, from 1.
    round: i32,
    /// Its latest run.
    run_id: Option<RunId>,
    conversation_id: Option<ConversationId>,
    /// What did not come about.
    error: Option<FailureResponse>,
    /// Why it was skipped, failed or stopped, where that is no error.
    reason: Option<String>,
    /// The person who decided a gate.
    decided_by: Option<UserId>,
    /// What they said.
    note: Option<String>,
    /// What its latest run has answered.
    answer: Option<MessageResponse>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

/// The plan of a goal that counts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GoalPlanResponse {
    /// 1 for the first.
    version: i32,
    /// As it was written, YAML.
    text: String,
    /// Of its canonical form; an approval names it.
    sha256: String,
    /// The person who wrote it; null where a model did.
    made_by: Option<UserId>,
    /// The model that wrote it.
    model: Option<String>,
    approved_by: Option<UserId>,
    approved_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// What a goal has taken so far.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GoalUsageResponse {
    /// Calls of models.
    calls: i64,
    /// In and out.
    tokens: i64,
    /// Millionths of the currency.
    cost_micros: i64,
    /// Of its steps.
    runs: i64,
}

impl From<GoalUsage> for GoalUsageResponse {
    fn from(usage: GoalUsage) -> Self {
        Self { calls: usage.calls, tokens: usage.tokens, cost_micros: usage.cost_micros, runs: usage.runs }
    }
}

/// A goal with its plan and where each step stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GoalResponse {
    id: GoalId,
    /// In words; empty where it is withheld.
    goal: String,
    /// Whether its texts are left out, because its label is above one's clearance by now.
    withheld: bool,
    /// `planning`, `proposed` (its plan waits for approval), `running`, `paused`, `finished`, `failed` or `cancelled`.
    status: &'static str,
    error: Option<FailureResponse>,
    conversation_id: ConversationId,
    limits: GoalLimits,
    usage: GoalUsageResponse,
    /// Null while a model writes it.
    plan: Option<GoalPlanResponse>,
    /// Each after all that it needs; the last writes the report.
    steps: Vec<GoalStepResponse>,
    /// Grows with each change.
    revision: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl GoalResponse {
    pub(super) fn revision(&self) -> i64 {
        self.revision
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status, "finished" | "failed" | "cancelled")
    }
}

/// One of one's own goals.
#[utoipa::path(get, path = "/api/v1/goals/{id}", operation_id = "goals.get", tag = "goals",
               params(("id" = GoalId, Path)), responses((status = 200, body = GoalResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    PathId(id): PathId<GoalId>,
) -> Result<Json<GoalResponse>, ApiError> {
    Ok(Json(show(&state, &principal, id).await?))
}

#[derive(Deserialize)]
struct Input {
    limits: Limits,
}

/// The goal as its owner may see it now.
pub(super) async fn show(state: &AppState, principal: &Principal, id: GoalId) -> Result<GoalResponse, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let mut goal = tx.goals().require(id, principal.user_id).await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let question = tx.messages().get(goal.conversation_id, goal.question_id).await?;
    let question = question.ok_or(StoreError::NotFound("goal"))?;
    let mut reveal = Reveal::new(state, principal, goal.conversation_id);
    reveal.load(&mut tx).await?;
    let question = reveal.message(MessageResponse::for_reader(question, &reader));
    let withheld = question.withheld();
    let plan = tx.goals().plan(&goal).await?;
    let usage = tx.goals().usage(&goal).await?;
    let rows = tx.goals().steps(id).await?;
    let shown = Shown { state, principal, reader: &reader, reveal: &reveal, withheld };
    goal.error_detail = goal.error_detail.map(|detail| shown.text(detail));
    let steps = shown.steps(&mut tx, plan.as_ref(), rows).await?;
    let input: Input =
        serde_json::from_value(goal.input.clone()).map_err(|_| StoreError::UnknownValue("goals.input"))?;
    Ok(response(goal, (input.limits, usage), question, (plan.map(|plan| shown.plan(plan)), steps)))
}

fn response(
    goal: GoalRow,
    (limits, usage): (Limits, GoalUsage),
    question: MessageResponse,
    (plan, steps): (Option<GoalPlanResponse>, Vec<GoalStepResponse>),
) -> GoalResponse {
    GoalResponse {
        id: goal.id,
        withheld: question.withheld(),
        goal: question.content,
        status: goal.status.as_str(),
        error: FailureResponse::from_columns(goal.error_code, goal.error_detail),
        conversation_id: goal.conversation_id,
        limits: limits.into(),
        usage: usage.into(),
        plan,
        steps,
        revision: goal.revision,
        created_at: goal.created_at,
        updated_at: goal.updated_at,
        finished_at: goal.finished_at,
    }
}

struct Shown<'a> {
    state: &'a AppState,
    principal: &'a Principal,
    reader: &'a Reader,
    /// Of the goal's own conversation.
    reveal: &'a Reveal,
    withheld: bool,
}

impl Shown<'_> {
    fn text(&self, text: String) -> String {
        if self.withheld { String::new() } else { self.reveal.text(text) }
    }

    fn plan(&self, plan: GoalPlanRow) -> GoalPlanResponse {
        GoalPlanResponse {
            version: plan.version,
            text: self.text(plan.text),
            sha256: plan.sha256,
            made_by: plan.made_by.map(UserId::from),
            model: plan.model,
            approved_by: plan.approved_by.map(UserId::from),
            approved_at: plan.approved_at,
            created_at: plan.created_at,
        }
    }

    async fn steps(
        &self,
        tx: &mut TenantTx,
        plan: Option<&GoalPlanRow>,
        rows: Vec<GoalStepRow>,
    ) -> Result<Vec<GoalStepResponse>, ApiError> {
        let Some(plan) = plan else { return Ok(Vec::new()) };
        let plan: Plan =
            serde_json::from_value(plan.steps.clone()).map_err(|_| StoreError::UnknownValue("goal_plans.steps"))?;
        let plan = plan.with_texts(|text| self.text(text.to_owned()));
        let mut answers = self.answers(tx, &rows).await?;
        let mut rows: BTreeMap<String, GoalStepRow> = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
        let mut steps = Vec::with_capacity(plan.steps().len());
        for step in plan.steps() {
            if let Some(row) = rows.remove(&step.name) {
                let answer = row.message_id.and_then(|id| answers.remove(&MessageId::from(id)));
                steps.push(self.step(step, row, answer));
            }
        }
        Ok(steps)
    }

    fn step(&self, step: &Step, row: GoalStepRow, answer: Option<MessageResponse>) -> GoalStepResponse {
        let detail = row.error_detail.map(|detail| self.text(detail));
        let reason = detail.clone().filter(|_| row.error_code.is_none());
        GoalStepResponse {
            step: step.into(),
            status: row.status.as_str(),
            round: row.round,
            run_id: row.run_id.map(RunId::from),
            conversation_id: row.conversation_id.map(ConversationId::from),
            error: FailureResponse::from_columns(row.error_code, detail),
            reason,
            decided_by: row.decided_by.map(UserId::from),
            note: row.note.map(|note| self.text(note)),
            answer,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }

    /// The answers of all steps, each with the placeholders of its own conversation.
    async fn answers(
        &self,
        tx: &mut TenantTx,
        rows: &[GoalStepRow],
    ) -> Result<BTreeMap<MessageId, MessageResponse>, ApiError> {
        let ids: Vec<MessageId> = rows.iter().filter_map(|row| row.message_id.map(MessageId::from)).collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let conversations: Vec<ConversationId> =
            rows.iter().filter_map(|row| row.conversation_id.map(ConversationId::from)).collect();
        let sealed: BTreeMap<ConversationId, Vec<u8>> = tx.vaults().list(&conversations).await?.into_iter().collect();
        let mut answers = BTreeMap::new();
        for message in tx.messages().these(&ids).await? {
            let (id, conversation) = (message.id, message.conversation_id);
            let reveal = Reveal::new(self.state, self.principal, conversation);
            let reveal = reveal.with_sealed(sealed.get(&conversation).map(Vec::as_slice))?;
            answers.insert(id, reveal.message(MessageResponse::for_reader(message, self.reader)));
        }
        Ok(answers)
    }
}
