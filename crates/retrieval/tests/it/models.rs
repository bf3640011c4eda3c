//! Which model makes vectors, and what becomes of searches when another takes its place.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use millwright_core::{Classification, Label, TenantScope};
use millwright_retrieval::{
    RetrievalError,
    embedding::{EmbeddingModels, EmbeddingServer, NoVectors, ServedModel, Urgency},
    search::{DEFAULT_CANDIDATES, Degraded, SearchRequest, Searcher},
};
use millwright_store::tenant::{SearchFilter, UnembeddedChunk, VectorModel};

use crate::support::{BOOKKEEPING, PUMP_MANUAL, Plant, Site, embedder};

/// A model of the same size as the one in process, and of other vectors: those of MiniLM read backwards. It takes up to INTERNAL.
#[derive(Debug, Default)]
struct Backwards {
    fails: AtomicBool,
    /// Whether it has another model, of another size.
    another: AtomicBool,
    /// How often it was asked what it is.
    asked: AtomicUsize,
    texts: Mutex<Vec<String>>,
}

#[async_trait]
impl EmbeddingServer for Backwards {
    fn name(&self) -> &'static str {
        "backwards"
    }

    fn max_tokens(&self) -> usize {
        64
    }

    fn refusal(&self, label: &Label) -> Option<String> {
        (label.classification > Classification::Internal).then(|| "at most INTERNAL may go there".to_owned())
    }

    fn takes(&self) -> String {
        "up to INTERNAL".to_owned()
    }

    async fn identify(&self) -> Result<ServedModel, NoVectors> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.fails.load(Ordering::Relaxed) {
            return Err(NoVectors::Unavailable);
        }
        if self.another.load(Ordering::Relaxed) {
            return Ok(ServedModel { digest: "another".to_owned(), dimensions: 256 });
        }
        Ok(ServedModel { digest: "backwards".to_owned(), dimensions: 384 })
    }

    async fn embed(
        &self,
        _: &TenantScope,
        label: &Label,
        texts: Vec<String>,
        _: Urgency,
    ) -> Result<Vec<Vec<f32>>, NoVectors> {
        assert!(self.refusal(label).is_none(), "it was given {label:?}");
        if self.fails.load(Ordering::Relaxed) {
            return Err(NoVectors::Unavailable);
        }
        self.texts.lock().unwrap().extend(texts.clone());
        let vectors = embedder().embed_batch(texts).await.map_err(|_| NoVectors::Unavailable)?;
        let size = if self.another.load(Ordering::Relaxed) { 256 } else { 384 };
        Ok(vectors.into_iter().map(|vector| vector.into_iter().rev().take(size).collect()).collect())
    }
}

/// Makes the vectors of all chunks that lack them, and has the model serve.
async fn build(plant: &Plant, site: &Site, models: &EmbeddingModels) -> VectorModel {
    let standing = models.want_configured(plant.sources.now()).await.unwrap();
    let building = standing.building.clone().unwrap();
    let label = Label::of(Classification::Internal);
    let mut tx = plant.database.store.tenant(&site.scope).begin().await.unwrap();
    for version in tx.vectors().list_lacking(building.id, 10).await.unwrap() {
        let chunks = tx.vectors().list_unembedded(version.id, building.id, &[], 100).await.unwrap();
        let vectors = models.embed_chunks(&site.scope, &label, &building, chunks).await.unwrap();
        assert!(tx.vectors().add(version.document_id, version.id, building.id, &vectors).await.unwrap());
        tx.vectors().set_gone_through(version.id, building.id, false).await.unwrap();
    }
    tx.commit(BOOKKEEPING).await.unwrap();
    let mut tx = plant.database.store.system().await.unwrap();
    assert!(tx.embedding_models().serve(building.id, plant.sources.now()).await.unwrap());
    tx.commit().await.unwrap();
    building.id
}

#[tokio::test]
async fn a_search_of_a_process_that_has_not_heard_of_the_swap_embeds_again() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "pump.md", PUMP_MANUAL).await;
    let server = Arc::new(Backwards::default());
    let models =
        EmbeddingModels::open(plant.database.store.clone(), embedder(), Some(Arc::clone(&server) as _)).await.unwrap();
    let searcher =
        Searcher::new(plant.database.store.clone(), models.clone(), plant.keyword.clone(), DEFAULT_CANDIDATES);
    let reader = plant.reader(&site).await;
    let search = async |label: Label| {
        let request = SearchRequest {
            query: "how is the shaft seal exchanged".to_owned(),
            limit: 5,
            filter: SearchFilter::default(),
            label,
            account: None,
        };
        searcher.search(&site.scope, &reader, request).await.unwrap()
    };
    let before = search(Label::LOWEST).await;
    assert!(server.texts.lock().unwrap().is_empty() && before.degraded.is_none(), "the one in process serves");
    let second = build(&plant, &site, &models).await;
    assert_eq!(models.standing().serving.id, VectorModel::FIRST, "nobody told this process");
    let after = search(Label::LOWEST).await;
    assert_eq!(after.degraded, None);
    assert_eq!(models.standing().serving.id, second, "it heard by itself");
    assert_eq!(server.texts.lock().unwrap().last().unwrap(), "how is the shaft seal exchanged");
    // Read backwards, vectors are as near to each other as before: what was found is the same.
    let found = |outcome: &millwright_retrieval::search::SearchOutcome| {
        outcome.passages.iter().map(|passage| passage.chunk_id).collect::<Vec<_>>()
    };
    assert!(after.passages[0].similarity.unwrap() > 0.3, "{:?}", after.passages[0].similarity);
    assert_eq!(found(&after)[0], found(&before)[0]);

    // What may not go there is searched for by keywords, and so is everything while it does not answer.
    let asked = server.texts.lock().unwrap().len();
    let secret = search(Label::of(Classification::Restricted)).await;
    assert_eq!((secret.degraded, secret.passages.is_empty()), (Some(Degraded::VectorsFailed), false));
    server.fails.store(true, Ordering::Relaxed);
    let remembered = search(Label::LOWEST).await;
    assert_eq!(remembered.degraded, None, "the question was asked before");
    assert_eq!(server.texts.lock().unwrap().len(), asked);
    let request = SearchRequest {
        query: "what lubricates the bearings".to_owned(),
        limit: 5,
        filter: SearchFilter::default(),
        label: Label::LOWEST,
        account: None,
    };
    let alone = searcher.search(&site.scope, &reader, request).await.unwrap();
    assert_eq!((alone.degraded, alone.passages.is_empty()), (Some(Degraded::VectorsFailed), false));

    // A process without that server searches by keywords too, and says so.
    let outcome = plant.search(&site, "what lubricates the bearings").await;
    assert_eq!((outcome.degraded, outcome.passages.is_empty()), (Some(Degraded::VectorsFailed), false));
    plant.database.drop().await;
}

#[tokio::test]
async fn a_model_is_wanted_once_and_again_only_when_its_server_has_another() {
    let plant = Plant::new().await;
    let store = plant.database.store.clone();
    let server = Arc::new(Backwards::default());
    server.fails.store(true, Ordering::Relaxed);
    let models = EmbeddingModels::open(store.clone(), embedder(), Some(Arc::clone(&server) as _)).await.unwrap();
    let now = plant.sources.now();
    assert!(matches!(models.want_configured(now).await, Err(RetrievalError::Server(NoVectors::Unavailable))));
    assert_eq!(models.standing().building, None);
    server.fails.store(false, Ordering::Relaxed);
    let building = models.want_configured(now).await.unwrap().building.clone().unwrap();
    assert_eq!((building.name.as_str(), building.dimensions), ("backwards", 384));
    // Another process is configured to have none: it gives the model up, and this one does not insist.
    let other = EmbeddingModels::open(store, embedder(), None).await.unwrap();
    assert_eq!(other.want_configured(now).await.unwrap().building, None);
    assert_eq!(models.want_configured(now).await.unwrap().building, None);
    let label = Label::of(Classification::Internal);
    let none = models.embed_chunks(&plant.site("A").await.scope, &label, &building, vec![]).await.unwrap();
    assert!(none.is_empty());
    plant.database.drop().await;
}

#[tokio::test]
async fn another_model_behind_the_name_for_a_while_counts_against_no_text_and_nothing_of_it_is_remembered() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    let server = Arc::new(Backwards::default());
    let models =
        EmbeddingModels::open(plant.database.store.clone(), embedder(), Some(Arc::clone(&server) as _)).await.unwrap();
    build(&plant, &site, &models).await;
    let serving = models.refresh().await.unwrap().serving.clone();
    models.confirm(&serving).await.unwrap();
    let unavailable = |error: Option<RetrievalError>| {
        assert!(matches!(error, Some(RetrievalError::Server(NoVectors::Unavailable))), "{error:?}");
    };
    let question = async || models.embed_query(&site.scope, &Label::LOWEST, "what lubricates the bearings").await;
    server.another.store(true, Ordering::Relaxed);
    let text = "Grease the bearings every 500 hours.".to_owned();
    let chunk = UnembeddedChunk { id: plant.sources.new_id(), heading_path: Vec::new(), text };
    unavailable(models.embed_chunks(&site.scope, &Label::LOWEST, &serving, vec![chunk]).await.err());
    unavailable(question().await.err());
    server.another.store(false, Ordering::Relaxed);
    assert_eq!(question().await.unwrap().vector.len(), 384);
    server.another.store(true, Ordering::Relaxed);
    unavailable(models.confirm(&serving).await.err());
    plant.database.drop().await;
}

#[tokio::test]
async fn whether_a_process_is_ready_is_told_without_asking_the_server() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    let server = Arc::new(Backwards::default());
    let models =
        EmbeddingModels::open(plant.database.store.clone(), embedder(), Some(Arc::clone(&server) as _)).await.unwrap();
    build(&plant, &site, &models).await;
    models.refresh().await.unwrap();
    let asked = server.asked.load(Ordering::Relaxed);
    models.probe().await.unwrap();
    server.fails.store(true, Ordering::Relaxed);
    models.probe().await.unwrap();
    assert_eq!(server.asked.load(Ordering::Relaxed), asked);
    assert!(models.want_configured(plant.sources.now()).await.is_err());
    assert!(matches!(models.probe().await, Err(RetrievalError::Server(NoVectors::Unavailable))));
    server.fails.store(false, Ordering::Relaxed);
    models.want_configured(plant.sources.now()).await.unwrap();
    models.probe().await.unwrap();
    plant.database.drop().await;
}

#[tokio::test]
async fn ingestion_makes_vectors_of_both_models_and_waits_for_no_server() {
    let mut plant = Plant::new().await;
    let server = Arc::new(Backwards::default());
    let models =
        EmbeddingModels::open(plant.database.store.clone(), embedder(), Some(Arc::clone(&server) as _)).await.unwrap();
    models.want_configured(plant.sources.now()).await.unwrap();
    plant.ingestor = plant.ingestor_with(models.clone());
    let site = plant.site("A").await;
    plant.add(&site, "pump.md", PUMP_MANUAL).await;
    let by_model = "SELECT count(DISTINCT chunk_id) FROM chunk_vectors WHERE model_id = ";
    let chunks = plant.count("SELECT count(*) FROM chunks").await;
    assert_eq!(plant.count(&format!("{by_model}1")).await, chunks);
    assert_eq!(plant.count(&format!("{by_model}2")).await, chunks);
    assert_eq!(plant.count("SELECT min(vectors_by) FROM document_versions").await, 2, "it lacks nothing");
    // The server reads less at once: more windows.
    assert!(
        plant.count("SELECT count(*) FROM chunk_vectors WHERE model_id = 2").await
            > plant.count("SELECT count(*) FROM chunk_vectors WHERE model_id = 1").await
    );
    server.fails.store(true, Ordering::Relaxed);
    plant.add(&site, "valve.md", &PUMP_MANUAL.replace("pump", "valve")).await;
    assert_eq!(plant.count("SELECT min(vectors_by) FROM document_versions").await, 1, "of the one that serves");
    plant.database.drop().await;
}
