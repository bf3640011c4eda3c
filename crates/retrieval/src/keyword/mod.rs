//! BM25 by tantivy: one index for each tenant, a read model that can be lost at any time.
//!
//! An index lies in `<data folder>/index/<tenant id>` and holds ids and terms only. Each commit
//! carries the position in the change feed that it reaches, so that a crash, a deleted folder or
//! a damaged file only means that the follower starts from an earlier position.

mod added;
mod query;
mod schema;
mod scorer;
mod spelling;
mod tenant_index;
#[cfg(test)]
mod tests;
mod visible;

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use millwright_core::TenantScope;

pub(crate) use self::scorer::{ChunkScorer, Snapshot};
use self::tenant_index::TenantIndex;
pub use self::{
    query::{KeywordHit, KeywordOutcome, KeywordQuery, QueryHints, QueryWord},
    schema::KeywordChunk,
    spelling::Correction,
    tenant_index::{FeedPosition, VersionChange},
    visible::VisibleLabels,
};
use crate::error::RetrievalError;

/// The keyword indexes of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct KeywordIndexes {
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    /// The inner lock is held while one tenant's index opens, the outer one only to find it.
    open: Mutex<HashMap<TenantScope, Slot>>,
    /// Indexes that began anew and must be filled from the feed.
    emptied: Mutex<HashSet<TenantScope>>,
}

type Slot = Arc<Mutex<Option<Arc<TenantIndex>>>>;

impl std::fmt::Debug for KeywordIndexes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeywordIndexes").field("root", &self.shared.root).finish_non_exhaustive()
    }
}

impl KeywordIndexes {
    /// Indexes below `data_folder`, opened when first needed.
    pub fn new(data_folder: impl Into<PathBuf>) -> Self {
        let root = data_folder.into().join("index");
        Self { shared: Arc::new(Shared { root, open: Mutex::default(), emptied: Mutex::default() }) }
    }

    /// The tenant's best chunks for the query among those of visible labels. The hits may include chunks that were
    /// deleted or labelled anew a moment ago: the database decides what is shown.
    pub async fn search(&self, scope: &TenantScope, query: KeywordQuery) -> Result<KeywordOutcome, RetrievalError> {
        Ok(self.find(scope, query).await?.0)
    }

    /// The same with the state of the index in which they were found, to score other chunks in.
    pub(crate) async fn find(
        &self,
        scope: &TenantScope,
        query: KeywordQuery,
    ) -> Result<(KeywordOutcome, Snapshot), RetrievalError> {
        let shared = Arc::clone(&self.shared);
        let scope = *scope;
        tokio::task::spawn_blocking(move || shared.open(&scope)?.search(&query)).await?
    }

    /// The tenant's index, to be written to. Keep one for a whole batch: should the index be
    /// replaced meanwhile, its writes fail instead of landing in the new one.
    pub async fn writer(&self, scope: &TenantScope) -> Result<KeywordWriter, RetrievalError> {
        let shared = Arc::clone(&self.shared);
        let scope = *scope;
        let index = tokio::task::spawn_blocking(move || shared.open(&scope)).await??;
        Ok(KeywordWriter { index })
    }

    /// Throws the tenant's index away. The next use begins an empty one at the start of the feed.
    pub async fn reset(&self, scope: &TenantScope) -> Result<(), RetrievalError> {
        let shared = Arc::clone(&self.shared);
        let scope = *scope;
        tokio::task::spawn_blocking(move || shared.reset(&scope)).await?
    }

    /// Throws the tenant's index away for good: the tenant was deleted.
    pub async fn forget(&self, scope: &TenantScope) -> Result<(), RetrievalError> {
        let shared = Arc::clone(&self.shared);
        let scope = *scope;
        tokio::task::spawn_blocking(move || {
            shared.reset(&scope)?;
            shared.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&scope);
            Ok(())
        })
        .await?
    }

    /// Closes writers that rested for some seconds, and notices folders that went away. Called
    /// by the follower.
    pub async fn maintain(&self) -> Result<(), RetrievalError> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.maintain()).await?
    }

    /// Tenants whose index began anew since the last call.
    pub fn take_emptied(&self) -> HashSet<TenantScope> {
        std::mem::take(&mut *self.shared.emptied.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes one tenant's index, in batches that end in a commit.
pub struct KeywordWriter {
    index: Arc<TenantIndex>,
}

impl KeywordWriter {
    /// How far the index is. The start of the feed for one that is new or was lost.
    pub fn position(&self) -> FeedPosition {
        self.index.position()
    }

    /// Takes one version's change in, to be found after [`Self::commit`]. Repeating it is
    /// harmless. After an error nothing since the last commit is kept.
    pub async fn apply(&self, change: VersionChange) -> Result<(), RetrievalError> {
        let index = Arc::clone(&self.index);
        tokio::task::spawn_blocking(move || index.apply(&change)).await?
    }

    /// Makes the applied changes durable and visible, together with the feed position they reach.
    pub async fn commit(&self, position: FeedPosition) -> Result<(), RetrievalError> {
        let index = Arc::clone(&self.index);
        tokio::task::spawn_blocking(move || index.commit(position)).await?
    }

    /// Notes that the index has all of the feed.
    pub fn mark_whole(&self) {
        self.index.mark_whole();
    }

    /// Forgets changes that were applied and not committed.
    pub async fn rollback(&self) -> Result<(), RetrievalError> {
        let index = Arc::clone(&self.index);
        tokio::task::spawn_blocking(move || index.rollback()).await?;
        Ok(())
    }
}

impl Shared {
    fn slot(&self, scope: &TenantScope) -> Slot {
        Arc::clone(self.open.lock().unwrap_or_else(PoisonError::into_inner).entry(*scope).or_default())
    }

    fn folder(&self, scope: &TenantScope) -> PathBuf {
        self.root.join(scope.tenant_id().to_string())
    }

    fn open(&self, scope: &TenantScope) -> Result<Arc<TenantIndex>, RetrievalError> {
        let slot = self.slot(scope);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = slot.as_ref() {
            if !index.is_lost() {
                return Ok(Arc::clone(index));
            }
            tracing::warn!(tenant.id = %scope.tenant_id(), "the keyword index is gone or damaged and is built anew");
            index.retire();
        }
        *slot = None;
        let index = Arc::new(TenantIndex::open(&self.folder(scope))?);
        if index.position() == FeedPosition::default() {
            self.emptied.lock().unwrap_or_else(PoisonError::into_inner).insert(*scope);
        }
        Ok(Arc::clone(slot.insert(index)))
    }

    fn reset(&self, scope: &TenantScope) -> Result<(), RetrievalError> {
        let slot = self.slot(scope);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = slot.take() {
            index.retire();
        }
        match std::fs::remove_dir_all(self.folder(scope)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(RetrievalError::IndexFolder(error)),
            _ => Ok(()),
        }
    }

    fn maintain(&self) -> Result<(), RetrievalError> {
        let scopes: Vec<TenantScope> =
            self.open.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        for scope in scopes {
            self.open(&scope)?.close_idle_writer()?;
        }
        Ok(())
    }
}
