//! Keeps this process's keyword indexes up to date with the change feed in the database.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use millwright_core::{TenantScope, id::VersionId};
use millwright_store::{
    Store,
    tenant::{IndexChange, IndexOperation, IndexedChunk},
};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    error::RetrievalError,
    keyword::{FeedPosition, KeywordChunk, KeywordIndexes, KeywordWriter, VersionChange},
};

/// How soon a change of another process is noticed; those of this process wake the follower.
const POLL: Duration = Duration::from_millis(200);
/// How often open indexes are looked after: resting writers closed, lost folders noticed.
const MAINTENANCE: Duration = Duration::from_secs(1);
/// Changes for one commit. A commit costs some ms of disk flushes, a version up to some MB.
const BATCH: i64 = 64;
/// First and longest pause after a failure. A full disk or a stopped database is no reason to
/// hurry, but a person who repairs it should see the effect at once.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// How far the keyword indexes of this process are behind the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexLag {
    /// Whether the feed was read at least once since the start.
    pub started: bool,
    /// Tenants with changes that are not in their index yet.
    pub tenants_behind: usize,
    /// For how long the one furthest behind has been so, as far as this process knows.
    pub behind_for: Duration,
    /// Why it does not go on, where something fails.
    pub failure: Option<String>,
}

/// What the rest of the process says to and learns from the follower. Cheap to clone.
#[derive(Clone, Default)]
pub struct FollowerHandle {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    wake: Notify,
    waiting: Mutex<HashMap<VersionId, Vec<oneshot::Sender<()>>>>,
    lag: Mutex<Option<LagState>>,
}

#[derive(Debug, Clone)]
struct LagState {
    tenants_behind: usize,
    since: Option<Instant>,
    failure: Option<String>,
}

/// Resolves once a version's change is in the keyword index.
pub struct IndexedWaiter(oneshot::Receiver<()>);

impl IndexedWaiter {
    /// Waits at most `limit`; false when the index is not that far by then.
    pub async fn wait(self, limit: Duration) -> bool {
        matches!(tokio::time::timeout(limit, self.0).await, Ok(Ok(())))
    }
}

impl std::fmt::Debug for FollowerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FollowerHandle").field(&self.lag()).finish()
    }
}

impl FollowerHandle {
    /// Makes the follower look at the feed now. Call it after a commit that wrote a change.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Begins to watch for a version. Call it before the commit, else the change may be missed.
    pub fn watch(&self, version: VersionId) -> IndexedWaiter {
        let (sender, receiver) = oneshot::channel();
        lock(&self.shared.waiting).entry(version).or_default().push(sender);
        IndexedWaiter(receiver)
    }

    /// How far behind the indexes are, for readiness and metrics.
    pub fn lag(&self) -> IndexLag {
        match &*lock(&self.shared.lag) {
            None => IndexLag { started: false, tenants_behind: 0, behind_for: Duration::ZERO, failure: None },
            Some(state) => IndexLag {
                started: true,
                tenants_behind: state.tenants_behind,
                behind_for: state.since.map_or(Duration::ZERO, |since| since.elapsed()),
                failure: state.failure.clone(),
            },
        }
    }

    fn announce(&self, version: VersionId) {
        for sender in lock(&self.shared.waiting).remove(&version).unwrap_or_default() {
            let _ = sender.send(());
        }
    }

    /// Forgets those who stopped waiting.
    fn prune(&self) {
        lock(&self.shared.waiting).retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A tenant whose index has to catch up.
struct Behind {
    since: Instant,
    retry_at: Instant,
    backoff: Duration,
    failure: Option<String>,
}

impl Behind {
    fn new() -> Self {
        let now = Instant::now();
        Self { since: now, retry_at: now, backoff: BACKOFF.0, failure: None }
    }
}

/// Follows the feed for all tenants. One per process.
pub struct IndexFollower {
    store: Store,
    indexes: KeywordIndexes,
    handle: FollowerHandle,
    /// Up to here every change is either in its index or its tenant is in `behind`.
    seen: Option<FeedPosition>,
    behind: HashMap<TenantScope, Behind>,
    feed_failure: Option<String>,
    maintained_at: Option<Instant>,
}

impl IndexFollower {
    /// A follower, and the handle by which others speak to it.
    pub fn new(store: Store, indexes: KeywordIndexes) -> (Self, FollowerHandle) {
        let handle = FollowerHandle::default();
        let follower = Self {
            store,
            indexes,
            handle: handle.clone(),
            seen: None,
            behind: HashMap::new(),
            feed_failure: None,
            maintained_at: None,
        };
        (follower, handle)
    }

    /// Follows until `stop`. Failures are logged once when they begin and once when they end;
    /// nothing but `stop` ends it.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut pause = POLL;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.handle.shared.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
            // A commit under way ends in its blocking thread even if this is dropped, so that
            // stopping here is no worse than kill -9, which costs nothing.
            let passed = tokio::select! {
                () = stop.cancelled() => return,
                passed = self.pass() => passed,
            };
            pause = if passed { POLL } else { (pause * 2).min(BACKOFF.1) };
        }
    }

    /// One look at the feed and at every tenant behind it; false when the feed cannot be read.
    async fn pass(&mut self) -> bool {
        match self.discover().await {
            Ok(()) => {
                if self.feed_failure.take().is_some() {
                    tracing::info!("the index feed can be read again");
                }
            }
            Err(error) => {
                let failure = describe(&error);
                if self.feed_failure.replace(failure.clone()).as_ref() != Some(&failure) {
                    tracing::error!(error = failure, "the index feed cannot be read");
                }
            }
        }
        let feed_works = self.feed_failure.is_none();
        if feed_works {
            self.publish();
            self.catch_up_all().await;
            self.handle.prune();
        }
        self.publish();
        feed_works
    }

    async fn discover(&mut self) -> Result<(), RetrievalError> {
        if self.maintained_at.is_none_or(|at| at.elapsed() > MAINTENANCE) {
            self.indexes.maintain().await?;
            self.forget_deleted().await?;
            self.maintained_at = Some(Instant::now());
        }
        let mut system = self.store.system().await?;
        let states = match self.seen {
            Some(seen) => system.feed().tenants_after(seen.written_by, seen.sequence).await?,
            None => system.feed().list().await?,
        };
        drop(system);
        let first = self.seen.is_none();
        let mut seen = self.seen.unwrap_or_default();
        for state in states {
            let newest = FeedPosition { written_by: state.written_by, sequence: state.sequence };
            if first && self.indexes.writer(&state.scope).await?.position() > newest {
                // The database is older than the index: a backup came back. What the index
                // knows may never have happened.
                tracing::warn!(tenant.id = %state.scope.tenant_id(), "the keyword index is ahead of the feed and is built anew");
                self.indexes.reset(&state.scope).await?;
            }
            seen = seen.max(newest);
            self.behind.entry(state.scope).or_insert_with(Behind::new);
        }
        for scope in self.indexes.take_emptied() {
            self.behind.entry(scope).or_insert_with(Behind::new);
        }
        self.seen = Some(seen);
        Ok(())
    }

    /// What a deleted tenant wrote must not lie on in an index.
    async fn forget_deleted(&mut self) -> Result<(), RetrievalError> {
        let mut system = self.store.system().await?;
        let deleted = system.tenants().list_deleted().await?;
        drop(system);
        for scope in deleted {
            self.behind.remove(&scope);
            self.indexes.forget(&scope).await?;
        }
        Ok(())
    }

    async fn catch_up_all(&mut self) {
        let now = Instant::now();
        let due: Vec<TenantScope> =
            self.behind.iter().filter(|(_, behind)| behind.retry_at <= now).map(|(scope, _)| *scope).collect();
        for scope in due {
            let result = self.catch_up(&scope).await;
            let Some(behind) = self.behind.get_mut(&scope) else { continue };
            match result {
                Ok(()) => {
                    if behind.failure.is_some() {
                        tracing::info!(tenant.id = %scope.tenant_id(), "the keyword index follows again");
                    }
                    self.behind.remove(&scope);
                }
                Err(error) => {
                    let failure = describe(&error);
                    if behind.failure.replace(failure.clone()).as_ref() != Some(&failure) {
                        tracing::error!(tenant.id = %scope.tenant_id(), error = failure, "the keyword index cannot follow");
                    }
                    behind.retry_at = Instant::now() + behind.backoff;
                    behind.backoff = (behind.backoff * 2).min(BACKOFF.1);
                }
            }
        }
    }

    /// Brings one tenant's index to the end of its feed.
    async fn catch_up(&self, scope: &TenantScope) -> Result<(), RetrievalError> {
        let writer = self.indexes.writer(scope).await?;
        loop {
            match self.apply_batch(scope, &writer).await {
                Ok(0) => {
                    writer.mark_whole();
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) => {
                    writer.rollback().await?;
                    return Err(error);
                }
            }
        }
    }

    /// Applies and commits the next changes; how many there were.
    async fn apply_batch(&self, scope: &TenantScope, writer: &KeywordWriter) -> Result<usize, RetrievalError> {
        let from = writer.position();
        let mut tx = self.store.tenant(scope).read().await?;
        let changes = tx.index_changes().list_after(from.written_by, from.sequence, BATCH).await?;
        let Some(last) = changes.last() else { return Ok(0) };
        let reached = FeedPosition { written_by: last.written_by, sequence: last.sequence };
        for (version_id, operation) in last_of_each_version(&changes) {
            let chunks = match operation {
                IndexOperation::Upsert => tx.index_changes().chunks_of(version_id).await?,
                IndexOperation::Delete => Vec::new(),
            };
            let chunks = chunks.into_iter().map(keyword_chunk).collect();
            writer.apply(VersionChange { version_id, chunks }).await?;
        }
        drop(tx);
        writer.commit(reached).await?;
        for change in &changes {
            self.handle.announce(change.version_id);
        }
        Ok(changes.len())
    }

    fn publish(&self) {
        let failing = self.behind.values().find_map(|behind| behind.failure.clone());
        let mut lag = lock(&self.handle.shared.lag);
        if self.seen.is_none() && self.feed_failure.is_none() {
            return;
        }
        let feed_failed_since = lag.as_ref().and_then(|state| state.since).unwrap_or_else(Instant::now);
        let since = self.behind.values().map(|behind| behind.since).min();
        *lag = Some(LagState {
            tenants_behind: self.behind.len(),
            since: if self.feed_failure.is_some() { Some(since.unwrap_or(feed_failed_since)) } else { since },
            failure: self.feed_failure.clone().or(failing),
        });
    }
}

/// Only the last word on a version counts, and the chunks are read as they are now anyway.
fn last_of_each_version(changes: &[IndexChange]) -> HashMap<VersionId, IndexOperation> {
    changes.iter().map(|change| (change.version_id, change.operation)).collect()
}

fn keyword_chunk(chunk: IndexedChunk) -> KeywordChunk {
    let mut headings = chunk.heading_path;
    headings.push(chunk.document_name);
    KeywordChunk {
        id: chunk.id,
        version_id: chunk.version_id,
        label_id: chunk.label_id,
        is_dormant: chunk.is_dormant,
        headings,
        text: chunk.text,
    }
}

/// An error with its causes, for the log and for readiness.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
