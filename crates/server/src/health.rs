//! How each part is: for `/health/ready` and for `doctor`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::{BoxFuture, FutureExt};
use millwright_api::{HealthCheck, HealthStatus, Readiness};
use millwright_core::Allowed;
use millwright_gateway::{Catalog, EndpointFinding, ExpectedModel};
use millwright_llm::{LlmError, provider::ProviderKind};
use millwright_retrieval::{embedding::EmbeddingModels, follower::FollowerHandle};
use millwright_store::{Store, StoreError, system::EmbeddingModelRow, tenant::VectorModel};
use tokio::sync::Mutex;

/// Whether a database of our own runs; always true for one that is not ours.
pub(crate) type DatabaseProbe = Arc<dyn Fn() -> bool + Send + Sync>;

/// A probe must answer before the prober gives up.
const PATIENCE: Duration = Duration::from_secs(2);

/// How old a count of vectors may be: it goes through all versions, and anybody may ask for readiness.
const COUNT_AGAIN: Duration = Duration::from_secs(10);

/// Keyword answers older than this are called behind; the follower looks five times a second.
const ACCEPTED_LAG: Duration = Duration::from_secs(5);

pub(crate) fn readiness(
    store: Store,
    is_up: DatabaseProbe,
    embeddings: EmbeddingModels,
    models: Catalog,
    indexed: FollowerHandle,
) -> Readiness {
    let built = Built::default();
    Arc::new(move || -> BoxFuture<'static, Vec<HealthCheck>> {
        let (store, is_up, embeddings) = (store.clone(), Arc::clone(&is_up), embeddings.clone());
        let (models, indexed, built) = (models.clone(), indexed.clone(), built.clone());
        async move {
            let (database, embedding, mut models) = tokio::join!(
                database(&store, &is_up),
                embedding(&store, &embeddings, &built),
                soon(language_models(&models))
            );
            let mut checks = vec![database, embedding];
            checks.append(&mut models);
            checks.push(index(&indexed));
            checks
        }
        .boxed()
    })
}

fn check(name: &'static str, status: HealthStatus, detail: impl Into<String>) -> HealthCheck {
    HealthCheck { name, status, detail: detail.into(), remedy: None }
}

async fn database(store: &Store, is_up: &DatabaseProbe) -> HealthCheck {
    if !is_up() {
        let mut check = check("database", HealthStatus::Unavailable, "the private PostgreSQL is being started again");
        check.remedy = Some("wait; if it does not come back, its log lies in the data folder".to_owned());
        return check;
    }
    if let Ok(Ok(())) = tokio::time::timeout(PATIENCE, store.ping()).await {
        return check("database", HealthStatus::Ready, "answers");
    }
    let mut check = check("database", HealthStatus::Unavailable, "does not answer");
    check.remedy = Some("see that PostgreSQL runs and that DATABASE_URL is right".to_owned());
    check
}

async fn embedding(store: &Store, embeddings: &EmbeddingModels, built: &Built) -> HealthCheck {
    let standing = embeddings.standing();
    let serving = &standing.serving;
    let probed = tokio::time::timeout(PATIENCE, embeddings.probe()).await;
    let mut found = match probed {
        Ok(Ok(())) if embeddings.serves_in_process() => {
            check("embedding model", HealthStatus::Ready, format!("{}, in process", serving.name))
        }
        Ok(Ok(())) => check("embedding model", HealthStatus::Ready, format!("{}, on its server", serving.name)),
        Ok(Err(error)) => {
            let detail = format!("{}: {error}; search goes by keywords alone", serving.name);
            check("embedding model", HealthStatus::Degraded, detail)
        }
        Err(_) => check("embedding model", HealthStatus::Degraded, "busy with documents"),
    };
    if let Some(building) = &standing.building {
        let progress = built.of(store, building).await;
        found.detail = format!("{}; vectors of {} are being made: {progress}", found.detail, building.name);
        if !building.indexed {
            found.remedy =
                Some("run `millwright embeddings prepare` with DATABASE_ADMIN_URL if that stays so".to_owned());
        }
    } else if let Some(server) = embeddings.server().filter(|server| server.name() != serving.name) {
        found.status = HealthStatus::Degraded;
        found.detail = format!("{}; the server of {} was not reached yet", found.detail, server.name());
    }
    found
}

/// How far a model's vectors are made, in per cent, as last counted.
#[derive(Clone, Default)]
struct Built(Arc<Mutex<Option<(VectorModel, Instant, i64)>>>);

impl Built {
    async fn of(&self, store: &Store, model: &EmbeddingModelRow) -> String {
        if !model.indexed {
            return "their index is not there yet".to_owned();
        }
        match tokio::time::timeout(PATIENCE, self.percent(store, model.id)).await {
            Ok(Ok(percent)) => format!("{percent} %"),
            _ => "the database does not say how far".to_owned(),
        }
    }

    async fn percent(&self, store: &Store, model: VectorModel) -> Result<i64, StoreError> {
        // Held while it is counted: who asks meanwhile waits for the same figure.
        let mut last = self.0.lock().await;
        if let Some((of, at, percent)) = *last
            && of == model
            && at.elapsed() < COUNT_AGAIN
        {
            return Ok(percent);
        }
        let (done, total) = store.system().await?.embedding_models().progress(model).await?;
        let percent = done * 100 / total.max(1);
        *last = Some((model, Instant::now(), percent));
        Ok(percent)
    }
}

/// A probe must answer before the prober gives up, whatever model servers do.
async fn soon(checks: impl Future<Output = Vec<HealthCheck>>) -> Vec<HealthCheck> {
    let late = || vec![check("language model", HealthStatus::Degraded, "does not answer in time")];
    tokio::time::timeout(PATIENCE, checks).await.unwrap_or_else(|_| late())
}

/// A model server that is down degrades: search and documents go on without it.
pub(crate) async fn language_models(catalog: &Catalog) -> Vec<HealthCheck> {
    if !catalog.has_chat() {
        return vec![check(
            "language model",
            HealthStatus::Ready,
            "built in: quotes passages, is not a language model",
        )];
    }
    catalog.look().await.into_iter().flat_map(of_endpoint).collect()
}

fn of_endpoint(finding: EndpointFinding) -> Vec<HealthCheck> {
    let EndpointFinding { endpoint, kind, expected, found } = finding;
    match found {
        Ok(listed) => expected.iter().map(|model| of_model(&endpoint, kind, model, &listed)).collect(),
        Err(error) => {
            let remedy = match &error {
                LlmError::Rejected { status: 401 | 403, .. } => "correct its API key",
                LlmError::Rejected { status: 404, .. } => "correct its `url` and `provider`",
                _ => "start it, or correct its `url`",
            };
            let mut check = check("language model", HealthStatus::Degraded, format!("`{endpoint}`: {error}"));
            check.remedy = Some(format!("{remedy} (MODELS_FILE, or OLLAMA_BASE_URL and LLM_*)"));
            vec![check]
        }
    }
}

fn of_model(at: &str, kind: ProviderKind, model: &ExpectedModel, listed: &[String]) -> HealthCheck {
    let ExpectedModel { name, there, takes } = model;
    let may = match takes.export_control {
        Allowed::All => format!("may be given {} and export-controlled data", takes.classification),
        Allowed::Only(_) => format!("may be given {}", takes.classification),
    };
    if listed.iter().any(|listed| is_named(kind, listed, there)) {
        let detail = format!("`{name}` is served by `{at}` as `{there}`; {may}");
        return check("language model", HealthStatus::Ready, detail);
    }
    if kind == ProviderKind::Azure {
        // Lists what could be deployed, and not the names of what is.
        let detail = format!("`{name}`: `{at}` answers, and lists no deployments such as `{there}`; {may}");
        return check("language model", HealthStatus::Ready, detail);
    }
    let mut check =
        check("language model", HealthStatus::Degraded, format!("`{name}`: `{at}` does not list `{there}`"));
    check.remedy = Some(match kind {
        ProviderKind::Ollama => {
            format!("`ollama pull {there}` there, `millwright models pull` if it may, or correct the name")
        }
        _ => "load it there, or correct the name; a gateway need not list what it routes".to_owned(),
    });
    check
}

/// Whether a server means this model by a name in its list. Ollama says `:latest` where nothing was said.
pub(crate) fn is_named(kind: ProviderKind, listed: &str, there: &str) -> bool {
    listed == there || (kind == ProviderKind::Ollama && listed.strip_suffix(":latest") == Some(there))
}

fn index(indexed: &FollowerHandle) -> HealthCheck {
    let lag = indexed.lag();
    match lag.failure {
        Some(failure) => {
            let mut check = check("keyword index", HealthStatus::Degraded, failure);
            check.remedy = Some("see that the data folder is writable and has room".to_owned());
            check
        }
        None if !lag.started => check("keyword index", HealthStatus::Degraded, "being opened"),
        None if lag.behind_for > ACCEPTED_LAG => check(
            "keyword index",
            HealthStatus::Degraded,
            format!("{} tenants behind for {} s", lag.tenants_behind, lag.behind_for.as_secs()),
        ),
        None => check("keyword index", HealthStatus::Ready, "follows"),
    }
}
