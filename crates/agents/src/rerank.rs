//! A language model as reranker: it reads the best passages with the question, on the account of who asks.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{Integrity, Sources, id::UsageId};
use millwright_gateway::{Call, Gateway, Plan, Purpose, Request, Wanted, WholeAnswer};
use millwright_governance::{
    Governance, TenantPolicy,
    decision::{Question, person, sink, thing},
};
use millwright_llm::{JudgeRequest, provider::ModelRequest};
use millwright_policy::{
    decision::Action,
    injection::{self, Channel},
    labels::{Released, Sink},
};
use millwright_retrieval::reranker::{Account, Asker, NoScores, RerankCost, Reranker, Scores, given_to};
use millwright_store::Store;
use serde_json::Value;

use crate::{AgentError, refusal};

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
    /// The database, for refusals.
    pub store: Store,
    /// Proves them.
    pub audit_key: Arc<AuditKey>,
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
        account: &Account,
        query: String,
        texts: Vec<String>,
    ) -> Result<Judged, AgentError> {
        let ModelRerankerParts { gateway, governance, sources, model, within, .. } = &self.parts;
        let policy = governance.of(asker.scope).await?;
        let (question, texts) = guarded(Arc::clone(&policy), query, texts).await?;
        let asked = JudgeRequest { question, passages: texts.iter().flatten().cloned().collect() };
        let request = asked.to_model_request(sources, self.keeps_to_schema);
        let id = sources.new_id();
        let (plan, decision) = self.plan((asker, account), &policy, &request, id).await?;
        let call = Call {
            id,
            principal: account.principal,
            agent: Some(AGENT.to_owned()),
            task: None,
            run_id: account.run_id,
            purpose: Purpose::Rerank,
            label: asker.label.clone(),
            within: Some(*within),
            told: None,
            decision,
            trace_id: account.trace_id.clone(),
        };
        tracing::debug!(model, passages = asked.passages.len(), "a model judges passages");
        let answer = gateway.complete(call, plan, &request).await?;
        Ok(Judged { asked, texts, answer })
    }

    /// The model, at the places that policy allows.
    async fn plan(
        &self,
        (asker, account): (Asker<'_>, &Account),
        policy: &TenantPolicy,
        request: &ModelRequest,
        id: UsageId,
    ) -> Result<(Plan, Value), AgentError> {
        let ModelRerankerParts { gateway, governance, sources, store, audit_key, model, .. } = &self.parts;
        let (label, principal) = (asker.label, &account.principal);
        let wanted = Wanted::Model(model.clone());
        let mut plan = gateway.plan(Request { wanted, judged: None, escalated: false, request, label })?;
        let decided = governance.decide_places(policy, principal, plan.sinks(), |place| {
            let what = thing("prompt", &id, label).to_sink(sink(place));
            let mut question = Question::new(person(principal, asker.reader.clearance()), Action::ModelCall, what);
            question.run_id = account.run_id;
            question.untrusted = label.integrity == Integrity::Untrusted;
            question
        });
        if let Some(refusal) = decided.refusal().cloned() {
            let actor = Actor::User(principal.user_id);
            let entry = AuditEvent::new(sources, principal.tenant_id(), actor, AuditAction::PolicyRefused, id)
                .detail("actions", vec![refusal.record.action.clone()])
                .trace(&account.trace_id);
            let decisions = std::slice::from_ref(&refusal.record);
            refusal::record((store, audit_key), asker.scope, &entry, decisions, &[]).await?;
            return Err(refusal.allowed().err().map_or(AgentError::Classifier, Into::into));
        }
        let may = |sink: &Sink| decided.allowed.contains(&sink.name);
        if plan.keep_sinks(may) { Ok((plan, decided.proof)) } else { Err(AgentError::Classifier) }
    }
}

/// What was asked, and what came.
struct Judged {
    asked: JudgeRequest,
    /// All texts; none for one that was not sent.
    texts: Vec<Option<String>>,
    answer: WholeAnswer,
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
        let account = asker.account.ok_or(NoScores)?;
        let (query, texts) = given_to(&self.sink, query, texts)?;
        let asked = self.ask(asker, account, query, texts);
        let Judged { asked, texts, answer } = match tokio::time::timeout(self.parts.within, asked).await {
            Ok(Ok(judged)) => judged,
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
            Some(scores) => Ok(Scores { scores: Scores::in_place(&texts, scores), cost: Some(cost) }),
            None => Err(failed(&NoScores)),
        }
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> NoScores {
    tracing::warn!(error, "the model that reranks gave no scores; the built-in order stands");
    NoScores
}

/// Without personal data; none for a text that the tenant gives to no model.
async fn guarded(
    policy: Arc<TenantPolicy>,
    query: String,
    texts: Vec<String>,
) -> Result<(String, Vec<Option<String>>), AgentError> {
    // Some milliseconds for a dozen passages.
    let work = tokio::task::spawn_blocking(move || {
        // What this version of the classifier finds; what was found when they were read is out of them already.
        let calm =
            texts.iter().map(|text| injection::quarantine(text, &injection::check(Channel::Content, text).spans));
        let all: Vec<String> = std::iter::once(query).chain(calm).collect();
        policy.without_personal_data(&all, false)
    });
    let mut all = work.await.map_err(|_| AgentError::Classifier)?.into_iter();
    let question = all.next().flatten().ok_or(AgentError::Classifier)?;
    Ok((question, all.collect()))
}
