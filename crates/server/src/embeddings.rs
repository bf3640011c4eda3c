//! What makes vectors: the model in process, and the one of the catalogue that is configured instead.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use millwright_config::Config;
use millwright_core::Sources;
use millwright_gateway::{Catalog, ServedEmbedder};
use millwright_governance::Governance;
use millwright_retrieval::embedding::{Embedder, EmbeddingModels, EmbeddingServer};
use millwright_store::{Store, StoreError, VectorIndexes, system::ModelState, tenant::VectorModel};

use crate::{database::Database, rerank::ByTenant};

/// Attempts to drop an index, a pause apart: each gives up in a moment, so that searches do not wait behind it.
const DROPS: usize = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// `millwright embeddings …`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum EmbeddingsCommand {
    /// Make the indexes of embedding models that are to serve, and drop those of models that do no more: with DATABASE_ADMIN_URL,
    /// for a database of your own, once `serve` has found a new EMBEDDING_MODEL and says that it waits.
    Prepare,
}

/// Loads the embedding model off the async threads.
pub(crate) async fn load(config: &Config) -> anyhow::Result<Embedder> {
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

/// All that can make vectors here. Connects to no server yet.
pub(crate) async fn models(
    config: &Config,
    sources: &Sources,
    store: &Store,
    catalog: &Catalog,
    governance: &Governance,
) -> anyhow::Result<EmbeddingModels> {
    let built_in = load(config).await?;
    let server = config.retrieval.embedding_model.as_ref().map(|name| {
        let masking = Arc::new(ByTenant(governance.clone()));
        let server = ServedEmbedder::new(catalog, name, sources.clone(), masking);
        server.with_context(|| format!("there is no embedding model `{name}`"))
    });
    let server = server.transpose()?.map(|server| Arc::new(server) as Arc<dyn EmbeddingServer>);
    EmbeddingModels::open(store.clone(), built_in, server).await.context("embedding models")
}

/// Makes and drops indexes.
pub(crate) async fn run(config: &Config, sources: &Sources, command: EmbeddingsCommand) -> anyhow::Result<ExitCode> {
    let EmbeddingsCommand::Prepare = command;
    let database = Database::open_beside(config, sources).await?;
    let done = prepare(&database).await;
    database.close().await;
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn prepare(database: &Database) -> anyhow::Result<()> {
    let indexes = database.indexes.as_ref().context(
        "DATABASE_ADMIN_URL is not set: indexes are made by the login that migrates. A private database that is being served \
         from needs nothing of this",
    )?;
    let mut tx = database.store.system().await?;
    let models = tx.embedding_models().list().await?;
    let in_vain = tx.embedding_models().list_indexed_in_vain().await?;
    drop(tx);
    for model in models.iter().filter(|model| model.state != ModelState::Retired && !model.indexed) {
        indexes.make(model.id, model.dimensions).await?;
        tracing::info!(model = model.name, dimensions = model.dimensions, "index made");
    }
    for model in in_vain {
        drop_index(indexes, model).await?;
        tracing::info!(%model, "index dropped");
    }
    Ok(())
}

async fn drop_index(indexes: &VectorIndexes, model: VectorModel) -> Result<(), StoreError> {
    for _ in 1..DROPS {
        match indexes.remove(model).await {
            Ok(()) => return Ok(()),
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, %model, "the index is in use"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    indexes.remove(model).await
}
