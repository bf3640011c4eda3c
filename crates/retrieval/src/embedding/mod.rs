//! Embeddings: in process by all-MiniLM-L6-v2 ([`Embedder`], by rten, on threads of its own), or by an [`EmbeddingServer`];
//! and which of them serves ([`EmbeddingModels`]).

mod cache;
mod engine;
mod models;
mod queue;
mod server;

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use self::{cache::QueryCache, engine::Engine, queue::Queues};
pub use self::{
    models::{EmbeddedQuery, EmbeddingModels, Standing},
    server::{EmbeddingServer, NoVectors, ServedModel, Urgency},
};
use crate::{analysis::plain_words, error::RetrievalError};

/// Name and size of the model in process.
pub(crate) const NAME: &str = "all-minilm-l6-v2";
/// Numbers in a vector of all-MiniLM-L6-v2.
pub const DIMENSIONS: usize = 384;

/// Texts inferred together. Larger batches only cost memory: at 16 texts of 200 tokens the
/// cores are already full.
pub(crate) const MAX_BATCH: usize = 16;

/// Turns text into vectors of length one. Cheap to clone; the threads end with the last clone.
///
/// No call blocks an async thread: inference runs on two threads of its own, one for queries and
/// one, at low priority, for bulk work.
#[derive(Clone)]
pub struct Embedder {
    engine: Arc<Engine>,
    queues: Arc<Queues>,
    cache: Arc<Mutex<QueryCache>>,
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedder").field("digest", &self.engine.digest).finish_non_exhaustive()
    }
}

impl Embedder {
    /// Loads `model.onnx` and `tokenizer.json` from `folder` and starts the inference threads
    /// with `threads` computing threads each. Blocks for some 100 ms.
    pub fn load(folder: &Path, threads: usize) -> Result<Self, RetrievalError> {
        let engine = Arc::new(Engine::load(folder)?);
        let queues = Queues::start(&engine, threads.max(1))
            .map_err(|error| RetrievalError::ModelLoad { folder: folder.to_owned(), source: error.into() })?;
        Ok(Self { engine, queues: Arc::new(queues), cache: Arc::new(Mutex::new(QueryCache::default())) })
    }

    /// The vector of a user's query, ahead of all bulk work. A query beyond [`Self::max_tokens`]
    /// is cut. Refuses with [`RetrievalError::Overloaded`] when hundreds already wait.
    pub async fn embed_query(&self, text: &str) -> Result<Vec<f32>, RetrievalError> {
        if let Some(vector) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(vector);
        }
        let vector = self.queues.query(text.to_owned()).await?;
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(text, &vector);
        Ok(vector)
    }

    /// The vectors of many texts, in their order. Whatever lies beyond [`Self::max_tokens`] does
    /// not count, so give it windows that fit. Waits while other bulk work is queued.
    pub async fn embed_batch(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, RetrievalError> {
        let engine = Arc::clone(&self.engine);
        let tokenise = move || texts.iter().map(|text| engine.model_tokens(text)).collect::<Result<Vec<_>, _>>();
        let mut tokens: Vec<Option<Vec<i32>>> =
            tokio::task::spawn_blocking(tokenise).await??.into_iter().map(Some).collect();
        // Like lengths together: a batch costs as much as its longest member for each.
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|index| tokens[*index].as_ref().map_or(0, Vec::len));
        let mut vectors = vec![Vec::new(); tokens.len()];
        for indexes in order.chunks(MAX_BATCH) {
            let batch = indexes.iter().map(|index| tokens[*index].take().unwrap_or_default()).collect();
            for (index, vector) in indexes.iter().zip(self.queues.bulk(batch).await?) {
                vectors[*index] = vector;
            }
        }
        Ok(vectors)
    }

    /// How many tokens the model would read for `text`, the two specials included, uncut. Pure
    /// computing at some MB/s: call it from a blocking thread for whole documents.
    pub fn count_tokens(&self, text: &str) -> usize {
        // The tokeniser has no failing input; a fault counts as too long rather than as fitting.
        self.engine.tokens(text).map_or(usize::MAX, |ids| ids.len())
    }

    /// The tokens of the text alone, without the specials: what a part of a text adds to a whole.
    pub fn count_text_tokens(&self, text: &str) -> usize {
        self.count_tokens(text).saturating_sub(2)
    }

    /// Words of the text, in lower case, that the model's vocabulary has whole: usual English ones.
    pub(crate) fn known_words(&self, text: &str) -> HashSet<String> {
        plain_words(text).map(|word| word.text).filter(|word| self.engine.has_word(word)).collect()
    }

    /// The longest text the model reads, in tokens, specials included.
    pub fn max_tokens(&self) -> usize {
        engine::MAX_TOKENS
    }

    /// Lower-case hexadecimal SHA-256 over `model.onnx` followed by `tokenizer.json`. Vectors of
    /// different digests must not meet in one query.
    pub fn digest(&self) -> &str {
        &self.engine.digest
    }
}
