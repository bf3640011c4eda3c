//! How each part is: for `/health/ready` and for `doctor`.

use std::{sync::Arc, time::Duration};

use futures::future::{BoxFuture, FutureExt};
use millwright_api::{HealthCheck, HealthStatus, Readiness};
use millwright_llm::ModelSet;
use millwright_retrieval::{embedding::Embedder, follower::FollowerHandle};
use millwright_store::Store;

/// Whether a database of our own runs; always true for one that is not ours.
pub(crate) type DatabaseProbe = Arc<dyn Fn() -> bool + Send + Sync>;

/// A probe must answer before the prober gives up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keyword answers older than this are called behind; the follower looks five times a second.
const ACCEPTED_LAG: Duration = Duration::from_secs(5);

pub(crate) fn readiness(
    store: Store,
    is_up: DatabaseProbe,
    embedder: Embedder,
    models: Arc<ModelSet>,
    indexed: FollowerHandle,
) -> Readiness {
    Arc::new(move || -> BoxFuture<'static, Vec<HealthCheck>> {
        let (store, is_up, embedder) = (store.clone(), Arc::clone(&is_up), embedder.clone());
        let (models, indexed) = (Arc::clone(&models), indexed.clone());
        async move {
            let (database, embedding, mut models) =
                tokio::join!(database(&store, &is_up), embedding(&embedder), language_models(&models));
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

async fn embedding(embedder: &Embedder) -> HealthCheck {
    match tokio::time::timeout(PATIENCE, embedder.embed_query("ready")).await {
        Ok(Ok(_)) => check("embedding model", HealthStatus::Ready, "all-MiniLM-L6-v2, in process"),
        Ok(Err(_)) => check("embedding model", HealthStatus::Degraded, "fails; search goes by keywords alone"),
        Err(_) => check("embedding model", HealthStatus::Degraded, "busy with documents"),
    }
}

/// A language model that is down degrades: search and documents go on without it.
pub(crate) async fn language_models(models: &ModelSet) -> Vec<HealthCheck> {
    let checks = models.distinct().into_iter().map(|model| async move {
        match tokio::time::timeout(PATIENCE, model.check()).await {
            Ok(Ok(detail)) => check("language model", HealthStatus::Ready, detail),
            Ok(Err(error)) => {
                let mut check = check("language model", HealthStatus::Degraded, error.to_string());
                check.remedy =
                    Some("start the model server, or correct OLLAMA_BASE_URL, LLM_BASE_URL or LLM_MODEL_*".into());
                check
            }
            Err(_) => check("language model", HealthStatus::Degraded, "does not answer in time"),
        }
    });
    futures::future::join_all(checks).await
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
