mod memory;

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use millwright_core::{Label, Sources, TenantScope, id::VersionId};
use millwright_retrieval::{
    RetrievalError,
    embedding::{EmbeddingModels, NoVectors},
};
use millwright_store::{
    Bookkeeping, Proof, Store, StoreError, VectorIndexes,
    system::{EmbeddingModelRow, ModelState},
    tenant::{LackingVersion, NewVector, UnembeddedChunk, VectorModel},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::memory::Memory;

/// How late a process may hear that another model is being built or serves: a search that is asked of one that is replaced
/// notices by itself.
const FOLLOW: Duration = Duration::from_secs(5);
/// How often is looked for gaps, and for vectors that nobody needs any more, while there are any.
const ROUND: Duration = Duration::from_secs(1);
/// And how often when there was nothing to do.
const IDLE_ROUND: Duration = Duration::from_secs(5);
/// How often a server that does not answer is asked what it has.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// How often one that answers is: whoever runs it may have put another model behind the name.
const IDENTIFY: Duration = Duration::from_mins(1);
/// How long one model is worked on before others are looked at.
const TURN: Duration = Duration::from_secs(5);
/// After this another process goes on for one that died.
const LEASE: Duration = Duration::from_secs(15);
/// Chunks for one commit: what is lost with a process.
const CHUNKS: i64 = 32;
/// Versions of a tenant that are listed at once.
const VERSIONS: i64 = 64;
/// How long vectors of a model that was replaced stay: searches that began with it end by then.
const GRACE: Duration = Duration::from_secs(5);
/// Vectors deleted in one transaction.
const DELETED_AT_ONCE: i64 = 2_000;
/// Attempts to drop an index that an operator hears of: once it is known, saying it again says nothing.
const WARNED: i32 = 3;

/// Keeps vectors as they should be: has the model that is configured built beside the one that serves and swaps them, embeds
/// what lacks vectors, and deletes what is left of models that serve no more.
///
/// All of it is found out from rows, so that a process that is killed loses a batch and any other goes on. Tenants take turns.
pub struct VectorKeeper {
    store: Store,
    models: EmbeddingModels,
    sources: Sources,
    /// Where this process may make indexes.
    indexes: Option<VectorIndexes>,
    builder: Uuid,
    memory: Mutex<Memory>,
}

/// What one look at a model's gaps brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    /// Nothing lacks its vectors.
    Whole,
    /// Something does still, or somebody else is at it.
    NotYet,
}

impl VectorKeeper {
    /// A keeper; any number of processes may run one.
    pub fn new(store: Store, models: EmbeddingModels, sources: Sources, indexes: Option<VectorIndexes>) -> Self {
        let builder = sources.new_uuid();
        Self { store, models, sources, indexes, builder, memory: Mutex::default() }
    }

    /// Follows which model serves, and works, until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let both = async { tokio::join!(self.follow(), self.work()) };
        tokio::select! {
            () = stop.cancelled() => {}
            _ = both => {}
        }
    }

    async fn follow(&self) {
        let (mut asked, mut pause) = (None::<Instant>, ASK_AGAIN);
        loop {
            if asked.is_none_or(|asked| asked.elapsed() >= pause) {
                asked = Some(Instant::now());
                pause = match self.models.want_configured(self.sources.now()).await {
                    Ok(_) => IDENTIFY,
                    Err(error) => {
                        tracing::debug!(
                            error = &error as &dyn std::error::Error,
                            "the embedding model is not known yet"
                        );
                        ASK_AGAIN
                    }
                };
            } else if let Err(error) = self.models.refresh().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "embedding models were not looked at");
            }
            tokio::time::sleep(FOLLOW.min(pause)).await;
        }
    }

    async fn work(&self) {
        loop {
            let idle = self.work_once().await.unwrap_or_else(|error| {
                tracing::debug!(error = &error as &dyn std::error::Error, "vectors are not as they should be yet");
                false
            });
            tokio::time::sleep(if idle { IDLE_ROUND } else { ROUND }).await;
        }
    }

    /// One look at all there is to do. True when there was nothing.
    ///
    /// # Errors
    /// When the database or an embedding server fails; what was done stays.
    pub async fn work_once(&self) -> Result<bool, RetrievalError> {
        let standing = self.models.standing();
        self.memory().keep(&standing.live().map(|row| row.id).collect::<Vec<_>>());
        let mut idle = self.fill(&standing.serving).await? == Filled::Whole;
        if let Some(building) = &standing.building {
            idle = false;
            if self.is_indexed(building).await? && self.fill(building).await? == Filled::Whole {
                self.serve(building).await?;
            }
        }
        Ok(self.clear().await? && idle)
    }

    async fn is_indexed(&self, model: &EmbeddingModelRow) -> Result<bool, RetrievalError> {
        if model.indexed {
            return Ok(true);
        }
        let Some(indexes) = &self.indexes else { return Ok(false) };
        indexes.make(model.id, model.dimensions).await?;
        self.models.refresh().await?;
        Ok(true)
    }

    async fn serve(&self, model: &EmbeddingModelRow) -> Result<(), RetrievalError> {
        let mut tx = self.store.system().await?;
        let serves = tx.embedding_models().serve(model.id, self.sources.now()).await?;
        tx.commit().await?;
        self.models.refresh().await?;
        if serves {
            tracing::info!(
                model = model.name,
                dimensions = model.dimensions,
                "another embedding model serves from now on"
            );
        }
        Ok(())
    }

    /// Embeds what lacks vectors of the model, for a while.
    async fn fill(&self, model: &EmbeddingModelRow) -> Result<Filled, RetrievalError> {
        if !self.models.can_make(model) {
            return Ok(Filled::NotYet);
        }
        self.look_at_takes(model).await?;
        let mut tx = self.store.system().await?;
        let mut tenants = tx.embedding_models().list_lacking(model.id).await?;
        if tenants.is_empty() {
            return Ok(Filled::Whole);
        }
        let leased = tx.embedding_models().lease(model.id, self.builder, LEASE).await?;
        tx.commit().await?;
        if !leased {
            return Ok(Filled::NotYet);
        }
        self.memory().take_turns(model.id, &mut tenants);
        let (began, mut chunks) = (Instant::now(), 0);
        let mut turns: VecDeque<Turn> = tenants.into_iter().map(Turn::of).collect();
        while let Some(mut turn) = turns.pop_front() {
            // A turn takes less than the rest of the lease, but for a server that keeps one waiting: then two do the same.
            if began.elapsed() > TURN || !self.models.standing().live().any(|row| row.id == model.id) {
                return Ok(Filled::NotYet);
            }
            if turn.versions.is_empty() {
                let mut tx = self.store.tenant(&turn.scope).read().await?;
                turn.versions = tx.vectors().list_lacking(model.id, VERSIONS).await?.into();
                if turn.versions.is_empty() {
                    continue;
                }
            }
            // Before it is tried: one whose texts a server does not answer must not come first the next time too.
            self.memory().set_served(model.id, turn.scope);
            chunks += self.take(model, &mut turn).await?;
            turns.push_back(turn);
        }
        tracing::debug!(model = model.name, chunks, took = ?began.elapsed(), "gone through what lacked vectors");
        Ok(Filled::NotYet)
    }

    /// Embeds some chunks of the first version. How many.
    async fn take(&self, model: &EmbeddingModelRow, turn: &mut Turn) -> Result<usize, RetrievalError> {
        let Some(version) = turn.versions.front().cloned() else { return Ok(0) };
        let scope = turn.scope;
        let refused = self.memory().refused(model.id, version.id);
        let mut tx = self.store.tenant(&scope).read().await?;
        let label = tx.documents().label_of(version.document_id).await?;
        let chunks = tx.vectors().list_unembedded(version.id, model.id, &refused, CHUNKS).await?;
        drop(tx);
        let withheld = label.as_ref().is_some_and(|label| self.models.refusal(model, label).is_some());
        let Some(label) = label.as_ref().filter(|_| !withheld && !chunks.is_empty()) else {
            if self.conclude(&scope, &version, model, (label.as_ref(), withheld)).await? {
                self.memory().forget(model.id, version.id);
                turn.versions.pop_front();
            }
            return Ok(0);
        };
        let count = chunks.len();
        let vectors = match self.models.embed_chunks(&scope, label, model, chunks.clone()).await {
            Err(RetrievalError::Server(NoVectors::Refused | NoVectors::Unusable)) => {
                self.one_by_one((&scope, label), model, version.id, chunks).await?
            }
            other => other?,
        };
        self.add(&scope, &version, model, &vectors).await?;
        Ok(count)
    }

    /// Records that a version was gone through. False when its label has changed since it was read: a version whose label fell
    /// would stay withheld, because whoever lowered it did not find it withheld yet.
    async fn conclude(
        &self,
        scope: &TenantScope,
        version: &LackingVersion,
        model: &EmbeddingModelRow,
        (label, withheld): (Option<&Label>, bool),
    ) -> Result<bool, RetrievalError> {
        let mut tx = self.store.tenant(scope).begin().await?;
        let held = tx.documents().hold_labels(&[version.document_id]).await?;
        if label.is_some() && held.first() != label {
            return Ok(false);
        }
        tx.vectors().set_gone_through(version.id, model.id, withheld).await?;
        tx.commit(Proof::Bookkeeping(Bookkeeping::IngestProgress)).await?;
        Ok(true)
    }

    /// A text that its server cannot take must not keep all others waiting: keywords find it. That it is the text and not the
    /// server only counts while the server makes vectors of another.
    async fn one_by_one(
        &self,
        (scope, label): (&TenantScope, &Label),
        model: &EmbeddingModelRow,
        version: VersionId,
        chunks: Vec<UnembeddedChunk>,
    ) -> Result<Vec<NewVector>, RetrievalError> {
        // Before the first too: failures in a row would open the server's circuit.
        self.models.confirm(model).await?;
        let mut vectors = Vec::new();
        for chunk in chunks {
            let id = chunk.id;
            match self.models.embed_chunks(scope, label, model, vec![chunk]).await {
                Err(RetrievalError::Server(error @ (NoVectors::Refused | NoVectors::Unusable))) => {
                    self.models.confirm(model).await?;
                    tracing::warn!(%error, model = model.name, chunk.id = %id, "a passage stays without vectors");
                    self.memory().refuse(model.id, version, id);
                }
                other => vectors.extend(other?),
            }
        }
        Ok(vectors)
    }

    async fn add(
        &self,
        scope: &TenantScope,
        version: &LackingVersion,
        model: &EmbeddingModelRow,
        vectors: &[NewVector],
    ) -> Result<(), RetrievalError> {
        let mut tx = self.store.tenant(scope).begin().await?;
        tx.vectors().add(version.document_id, version.id, model.id, vectors).await?;
        Ok(tx.commit(Proof::Bookkeeping(Bookkeeping::IngestProgress)).await?)
    }

    /// Once the server may be given more than before, what was withheld is looked at again.
    async fn look_at_takes(&self, model: &EmbeddingModelRow) -> Result<(), RetrievalError> {
        let takes = self.models.takes(model);
        if takes.is_none() || takes == model.takes {
            return Ok(());
        }
        let tenants = self.store.system().await?.tenants().list().await?;
        for tenant in tenants {
            let mut tx = self.store.tenant(&tenant.scope).begin().await?;
            tx.vectors().revisit_withheld().await?;
            tx.commit(Proof::Bookkeeping(Bookkeeping::IngestProgress)).await?;
        }
        let mut tx = self.store.system().await?;
        tx.embedding_models().set_takes(model.id, &takes.unwrap_or_default()).await?;
        tx.commit().await?;
        self.models.refresh().await?;
        Ok(())
    }

    /// Deletes vectors of models that serve no more, and their indexes. True when there was nothing to delete.
    async fn clear(&self) -> Result<bool, RetrievalError> {
        let mut tx = self.store.system().await?;
        let rows = tx.embedding_models().list().await?;
        let in_vain = tx.embedding_models().list_indexed_in_vain().await?;
        drop(tx);
        let mut idle = true;
        // First the index, if it is to be had: rows that none has are deleted much faster.
        if let Some(indexes) = &self.indexes {
            for model in in_vain {
                idle = false;
                // Of a model that is not among the rows the vectors are gone long since.
                if rows.iter().find(|row| row.id == model).is_none_or(|row| self.is_past(row)) {
                    self.drop_index(indexes, model).await;
                }
            }
        }
        for row in rows.iter().filter(|row| row.state == ModelState::Retired) {
            idle = false;
            if self.is_past(row) {
                self.clear_model(row).await?;
            }
        }
        Ok(idle)
    }

    /// Whether no search can be under way any more that began while the model served.
    fn is_past(&self, model: &EmbeddingModelRow) -> bool {
        let age = model.retired_at.map(|at| self.sources.now() - at).and_then(|age| age.to_std().ok());
        model.state == ModelState::Retired && age.is_some_and(|age| age >= GRACE)
    }

    /// Drops an index, unless others hold its table: then later and later, because all that come meanwhile wait behind each attempt.
    /// The vectors do not wait for it.
    async fn drop_index(&self, indexes: &VectorIndexes, model: VectorModel) {
        if !self.memory().may_drop(model) {
            return;
        }
        let Err(error) = indexes.remove(model).await else {
            self.memory().dropped(model);
            return;
        };
        let attempt = self.memory().drop_failed(model, &self.sources);
        if attempt <= WARNED {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                %model,
                attempt,
                "the index of a model that serves no more could not be dropped yet"
            );
        } else {
            tracing::debug!(error = &error as &dyn std::error::Error, %model, attempt, "the index is still there");
        }
    }

    async fn clear_model(&self, model: &EmbeddingModelRow) -> Result<(), RetrievalError> {
        let tenants = self.store.system().await?.tenants().list().await?;
        for tenant in tenants {
            if !self.lease(model).await? {
                return Ok(());
            }
            let mut from = None;
            loop {
                let mut tx = self.store.tenant(&tenant.scope).begin().await?;
                from = tx.vectors().delete_some(model.id, from, DELETED_AT_ONCE).await?;
                if from.is_none() {
                    tx.vectors().forget(model.id).await?;
                }
                tx.commit(Proof::Bookkeeping(Bookkeeping::IngestProgress)).await?;
                if from.is_none() {
                    break;
                }
                self.lease(model).await?;
            }
        }
        let mut tx = self.store.system().await?;
        tx.embedding_models().set_cleared(model.id, self.sources.now()).await?;
        tx.commit().await?;
        tracing::info!(model = model.name, "the vectors of a model that serves no more are deleted");
        Ok(())
    }

    /// What is known from earlier rounds. Not to be held while anything is waited for.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lease(&self, model: &EmbeddingModelRow) -> Result<bool, StoreError> {
        let mut tx = self.store.system().await?;
        let leased = tx.embedding_models().lease(model.id, self.builder, LEASE).await?;
        tx.commit().await?;
        Ok(leased)
    }
}

/// A tenant among those with gaps.
struct Turn {
    scope: TenantScope,
    versions: VecDeque<LackingVersion>,
}

impl Turn {
    fn of(scope: TenantScope) -> Self {
        Self { scope, versions: VecDeque::new() }
    }
}
