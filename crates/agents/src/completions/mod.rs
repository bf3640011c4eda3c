//! Direct calls of a model by a client's own program: no retrieval and no verification, but all of policy, budgets and proof.

mod cache;
mod inspect;
mod restore;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use millwright_audit::AuditKey;
use millwright_core::{Classification, Label, Principal, Sources, id::UsageId};
use millwright_gateway::{Call, Choice, Gateway, GatewayError, Judged, Plan, Purpose, Request, Route, Wanted};
use millwright_governance::{
    Governance, TenantPolicy,
    decision::{Decided, Question, decision_proof, person, sink, thing},
};
use millwright_llm::provider::{Completion, Delta, Embeddings, Message, ModelRequest, OutputFormat, Part, Usage};
use millwright_policy::{
    decision::{Action, Verdict},
    labels::Sink,
    pii::Vault,
};
use millwright_retrieval::embedding::Embedder;
use millwright_store::Store;

use crate::{AgentError, answerer};
use cache::{AnswerCache, Slot};
use inspect::Inspected;

/// The name of the model in this process.
pub const EMBEDDER: &str = "all-minilm-l6-v2";

/// What direct calls work with.
pub struct CompletionsParts {
    /// The database, for what is noticed and refused.
    pub store: Store,
    /// The way to models.
    pub gateway: Gateway,
    /// What each tenant allows.
    pub governance: Governance,
    /// Proves refusals.
    pub audit_key: Arc<AuditKey>,
    /// Time, randomness, ids.
    pub sources: Sources,
    /// The model in this process.
    pub embedder: Embedder,
    /// How many answers are remembered and for how long; none where absent.
    pub cache: Option<(u64, Duration)>,
}

/// Calls models for programs. Cheap to clone.
#[derive(Clone)]
pub struct Completions(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    gateway: Gateway,
    pub(crate) governance: Governance,
    pub(crate) audit_key: Arc<AuditKey>,
    pub(crate) sources: Sources,
    cache: Option<AnswerCache>,
    embedder: Embedder,
}

impl std::fmt::Debug for Completions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Completions").field("gateway", &self.0.gateway).finish_non_exhaustive()
    }
}

/// What a program asks.
#[derive(Debug)]
pub struct Ask {
    /// Of the call, made by the caller so that its answer can name it.
    pub call_id: UsageId,
    /// Which model or tier.
    pub wanted: Wanted,
    /// What is asked of it.
    pub request: ModelRequest,
    /// How confidential the program says it is.
    pub classification: Classification,
    /// The agent that the program is, for budgets and usage.
    pub agent: Option<String>,
    /// What it works on, for budgets and usage.
    pub task: Option<String>,
    /// How long the answer may take to begin.
    pub within: Option<Duration>,
    /// Of the request.
    pub trace_id: String,
}

/// A streamed answer.
pub struct StreamedAnswer {
    /// Where it comes from, and why.
    pub route: Arc<Route>,
    /// How long the endpoint took to its first part.
    pub upstream: Duration,
    /// Its parts, with the personal data that the program itself has sent.
    pub deltas: futures::stream::BoxStream<'static, Result<Delta, GatewayError>>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct CompletedAnswer {
    /// Where it came from, and why.
    pub route: Arc<Route>,
    /// How long the endpoint took.
    pub upstream: Duration,
    /// What came, with the personal data that the program itself has sent.
    pub completion: Completion,
    /// What was counted.
    pub usage: Usage,
}

/// What a request would cost.
#[derive(Debug)]
pub struct Estimate {
    /// Which models would be asked, and what each would cost at most.
    pub choice: Choice,
    /// How the prompt was judged.
    pub judged: Judged,
}

/// A request that passed every check.
struct Passed {
    call: Call,
    plan: Plan,
    request: ModelRequest,
    vault: Vault,
    /// Where an equal answer is remembered, where any is.
    slot: Option<Slot>,
}

impl Completions {
    /// Direct calls through this gateway.
    pub fn new(parts: CompletionsParts) -> Self {
        let CompletionsParts { store, gateway, governance, audit_key, sources, embedder, cache } = parts;
        let cache = cache.map(|(entries, life)| AnswerCache::new(entries, life));
        Self(Arc::new(Inner { store, gateway, governance, audit_key, sources, cache, embedder }))
    }

    /// The way to models.
    pub fn gateway(&self) -> &Gateway {
        &self.0.gateway
    }

    /// A streamed answer; returns with its first part.
    ///
    /// # Errors
    /// When policy, a budget or every endpoint refuses.
    pub async fn stream(&self, principal: &Principal, ask: Ask) -> Result<StreamedAnswer, AgentError> {
        let Passed { call, plan, request, vault, slot } = self.pass(principal, ask).await?;
        let is_json = request.output != OutputFormat::Text;
        let (route, upstream, deltas) = if let Some(kept) = slot.as_ref().and_then(Slot::get) {
            let route = self.0.gateway.remembered(call, plan).await?;
            (route, Duration::ZERO, stream::iter(cache::parts(kept).into_iter().map(Ok)).boxed())
        } else {
            let answer = self.0.gateway.stream(call, plan, &request).await?;
            let (route, upstream) = (Arc::clone(answer.route()), answer.upstream());
            let deltas = answer.into_deltas();
            let deltas = match slot {
                Some(slot) => slot.gather(route.model.clone(), deltas).boxed(),
                None => deltas.boxed(),
            };
            (route, upstream, deltas)
        };
        let deltas = if vault.is_empty() { deltas } else { restore::stream(deltas, vault, is_json).boxed() };
        Ok(StreamedAnswer { route, upstream, deltas })
    }

    /// A whole answer; its usage and its proof are stored when this returns.
    ///
    /// # Errors
    /// As for [`Completions::stream`].
    pub async fn complete(&self, principal: &Principal, ask: Ask) -> Result<CompletedAnswer, AgentError> {
        let Passed { call, plan, request, vault, slot } = self.pass(principal, ask).await?;
        let is_json = request.output != OutputFormat::Text;
        if let Some((completion, usage)) = slot.as_ref().and_then(Slot::get) {
            let route = self.0.gateway.remembered(call, plan).await?;
            let completion = restore::whole(completion, &vault, is_json);
            return Ok(CompletedAnswer { route, upstream: Duration::ZERO, completion, usage });
        }
        let answer = self.0.gateway.complete(call, plan, &request).await?;
        if let Some(slot) = slot {
            slot.keep(&answer.route.model, answer.completion.clone(), answer.usage);
        }
        let completion = restore::whole(answer.completion, &vault, is_json);
        Ok(CompletedAnswer { route: answer.route, upstream: answer.upstream, completion, usage: answer.usage })
    }

    /// Which model would answer a prompt, and what it would cost at most. Asks nobody, keeps nothing.
    ///
    /// # Errors
    /// When no model would.
    pub async fn estimate(
        &self,
        principal: &Principal,
        wanted: Wanted,
        (prompt, max_output_tokens): (String, Option<u32>),
        classification: Classification,
    ) -> Result<Estimate, AgentError> {
        let inner = &self.0;
        let policy = inner.governance.of(&principal.scope).await?;
        let judged = answerer::judge_by(&policy, &millwright_routing::Request::prompt(&prompt));
        let parts = vec![Part::Text { text: prompt }];
        let messages = vec![Message::User { parts }];
        let request = ModelRequest { messages, max_output_tokens, ..ModelRequest::default() };
        let label = Label::of(classification);
        let wish = Request { wanted, judged: Some(judged.clone()), escalated: false, request: &request, label: &label };
        Ok(Estimate { choice: inner.gateway.plan(wish)?.choice().clone(), judged })
    }

    /// Vectors of texts, from a model of the catalogue.
    ///
    /// # Errors
    /// As for [`Completions::stream`].
    pub async fn embed(
        &self,
        principal: &Principal,
        model: &str,
        texts: Vec<String>,
        ask: Ask,
    ) -> Result<Embeddings, AgentError> {
        let inner = &self.0;
        let policy = inner.governance.of(&principal.scope).await?;
        let request = inspect::as_request(texts);
        let Inspected { request, .. } = inspect::inspect(inner, principal, &policy, request, &ask.trace_id).await?;
        let texts = inspect::texts_of(request);
        let label = Label::of(ask.classification);
        let mut plan = inner.gateway.plan_embedding(model, &texts, &label)?;
        let decision = self.decide(principal, &policy, &label, &mut plan, (ask.call_id, &ask.trace_id)).await?;
        let call = call(principal, &ask, Purpose::Embeddings, label, decision);
        Ok(inner.gateway.embed(call, plan, &texts).await?)
    }

    /// Vectors of texts, from the model in this process: nothing leaves it, so its label does not matter.
    ///
    /// # Errors
    /// When policy or a budget refuses, or the model fails.
    pub async fn embed_here(
        &self,
        principal: &Principal,
        texts: Vec<String>,
        ask: Ask,
    ) -> Result<Embeddings, AgentError> {
        let inner = &self.0;
        let label = Label::of(ask.classification);
        let policy = inner.governance.of(&principal.scope).await?;
        let clearance = inner.governance.clearance(principal).await?;
        let thing = thing("message", &ask.call_id, &label);
        let question = Question::new(person(principal, &clearance), Action::ChatAsk, thing);
        let decided = inner.governance.decide(&policy, principal, question);
        let said = decision_proof(&decided);
        if decided.decision.verdict != Verdict::Allow {
            return self.refused(principal, decided, &ask.trace_id).await;
        }
        let call = call(principal, &ask, Purpose::Embeddings, label, said);
        let embedder = inner.embedder.clone();
        let count = {
            let (embedder, texts) = (embedder.clone(), texts.clone());
            tokio::task::spawn_blocking(move || texts.iter().map(|text| embedder.count_tokens(text) as u64).sum())
        };
        let tokens: u64 = count.await.map_err(|_| AgentError::Classifier)?;
        let work = async move { Ok(embedder.embed_batch(texts).await?) };
        inner.gateway.in_process(call, EMBEDDER, tokens, work).await
    }

    /// Every check between a program and a model, in the order of their cost.
    async fn pass(&self, principal: &Principal, ask: Ask) -> Result<Passed, AgentError> {
        let inner = &self.0;
        let policy = inner.governance.of(&principal.scope).await?;
        if matches!(ask.wanted, Wanted::Tier(_)) && !policy.routing.explicit_tier {
            return Err(AgentError::TierNotAllowed);
        }
        inner.gateway.check_loop(principal, ask.agent.as_deref(), &ask.request)?;
        let shape = inspect::shape(&ask.request);
        let judged = (ask.wanted == Wanted::Auto).then(|| answerer::judge_by(&policy, &shape.as_request()));
        let mut ask = ask;
        let request = std::mem::take(&mut ask.request);
        let Inspected { request, vault } = inspect::inspect(inner, principal, &policy, request, &ask.trace_id).await?;
        let label = Label::of(ask.classification);
        let wish = Request { wanted: ask.wanted.clone(), judged, escalated: false, request: &request, label: &label };
        let mut plan = inner.gateway.plan(wish)?;
        let decision = self.decide(principal, &policy, &label, &mut plan, (ask.call_id, &ask.trace_id)).await?;
        let call = call(principal, &ask, Purpose::Chat, label, decision);
        let slot = match &inner.cache {
            Some(cache) => {
                let clearance = inner.governance.clearance(principal).await?;
                Some(cache.slot(&call, &clearance, plan.model(), &request))
            }
            None => None,
        };
        Ok(Passed { call, plan, request, vault, slot })
    }

    /// Strikes out the places that policy does not allow; what it said goes into the call's proof.
    async fn decide(
        &self,
        principal: &Principal,
        policy: &Arc<TenantPolicy>,
        label: &Label,
        plan: &mut Plan,
        (id, trace_id): (UsageId, &str),
    ) -> Result<serde_json::Value, AgentError> {
        let inner = &self.0;
        let clearance = inner.governance.clearance(principal).await?;
        let who = person(principal, &clearance);
        let asked = Question::new(who.clone(), Action::ChatAsk, thing("message", &id, label));
        let asked = inner.governance.decide(policy, principal, asked);
        if asked.decision.verdict != Verdict::Allow {
            return self.refused(principal, asked, trace_id).await;
        }
        let decided = inner.governance.decide_places(policy, principal, plan.sinks(), |place| {
            let what = thing("prompt", &id, label).to_sink(sink(place));
            Question::new(who.clone(), Action::ModelCall, what)
        });
        if let Some(refusal) = decided.refusal() {
            return self.refused(principal, refusal.clone(), trace_id).await;
        }
        let may = |sink: &Sink| decided.allowed.contains(&sink.name);
        if plan.keep_sinks(may) { Ok(decided.proof) } else { Err(AgentError::Classifier) }
    }

    async fn refused<T>(&self, principal: &Principal, refused: Decided, trace_id: &str) -> Result<T, AgentError> {
        inspect::record_refusal(&self.0, principal, std::slice::from_ref(&refused.record), trace_id).await?;
        Err(refused.allowed().err().map_or(AgentError::Classifier, Into::into))
    }
}

fn call(principal: &Principal, ask: &Ask, purpose: Purpose, label: Label, decision: serde_json::Value) -> Call {
    Call {
        id: ask.call_id,
        principal: *principal,
        agent: ask.agent.clone(),
        task: ask.task.clone(),
        run_id: None,
        purpose,
        label,
        within: ask.within,
        told: None,
        decision,
        trace_id: ask.trace_id.clone(),
    }
}
