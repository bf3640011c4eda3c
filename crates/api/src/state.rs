use std::{ops::Deref, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use millwright_agents::{Completions, Runner, goal::Goals};
use millwright_audit::AuditKey;
use millwright_budgets::Ledger;
use millwright_core::Sources;
use millwright_governance::Governance;
use millwright_identity::Identity;
use millwright_limits::{RateLimiter, StreamSlots};
use millwright_retrieval::{embedding::EmbeddingModels, search::Searcher};
use millwright_store::Store;
use millwright_telemetry::Metrics;
use millwright_workers::folders::WatchSettings;
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How much of what a request may be.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest upload, bytes.
    pub max_upload_bytes: usize,
    /// So many documents of a tenant may wait to be read.
    pub documents_waiting: i64,
    /// How long a request may take before it is answered with an error; streams are not counted.
    pub request_timeout: Duration,
    /// Origins that may call from a browser; empty for none but our own.
    pub cors_allowed_origins: Vec<String>,
}

/// Whether a part of the service works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Works.
    Ready,
    /// Works with less.
    Degraded,
    /// Does not work.
    Unavailable,
}

/// One part of the service.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct HealthCheck {
    /// Which part.
    pub name: &'static str,
    /// Whether it works.
    pub status: HealthStatus,
    /// In words.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Looks at every part. Made by the server, which knows the parts.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<HealthCheck>> + Send + Sync>;

/// All that handlers share. Cheap to clone, which happens several times a request.
#[derive(Clone)]
pub struct AppState(Arc<AppParts>);

impl AppState {
    /// Shares these parts.
    pub fn new(parts: AppParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for AppState {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

/// What handlers work with.
pub struct AppParts {
    /// The database.
    pub store: Store,
    /// Time, randomness, ids.
    pub sources: Sources,
    /// Proves changes.
    pub audit_key: Arc<AuditKey>,
    /// Signing in and staying signed in.
    pub identity: Arc<Identity>,
    /// How much is let through.
    pub limiter: Arc<RateLimiter>,
    /// How many event streams each user has open here.
    pub streams: StreamSlots,
    /// Finds passages.
    pub searcher: Arc<Searcher>,
    /// What makes vectors.
    pub embeddings: EmbeddingModels,
    /// What each tenant allows.
    pub governance: Governance,
    /// What may be spent on models.
    pub ledger: Ledger,
    /// Answers questions.
    pub runner: Arc<Runner>,
    /// Pursues goals.
    pub goals: Goals,
    /// Calls models for programs.
    pub completions: Completions,
    /// Tells the job runner of this process that there is work.
    pub jobs_wake: Arc<Notify>,
    /// Looks at every part.
    pub readiness: Readiness,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// Limits of requests.
    pub limits: Limits,
    /// Which folders may be watched.
    pub watch: WatchSettings,
    /// Everything that runs on after an answer.
    pub tracker: TaskTracker,
    /// Ends streams at shutdown.
    pub stop: CancellationToken,
}
