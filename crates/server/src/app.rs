//! The part list: settings become parts, parts become the state that handlers share.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use chrono::Duration as ChronoDuration;
use millwright_agents::{Completions, CompletionsParts, Runner, RunnerParts, goal::Goals};
use millwright_api::{AppParts, AppState, Limits};
use millwright_audit::AuditKey;
use millwright_auth::{DevTokenVerifier, TokenVerifier};
use millwright_budgets::{Ledger, ReservationSweeper};
use millwright_config::{Config, RateLimit, RetentionConfig};
use millwright_core::Sources;
use millwright_documents::{ChunkSettings, ParserProcess, Recognizer};
use millwright_gateway::{Gateway, GatewayParts};
use millwright_governance::{Governance, GovernanceParts};
use millwright_identity::{Identity, IdentityParts, RevocationFollower, SessionRules};
use millwright_limits::{Backend as LimitBackend, LimitSettings, Quota, RateLimiter, StreamSlots};
use millwright_mcp::AllowedOrigins;
use millwright_oidc::{Provider, Providers};
use millwright_policy::decision::PolicyFile;
use millwright_retrieval::{
    embedding::{Embedder, EmbeddingModels},
    follower::{FollowerHandle, IndexFollower},
    ingest::Ingestor,
    keyword::KeywordIndexes,
    reranker::Reranker,
    search::Searcher,
};
use millwright_store::Store;
use millwright_telemetry::Metrics;
use millwright_workers::{
    AuditSealer, Calendar, JobRunner, JobRunnerSettings, KeptFor, MemorySweeper, RetentionKeeper, RunReaper,
    VectorKeeper,
    folders::{FolderWatcher, WatchSettings},
    ingest::IngestHandler,
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{database::Database, embeddings, health, models};

/// Everything that runs, and what it takes to stop it.
pub(crate) struct App {
    pub(crate) state: AppState,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// To be drained last.
    pub(crate) ledger: Ledger,
}

/// Puts the parts together and starts what runs beside requests.
pub(crate) async fn start(
    config: &Config,
    sources: &Sources,
    metrics: Metrics,
    database: &Database,
    public_url: String,
) -> anyhow::Result<App> {
    let store = database.store.clone();
    let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
    let secret = config.secret_key(sources)?;
    let key = Arc::new(AuditKey::derive(secret.expose().as_bytes())?);
    let keyword = KeywordIndexes::new(config.storage.data_dir.join("keyword"));
    let (follower, indexed) = IndexFollower::new(store.clone(), keyword.clone());
    let (policy_file, policy_text) = crate::policy::load(config)?;
    let governance = governance(&store, sources, secret.expose(), policy_text)?;
    let jobs_wake = Arc::new(Notify::new());
    let ledger = Ledger::new(store.clone(), sources.clone());
    let gateway = gateway(config, sources, &policy_file, &ledger, &key)?;
    let reranker = crate::rerank::reranker(config, &policy_file, &governance, (&gateway, sources, &store, &key))
        .context("the reranker")?;
    let embeddings = embeddings::models(config, sources, &store, gateway.catalog(), &governance).await?;
    let searcher = searcher(config, &store, &embeddings, keyword, reranker);
    let parts = RunnerParts {
        store: store.clone(),
        sources: sources.clone(),
        audit_key: Arc::clone(&key),
        searcher: searcher.clone(),
        gateway: gateway.clone(),
        quotes_where_refused: config.models.quotes_where_refused,
        governance: governance.clone(),
        outside: AllowedOrigins::new(&config.mcp.allowed_origins),
        tracker: tracker.clone(),
        stop: stop.clone(),
    };
    let completions = completions(&parts, embeddings.built_in().clone(), config.gateway.cache);
    let runner = Runner::new(parts);
    let goals = Goals::new(runner.clone(), completions.clone());
    let identity = Arc::new(identity(config, sources, secret.expose(), &store, &key, public_url, &tracker)?);
    let limiter = Arc::new(rate_limiter(config, secret.expose())?);
    let (probe, catalog) = (database.probe(), gateway.catalog().clone());
    let readiness = health::readiness(store.clone(), probe, embeddings.clone(), catalog, indexed.clone());
    let state = AppState::new(AppParts {
        store: store.clone(),
        sources: sources.clone(),
        audit_key: Arc::clone(&key),
        identity: Arc::clone(&identity),
        limiter: Arc::clone(&limiter),
        streams: StreamSlots::new(config.limits.max_streams_per_user),
        searcher: Arc::new(searcher),
        embeddings: embeddings.clone(),
        governance,
        ledger: ledger.clone(),
        runner: Arc::new(runner.clone()),
        goals: goals.clone(),
        completions,
        jobs_wake: Arc::clone(&jobs_wake),
        readiness,
        metrics: metrics.clone(),
        limits: limits(config),
        watch: watch(config),
        tracker: tracker.clone(),
        stop: stop.clone(),
    });
    let reads = (parser(config), chunks(config));
    let ingestor = Ingestor::new(store.clone(), embeddings.clone(), indexed.clone(), reads.0, sources.clone(), reads.1);
    let keeper = VectorKeeper::new(store.clone(), embeddings, sources.clone(), database.own_indexes());
    follow((&tracker, &stop), keeper, revocations(&store, sources, &identity), limiter, ledger.clone());
    let (watch, sources, kept_for) = (watch(config), sources.clone(), kept_for(config, &policy_file));
    let workers = Workers {
        runner,
        goals,
        store,
        sources,
        key,
        follower,
        ingestor,
        jobs_wake,
        indexed,
        metrics,
        watch,
        kept_for,
    };
    workers.start(&tracker, &stop);
    Ok(App { state, tracker, stop, ledger })
}

/// What hears of sessions that have ended elsewhere.
fn revocations(store: &Store, sources: &Sources, identity: &Identity) -> RevocationFollower {
    let token_life = identity.rules().access + ChronoDuration::seconds(TokenVerifier::SKEW_SECONDS);
    RevocationFollower::new(store.clone(), sources.clone(), identity.revocations(), token_life)
}

/// Starts what keeps this process in step with the others.
fn follow(
    (tracker, stop): (&TaskTracker, &CancellationToken),
    keeper: VectorKeeper,
    revocations: RevocationFollower,
    limiter: Arc<RateLimiter>,
    ledger: Ledger,
) {
    let token = stop.clone();
    tracker.spawn(async move { keeper.run(token).await });
    let token = stop.clone();
    tracker.spawn(async move { revocations.run(token).await });
    let token = stop.clone();
    tracker.spawn(async move { limiter.run(token).await });
    let token = stop.clone();
    tracker.spawn(async move { ledger.run(token).await });
}

/// What tenants chose, over the installation's policy file.
pub(crate) fn governance(
    store: &Store,
    sources: &Sources,
    secret_key: &str,
    policy_file: String,
) -> anyhow::Result<Governance> {
    let (store, sources) = (store.clone(), sources.clone());
    Ok(Governance::new(GovernanceParts { store, sources, secret_key: secret_key.as_bytes().to_vec(), policy_file })?)
}

/// The models, and what stands between them and whoever asks.
pub(crate) fn gateway(
    config: &Config,
    sources: &Sources,
    policy_file: &PolicyFile,
    ledger: &Ledger,
    key: &Arc<AuditKey>,
) -> anyhow::Result<Gateway> {
    Ok(Gateway::new(GatewayParts {
        catalog: models::catalog(config, sources, policy_file).context("language models")?,
        ledger: ledger.clone(),
        audit_key: Arc::clone(key),
        sources: sources.clone(),
        equal_requests_per_minute: config.gateway.equal_requests_per_minute,
        within: models::within(config, |timeouts| timeouts.first_token),
        whole_within: models::within(config, |timeouts| timeouts.total),
    }))
}

fn searcher(
    config: &Config,
    store: &Store,
    embeddings: &EmbeddingModels,
    keyword: KeywordIndexes,
    reranker: Option<Arc<dyn Reranker>>,
) -> Searcher {
    let searcher = Searcher::new(store.clone(), embeddings.clone(), keyword, config.retrieval.vector_top_k);
    searcher.with_reranker(reranker)
}

/// Calls of models by programs, with what runs of agents work with.
fn completions(parts: &RunnerParts, embedder: Embedder, cache: Option<(u64, Duration)>) -> Completions {
    Completions::new(CompletionsParts {
        store: parts.store.clone(),
        gateway: parts.gateway.clone(),
        governance: parts.governance.clone(),
        audit_key: Arc::clone(&parts.audit_key),
        sources: parts.sources.clone(),
        embedder,
        cache,
    })
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_upload_bytes: usize::try_from(config.server.max_upload_bytes).unwrap_or(usize::MAX),
        documents_waiting: config.server.documents_waiting,
        request_timeout: config.server.request_timeout,
        cors_allowed_origins: config.server.cors_allowed_origins.clone(),
    }
}

/// Which folders may be watched, and how much of them.
fn watch(config: &Config) -> WatchSettings {
    WatchSettings {
        root: config.storage.watch_root.clone(),
        max_file_bytes: usize::try_from(config.server.max_upload_bytes).unwrap_or(usize::MAX),
        documents_waiting: config.server.documents_waiting,
    }
}

/// How long things are kept.
fn kept_for(config: &Config, policy_file: &PolicyFile) -> KeptFor {
    let RetentionConfig { deleted_days, run_events_days, run_records_days } = config.retention;
    KeptFor {
        deleted: deleted_days,
        run_events: run_events_days,
        run_records: run_records_days,
        decisions: policy_file.monitoring.decision_retention_days,
    }
}

/// How large chunks are.
pub(crate) fn chunks(config: &Config) -> ChunkSettings {
    ChunkSettings {
        size_tokens: config.retrieval.chunk_size_tokens,
        overlap_tokens: config.retrieval.chunk_overlap_tokens,
    }
}

/// What runs beside requests.
struct Workers {
    runner: Runner,
    goals: Goals,
    store: Store,
    sources: Sources,
    key: Arc<AuditKey>,
    follower: IndexFollower,
    ingestor: Ingestor,
    jobs_wake: Arc<Notify>,
    indexed: FollowerHandle,
    metrics: Metrics,
    watch: WatchSettings,
    kept_for: KeptFor,
}

impl Workers {
    fn start(self, tracker: &TaskTracker, stop: &CancellationToken) {
        let sealer = AuditSealer::new(self.store.clone(), self.sources.clone(), Arc::clone(&self.key));
        let evaluations = self.runner.evaluations();
        let reaper = RunReaper::new(self.runner, self.store.clone(), self.sources.clone(), Arc::clone(&self.key));
        let calendar =
            Calendar::new(self.store.clone(), self.sources.clone(), Arc::clone(&self.key), self.indexed.clone());
        let memories = MemorySweeper::new(self.store.clone(), self.sources.clone(), Arc::clone(&self.key));
        let retention =
            RetentionKeeper::new(self.store.clone(), self.sources.clone(), Arc::clone(&self.key), self.kept_for);
        let sweeper = ReservationSweeper::new(self.store.clone(), self.sources.clone());
        let handler =
            IngestHandler::new(self.store.clone(), self.ingestor, self.sources.clone(), Arc::clone(&self.key));
        let watcher = Arc::new(FolderWatcher::new(
            self.store.clone(),
            self.sources.clone(),
            Arc::clone(&self.key),
            self.watch,
            Arc::clone(&self.jobs_wake),
        ));
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
        tracker.spawn(async move { evaluations.run(token).await });
        let token = stop.clone();
        tracker.spawn(async move { reaper.run(token).await });
        let (token, goals) = (stop.clone(), self.goals);
        tracker.spawn(async move { goals.run(token).await });
        let token = stop.clone();
        tracker.spawn(async move { sweeper.run(token).await });
        let token = stop.clone();
        tracker.spawn(async move { memories.run(token).await });
        let token = stop.clone();
        tracker.spawn(async move { retention.run(token).await });
        let token = stop.clone();
        tracker.spawn(async move { calendar.run(token).await });
        tracker.spawn(jobs.run(tracker.clone(), stop.clone()));
        tracker.spawn(watcher.run(tracker.clone(), stop.clone()));
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

fn identity(
    config: &Config,
    sources: &Sources,
    secret: &str,
    store: &Store,
    key: &Arc<AuditKey>,
    public_url: String,
    tracker: &TaskTracker,
) -> anyhow::Result<Identity> {
    let providers = config.identity.providers.iter();
    let providers = providers.map(|settings| Provider::new(settings.clone(), tracker.clone()));
    let dev_tokens = config.identity.dev_jwt_secret.as_ref().map(|secret| {
        let audience = config.identity.providers.first().and_then(|provider| provider.audience.clone());
        DevTokenVerifier::new(secret.expose().as_bytes(), audience.unwrap_or_else(|| "millwright-api".to_owned()))
    });
    let parts = IdentityParts {
        store: store.clone(),
        sources: sources.clone(),
        audit_key: Arc::clone(key),
        secret_key: secret.as_bytes().to_vec(),
        rules: SessionRules {
            access: ChronoDuration::from_std(config.server.access_token_ttl)?,
            longest: ChronoDuration::from_std(config.server.session_ttl)?,
        },
        providers: Providers::new(providers.collect::<Result<Vec<_>, _>>().context("identity providers")?),
        dev_tokens: dev_tokens.transpose()?,
        public_url,
    };
    Ok(Identity::new(parts)?)
}

fn rate_limiter(config: &Config, secret: &str) -> anyhow::Result<RateLimiter> {
    let quota = |limit: &RateLimit| Quota::new(limit.per_minute, limit.burst);
    let limits = &config.limits;
    let settings = LimitSettings {
        address: quota(&limits.address),
        user: quota(&limits.user),
        tenant: quota(&limits.tenant),
        sign_in: quota(&limits.sign_in),
        step_up: quota(&limits.step_up),
        approval: quota(&limits.approval),
    };
    let backend = match &limits.redis_url {
        Some(url) => LimitBackend::Redis { url: url.expose().to_owned().into() },
        None => LimitBackend::Local,
    };
    RateLimiter::new(settings, secret.as_bytes(), backend).context("rate limits")
}

/// The parser is this binary again, so that a document can only take its own process down.
fn parser(config: &Config) -> ParserProcess {
    // Not `current_exe`: an upgrade that puts another file in its place must not end parsing, nor begin to parse with a
    // version that speaks otherwise.
    let program = std::path::PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    let parser = ParserProcess::new(program, ["parse-worker"], millwright_documents::Limits::default());
    if config.retrieval.ocr_languages.is_empty() {
        return parser;
    }
    match Recognizer::find(&config.retrieval.ocr_languages) {
        Ok(recognizer) => {
            tracing::info!(by = recognizer.version(), languages = recognizer.languages(), "scanned pages are read");
            parser.with_recognizer(Some(recognizer))
        }
        Err(missing) => {
            tracing::info!(reason = %missing, "scanned pages are not read");
            parser
        }
    }
}
