//! Has a language model write the plan of a goal: what does not come to a plan goes back with what is wrong, a few times.

use std::{future::Future, time::Duration};

use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{ErrorCode, Principal, TenantScope, ToProblem, id::GoalId};
use millwright_gateway::{GatewayError, Wanted};
use millwright_llm::provider::{Message, ModelRequest, OutputFormat, Part, Sampling};
use millwright_store::{
    Bookkeeping, Proof, StoreError, TenantTx,
    tenant::{GoalRow, GoalStatus},
};
use serde_json::{Value, json};

use super::{
    plan::{Does, MAX_QUESTION_CHARS, Plan, Step},
    service::{Author, Goals, Input},
    written,
};
use crate::{AgentError, Ask, chat, resume::principal_of};

/// The name of the agent that plans, for budgets and usage.
const AGENT: &str = "planner";
const PROMPT: &str = include_str!("planner.md");
/// So often a model may try.
const ATTEMPTS: usize = 3;
/// So often another process takes planning over.
const MOST_TAKEOVERS: i32 = 3;
const MAX_TOKENS: u32 = 2_048;
/// So often a plan is stored while the database is away or the goal is changed.
const TRIES: usize = 20;
/// A plan of a model has so many steps at most; a person's may have more.
const MOST_STEPS: usize = 8;
/// Whoever stops a goal waits no longer for its planning to end.
const RENEWAL: Duration = Duration::from_millis(700);

/// Plans a goal in the background.
pub(super) fn spawn(goals: &Goals, scope: TenantScope, id: GoalId, attempt: i32) {
    let goals = goals.clone();
    let tracker = goals.inner().tracker.clone();
    tracker.spawn(async move {
        let stop = goals.inner().stop.clone();
        let work = plan(&goals, scope, id, attempt);
        let ended = tokio::select! {
            ended = work => ended,
            // Somebody stopped it, or another process has it: no model is asked any more.
            () = held(&goals, scope, (id, attempt)) => Ok(()),
            // Another process plans it at once.
            () = stop.cancelled() => hold(&goals, scope, (id, attempt), false).await.map(|_| ()).map_err(Into::into),
        };
        match ended {
            // Not before: once its plan is stored nobody holds its planning any more, and its first step would be cut off.
            Ok(()) => goals.look_at(scope, id),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, goal.id = %id, "a goal could not be planned yet");
            }
        }
    });
}

/// Renews the lease for as long as the goal is planned by this attempt.
async fn held(goals: &Goals, scope: TenantScope, of: (GoalId, i32)) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        // A database that is away does not end it: whoever takes it over writes its own attempt.
        if let Ok(false) = hold(goals, scope, of, true).await {
            return;
        }
    }
}

async fn hold(goals: &Goals, scope: TenantScope, of: (GoalId, i32), holds: bool) -> Result<bool, StoreError> {
    let mut tx = goals.inner().store.tenant(&scope).begin().await?;
    let held = tx.goals().hold_planning(of.0, of.1, holds).await?;
    tx.commit(Proof::Bookkeeping(Bookkeeping::GoalProgress)).await?;
    Ok(held)
}

/// The goal, held by its lock, if it is still planned by this attempt: it may have been stopped, or another process may have it.
async fn planned(
    goals: &Goals,
    scope: TenantScope,
    of: (GoalId, i32),
) -> Result<Option<(TenantTx, GoalRow)>, StoreError> {
    let mut tx = goals.inner().store.tenant(&scope).begin().await?;
    let goal = tx.goals().lock_planning(of.0, of.1).await?;
    Ok(goal.map(|goal| (tx, goal)))
}

/// Has the plan written and stores it, or why there is none.
async fn plan(goals: &Goals, scope: TenantScope, id: GoalId, attempt: i32) -> Result<(), AgentError> {
    let inner = goals.inner();
    let of = (id, attempt);
    let Some((mut tx, goal)) = planned(goals, scope, of).await? else { return Ok(()) };
    let input = Input::of(&goal)?;
    let principal = principal_of(inner, &mut tx, (goal.user_id, input.api_key)).await?;
    let question = tx.messages().get(goal.conversation_id, goal.question_id).await?;
    let sealed = tx.vaults().get(goal.conversation_id).await?;
    drop(tx);
    let text = question.ok_or(StoreError::NotFound("message"))?.content;
    let text = inner.governance.open(goal.conversation_id, sealed.as_deref())?.restore(&text);
    let written = match principal {
        _ if attempt > MOST_TAKEOVERS => Err(AgentError::NoPlan("its process ended several times".to_owned())),
        Some(principal) => write(goals, &principal, (&goal, &input), &text).await,
        None => Err(AgentError::NotRecorded),
    };
    let stored = match written {
        Ok(written) => store(goals, scope, of, written, &input).await,
        Err(error) => Err(error),
    };
    match stored {
        Ok(()) => Ok(()),
        Err(AgentError::Store(error)) if error.is_transient() => Err(error.into()),
        Err(error) => fail(goals, scope, of, &error, &input).await,
    }
}

/// Asks the model until a plan comes of it; returns also which model it was.
async fn write(
    goals: &Goals,
    principal: &Principal,
    (goal, input): (&GoalRow, &Input),
    text: &str,
) -> Result<(Plan, String), AgentError> {
    let prompt = PROMPT.replace("{{most}}", &MOST_STEPS.to_string());
    let user = |text: String| Message::User { parts: vec![Part::Text { text }] };
    let mut messages = vec![Message::System { text: prompt }, user(format!("Goal: {text}"))];
    let (mut output, mut wrong) = (schema(), String::new());
    let mut attempts = 0;
    while attempts < ATTEMPTS {
        let request = ModelRequest {
            messages: messages.clone(),
            output: output.clone(),
            max_output_tokens: Some(MAX_TOKENS),
            sampling: Sampling { temperature: Some(0.0), ..Sampling::default() },
            ..ModelRequest::default()
        };
        let ask = Ask {
            call_id: goals.inner().sources.new_id(),
            wanted: input.tier.map_or(Wanted::Auto, Wanted::Tier),
            request,
            classification: input.classification,
            agent: Some(AGENT.to_owned()),
            task: Some(goal.id.to_string()),
            within: None,
            trace_id: input.trace_id.clone(),
        };
        let answer = match goals.completions.complete(principal, ask).await {
            // It writes JSON without being held to it.
            Err(AgentError::Gateway(GatewayError::CannotDo { .. })) if output != OutputFormat::Text => {
                output = OutputFormat::Text;
                continue;
            }
            answer => answer?,
        };
        attempts += 1;
        match read(&answer.completion.text) {
            Ok(plan) => return Ok((plan, answer.route.model.clone())),
            Err(why) => wrong = why,
        }
        messages.push(Message::Assistant { text: answer.completion.text, tool_calls: Vec::new() });
        messages.push(user(format!("That is no plan: {wrong}. Write the whole plan again, as JSON alone.")));
    }
    Err(AgentError::NoPlan(wrong))
}

/// The plan in what a model said, which may have words around it.
fn read(said: &str) -> Result<Plan, String> {
    let (Some(from), Some(to)) = (said.find('{'), said.rfind('}')) else {
        return Err("it has no JSON object".to_owned());
    };
    let json = said.get(from..=to).ok_or("it has no JSON object")?;
    let plan = written::read(json).map_err(|error| error.to_string())?;
    let is_question = |step: &Step| {
        matches!(step.does, Does::Ask(_)) && step.tier.is_none() && step.agent.is_none() && step.thinking.is_none()
    };
    if !plan.steps().iter().all(|step| step.does == Does::Report || is_question(step)) {
        return Err("a step has `name`, `ask` and `after`, and nothing else".to_owned());
    }
    // Its report is not the model's.
    if plan.steps().len() > MOST_STEPS + 1 {
        return Err(format!("it has more than {MOST_STEPS} steps"));
    }
    Ok(plan)
}

/// What a plan of a model looks like.
fn schema() -> OutputFormat {
    let step = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "pattern": "^[a-z][a-z0-9-]{0,39}$" },
            "ask": { "type": "string", "minLength": 1, "maxLength": MAX_QUESTION_CHARS },
            "after": { "type": "array", "items": { "type": "string" } },
        },
        "required": ["name", "ask", "after"],
        "additionalProperties": false,
    });
    let schema: Value = json!({
        "type": "object",
        "properties": { "steps": { "type": "array", "items": step, "minItems": 1, "maxItems": MOST_STEPS } },
        "required": ["steps"],
        "additionalProperties": false,
    });
    OutputFormat::JsonSchema { name: "plan".to_owned(), schema, strict: true }
}

async fn store(
    goals: &Goals,
    scope: TenantScope,
    of: (GoalId, i32),
    (plan, model): (Plan, String),
    input: &Input,
) -> Result<(), AgentError> {
    let inner = goals.inner();
    let changed = async || {
        let Some((mut tx, goal)) = planned(goals, scope, of).await? else { return Ok(()) };
        let (first, text) = ((goal.id, goal.conversation_id, 1), written::write(&plan));
        let proof = goals.put_plan(&mut tx, first, (text, plan.clone()), Author::Model(model.clone())).await?;
        let status = if input.review { GoalStatus::Proposed } else { GoalStatus::Running };
        tx.goals().set_status(goal.id, status, None, inner.sources.now()).await?;
        chat::commit(inner, tx, &[proof], &input.trace_id).await
    };
    patiently(changed).await
}

/// A database that is away for a moment does not cost a plan that was paid for.
async fn patiently<F: Future<Output = Result<(), AgentError>>>(work: impl Fn() -> F) -> Result<(), AgentError> {
    let mut tries = 0;
    loop {
        if tries > 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        tries += 1;
        match work().await {
            Err(AgentError::ChangedMeanwhile) if tries < TRIES => {}
            Err(AgentError::Store(error)) if error.is_transient() && tries < TRIES => {}
            ended => return ended,
        }
    }
}

async fn fail(
    goals: &Goals,
    scope: TenantScope,
    of: (GoalId, i32),
    error: &AgentError,
    input: &Input,
) -> Result<(), AgentError> {
    let inner = goals.inner();
    let problem = match error {
        AgentError::NotRecorded => {
            millwright_core::Problem::new(ErrorCode::NotAuthorized, "whoever wanted this may not ask any more")
        }
        error => error.problem(),
    };
    // What a model wrote may name somebody: the log has the code alone.
    tracing::warn!(code = problem.code.as_str(), goal.id = %of.0, "no plan was written");
    let detail = match problem.remedy {
        Some(remedy) => format!("{}; {remedy}", problem.detail),
        None => problem.detail,
    };
    let Some((mut tx, goal)) = planned(goals, scope, of).await? else { return Ok(()) };
    let detail = goals.masked(&mut tx, &goal, Some(detail)).await?.unwrap_or_default();
    let told = (problem.code.as_str(), detail.as_str());
    tx.goals().set_status(goal.id, GoalStatus::Failed, Some(told), inner.sources.now()).await?;
    let actor = Actor::System("planner");
    let proof = AuditEvent::new(&inner.sources, scope.tenant_id(), actor, AuditAction::GoalFailed, goal.id)
        .detail("code", problem.code.as_str());
    chat::commit(inner, tx, &[proof], &input.trace_id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_found_in_what_a_model_says() {
        let said =
            "Here it is:\n```json\n{\"steps\": [{\"name\": \"oil\", \"ask\": \"How much oil?\", \"after\": []}]}\n```";
        assert_eq!(read(said).unwrap().steps()[0].name, "oil");
        let step = |at: usize| format!("{{\"ask\": \"Question {at}?\"}}");
        let many = format!("{{\"steps\": [{}]}}", (0..9).map(step).collect::<Vec<_>>().join(","));
        for (said, told) in [
            ("I cannot plan this.", "no JSON object"),
            ("{\"steps\": [{\"ask\": \"What?\", \"after\": [\"b\"]}]}", "`b`, which is no step"),
            ("{\"steps\": [{\"tool\": \"rm\"}]}", "unknown field"),
            ("{\"steps\": [{\"person\": \"May I?\"}]}", "and nothing else"),
            ("} {", "no JSON object"),
            (&many, "more than 8 steps"),
        ] {
            let refused = read(said).unwrap_err();
            assert!(refused.contains(told), "{said}: {refused}");
        }
    }
}
