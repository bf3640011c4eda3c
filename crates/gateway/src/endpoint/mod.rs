//! One server of models: its line, its health, and the only way to it.

mod breaker;
mod queue;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use millwright_core::Classification;
use millwright_llm::{
    LlmError,
    provider::{Provider, ProviderKind},
};
use serde::Serialize;
use tokio::time::{Instant, timeout};

pub use breaker::Health;
pub(crate) use breaker::{Breaker, Leave};
pub use queue::Place;
pub(crate) use queue::{NoPlace, Permit, Queue};

/// A recent failure counts like so much longer answers.
const SECONDS_A_FAILURE: f64 = 0.5;
/// The digest of a model is asked for again after this time.
const WEIGHTS_REMEMBERED: Duration = Duration::from_mins(1);
/// A server that takes longer to say it is not waited for.
const WEIGHTS_PATIENCE: Duration = Duration::from_secs(1);

/// What an endpoint is made of.
#[derive(Debug)]
pub struct EndpointSettings {
    /// Its name in `models.yaml`.
    pub name: String,
    /// Speaks to the server.
    pub provider: Arc<dyn Provider>,
    /// So many answers at once.
    pub concurrency: usize,
    /// So many more wait.
    pub queue: usize,
}

/// A server with its state in this process.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    provider: Arc<dyn Provider>,
    pub(crate) queue: Queue,
    pub(crate) breaker: Breaker,
    /// What the names of its models meant when it was last asked.
    weights: Mutex<HashMap<String, (Option<String>, Instant)>>,
}

/// An endpoint as people look at it.
#[derive(Debug, Clone, Serialize)]
pub struct EndpointState {
    /// Its name.
    pub name: String,
    /// The kind of server.
    pub provider: ProviderKind,
    /// Whether requests go there.
    pub health: Health,
    /// Answers that are being written.
    pub running: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// How long an answer takes lately, milliseconds.
    pub service_ms: u64,
    /// Whether what goes there leaves the site.
    pub leaves_site: bool,
    /// The most confidential data that any of its models is sent.
    pub max_classification: Classification,
}

impl Endpoint {
    pub(crate) fn new(settings: EndpointSettings) -> Self {
        let EndpointSettings { name, provider, concurrency, queue } = settings;
        let queue = Queue::new(concurrency, queue);
        Self { name, provider, queue, breaker: Breaker::default(), weights: Mutex::default() }
    }

    pub(crate) fn provider_kind(&self) -> ProviderKind {
        self.provider.kind()
    }

    /// How long a new request would take here, in the unit of the others': the less the better.
    pub(crate) fn burden(&self) -> f64 {
        // A server that was never asked counts as quick, so that it is tried; one that failed just now as slow, because how
        // quickly it fails says nothing.
        let failed = f64::from(self.breaker.recent_failures()) * SECONDS_A_FAILURE;
        (1.0 + self.queue.pressure()) * (self.queue.service().max(0.001) + failed)
    }

    /// The server itself; only a [`Target`](crate::catalog::Target) asks it, with what was released to it.
    pub(crate) fn provider(&self) -> &dyn Provider {
        self.provider.as_ref()
    }

    /// The digest of a model's weights, where the server tells.
    pub(crate) async fn model_digest(&self, model: &str) -> Result<Option<String>, LlmError> {
        self.provider.model_digest(model).await
    }

    /// The same, at most a minute old; none as well where the server does not say it within a second.
    pub(crate) async fn weights(&self, model: &str) -> Option<String> {
        let known = self.weights.lock().unwrap_or_else(PoisonError::into_inner).get(model).cloned();
        if let Some((weights, _)) = known.filter(|(_, asked_at)| asked_at.elapsed() < WEIGHTS_REMEMBERED) {
            return weights;
        }
        let weights = timeout(WEIGHTS_PATIENCE, self.model_digest(model)).await.ok().and_then(Result::ok).flatten();
        let now = (weights.clone(), Instant::now());
        self.weights.lock().unwrap_or_else(PoisonError::into_inner).insert(model.to_owned(), now);
        weights
    }

    /// What the server says that it has.
    pub(crate) async fn list_models(&self) -> Result<Vec<String>, LlmError> {
        self.provider.list_models().await
    }

    pub(crate) fn state(&self, leaves_site: bool, max_classification: Classification) -> EndpointState {
        let (running, waiting) = self.queue.load();
        EndpointState {
            name: self.name.clone(),
            provider: self.provider.kind(),
            health: self.breaker.health(),
            running,
            waiting,
            service_ms: (self.queue.service() * 1_000.0) as u64,
            leaves_site,
            max_classification,
        }
    }
}
