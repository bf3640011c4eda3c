//! A model of the catalogue that makes vectors for retrieval: without personal data, in the lines of its endpoints, and each
//! text only to places that may be given it.

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use millwright_core::{Label, Sources, TenantScope, id::TenantId};
use millwright_llm::LlmError;
use millwright_policy::labels::describe;
use millwright_retrieval::embedding::{EmbeddingServer, NoVectors, ServedModel, Urgency};
use sha2::{Digest, Sha256};

use crate::{
    Catalog, GatewayError, Masking, ModelKind, NotMasked,
    attempt::{Asking, Sent, Vectors, ask},
    catalog::Model,
    choose::label_refusal,
};

/// A person rather has an answer without vectors than waits longer.
const QUERY_WITHIN: Duration = Duration::from_secs(2);
/// For a batch of windows on a slow machine.
const BULK_WITHIN: Duration = Duration::from_mins(2);
/// Asked of a server to learn what it makes; it says nothing of anybody.
const PROBE: &str = "Vectors of this sentence tell which model makes them.";
/// A shorter vector points nowhere: brought to length one, it would be nothing but rounding.
const LEAST_LENGTH: f32 = 1e-6;
/// As many as an index takes.
const MOST_DIMENSIONS: usize = 4_000;
/// What a model whose context is not known reads for certain: as much as the one in process.
const USUAL_TOKENS: u64 = 256;
/// Of a model's context, in tokens as the model in process counts them: others cut some words finer.
const SAFE_PART: (u64, u64) = (3, 4);

/// One model on its endpoints.
pub struct ServedEmbedder {
    model: Arc<Model>,
    sources: Sources,
    masking: Arc<dyn Masking>,
}

impl Debug for ServedEmbedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServedEmbedder").field("model", &self.model.settings.name).finish_non_exhaustive()
    }
}

impl ServedEmbedder {
    /// The embedding model of that name; `None` when the catalogue has none. Connects to nothing yet.
    pub fn new(catalog: &Catalog, name: &str, sources: Sources, masking: Arc<dyn Masking>) -> Option<Self> {
        let model = catalog.model(name).filter(|model| model.settings.kind == ModelKind::Embedding)?;
        Some(Self { model: Arc::clone(model), sources, masking })
    }

    async fn vectors(
        &self,
        tenant: TenantId,
        label: &Label,
        texts: &[String],
        urgency: Urgency,
    ) -> Result<Vec<Vec<f32>>, NoVectors> {
        let within = match urgency {
            Urgency::Query => QUERY_WITHIN,
            Urgency::Bulk => BULK_WITHIN,
        };
        let (told, sent, sources) = (None, Sent::default(), &self.sources);
        let asking = Asking { label, tenant, within, told, sources, sent: &sent };
        let asked = ask(std::slice::from_ref(&self.model), &Vectors(texts, label), &asking).await;
        // How long it took is not told to the line: where the endpoint answers chats too, people would hear that their turn comes in
        // the time of a batch.
        let vectors = asked.map_err(|error| self.no_vectors(&error))?.reply.vectors;
        // Not as many as texts: then none of them is known to be the reason.
        if vectors.len() != texts.len() {
            return Err(NoVectors::Unavailable);
        }
        vectors.into_iter().map(|vector| of_length_one(vector).ok_or(NoVectors::Unusable)).collect()
    }

    fn no_vectors(&self, error: &GatewayError) -> NoVectors {
        let (model, reason) = (&self.model.settings.name, error.reason());
        match error {
            GatewayError::Model(LlmError::Rejected { status: 400 | 413 | 422, .. }) => NoVectors::Refused,
            GatewayError::Model(LlmError::BadStream { .. }) => NoVectors::Unusable,
            GatewayError::Model(LlmError::NotReleased) => NoVectors::NotReleased,
            _ => {
                tracing::debug!(%error, reason, model, "no vectors");
                NoVectors::Unavailable
            }
        }
    }
}

#[async_trait]
impl EmbeddingServer for ServedEmbedder {
    fn name(&self) -> &str {
        &self.model.settings.name
    }

    fn max_tokens(&self) -> usize {
        let context = self.model.settings.context_tokens;
        // Without a word in the file it stands for "unknown".
        let known = (context < u64::from(u32::MAX)).then_some(context * SAFE_PART.0 / SAFE_PART.1);
        usize::try_from(known.unwrap_or(USUAL_TOKENS)).unwrap_or(usize::MAX)
    }

    fn refusal(&self, label: &Label) -> Option<String> {
        label_refusal(&self.model, label).map(|refusal| refusal.to_string())
    }

    fn takes(&self) -> String {
        let of_places =
            self.model.targets.iter().map(|target| format!("{}: {}", target.sink.name, describe(&target.sink.takes)));
        of_places.collect::<Vec<_>>().join("; ")
    }

    async fn identify(&self) -> Result<ServedModel, NoVectors> {
        // The first in the file, whichever is the least burdened: the others are said to have the same.
        let place = self.model.targets.first().ok_or(NoVectors::Unavailable)?;
        let identity = place.identity().await.map_err(|error| self.no_vectors(&GatewayError::Model(error)))?;
        let probe = [PROBE.to_owned()];
        // Nobody's: the line takes it for a tenant of its own.
        let nobody: TenantId = self.sources.new_id();
        let vector =
            self.vectors(nobody, &Label::LOWEST, &probe, Urgency::Query).await?.pop().ok_or(NoVectors::Unusable)?;
        let dimensions = vector.len();
        if dimensions > MOST_DIMENSIONS {
            tracing::error!(dimensions, "vectors of more than {MOST_DIMENSIONS} numbers cannot be indexed");
            return Err(NoVectors::Unusable);
        }
        let digest = Sha256::new().chain_update(b"served embedding model v1\0").chain_update(identity);
        let digest = digest.chain_update(format!("\0{dimensions}")).finalize();
        Ok(ServedModel { digest: hex::encode(digest), dimensions })
    }

    async fn embed(
        &self,
        scope: &TenantScope,
        label: &Label,
        texts: Vec<String>,
        urgency: Urgency,
    ) -> Result<Vec<Vec<f32>>, NoVectors> {
        let masked = self.masking.masked_apart(scope, texts).await.map_err(|NotMasked| NoVectors::Unavailable)?;
        let masked: Option<Vec<String>> = masked.into_iter().collect();
        self.vectors(scope.tenant_id(), label, &masked.ok_or(NoVectors::Refused)?, urgency).await
    }
}

/// Servers differ in whether their vectors have length one. `None` for one that points nowhere.
fn of_length_one(vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    (length.is_finite() && length > LEAST_LENGTH).then(|| vector.into_iter().map(|number| number / length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_brought_to_length_one_or_refused() {
        assert_eq!(of_length_one(vec![3.0, 4.0]), Some(vec![0.6, 0.8]));
        for useless in [vec![0.0, 0.0], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0], vec![]] {
            assert_eq!(of_length_one(useless), None);
        }
    }
}
