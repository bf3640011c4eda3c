//! Who drafts an answer: a language model behind the gateway, or the built-in answerer, which quotes.

use std::collections::BTreeSet;

use millwright_core::{Integrity, Label};
use millwright_gateway::{Call, Judged, Plan, Purpose, Request, Wanted};
use millwright_governance::{
    TenantPolicy,
    decision::{Question, person, sink, thing},
};
use millwright_llm::{EXTRACTIVE, Tier, provider::ModelRequest};
use millwright_policy::{decision::Action, labels::LabelDenied};
use millwright_store::tenant::{NewDecision, Reader};
use serde_json::json;
use tokio::sync::watch;

use crate::{AgentError, progress::Progress, run::Run, runner::Inner};

/// The name of the agent that answers in conversations, for budgets and usage.
pub const OWN_AGENT: &str = "chat";

/// Who drafts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answerer {
    /// The one in this process, which quotes passages.
    Quotes,
    /// A language model at one of these places, which policy has allowed.
    Models {
        /// Their names.
        allowed: BTreeSet<String>,
    },
}

impl Answerer {
    pub(crate) fn is_language_model(&self) -> bool {
        matches!(self, Self::Models { .. })
    }
}

/// What policy said of each place that a prompt may be sent to.
pub(crate) enum Allowed {
    /// These may be used.
    Some(Answerer, Vec<NewDecision>),
    /// None may; the first refusal.
    None(Box<millwright_governance::decision::Decided>),
    /// No model may be given this label.
    LabelDenied(LabelDenied),
}

/// The tier that a question deserves. Without language models there is nothing to choose.
pub(crate) fn judge(inner: &Inner, policy: &TenantPolicy, question: &str) -> (Tier, Option<Judged>) {
    if !inner.gateway.catalog().has_chat() {
        return (Tier::default(), None);
    }
    let judged = judge_by(policy, &millwright_routing::Request::prompt(question));
    (judged.tier, Some(judged))
}

/// Judges a request by the tenant's thresholds; by those that ship where what is stored means nothing.
pub(crate) fn judge_by(policy: &TenantPolicy, request: &millwright_routing::Request<'_>) -> Judged {
    Judged::of(request, policy.routing.thresholds().unwrap_or_default())
}

/// The model that a run of this tier begins with, as far as can be said before anything was found.
pub(crate) fn first_name(inner: &Inner, tier: Tier) -> String {
    let (request, label) = (ModelRequest::default(), Label::LOWEST);
    let request =
        Request { wanted: Wanted::Tier(tier), judged: None, escalated: false, request: &request, label: &label };
    let plan = if inner.gateway.catalog().has_chat() { inner.gateway.plan(request).ok() } else { None };
    plan.map_or_else(|| EXTRACTIVE.to_owned(), |plan| plan.model().to_owned())
}

/// The places that a prompt may be sent to, with a decision for each.
///
/// # Errors
/// When no model can answer, for another reason than the label.
pub(crate) fn decide(
    inner: &Inner,
    run: &Run,
    progress: &Progress,
    reader: &Reader,
    request: &ModelRequest,
) -> Result<Allowed, AgentError> {
    let label = progress.label(run);
    let plan = match inner.gateway.plan(wish(run, request, &label, 1)) {
        Ok(plan) => plan,
        Err(millwright_gateway::GatewayError::Label(refusal)) => return Ok(Allowed::LabelDenied(refusal)),
        Err(error) => return Err(error.into()),
    };
    let decided = inner.governance.decide_places(&run.policy, &run.principal, plan.sinks(), |place| {
        let who = person(&run.principal, reader.clearance());
        let what = thing("prompt", &run.ids.run_id, &label).to_sink(sink(place));
        let mut question = Question::new(who, Action::ModelCall, what);
        question.run_id = Some(run.ids.run_id);
        question.untrusted = label.integrity == Integrity::Untrusted;
        question
    });
    match decided.refusal() {
        Some(refused) => Ok(Allowed::None(Box::new(refused.clone()))),
        None => Ok(Allowed::Some(Answerer::Models { allowed: decided.allowed }, decided.records)),
    }
}

/// The models for one attempt, in order. When two drafts of a smaller one did not hold, a stronger one drafts.
///
/// # Errors
/// When no model can answer.
pub(crate) fn plan(
    inner: &Inner,
    run: &Run,
    progress: &Progress,
    request: &ModelRequest,
    attempt: u8,
) -> Result<Plan, AgentError> {
    let Answerer::Models { allowed } = &progress.answerer else { return Err(AgentError::Classifier) };
    let label = progress.label(run);
    let may = |plan: &mut Plan| plan.keep_sinks(|sink| allowed.contains(&sink.name));
    if attempt > ATTEMPTS_OF_A_TIER
        && let Ok(mut stronger) = inner.gateway.plan(wish(run, request, &label, attempt))
        && may(&mut stronger)
    {
        return Ok(stronger);
    }
    let mut plan = inner.gateway.plan(wish(run, request, &label, 1))?;
    // What was allowed at first is a part of what is planned now, unless an operator changed it: then it is refused.
    if may(&mut plan) { Ok(plan) } else { Err(AgentError::Classifier) }
}

/// So many drafts of a tier may fail before a stronger one is asked.
const ATTEMPTS_OF_A_TIER: u8 = 2;

fn wish<'r>(run: &Run, request: &'r ModelRequest, label: &'r Label, attempt: u8) -> Request<'r> {
    let stronger = if attempt > ATTEMPTS_OF_A_TIER { millwright_gateway::above(run.tier) } else { None };
    let wanted = match (stronger, run.wanted) {
        (Some(tier), _) | (None, Some(tier)) => Wanted::Tier(tier),
        (None, None) if run.judged.is_some() => Wanted::Auto,
        (None, None) => Wanted::Tier(run.tier),
    };
    Request { wanted, judged: run.judged.clone(), escalated: stronger.is_some(), request, label }
}

/// The call of a run.
pub(crate) fn call(
    inner: &Inner,
    run: &Run,
    progress: &Progress,
    told: watch::Sender<Option<millwright_gateway::Place>>,
) -> Call {
    Call {
        id: inner.sources.new_id(),
        principal: run.principal,
        agent: Some(OWN_AGENT.to_owned()),
        task: None,
        run_id: Some(run.ids.run_id),
        purpose: Purpose::Run,
        label: progress.label(run),
        within: None,
        told: Some(told),
        // Of runs the decisions are rows of their own.
        decision: json!(null),
        trace_id: run.trace_id.clone(),
    }
}
