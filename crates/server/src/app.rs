//! The part list: settings become parts, parts become the state that handlers share.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use chrono::Duration as ChronoDuration;
use millwright_agents::{Runner, RunnerParts};
use millwright_api::{AppState, Limits};
use millwright_audit::AuditKey;
use millwright_auth::{PasswordHasher, TokenIssuer, TokenRules, TokenVerifier};
use millwright_config::{Config, ModelServer};
use millwright_core::Sources;
use millwright_documents::{ChunkSettings, ParserProcess};
use millwright_llm::{ApiKey, Backend, ModelSet, ModelSettings, Patience};
use millwright_retrieval::{
    embedding::Embedder,
    follower::{FollowerHandle, IndexFollower},
    ingest::Ingestor,
    keyword::KeywordIndexes,
    search::Searcher,
};
use millwright_store::Store;
use millwright_telemetry::Metrics;
use millwright_workers::{AuditSealer, JobRunner, JobRunnerSettings, RunReaper, ingest::IngestHandler};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::health;

/// Everything that runs, and what it takes to stop it.
pub(crate) struct App {
    pub(crate) state: AppState,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// Puts the parts together and starts what runs beside requests.
pub(crate) async fn start(
    config: &Config,
    sources: &Sources,
    metrics: Metrics,
    store: Store,
    is_up: health::DatabaseProbe,
) -> anyhow::Result<App> {
    let tracker = TaskTracker::new();
    let stop = CancellationToken::new();
    let secret = config.secret_key(sources)?;
    let key = Arc::new(AuditKey::derive(secret.expose().as_bytes())?);
    let embedder = load_embedder(config).await?;
    let keyword = KeywordIndexes::new(config.storage.data_dir.join("keyword"));
    let (follower, indexed) = IndexFollower::new(store.clone(), keyword.clone());
    let searcher = Arc::new(Searcher::new(store.clone(), embedder.clone(), keyword));
    let models = Arc::new(models(config, sources)?);
    let jobs_wake = Arc::new(Notify::new());
    let runner = Arc::new(Runner::new(RunnerParts {
        store: store.clone(),
        sources: sources.clone(),
        audit_key: Arc::clone(&key),
        searcher: searcher.as_ref().clone(),
        models: models.as_ref().clone(),
        tracker: tracker.clone(),
        stop: stop.clone(),
    }));
    let rules = token_rules(config)?;
    let state = AppState {
        store: store.clone(),
        sources: sources.clone(),
        audit_key: Arc::clone(&key),
        token_issuer: Arc::new(TokenIssuer::new(secret.expose().as_bytes(), rules.clone())?),
        token_verifier: Arc::new(TokenVerifier::new(secret.expose().as_bytes(), &rules)?),
        password_hasher: Arc::new(PasswordHasher::new(sources)?),
        // Two leave a core for everybody who is signed in already.
        sign_in_places: Arc::new(Semaphore::new(2)),
        searcher,
        runner,
        jobs_wake: Arc::clone(&jobs_wake),
        readiness: health::readiness(store.clone(), is_up, embedder.clone(), models, indexed.clone()),
        metrics: metrics.clone(),
        limits: Limits {
            max_upload_bytes: usize::try_from(config.server.max_upload_bytes).unwrap_or(usize::MAX),
            request_timeout: config.server.request_timeout,
            cors_allowed_origins: config.server.cors_allowed_origins.clone(),
        },
        tracker: tracker.clone(),
        stop: stop.clone(),
    };
    let chunks = ChunkSettings {
        size_tokens: config.retrieval.chunk_size_tokens,
        overlap_tokens: config.retrieval.chunk_overlap_tokens,
    };
    let ingestor = Ingestor::new(store.clone(), embedder, indexed.clone(), parser()?, sources.clone(), chunks);
    let workers = Workers { store, sources: sources.clone(), key, follower, ingestor, jobs_wake, indexed, metrics };
    workers.start(&tracker, &stop);
    Ok(App { state, tracker, stop })
}

/// What runs beside requests.
struct Workers {
    store: Store,
    sources: Sources,
    key: Arc<AuditKey>,
    follower: IndexFollower,
    ingestor: Ingestor,
    jobs_wake: Arc<Notify>,
    indexed: FollowerHandle,
    metrics: Metrics,
}

impl Workers {
    fn start(self, tracker: &TaskTracker, stop: &CancellationToken) {
        let sealer = AuditSealer::new(self.store.clone(), self.sources.clone(), Arc::clone(&self.key));
        let reaper = RunReaper::new(self.store.clone(), self.sources.clone(), Arc::clone(&self.key));
        let handler =
            IngestHandler::new(self.store.clone(), self.ingestor, self.sources.clone(), Arc::clone(&self.key));
        let jobs = Arc::new(JobRunner::new(
            self.store.clone(),
            self.sources,
            self.key,
            vec![Arc::new(handler)],
            JobRunnerSettings::default(),
            self.jobs_wake,
        ));
        let (token, follower) = (stop.clone(), self.follower);
        tracker.spawn(async move { follower.run(token).await });
        let token = stop.clone();
        tracker.spawn(async move { sealer.run(token).await });
        let token = stop.clone();
        tracker.spawn(async move { reaper.run(token).await });
        tracker.spawn(jobs.run(tracker.clone(), stop.clone()));
        let (token, store, indexed, metrics) = (stop.clone(), self.store, self.indexed, self.metrics);
        tracker.spawn(async move {
            loop {
                tokio::select! {
                    () = token.cancelled() => return,
                    () = tokio::time::sleep(UPKEEP) => {}
                }
                let (open, idle) = store.pool_state();
                millwright_telemetry::metrics::db_pool(open, idle);
                millwright_telemetry::metrics::index_lag(indexed.lag().tenants_behind as u64);
                metrics.run_upkeep();
            }
        });
    }
}

/// Often enough for dashboards, rare enough to cost nothing.
const UPKEEP: Duration = Duration::from_secs(5);

/// Loads the embedding model off the async threads.
pub(crate) async fn load_embedder(config: &Config) -> anyhow::Result<Embedder> {
    let folder = config.storage.model_dir.clone();
    let threads = config
        .retrieval
        .embedding_threads
        .or_else(|| std::thread::available_parallelism().ok().map(std::num::NonZero::get))
        .unwrap_or(1);
    let shown = folder.display().to_string();
    tokio::task::spawn_blocking(move || Embedder::load(&folder, threads)).await?.with_context(|| {
        format!("no embedding model at {shown}; `make run` fetches it, or set MODEL_DIR to where it lies")
    })
}

/// The models that the settings name.
pub(crate) fn models(config: &Config, sources: &Sources) -> anyhow::Result<ModelSet> {
    let (backend, names) = match &config.models.server {
        ModelServer::BuiltIn => return Ok(ModelSet::new(&ModelSettings::extractive(), sources)?),
        ModelServer::Ollama { base_url, names } => (Backend::Ollama { base_url: base_url.clone() }, names),
        ModelServer::OpenAiCompatible { base_url, api_key, names } => {
            let api_key = api_key.as_ref().map(|key| ApiKey::new(key.expose().to_owned()));
            (Backend::OpenAi { base_url: base_url.clone(), api_key }, names)
        }
    };
    let settings = ModelSettings {
        backend,
        light: names.light.clone(),
        standard: names.standard.clone(),
        heavy: names.heavy.clone(),
        patience: Patience { first_token: config.models.timeout, idle: config.models.timeout, ..Patience::default() },
    };
    ModelSet::new(&settings, sources).context("language models")
}

fn token_rules(config: &Config) -> anyhow::Result<TokenRules> {
    Ok(TokenRules::own(ChronoDuration::from_std(config.server.access_token_ttl)?))
}

/// The parser is this binary again, so that a document can only take its own process down.
fn parser() -> anyhow::Result<ParserProcess> {
    let program = std::env::current_exe().context("finding the own binary, to start parsers")?;
    Ok(ParserProcess::new(program, ["parse-worker"], millwright_documents::Limits::default()))
}
