use std::fmt::Debug;

use async_trait::async_trait;
use millwright_core::{Label, TenantScope};

/// Why there are no vectors. What exactly went wrong is the implementation's to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoVectors {
    /// It does not answer, not in time, or not as the model that it is known for: later it may.
    #[error("it does not answer at the moment")]
    Unavailable,
    /// It may not be given texts of this label.
    #[error("it may not be given this")]
    NotReleased,
    /// It refuses these texts, and will again.
    #[error("it refuses the text")]
    Refused,
    /// What it answered is no use: a vector that points nowhere, or nothing that can be read. One text may be the reason, or the
    /// server: that tells whether it answers others ([`EmbeddingModels::confirm`](super::EmbeddingModels::confirm)).
    #[error("its answer is of no use")]
    Unusable,
}

/// What a server has behind the name that is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedModel {
    /// Of all that is known to decide what a vector means: lower-case hexadecimal SHA-256.
    pub digest: String,
    /// Numbers in a vector.
    pub dimensions: usize,
}

/// Who waits for a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A person: better none than late.
    Query,
    /// Nobody.
    Bulk,
}

/// A server that makes vectors. It is a sink: implementations hold every text against what the place takes that it is sent to.
#[async_trait]
pub trait EmbeddingServer: Debug + Send + Sync {
    /// What people call its model.
    fn name(&self) -> &str;

    /// The most tokens of a text, as the model in process counts them.
    fn max_tokens(&self) -> usize;

    /// Why no place of the model may be given data of this label, in words; `None` when one may.
    fn refusal(&self, label: &Label) -> Option<String>;

    /// All that its places take, in words: what was withheld is looked at again when they change.
    fn takes(&self) -> String;

    /// Asks what is behind the name.
    async fn identify(&self) -> Result<ServedModel, NoVectors>;

    /// One vector for each text of a tenant, in their order, each of length one.
    async fn embed(
        &self,
        scope: &TenantScope,
        label: &Label,
        texts: Vec<String>,
        urgency: Urgency,
    ) -> Result<Vec<Vec<f32>>, NoVectors>;
}
