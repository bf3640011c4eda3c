//! An answer on its way to the caller, counted as it goes and settled once at its end.

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use millwright_budgets::{BudgetError, CallOutcome as Outcome, Reservation, UsageRecord};
use millwright_llm::provider::{Completion, Delta, DeltaStream, Usage};
use millwright_telemetry::{
    SpanId, metrics,
    spans::{self, Span, SpanKind},
};
use tokio::time::Instant;

use crate::{
    Call, Gateway, GatewayError, Price, Route,
    endpoint::{Endpoint, Permit},
};

/// A call that reached a model.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) call: Call,
    pub(crate) price: Price,
    /// How long the endpoint took to its first part.
    pub(crate) upstream: Duration,
    pub(crate) route: Arc<Route>,
    /// What it is part of, for a collector of traces.
    pub(crate) within: Option<SpanId>,
}

impl Called {
    /// One that costs nothing, of which no server knows.
    pub(crate) fn free(call: Call, route: Arc<Route>) -> Self {
        Self { call, price: Price::Free, upstream: Duration::ZERO, route, within: SpanId::current() }
    }
}

/// Counts an answer and settles it. One that is dropped settles what was produced until then.
pub(crate) struct Meter {
    gateway: Gateway,
    endpoint: Arc<Endpoint>,
    route: Arc<Route>,
    upstream: Duration,
    since: Instant,
    /// Bytes of text, reasoning and arguments.
    produced: u64,
    usage: Option<Usage>,
    /// What it has cost, once it is settled.
    cost_micros: u64,
    /// Until it is settled.
    open: Option<(Called, Reservation, Permit)>,
}

/// A streamed answer.
pub struct Answer {
    deltas: DeltaStream,
    meter: Meter,
}

/// A whole answer that is settled.
#[derive(Debug)]
pub struct WholeAnswer {
    /// Where it came from, and why.
    pub route: Arc<Route>,
    /// What came.
    pub completion: Completion,
    /// What was counted: the server's own figures, or estimates where it has none.
    pub usage: Usage,
    /// How long the endpoint took.
    pub upstream: Duration,
    /// What it has cost, millionths of the installation's currency.
    pub cost_micros: u64,
}

impl Meter {
    pub(crate) fn new(
        gateway: Gateway,
        called: Called,
        reservation: Reservation,
        endpoint: Arc<Endpoint>,
        since: Instant,
        permit: Permit,
    ) -> Self {
        let (route, upstream) = (Arc::clone(&called.route), called.upstream);
        let open = Some((called, reservation, permit));
        Self { gateway, endpoint, route, upstream, since, produced: 0, usage: None, cost_micros: 0, open }
    }

    fn count(&mut self, delta: &Delta) {
        match delta {
            Delta::Text(text) | Delta::Reasoning(text) => self.produced += text.len() as u64,
            Delta::ToolCall { arguments, name, .. } => {
                self.produced += (arguments.len() + name.as_ref().map_or(0, String::len)) as u64;
            }
            Delta::Usage(usage) => self.usage = with_figures(*usage),
            Delta::Logprobs(_) | Delta::Done { .. } => {}
        }
    }

    /// The server's figures, or estimates from what was sent and what came.
    fn counted(&self) -> Usage {
        let input_tokens = self.route.choice.input_tokens;
        let estimated = Usage { input_tokens, output_tokens: self.produced.div_ceil(4), ..Usage::default() };
        self.usage.unwrap_or(estimated)
    }

    /// Settles once; further times do nothing. What is begun goes on though the caller goes away.
    async fn settle(&mut self, outcome: Outcome) -> Result<(), GatewayError> {
        match self.begin_to_settle(outcome)? {
            Some(settling) => Ok(settling.await?),
            None => Ok(()),
        }
    }

    /// Hands usage and proof to the ledger; what is returned tells when they are on disk.
    fn begin_to_settle(
        &mut self,
        outcome: Outcome,
    ) -> Result<Option<impl Future<Output = Result<(), BudgetError>> + Send + use<>>, GatewayError> {
        let Some((called, reservation, mut permit)) = self.open.take() else { return Ok(None) };
        let busy = self.since.elapsed();
        if outcome == Outcome::Complete {
            permit.whole();
        }
        // The next in the line need not wait for the database.
        drop(permit);
        let mut usage = self.counted();
        if outcome != Outcome::Complete {
            // The server's last figure may be older than what came since.
            usage.output_tokens = usage.output_tokens.max(self.produced.div_ceil(4));
        }
        let cost_micros = called.price.cost(usage, busy);
        self.cost_micros = cost_micros;
        tell(&self.gateway, &called, usage, outcome, busy);
        let record = usage_record(&called, usage, busy, cost_micros, outcome);
        let proof = self.gateway.proof(&called, outcome.as_str())?;
        Ok(Some(self.gateway.ledger().settle(reservation, record, &proof)))
    }

    /// For an answer in one piece.
    pub(crate) async fn whole(mut self, completion: Completion) -> Result<WholeAnswer, GatewayError> {
        self.usage = completion.usage.and_then(with_figures);
        self.produced = (completion.text.len() + completion.reasoning.len()) as u64
            + completion.tool_calls.iter().map(|call| call.arguments.len() as u64).sum::<u64>();
        let (route, upstream) = (Arc::clone(&self.route), self.upstream);
        let usage = self.counted();
        self.settle(Outcome::Complete).await?;
        Ok(WholeAnswer { route, completion, usage, upstream, cost_micros: self.cost_micros })
    }

    /// For vectors.
    pub(crate) async fn vectors(mut self, input_tokens: u64) -> Result<(), GatewayError> {
        if input_tokens > 0 {
            self.usage = Some(Usage { input_tokens, ..Usage::default() });
        }
        self.settle(Outcome::Complete).await
    }
}

/// Some servers send figures that say nothing.
fn with_figures(usage: Usage) -> Option<Usage> {
    (usage.input_tokens > 0 || usage.output_tokens > 0).then_some(usage)
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Err(error) = self.begin_to_settle(Outcome::Cut) {
            tracing::error!(error = &error as &dyn std::error::Error, "the usage of an answer could not be stored");
        }
    }
}

impl Gateway {
    /// Counts a prompt that a server may have worked on without an answer. What is begun goes on by itself.
    pub(crate) fn settle_unanswered(
        &self,
        called: &Called,
        reservation: Reservation,
        usage: Usage,
        busy: Duration,
        outcome: Outcome,
    ) -> Result<(), GatewayError> {
        let record = usage_record(called, usage, busy, called.price.cost(usage, busy), outcome);
        let proof = self.proof(called, outcome.as_str())?;
        drop(self.ledger().settle(reservation, record, &proof));
        Ok(())
    }

    /// Counts an answer that cost nothing.
    pub(crate) async fn settle_free(
        &self,
        called: &Called,
        reservation: Reservation,
        usage: Usage,
    ) -> Result<(), GatewayError> {
        let record = usage_record(called, usage, Duration::ZERO, 0, Outcome::Complete);
        let proof = self.proof(called, Outcome::Complete.as_str())?;
        self.ledger().settle(reservation, record, &proof).await?;
        Ok(())
    }
}

/// What operators see of a call: figures, and a line in OpenTelemetry's words for generative models.
fn tell(gateway: &Gateway, called: &Called, usage: Usage, outcome: Outcome, busy: Duration) {
    if spans::are_exported() {
        export(gateway, called, usage, outcome, busy);
    }
    let Route { model, endpoint, provider, choice, .. } = called.route.as_ref();
    metrics::model_call(model, choice.tier.as_str(), outcome.as_str(), busy);
    metrics::model_tokens(model, usage.input_tokens, usage.output_tokens);
    tracing::info!(
        trace.id = %called.call.trace_id,
        tenant.id = %called.call.principal.tenant_id(),
        gen_ai.operation.name = called.call.purpose.operation(),
        gen_ai.provider.name = provider,
        gen_ai.response.model = %model,
        gen_ai.response.id = %called.call.id,
        gen_ai.usage.input_tokens = usage.input_tokens,
        gen_ai.usage.output_tokens = usage.output_tokens,
        server.address = %endpoint,
        tier = choice.tier.as_str(),
        outcome = outcome.as_str(),
        duration_ms = busy.as_secs_f64() * 1_000.0,
        "model call"
    );
}

/// The call for a collector of traces, in the same words.
fn export(gateway: &Gateway, called: &Called, usage: Usage, outcome: Outcome, took: Duration) {
    let Route { model, endpoint, provider, choice, .. } = called.route.as_ref();
    let operation = called.call.purpose.operation();
    let failed = outcome == Outcome::Failed;
    let mut attributes = vec![
        ("gen_ai.operation.name", operation.into()),
        ("gen_ai.provider.name", (*provider).into()),
        ("gen_ai.response.model", model.as_str().into()),
        ("gen_ai.response.id", called.call.id.to_string().as_str().into()),
        ("gen_ai.usage.input_tokens", usage.input_tokens.into()),
        ("gen_ai.usage.output_tokens", usage.output_tokens.into()),
        ("server.address", endpoint.as_str().into()),
        ("millwright.tier", choice.tier.as_str().into()),
        ("millwright.outcome", outcome.as_str().into()),
        ("millwright.tenant.id", called.call.principal.tenant_id().to_string().as_str().into()),
    ];
    if failed {
        attributes.push(("error.type", "failed_midway".into()));
    }
    let span = Span {
        trace_id: &called.call.trace_id,
        id: None,
        parent: called.within,
        kind: SpanKind::Client,
        name: format!("{operation} {model}"),
        took,
        attributes,
        error: failed.then(|| "the answer broke off".to_owned()),
    };
    spans::export(gateway.sources(), span);
}

fn usage_record(called: &Called, usage: Usage, busy: Duration, cost_micros: u64, outcome: Outcome) -> UsageRecord {
    let call = &called.call;
    UsageRecord {
        id: call.id,
        run: call.run_id,
        model: called.route.model.clone(),
        endpoint: called.route.endpoint.clone(),
        provider: called.route.provider.to_owned(),
        tier: called.route.choice.tier.as_str().to_owned(),
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cached_tokens: usage.cached_tokens,
        reasoning_tokens: usage.reasoning_tokens,
        gpu_millis: u64::try_from(busy.as_millis()).unwrap_or(u64::MAX),
        cost_micros,
        outcome,
        trace_id: Some(call.trace_id.clone()),
    }
}

impl Answer {
    pub(crate) fn new(deltas: DeltaStream, meter: Meter) -> Self {
        Self { deltas, meter }
    }

    /// Where it comes from, and why.
    pub fn route(&self) -> &Arc<Route> {
        &self.meter.route
    }

    /// How long the endpoint took to its first part.
    pub fn upstream(&self) -> Duration {
        self.meter.upstream
    }

    /// The parts of the answer. The last one, `Done`, comes after its usage and its proof are stored. Ends after an error.
    pub fn into_deltas(self) -> impl Stream<Item = Result<Delta, GatewayError>> + Send {
        let state = (self.deltas, self.meter, None);
        stream::unfold(Some(state), |state| async move {
            let (mut deltas, mut meter, end) = state?;
            let next = match end {
                Some(end) => Some(Ok(end)),
                None => deltas.next().await,
            };
            match next {
                Some(Ok(delta)) => {
                    meter.count(&delta);
                    if !matches!(delta, Delta::Done { .. }) {
                        return Some((Ok(delta), Some((deltas, meter, None))));
                    }
                    if meter.usage.is_none() {
                        // The reader gets the figures that are kept.
                        let usage = meter.counted();
                        meter.usage = Some(usage);
                        return Some((Ok(Delta::Usage(usage)), Some((deltas, meter, Some(delta)))));
                    }
                    meter.endpoint.breaker.succeeded();
                    match meter.settle(Outcome::Complete).await {
                        Ok(()) => Some((Ok(delta), None)),
                        Err(error) => Some((Err(error), None)),
                    }
                }
                Some(Err(error)) => {
                    meter.endpoint.breaker.failed(None);
                    metrics::model_attempt_failed(&meter.endpoint.name, error.reason());
                    let settled = meter.settle(Outcome::Failed).await;
                    Some((Err(settled.err().unwrap_or(GatewayError::Model(error))), None))
                }
                None => None,
            }
        })
    }
}
