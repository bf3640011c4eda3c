//! From a plan to the first part of an answer: endpoint after endpoint, model after model, until one answers.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use millwright_core::{Label, Sources, id::TenantId};
use millwright_llm::{
    LlmError,
    provider::{Completion, Delta, DeltaStream, Embeddings, ModelRequest},
};
use millwright_policy::labels::{Released, release};
use millwright_telemetry::metrics;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    GatewayError,
    catalog::{Model, Target},
    endpoint::{Endpoint, Leave, NoPlace, Permit, Place},
};

/// More attempts than this help nobody.
const MOST_ATTEMPTS: usize = 8;
/// Before the same endpoints are asked once more, a random time up to this.
const BACKOFF: Duration = Duration::from_millis(250);
/// So often all endpoints are asked.
const ROUNDS: usize = 2;

/// An attempt that failed before another one answered.
#[derive(Debug, Clone, serde::Serialize)]
pub struct FailedAttempt {
    /// The model.
    pub model: String,
    /// The endpoint.
    pub endpoint: String,
    /// A short word: `timeout`, `rejected`, `busy`, `down`...
    pub reason: &'static str,
}

/// What an endpoint is asked to do.
pub(crate) trait Errand: Sync {
    /// What comes back.
    type Reply: Send;
    /// Whether more is to come after the reply, which may fail still.
    const GOES_ON: bool;

    /// One attempt at one endpoint.
    fn send(&self, model: &Model, target: &Target) -> impl Future<Output = Result<Self::Reply, LlmError>> + Send;
}

/// A streamed answer.
pub(crate) struct Streamed<'a>(pub(crate) &'a ModelRequest, pub(crate) &'a Label);
/// An answer in one piece.
pub(crate) struct Whole<'a>(pub(crate) &'a ModelRequest, pub(crate) &'a Label);
/// Vectors.
pub(crate) struct Vectors<'a>(pub(crate) &'a [String], pub(crate) &'a Label);

/// What holds for all attempts of a call.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) label: &'a Label,
    pub(crate) tenant: TenantId,
    /// Until the reply.
    pub(crate) within: Duration,
    pub(crate) told: Option<watch::Sender<Option<Place>>>,
    pub(crate) sources: &'a Sources,
    pub(crate) sent: &'a Sent,
}

/// The endpoint that a prompt was sent to and that may be working on it, should the caller go away now.
#[derive(Debug, Default)]
pub(crate) struct Sent(Mutex<Option<SentTo>>);

/// Which model, at which endpoint, and since when.
type SentTo = (Arc<Model>, Arc<Endpoint>, Instant);

impl Sent {
    fn set(&self, model: &Arc<Model>, endpoint: &Arc<Endpoint>, since: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(model), Arc::clone(endpoint), since));
    }

    fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn take(&self) -> Option<SentTo> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// An endpoint that answers.
pub(crate) struct Answering<T> {
    pub(crate) reply: T,
    pub(crate) model: Arc<Model>,
    pub(crate) endpoint: Arc<Endpoint>,
    /// When the endpoint began to work.
    pub(crate) since: Instant,
    pub(crate) permit: Permit,
    pub(crate) failed: Vec<FailedAttempt>,
    /// From then to the reply.
    pub(crate) upstream: Duration,
}

/// What is known of the failures so far, to say the most telling one.
#[derive(Default)]
struct Failures {
    attempts: Vec<FailedAttempt>,
    sent: usize,
    last: Option<LlmError>,
    busy: Option<Place>,
    pause: Option<Duration>,
}

/// Asks until somebody answers.
///
/// # Errors
/// The last failure, when nobody does in time.
pub(crate) async fn ask<E: Errand>(
    models: &[Arc<Model>],
    errand: &E,
    asking: &Asking<'_>,
) -> Result<Answering<E::Reply>, GatewayError> {
    let deadline = Instant::now() + asking.within;
    let mut failures = Failures::default();
    for round in 0..ROUNDS {
        for model in models {
            for target in model.targets_for(asking.label) {
                if failures.sent >= MOST_ATTEMPTS || Instant::now() >= deadline {
                    return Err(failures.into_error(asking.within));
                }
                if let Some(answering) = attempt(model, target, errand, asking, deadline, &mut failures).await? {
                    return Ok(Answering { failed: failures.attempts, ..answering });
                }
            }
        }
        // A prompt that was on its way when the time ran out may be worked on still: it is not sent again.
        if round + 1 == ROUNDS || !failures.may_be_asked_again() {
            break;
        }
        let random = u64::from_le_bytes(asking.sources.random_bytes::<8>()) % BACKOFF.as_millis() as u64;
        let pause = failures.pause.unwrap_or_default().min(BACKOFF * 4) + Duration::from_millis(random);
        if Instant::now() + pause >= deadline {
            break;
        }
        sleep(pause).await;
        failures.pause = None;
    }
    Err(failures.into_error(asking.within))
}

async fn attempt<E: Errand>(
    model: &Arc<Model>,
    target: &Target,
    errand: &E,
    asking: &Asking<'_>,
    deadline: Instant,
    failures: &mut Failures,
) -> Result<Option<Answering<E::Reply>>, GatewayError> {
    let endpoint = &target.endpoint;
    if let Some(pause) = Some(endpoint.breaker.pause_left()).filter(|pause| !pause.is_zero()) {
        failures.is_down(model, endpoint, pause);
        return Ok(None);
    }
    let permit = match endpoint.queue.enter(asking.tenant, deadline, asking.told.clone()).await {
        Ok(permit) => permit,
        Err(NoPlace::Full(place) | NoPlace::TooLate(place)) => {
            failures.is_busy(model, endpoint, place);
            return Ok(None);
        }
    };
    // Only now: a probe that waits in a line keeps others from looking.
    let leave = match endpoint.breaker.ask() {
        Ok(leave) => leave,
        Err(pause) => {
            failures.is_down(model, endpoint, pause);
            return Ok(None);
        }
    };
    let since = Instant::now();
    asking.sent.set(model, endpoint, since);
    let sent = timeout_at(deadline, errand.send(model, target)).await;
    // The time that the caller gave has run out: that says nothing of the server.
    let by_caller = sent.is_err();
    let sent = sent.unwrap_or(Err(LlmError::Timeout {
        provider: endpoint.provider_kind().as_str(),
        what: "first token",
        seconds: asking.within.as_secs(),
    }));
    match sent {
        Ok(reply) => {
            if E::GOES_ON {
                leave.answering();
            } else {
                leave.succeeded();
            }
            let (model, endpoint) = (Arc::clone(model), Arc::clone(endpoint));
            let upstream = since.elapsed();
            Ok(Some(Answering { reply, model, endpoint, since, permit, failed: Vec::new(), upstream }))
        }
        Err(error) => {
            if took_nothing(&error) {
                asking.sent.clear();
            }
            if by_caller {
                drop(leave);
            } else {
                after_failure(leave, &error);
            }
            if !goes_elsewhere(&error) {
                return Err(GatewayError::Model(error));
            }
            failures.failed(model, endpoint, error);
            Ok(None)
        }
    }
}

/// Whether a server surely did no work on the request.
fn took_nothing(error: &LlmError) -> bool {
    matches!(
        error,
        LlmError::Unreachable { .. }
            | LlmError::Rejected { .. }
            | LlmError::Unsupported { .. }
            | LlmError::ModelMissing { .. }
            | LlmError::NotReleased
    )
}

/// Tells the endpoint's circuit of a failure that says something of the endpoint.
fn after_failure(leave: Leave<'_>, error: &LlmError) {
    match error {
        LlmError::Rejected { retry_after, status, .. } if is_trouble(*status) => leave.failed(*retry_after),
        // It answers, though not to this.
        LlmError::Rejected { .. } | LlmError::ModelMissing { .. } | LlmError::Unsupported { .. } => leave.answering(),
        LlmError::NotReleased => {}
        _ => leave.failed(None),
    }
}

fn is_trouble(status: u16) -> bool {
    matches!(status, 401 | 403 | 408 | 429 | 500..)
}

/// Whether another endpoint may do better. A request that one server finds wrong is wrong.
pub(crate) fn goes_elsewhere(error: &LlmError) -> bool {
    match error {
        LlmError::Rejected { status, .. } => is_trouble(*status) || *status == 404,
        LlmError::NotReleased => false,
        _ => true,
    }
}

impl Errand for Streamed<'_> {
    type Reply = DeltaStream;
    const GOES_ON: bool = true;

    /// Waits for the first part that a reader would see.
    async fn send(&self, model: &Model, target: &Target) -> Result<DeltaStream, LlmError> {
        let request = request_for(model, self.0);
        let mut deltas = target.stream(released(request.as_ref(), self.1, target)?).await?;
        let mut first = Vec::new();
        while let Some(delta) = deltas.next().await {
            let delta = delta?;
            let seen = !matches!(delta, Delta::Usage(_));
            first.push(Ok(delta));
            if seen {
                break;
            }
        }
        Ok(stream::iter(first).chain(deltas).boxed())
    }
}

impl Errand for Whole<'_> {
    type Reply = Completion;
    const GOES_ON: bool = false;

    async fn send(&self, model: &Model, target: &Target) -> Result<Completion, LlmError> {
        let request = request_for(model, self.0);
        target.complete(released(request.as_ref(), self.1, target)?).await
    }
}

impl Errand for Vectors<'_> {
    type Reply = Embeddings;
    const GOES_ON: bool = false;

    async fn send(&self, _: &Model, target: &Target) -> Result<Embeddings, LlmError> {
        target.embed(released(self.0, self.1, target)?).await
    }
}

fn released<T>(value: T, label: &Label, target: &Target) -> Result<Released<T>, LlmError> {
    release(value, label, &target.sink).map_err(|_| LlmError::NotReleased)
}

/// The request as this model is sent it: no longer an answer than it gives.
fn request_for<'r>(model: &Model, request: &'r ModelRequest) -> Cow<'r, ModelRequest> {
    // Always said: what was held for the call is what it may write.
    let most = Some(model.most_output(request));
    if most == request.max_output_tokens {
        Cow::Borrowed(request)
    } else {
        Cow::Owned(ModelRequest { max_output_tokens: most, ..request.clone() })
    }
}

impl Failures {
    fn note(&mut self, model: &Model, endpoint: &Endpoint, reason: &'static str) {
        let (model, endpoint) = (model.settings.name.clone(), endpoint.name.clone());
        tracing::debug!(%model, %endpoint, reason, "an endpoint did not answer");
        self.attempts.push(FailedAttempt { model, endpoint, reason });
    }

    fn is_busy(&mut self, model: &Model, endpoint: &Endpoint, place: Place) {
        self.note(model, endpoint, "busy");
        self.busy = Some(self.busy.map_or(place, |known| if known.position <= place.position { known } else { place }));
    }

    fn is_down(&mut self, model: &Model, endpoint: &Endpoint, pause: Duration) {
        self.note(model, endpoint, "down");
        self.pause = Some(self.pause.map_or(pause, |known| known.min(pause)));
    }

    fn failed(&mut self, model: &Model, endpoint: &Endpoint, error: LlmError) {
        metrics::model_attempt_failed(&endpoint.name, error.reason());
        self.note(model, endpoint, error.reason());
        self.sent += 1;
        self.last = Some(error);
    }

    /// Whether nothing was lost on the way that a server may be working on.
    fn may_be_asked_again(&self) -> bool {
        self.busy.is_none() && !matches!(self.last, Some(LlmError::Timeout { .. }))
    }

    fn into_error(self, within: Duration) -> GatewayError {
        match (self.last, self.busy, self.pause) {
            (_, Some(place), _) => GatewayError::Busy { place },
            (Some(error), ..) => GatewayError::Model(error),
            (None, None, Some(retry_after)) => GatewayError::Down { retry_after },
            (None, None, None) => GatewayError::Deadline { within },
        }
    }
}
