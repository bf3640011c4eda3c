//! A language model as reranker: it reads the best passages with the question, on the account of who asks.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use millwright_core::{Integrity, Principal, Sources, id::UsageId};
use millwright_gateway::{Call, Gateway, Plan, Purpose, Request, Wanted, WholeAnswer};
use millwright_governance::{
    Governance, TenantPolicy,
    decision::{Question, decision_proof, person, sink, thing},
};
use millwright_llm::{JudgeRequest, provider::ModelRequest};
use millwright_policy::{
    decision::{Action, Verdict},
    injection::{self, Channel},
    labels::{Released, Sink},
    pii::Vault,
};
use millwright_retrieval::reranker::{Asker, NoScores, RerankCost, Reranker, Scores, given_to};
use serde_json::{Value, json};

use crate::AgentError;

/// So many passages a model is given: each is read in full, and paid for.
const MOST_SENT: usize = 16;
/// For budgets and usage.
const AGENT: &str = "rerank";

/// What a model that reranks works with.
#[derive(Debug)]
pub struct ModelRerankerParts {
    /// The way to the model.
    pub gateway: Gateway,
    /// What each tenant allows.
    pub governance: Governance,
    /// Time, randomness, ids.
    pub sources: Sources,
    /// The model's name in the catalog.
    pub model: String,
    /// How long a search waits for it.
    pub within: Duration,
}

/// A model of the catalog that judges passages. Every call is decided by policy, kept within budgets and proved like any
/// other; where it does not come off, the search stands as it was.
#[derive(Debug)]
pub struct ModelReranker {
    parts: ModelRerankerParts,
    sink: Sink,
    keeps_to_schema: bool,
}

impl ModelReranker {
    /// None where the catalog has no such model for chat.
    pub fn new(parts: ModelRerankerParts) -> Option<Self> {
        let catalog = parts.gateway.catalog();
        let model = catalog.models().find(|model| model.name == parts.model && !model.tiers.is_empty())?;
        let (sink, keeps_to_schema) = (model.places.first()?.sink.clone(), model.capabilities.json_schema);
        Some(Self { parts, sink, keeps_to_schema })
    }

    async fn ask(
        &self,
        asker: Asker<'_>,
        query: String,
        texts: Vec<String>,
    ) -> Result<(JudgeRequest, WholeAnswer), AgentError> {
        let ModelRerankerParts { gateway, governance, sources, model, within } = &self.parts;
        let principal = asker.principal.ok_or(AgentError::Classifier)?;
        let policy = governance.of(asker.scope).await?;
        let asked = guarded(Arc::clone(&policy), query, texts).await?;
        let request = asked.to_model_request(sources, self.keeps_to_schema);
        let id = sources.new_id();
        let (plan, decision) = self.plan(asker, (principal, &policy), &request, id)?;
        let call = Call {
            id,
            principal: *principal,
            agent: Some(AGENT.to_owned()),
            task: None,
            run_id: None,
            purpose: Purpose::Rerank,
            label: asker.label.clone(),
            within: Some(*within),
            told: None,
            decision,
            trace_id: String::new(),
        };
        tracing::debug!(model, passages = asked.passages.len(), "a model judges passages");
        let answer = gateway.complete(call, plan, &request).await?;
        Ok((asked, answer))
    }

    /// The model, at the places that policy allows.
    fn plan(
        &self,
        asker: Asker<'_>,
        (principal, policy): (&Principal, &TenantPolicy),
        request: &ModelRequest,
        id: UsageId,
    ) -> Result<(Plan, Value), AgentError> {
        let ModelRerankerParts { gateway, governance, model, .. } = &self.parts;
        let label = asker.label;
        let wanted = Wanted::Model(model.clone());
        let mut plan = gateway.plan(Request { wanted, judged: None, escalated: false, request, label })?;
        let (mut allowed, mut told, mut refused) = (Vec::new(), json!(null), None);
        for place in plan.sinks() {
            let what = thing("prompt", &id, label).to_sink(sink(place));
            let mut question = Question::new(person(principal, asker.reader.clearance()), Action::ModelCall, what);
            question.untrusted = label.integrity == Integrity::Untrusted;
            let decided = governance.decide(policy, principal, question);
            if decided.decision.verdict == Verdict::Allow {
                if allowed.is_empty() {
                    told = decision_proof(&decided);
                }
                allowed.push(place.name.clone());
            } else {
                refused = decided.allowed().err().or(refused);
            }
        }
        match refused {
            Some(refusal) if allowed.is_empty() => Err(refusal.into()),
            _ if plan.keep_sinks(|sink| allowed.contains(&sink.name)) => Ok((plan, told)),
            _ => Err(AgentError::Classifier),
        }
    }
}

#[async_trait]
impl Reranker for ModelReranker {
    fn sink(&self) -> &Sink {
        &self.sink
    }

    fn most(&self) -> usize {
        MOST_SENT
    }

    async fn scores(
        &self,
        asker: Asker<'_>,
        query: Released<String>,
        texts: Vec<Released<String>>,
    ) -> Result<Scores, NoScores> {
        if asker.principal.is_none() {
            return Err(NoScores);
        }
        let (query, texts) = given_to(&self.sink, query, texts)?;
        let asked = self.ask(asker, query, texts);
        let (asked, answer) = match tokio::time::timeout(self.parts.within, asked).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => return Err(failed(&error)),
            Err(late) => return Err(failed(&late)),
        };
        let cost = RerankCost {
            model: answer.route.model.clone(),
            input_tokens: answer.usage.input_tokens,
            output_tokens: answer.usage.output_tokens,
            cost_micros: answer.cost_micros,
        };
        match asked.read_scores(&answer.completion.text) {
            Some(scores) => Ok(Scores { scores, cost: Some(cost) }),
            None => Err(failed(&NoScores)),
        }
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> NoScores {
    tracing::warn!(error, "the model that reranks gave no scores; the built-in order stands");
    NoScores
}

/// Without personal data, and without sentences that look like instructions.
async fn guarded(policy: Arc<TenantPolicy>, query: String, texts: Vec<String>) -> Result<JudgeRequest, AgentError> {
    // Some milliseconds for a dozen passages.
    let work = tokio::task::spawn_blocking(move || {
        let mut vault = Vault::default();
        let mut mask = |text: &str| vault.redact(&policy.detector, text).text;
        let question = mask(&query);
        let passages = texts.iter().map(|text| {
            let verdict = injection::check(Channel::Content, text);
            let text = if verdict.is_hit { injection::quarantine(text, &verdict.spans) } else { text.clone() };
            mask(&text)
        });
        JudgeRequest { question, passages: passages.collect() }
    });
    work.await.map_err(|_| AgentError::Classifier)
}
