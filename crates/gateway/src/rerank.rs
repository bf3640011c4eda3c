//! A reranker over HTTP, as retrieval asks for one: without personal data, and left alone for a while after it failed.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use millwright_core::TenantScope;
use millwright_llm::RerankServer;
use millwright_policy::labels::{Released, Sink};
use millwright_retrieval::reranker::{Asker, NoScores, Reranker, Scores, given_to};

/// After a failure searches do without it for so long: each would wait for nothing.
const REST: Duration = Duration::from_secs(10);

/// So many texts the usual servers take at once.
const MOST_SENT: usize = 32;

/// Takes personal data out of a tenant's texts, as the tenant chose for its models. The same person has the same placeholder
/// in all of them, and nobody needs the name back.
#[async_trait]
pub trait Masking: Debug + Send + Sync {
    /// The texts with placeholders, in their order; none for one that the tenant refuses to models. Fails where it is not known
    /// what the tenant chose: nothing is sent then.
    async fn masked(&self, scope: &TenantScope, texts: Vec<String>) -> Result<Vec<Option<String>>, NotMasked>;

    /// The same for texts that have nothing to do with each other: each counts its placeholders by itself, so that it becomes
    /// the same whatever is beside it.
    async fn masked_apart(&self, scope: &TenantScope, texts: Vec<String>) -> Result<Vec<Option<String>>, NotMasked>;
}

/// What a tenant chose is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not known what personal data may be sent")]
pub struct NotMasked;

/// One reranker.
#[derive(Debug)]
pub struct HttpReranker {
    server: RerankServer,
    sink: Sink,
    masking: Arc<dyn Masking>,
    rests_until: Mutex<Option<Instant>>,
}

impl HttpReranker {
    /// The server, the most that it may be given, and what takes personal data out of it.
    pub fn new(server: RerankServer, sink: Sink, masking: Arc<dyn Masking>) -> Self {
        Self { server, sink, masking, rests_until: Mutex::new(None) }
    }

    fn rests(&self) -> bool {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self) {
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
    }
}

#[async_trait]
impl Reranker for HttpReranker {
    fn sink(&self) -> &Sink {
        &self.sink
    }

    fn most(&self) -> usize {
        MOST_SENT
    }

    async fn scores(
        &self,
        asker: Asker<'_>,
        query: Released<String>,
        texts: Vec<Released<String>>,
    ) -> Result<Scores, NoScores> {
        if self.rests() {
            return Err(NoScores);
        }
        let (query, texts) = given_to(&self.sink, query, texts)?;
        let all = std::iter::once(query).chain(texts).collect();
        let masked = self.masking.masked(asker.scope, all).await.map_err(|NotMasked| NoScores)?;
        let Some((Some(query), texts)) = masked.split_first() else { return Err(NoScores) };
        let sent: Vec<String> = texts.iter().flatten().cloned().collect();
        let scores = self.server.scores(query, &sent).await.map_err(|error| {
            let reason = error.reason();
            tracing::warn!(%error, reason, "the reranker gave no scores; the built-in order stands");
            self.rest();
            NoScores
        })?;
        Ok(Scores { scores: Scores::in_place(texts, scores), cost: None })
    }
}
