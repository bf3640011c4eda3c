use std::{sync::Arc, time::Duration};

use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_budgets::{BudgetError, BudgetUnit, CallOutcome, Claim, Ledger, Reservation, Subjects};
use millwright_core::{
    Credential, Label, Principal, Sources,
    id::{RunId, UsageId},
};
use millwright_llm::{
    Tier,
    provider::{Embeddings, ModelRequest, Usage},
};
use millwright_telemetry::metrics;
use serde::Serialize;
use tokio::{sync::watch, time::Instant};

use crate::{
    Answer, Catalog, GatewayError, Judged, Plan, Route, Wanted, WholeAnswer,
    answer::{Called, Meter},
    attempt::{Answering, Asking, Errand, Streamed, Vectors, Whole, ask},
    begun::Begun,
    choose::{Question, choose, choose_embedding},
    endpoint::Place,
    runaway::Runaway,
};

/// What a gateway works with.
pub struct GatewayParts {
    /// The models.
    pub catalog: Catalog,
    /// Keeps budgets and usage.
    pub ledger: Ledger,
    /// Proves calls.
    pub audit_key: Arc<AuditKey>,
    /// Time, randomness, ids.
    pub sources: Sources,
    /// The same request of one caller is let through so many times a minute; 0 for no limit.
    pub equal_requests_per_minute: u32,
    /// How long a streamed answer may take to begin, over all attempts.
    pub within: Duration,
    /// How long an answer in one piece may take, over all attempts.
    pub whole_within: Duration,
}

struct Inner {
    catalog: Catalog,
    ledger: Ledger,
    audit_key: Arc<AuditKey>,
    sources: Sources,
    runaway: Runaway,
    within: Duration,
    whole_within: Duration,
}

/// The way to all models. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("models", &self.0.catalog.models.len()).finish_non_exhaustive()
    }
}

/// What a call is for, in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A run of an agent.
    Run,
    /// A client of the OpenAI API.
    Chat,
    /// A client that wants vectors.
    Embeddings,
    /// A search that has passages judged.
    Rerank,
}

impl Purpose {
    /// The word in the audit log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
        }
    }

    /// OpenTelemetry's word for it.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::Run | Self::Chat | Self::Rerank => "chat",
            Self::Embeddings => "embeddings",
        }
    }
}

/// What a plan is made for.
#[derive(Debug)]
pub struct Request<'r> {
    /// What the caller wants.
    pub wanted: Wanted,
    /// How the request was judged, where nothing was named.
    pub judged: Option<Judged>,
    /// Whether the tier was raised because drafts did not hold.
    pub escalated: bool,
    /// What is asked of the model.
    pub request: &'r ModelRequest,
    /// Its label.
    pub label: &'r Label,
}

/// Who calls, and on whose account.
#[derive(Debug, Clone)]
pub struct Call {
    /// Of this call: its usage and its audit entry bear it.
    pub id: UsageId,
    /// Who.
    pub principal: Principal,
    /// The agent that works, where one does.
    pub agent: Option<String>,
    /// What for, in the caller's own words; budgets may be kept by it.
    pub task: Option<String>,
    /// The run that it is part of.
    pub run_id: Option<RunId>,
    /// What for.
    pub purpose: Purpose,
    /// The label of all that is sent.
    pub label: Label,
    /// How long the answer may take to begin; absent: as configured.
    pub within: Option<Duration>,
    /// Hears of the place in a line.
    pub told: Option<watch::Sender<Option<Place>>>,
    /// The policy decision that allowed it: its verdict, policies and version.
    pub decision: serde_json::Value,
    /// Of the request.
    pub trace_id: String,
}

impl Gateway {
    /// A gateway to these models.
    pub fn new(parts: GatewayParts) -> Self {
        let GatewayParts { catalog, ledger, audit_key, sources, equal_requests_per_minute, within, whole_within } =
            parts;
        let runaway = Runaway::new(equal_requests_per_minute);
        Self(Arc::new(Inner { catalog, ledger, audit_key, sources, runaway, within, whole_within }))
    }

    /// The models and where they run.
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.0.sources
    }

    /// The budgets and what was used of them.
    pub fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// Which models may answer, in which order, and why. Asks nobody.
    ///
    /// # Errors
    /// When none can or may.
    pub fn plan(&self, request: Request<'_>) -> Result<Plan, GatewayError> {
        let Request { wanted, judged, escalated, request, label } = request;
        choose(&self.0.catalog, Question { wanted: &wanted, judged, escalated, request, label })
    }

    /// Refuses a caller who sends the same thing again and again.
    ///
    /// # Errors
    /// When it came too often within the last minute.
    pub fn check_loop(
        &self,
        principal: &Principal,
        agent: Option<&str>,
        request: &ModelRequest,
    ) -> Result<(), GatewayError> {
        self.0.runaway.check(principal, agent, request)
    }

    /// A streamed answer; returns with its first part.
    ///
    /// # Errors
    /// When the budget is used up, or no endpoint answers in time. A prompt that a server may have worked on is counted.
    pub async fn stream(&self, call: Call, plan: Plan, request: &ModelRequest) -> Result<Answer, GatewayError> {
        let label = call.label.clone();
        let called = self.call(call, plan, &Streamed(request, &label)).await?;
        Ok(Answer::new(called.0, called.1))
    }

    /// A whole answer. Its usage is stored when this returns.
    ///
    /// # Errors
    /// As for [`Gateway::stream`], and when its usage cannot be stored.
    pub async fn complete(&self, call: Call, plan: Plan, request: &ModelRequest) -> Result<WholeAnswer, GatewayError> {
        let label = call.label.clone();
        let (completion, meter) = self.call(call, plan, &Whole(request, &label)).await?;
        meter.whole(completion).await
    }

    /// The plan for vectors: the model that was named, and nothing else.
    ///
    /// # Errors
    /// When it is not there, or may not be given the texts.
    pub fn plan_embedding(&self, model: &str, texts: &[String], label: &Label) -> Result<Plan, GatewayError> {
        choose_embedding(&self.0.catalog, model, texts, label)
    }

    /// Proves and counts an answer that was remembered from an equal request: it costs nothing.
    ///
    /// # Errors
    /// When that cannot be stored.
    pub async fn remembered(&self, call: Call, plan: Plan) -> Result<Arc<Route>, GatewayError> {
        let scope = call.principal.scope;
        let claim = Claim { subjects: call.subjects(), tokens: 0, cost_micros: 0 };
        let reservation = self.0.ledger.reserve(&scope, claim).await?;
        let route = Arc::new(Route {
            model: plan.model().to_owned(),
            endpoint: "cache".to_owned(),
            provider: "cache",
            failed: Vec::new(),
            waited_ms: 0,
            cached: true,
            choice: plan.choice,
        });
        let called = Called::free(call, Arc::clone(&route));
        self.settle_free(&called, reservation, Usage::default()).await?;
        Ok(route)
    }

    /// Vectors of texts, from the plan's model.
    ///
    /// # Errors
    /// As for [`Gateway::complete`].
    pub async fn embed(&self, call: Call, plan: Plan, texts: &[String]) -> Result<Embeddings, GatewayError> {
        let label = call.label.clone();
        let (embeddings, meter) = self.call(call, plan, &Vectors(texts, &label)).await?;
        meter.vectors(embeddings.input_tokens).await?;
        Ok(embeddings)
    }

    /// Vectors that this process makes itself, kept within budgets and proved like those of a server.
    ///
    /// # Errors
    /// When a budget refuses, the work fails, or its usage cannot be stored.
    pub async fn in_process<E: From<GatewayError>>(
        &self,
        call: Call,
        model: &str,
        input_tokens: u64,
        work: impl Future<Output = Result<Vec<Vec<f32>>, E>> + Send,
    ) -> Result<Embeddings, E> {
        let inner = &self.0;
        let claim = Claim { subjects: call.subjects(), tokens: input_tokens, cost_micros: 0 };
        let reserved = inner.ledger.reserve(&call.principal.scope, claim).await;
        let reservation = reserved.map_err(GatewayError::from)?;
        let vectors = match work.await {
            Ok(vectors) => vectors,
            Err(error) => {
                drop(inner.ledger.release(reservation));
                return Err(error);
            }
        };
        let route = Arc::new(Route::in_process(model, input_tokens));
        let called = Called::free(call, route);
        let usage = Usage { input_tokens, ..Usage::default() };
        self.settle_free(&called, reservation, usage).await?;
        Ok(Embeddings { vectors, input_tokens })
    }

    /// Reserves, then asks until an endpoint answers.
    async fn call<E: Errand>(&self, call: Call, mut plan: Plan, errand: &E) -> Result<(E::Reply, Meter), GatewayError> {
        let inner = &self.0;
        let began = Instant::now();
        let reservation = self.reserve(&call, &mut plan).await?;
        metrics::model_route(plan.choice.tier.as_str(), plan.choice.reason.as_str());
        let mut begun = Begun::new(self, call, plan.choice.clone(), reservation);
        let asked = {
            let call = &begun.call;
            let asking = Asking {
                label: &call.label,
                tenant: call.principal.tenant_id(),
                within: call.within.unwrap_or(if E::GOES_ON { inner.within } else { inner.whole_within }),
                told: call.told.clone(),
                sources: &inner.sources,
                sent: &begun.sent,
            };
            ask(&plan.models, errand, &asking).await
        };
        let answering = match asked {
            Ok(answering) => answering,
            Err(error) => {
                metrics::model_refused(plan.choice.tier.as_str(), error.reason());
                begun.end(CallOutcome::Failed);
                return Err(error);
            }
        };
        let Answering { reply, model, endpoint, since, permit, failed, upstream } = answering;
        metrics::model_first_token(&model.settings.name, began.elapsed());
        let waited = began.elapsed().saturating_sub(upstream);
        let route = Route {
            model: model.settings.name.clone(),
            endpoint: endpoint.name.clone(),
            provider: endpoint.provider_kind().as_str(),
            failed,
            waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            cached: false,
            choice: plan.choice,
        };
        let within = begun.within;
        let (call, Some(reservation)) = begun.answered() else { return Err(GatewayError::Deadline { within: waited }) };
        let called = Called { call, price: model.settings.price, upstream, route: Arc::new(route), within };
        Ok((reply, Meter::new(self.clone(), called, reservation, endpoint, since, permit)))
    }

    /// Holds the most that the call may cost. Where money has run out, models that cost nothing are left.
    async fn reserve(&self, call: &Call, plan: &mut Plan) -> Result<Reservation, GatewayError> {
        let scope = &call.principal.scope;
        let tokens = plan.choice.input_tokens + plan.choice.output_tokens;
        let claim = |plan: &Plan| Claim { subjects: call.subjects(), tokens, cost_micros: plan.most_micros() };
        let first = self.0.ledger.reserve(scope, claim(plan)).await;
        match first {
            Err(BudgetError::Exceeded(exceeded)) if exceeded.unit == BudgetUnit::Money && plan.keep_free() => {
                Ok(self.0.ledger.reserve(scope, claim(plan)).await?)
            }
            other => Ok(other?),
        }
    }

    /// The proof of a call that reached a model.
    pub(crate) fn proof(
        &self,
        called: &Called,
        outcome: &'static str,
    ) -> Result<millwright_core::audit::AuditRecord, GatewayError> {
        let inner = &self.0;
        let call = &called.call;
        let principal = &call.principal;
        let event = AuditEvent::new(
            &inner.sources,
            principal.tenant_id(),
            Actor::User(principal.user_id),
            AuditAction::ModelCalled,
            call.id,
        );
        let event = event
            .detail("model", called.route.model.clone())
            .detail("endpoint", called.route.endpoint.clone())
            .detail("tier", called.route.choice.tier.as_str())
            .detail("purpose", called.call.purpose.as_str())
            .detail("outcome", outcome)
            .detail("failed", called.route.failed.iter().map(|failed| failed.endpoint.clone()).collect::<Vec<_>>())
            .detail("classification", call.label.classification.as_str())
            .detail("decision", call.decision.clone());
        let event = match call.run_id {
            Some(run) => event.detail("run_id", run.to_string()),
            None => event,
        };
        Ok(inner.audit_key.authenticate(&event.trace(&call.trace_id))?)
    }
}

impl Call {
    pub(crate) fn subjects(&self) -> Subjects {
        let api_key = match self.principal.credential {
            Credential::ApiKey(id) => Some(id),
            Credential::Session(_) | Credential::Token => None,
        };
        Subjects { user: self.principal.user_id, agent: self.agent.clone(), api_key, task: self.task.clone() }
    }
}

/// A tier above, for drafts that did not hold.
pub const fn above(tier: Tier) -> Option<Tier> {
    match tier {
        Tier::Light => Some(Tier::Standard),
        Tier::Standard => Some(Tier::Heavy),
        Tier::Heavy => None,
    }
}
