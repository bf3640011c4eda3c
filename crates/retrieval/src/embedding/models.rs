use std::sync::{Arc, Mutex, PoisonError, RwLock};

use millwright_core::{Label, TenantScope};
use millwright_store::{
    Store, StoreError,
    system::{EmbeddingModelRow, FoundModel, ModelState},
    tenant::{NewVector, UnembeddedChunk, VectorModel},
};

use super::{DIMENSIONS, Embedder, EmbeddingServer, NAME, NoVectors, ServedModel, Urgency, cache::QueryCache};
use crate::{error::RetrievalError, ingest::texts_within};

/// A query's vector, and which model made it: vectors of no other may be compared with it.
#[derive(Debug, Clone)]
pub struct EmbeddedQuery {
    /// The model's number in the database.
    pub model: VectorModel,
    /// Length one.
    pub vector: Vec<f32>,
}

/// Which models there are vectors of, as this process last heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose vectors answer.
    pub serving: EmbeddingModelRow,
    /// Whose are being made.
    pub building: Option<EmbeddingModelRow>,
}

impl Standing {
    /// Both, the one that serves first.
    pub fn live(&self) -> impl Iterator<Item = &EmbeddingModelRow> {
        std::iter::once(&self.serving).chain(&self.building)
    }
}

/// The model in process, the server that is configured instead, and which of them serves. Cheap to clone.
///
/// Whatever serves, tokens are counted by the model in process. A process that cannot make vectors of the model that serves
/// searches by keywords.
#[derive(Clone)]
pub struct EmbeddingModels(Arc<Inner>);

struct Inner {
    store: Store,
    built_in: Embedder,
    server: Option<Served>,
    standing: RwLock<Arc<Standing>>,
    /// The digest that this process asked for.
    wanted: Mutex<Option<String>>,
}

struct Served {
    server: Arc<dyn EmbeddingServer>,
    /// What it was when it was last asked; `None` until it answered for the first time.
    model: RwLock<Option<ServedModel>>,
    /// Why it was no use when it was last asked.
    failure: Mutex<Option<NoVectors>>,
    /// Queries of each tenant, of that model.
    cache: Mutex<QueryCache>,
}

/// Who makes vectors of a model.
enum Maker<'m> {
    BuiltIn(&'m Embedder),
    Server(&'m Served),
}

impl std::fmt::Debug for EmbeddingModels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { built_in, server, .. } = &*self.0;
        let server = server.as_ref().map(|served| &served.server);
        f.debug_struct("EmbeddingModels").field("built_in", built_in).field("server", &server).finish_non_exhaustive()
    }
}

impl EmbeddingModels {
    /// The models of an installation: with a server, vectors shall be its model's. Reads which one serves.
    pub async fn open(
        store: Store,
        built_in: Embedder,
        server: Option<Arc<dyn EmbeddingServer>>,
    ) -> Result<Self, RetrievalError> {
        let mut tx = store.system().await?;
        tx.embedding_models().adopt(built_in.digest()).await?;
        tx.commit().await?;
        let standing = RwLock::new(Arc::new(read(&store).await?));
        let served =
            |server| Served { server, model: RwLock::default(), failure: Mutex::default(), cache: Mutex::default() };
        Ok(Self(Arc::new(Inner { store, built_in, server: server.map(served), standing, wanted: Mutex::default() })))
    }

    /// The model in process, which counts tokens whichever serves.
    pub fn built_in(&self) -> &Embedder {
        &self.0.built_in
    }

    /// The server, where one is configured.
    pub fn server(&self) -> Option<&dyn EmbeddingServer> {
        self.0.server.as_ref().map(|served| &*served.server)
    }

    /// Which models there are, as last heard.
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.0.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads anew which models there are.
    pub async fn refresh(&self) -> Result<Arc<Standing>, RetrievalError> {
        let standing = Arc::new(read(&self.0.store).await?);
        *self.0.standing.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&standing);
        Ok(standing)
    }

    /// Asks what model is configured here, and has it built where it does not serve: once, and again only when the server has
    /// another, so that processes of two configurations do not go on undoing each other's. Fails while its server does not answer.
    pub async fn want_configured(&self, now: chrono::DateTime<chrono::Utc>) -> Result<Arc<Standing>, RetrievalError> {
        let Inner { store, built_in, server, .. } = &*self.0;
        let (digest, name, dimensions) = match server {
            None => (built_in.digest().to_owned(), NAME, DIMENSIONS),
            Some(served) => {
                let model = served.identify().await?;
                (model.digest, served.server.name(), model.dimensions)
            }
        };
        let dimensions = i32::try_from(dimensions).map_err(|_| NoVectors::Unusable)?;
        if self.0.wanted.lock().unwrap_or_else(PoisonError::into_inner).as_ref() != Some(&digest) {
            let mut tx = store.system().await?;
            tx.embedding_models().want(FoundModel { digest: &digest, name, dimensions }, now).await?;
            tx.commit().await?;
            *self.0.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
        }
        self.refresh().await
    }

    /// Whether the model that serves is the one in process.
    pub fn serves_in_process(&self) -> bool {
        matches!(self.maker(&self.standing().serving), Ok(Maker::BuiltIn(_)))
    }

    /// Whether the model that serves makes vectors: of a server, whether it did when it was last asked what it is. Asks none, since
    /// anybody may ask whether this process is ready.
    pub async fn probe(&self) -> Result<(), RetrievalError> {
        match self.maker(&self.standing().serving)? {
            Maker::BuiltIn(embedder) => _ = embedder.embed_query("ready").await?,
            Maker::Server(served) => {
                let failure = *served.failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.map_or(Ok(()), Err)?;
            }
        }
        Ok(())
    }

    /// Whether the server of a model makes vectors of another text and is that model still: asked now. Only then do the texts of
    /// which it makes none stand out. Fails when it does not.
    pub async fn confirm(&self, model: &EmbeddingModelRow) -> Result<(), RetrievalError> {
        let Maker::Server(served) = self.maker(model)? else { return Ok(()) };
        let found = served.identify().await?;
        if model.digest.as_ref() == Some(&found.digest) { Ok(()) } else { Err(NoVectors::Unavailable.into()) }
    }

    /// Whether this process can make vectors of a model.
    pub fn can_make(&self, model: &EmbeddingModelRow) -> bool {
        self.maker(model).is_ok()
    }

    /// Why documents of this label have no vectors of a model, in words.
    pub fn refusal(&self, model: &EmbeddingModelRow, label: &Label) -> Option<String> {
        match self.maker(model) {
            Ok(Maker::Server(served)) => served.server.refusal(label),
            Ok(Maker::BuiltIn(_)) | Err(_) => None,
        }
    }

    /// All that the server of a model is given, in words; `None` for the model in process, which is given everything.
    pub fn takes(&self, model: &EmbeddingModelRow) -> Option<String> {
        match self.maker(model) {
            Ok(Maker::Server(served)) => Some(served.server.takes()),
            Ok(Maker::BuiltIn(_)) | Err(_) => None,
        }
    }

    /// The vector of a tenant's query, by the model that serves.
    pub async fn embed_query(
        &self,
        scope: &TenantScope,
        label: &Label,
        text: &str,
    ) -> Result<EmbeddedQuery, RetrievalError> {
        let standing = self.standing();
        let vector = match self.maker(&standing.serving)? {
            Maker::BuiltIn(embedder) => embedder.embed_query(text).await?,
            Maker::Server(served) => served.query(&standing.serving, scope, label, text).await?,
        };
        Ok(EmbeddedQuery { model: standing.serving.id, vector })
    }

    /// Vectors of all windows of a tenant's chunks, by this model.
    pub async fn embed_chunks(
        &self,
        scope: &TenantScope,
        label: &Label,
        model: &EmbeddingModelRow,
        chunks: Vec<UnembeddedChunk>,
    ) -> Result<Vec<NewVector>, RetrievalError> {
        let maker = self.maker(model)?;
        if self.refusal(model, label).is_some() {
            return Err(RetrievalError::NotReleased);
        }
        let max_tokens = match &maker {
            Maker::BuiltIn(embedder) => embedder.max_tokens(),
            Maker::Server(served) => served.server.max_tokens(),
        };
        let counting = self.0.built_in.clone();
        let cut = move || {
            let of_chunk = |chunk: &UnembeddedChunk| {
                let texts = texts_within(&counting, max_tokens, &chunk.heading_path, &chunk.text);
                let id = chunk.id;
                (0_i32..).zip(texts).map(move |(number, text)| ((id, number), text))
            };
            chunks.iter().flat_map(of_chunk).unzip::<_, _, Vec<_>, Vec<String>>()
        };
        let (places, texts) = tokio::task::spawn_blocking(cut).await?;
        let embeddings = match maker {
            Maker::BuiltIn(embedder) => embedder.embed_batch(texts).await?,
            Maker::Server(served) => served.bulk(model, scope, label, texts).await?,
        };
        let vectors = places.into_iter().zip(embeddings);
        Ok(vectors
            .map(|((chunk_id, window_number), embedding)| NewVector { chunk_id, window_number, embedding })
            .collect())
    }

    fn maker(&self, model: &EmbeddingModelRow) -> Result<Maker<'_>, RetrievalError> {
        let Inner { built_in, server, .. } = &*self.0;
        if model.digest.as_deref() == Some(built_in.digest()) {
            return Ok(Maker::BuiltIn(built_in));
        }
        let served = server.as_ref().filter(|served| served.is(model));
        served.map(Maker::Server).ok_or_else(|| RetrievalError::ModelAbsent { name: model.name.clone() })
    }
}

impl Served {
    fn is(&self, row: &EmbeddingModelRow) -> bool {
        let model = self.model.read().unwrap_or_else(PoisonError::into_inner);
        model.as_ref().is_some_and(|model| row.digest.as_ref() == Some(&model.digest))
    }

    /// Asks what it is, and remembers whether it answered.
    async fn identify(&self) -> Result<ServedModel, NoVectors> {
        let found = self.server.identify().await;
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = found.as_ref().err().copied();
        if let Ok(model) = &found {
            self.set(model);
        }
        found
    }

    fn set(&self, model: &ServedModel) {
        let mut known = self.model.write().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref() != Some(model) {
            *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = QueryCache::default();
            *known = Some(model.clone());
        }
    }

    async fn query(
        &self,
        model: &EmbeddingModelRow,
        scope: &TenantScope,
        label: &Label,
        text: &str,
    ) -> Result<Vec<f32>, RetrievalError> {
        // Before the cache: what was remembered for one label is not there for another.
        if self.server.refusal(label).is_some() {
            return Err(RetrievalError::NotReleased);
        }
        let digest = self.model.read().unwrap_or_else(PoisonError::into_inner).clone().map(|model| model.digest);
        let key = format!("{} {} {text}", scope.tenant_id(), digest.unwrap_or_default());
        if let Some(vector) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(vector);
        }
        let texts = vec![text.to_owned()];
        let vectors = self.server.embed(scope, label, texts, Urgency::Query).await?;
        // Before it is remembered: what another model made would be there still when this one is back.
        fits(model, &vectors, 1)?;
        let vector = vectors.into_iter().next().ok_or(NoVectors::Unavailable)?;
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(&key, &vector);
        Ok(vector)
    }

    async fn bulk(
        &self,
        model: &EmbeddingModelRow,
        scope: &TenantScope,
        label: &Label,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, RetrievalError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(super::MAX_BATCH) {
            let some = self.server.embed(scope, label, batch.to_vec(), Urgency::Bulk).await?;
            fits(model, &some, batch.len())?;
            vectors.extend(some);
        }
        Ok(vectors)
    }
}

/// A server that has another model by now must not mix its vectors with those of the one that is known. No text is the reason for
/// that: with its own model it takes them.
fn fits(model: &EmbeddingModelRow, vectors: &[Vec<f32>], texts: usize) -> Result<(), NoVectors> {
    let all = vectors.iter().all(|vector| i32::try_from(vector.len()) == Ok(model.dimensions));
    if all && vectors.len() == texts { Ok(()) } else { Err(NoVectors::Unavailable) }
}

async fn read(store: &Store) -> Result<Standing, RetrievalError> {
    let rows = store.system().await?.embedding_models().list().await?;
    let of = |state| rows.iter().find(|row| row.state == state).cloned();
    let serving = of(ModelState::Serving).ok_or(StoreError::NotFound("serving embedding model"))?;
    Ok(Standing { serving, building: of(ModelState::Building) })
}
