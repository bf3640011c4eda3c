use std::time::Instant;

use millwright_store::tenant::{NewVector, Stage, UnembeddedChunk, VersionRow};

use super::{IngestError, IngestTask, Ingestor, commit, finish_stage, windows::texts_to_embed};
use crate::{embedding::Embedder, error::RetrievalError};

/// Chunks for one commit: one to three seconds of work on two cores, which is what a killed
/// worker may lose and how often progress moves.
const CHUNKS_PER_COMMIT: i64 = 32;

impl Ingestor {
    /// Embeds the chunks that have no vectors yet.
    pub(super) async fn embed(&self, task: &IngestTask, version: &VersionRow) -> Result<(), IngestError> {
        let started = Instant::now();
        let total = version.chunk_count.map(i64::from);
        let mut done = version.stage_done;
        loop {
            let mut tx = self.store.tenant(&task.scope).read().await?;
            let chunks = tx.chunks().list_unembedded(version.id, CHUNKS_PER_COMMIT).await?;
            drop(tx);
            if chunks.is_empty() {
                break;
            }
            done += chunks.len() as i64;
            let vectors = embed_chunks(&self.embedder, chunks).await?;
            let mut tx = self.begin(task).await?;
            tx.chunks().insert_vectors(version.document_id, version.id, &vectors).await?;
            tx.versions().set_progress(version.id, Stage::Embed, done, total).await?;
            commit(tx).await?;
        }
        let mut tx = self.begin(task).await?;
        finish_stage(&mut tx, version.id, Stage::Embed, started, Some((Stage::Index, None))).await?;
        commit(tx).await
    }
}

async fn embed_chunks(embedder: &Embedder, chunks: Vec<UnembeddedChunk>) -> Result<Vec<NewVector>, RetrievalError> {
    let counting = embedder.clone();
    let cut = move || {
        let of_chunk = |chunk: &UnembeddedChunk| {
            let texts = texts_to_embed(&counting, &chunk.heading_path, &chunk.text);
            let id = chunk.id;
            (0_i32..).zip(texts).map(move |(number, text)| ((id, number), text))
        };
        chunks.iter().flat_map(of_chunk).unzip::<_, _, Vec<_>, Vec<String>>()
    };
    let (places, texts) = tokio::task::spawn_blocking(cut).await?;
    let embeddings = embedder.embed_batch(texts).await?;
    let vectors = places.into_iter().zip(embeddings);
    Ok(vectors.map(|((chunk_id, window_number), embedding)| NewVector { chunk_id, window_number, embedding }).collect())
}
