use std::time::Instant;

use millwright_core::id::VersionId;
use millwright_store::{
    TenantTx,
    system::EmbeddingModelRow,
    tenant::{Stage, VectorModel, VersionRow},
};

use super::{IngestError, IngestTask, Ingestor, commit, finish_stage};
use crate::error::RetrievalError;

/// Chunks for one commit: one to three seconds of work on two cores, which is what a killed
/// worker may lose and how often progress moves.
const CHUNKS_PER_COMMIT: i64 = 32;

impl Ingestor {
    /// Embeds the chunks that have no vectors yet, by the model that serves and by the one that is being built. An embedding
    /// server that does not answer, or may not be given this, holds nothing up: keywords find the document, and whoever fills
    /// gaps goes on.
    pub(super) async fn embed(&self, task: &IngestTask, version: &VersionRow) -> Result<(), IngestError> {
        let started = Instant::now();
        for model in self.models.standing().live() {
            match self.embed_by(task, version, model).await {
                Err(IngestError::Retrieval(
                    error @ (RetrievalError::ModelAbsent { .. }
                    | RetrievalError::NotReleased
                    | RetrievalError::Server(_)),
                )) => tracing::info!(%error, model = model.name, version.id = %version.id, "without vectors for now"),
                other => other?,
            }
        }
        let mut tx = self.begin(task).await?;
        finish_stage(&mut tx, version.id, Stage::Embed, started, Some((Stage::Index, None))).await?;
        commit(tx).await
    }

    async fn embed_by(
        &self,
        task: &IngestTask,
        version: &VersionRow,
        model: &EmbeddingModelRow,
    ) -> Result<(), IngestError> {
        let total = version.chunk_count.map(i64::from);
        let mut done = version.stage_done;
        loop {
            let mut tx = self.store.tenant(&task.scope).read().await?;
            let chunks = tx.vectors().list_unembedded(version.id, model.id, &[], CHUNKS_PER_COMMIT).await?;
            // The label of this moment: it may have risen since the last batch.
            let label = tx.documents().label_of(version.document_id).await?;
            drop(tx);
            let live = self.models.standing().live().any(|row| row.id == model.id);
            let (Some(label), false, true) = (label, chunks.is_empty(), live) else { return Ok(()) };
            done = (done + chunks.len() as i64).min(total.unwrap_or(i64::MAX));
            let vectors = self.models.embed_chunks(&task.scope, &label, model, chunks).await?;
            let mut tx = self.begin(task).await?;
            tx.vectors().insert(version.document_id, version.id, model.id, &vectors).await?;
            tx.versions().set_progress(version.id, Stage::Embed, done, total).await?;
            commit(tx).await?;
        }
    }

    /// Records which models the version was gone through with, in the transaction in which it is ready: no other model begins
    /// to serve before that ends. The digest of the one that serves, if the version has its vectors.
    pub(super) async fn record_models(
        &self,
        tx: &mut TenantTx,
        version: VersionId,
    ) -> Result<Option<String>, IngestError> {
        let live = tx.vectors().hold_models().await?;
        let mut newest = None;
        let mut serving_is_whole = false;
        for model in [Some(live.serving), live.building].into_iter().flatten() {
            if !is_whole(tx, version, model).await? {
                break;
            }
            newest = Some(model);
            serving_is_whole = true;
        }
        if let Some(model) = newest {
            tx.vectors().set_gone_through(version, model, false).await?;
        }
        let standing = self.models.standing();
        let serving = standing.live().find(|row| row.id == live.serving).filter(|_| serving_is_whole);
        Ok(serving.and_then(|row| row.digest.clone()))
    }
}

async fn is_whole(tx: &mut TenantTx, version: VersionId, model: VectorModel) -> Result<bool, IngestError> {
    Ok(tx.vectors().list_unembedded(version, model, &[], 1).await?.is_empty())
}
