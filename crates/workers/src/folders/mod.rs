//! Watched folders: their files are documents, for as long as they lie there and for whom they are readable there.
//!
//! A source has two clocks. The pass over the contents walks its folder, takes in what is new or changed as an upload would
//! be, and deletes the documents of files that are gone. The pass over the permissions looks at every known file without
//! reading it and labels its document accordingly. Each goes forward only when it went through everything; when the
//! permissions were not checked for too long, the documents are hidden from everybody (see `Labels::reader`).
//!
//! Invariants:
//! * Nothing outside of the tenant's own folder is read, whatever links and names lie in it.
//! * Nothing is deleted because a folder is not there: a share that is not mounted loses no document, be it the source's
//!   folder or below it.
//! * One process works on a clock at a time, under a lease; what it did not end another does again without effect.
//! * Nothing a pass writes goes by settings that were changed meanwhile.

mod access;
mod contents;
mod pass;
mod permissions;
mod place;
mod removal;
mod report;
mod walk;

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use millwright_audit::AuditKey;
use millwright_core::{
    Sources, TenantScope,
    id::{SourceId, TenantId},
};
use millwright_store::{
    Bookkeeping, Proof, Store, StoreError,
    system::ClaimedClock,
    tenant::{PassEnd, SourceClock, WatchedSourceRow},
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub use self::place::{PlaceError, relative};
use self::{
    pass::{Pass, Tools},
    place::Folder,
    report::{PassFailure, Progress},
};

/// How often to look for clocks that are due.
const ROUND: Duration = Duration::from_secs(1);
/// How long a worker may be silent before its pass goes to another.
const LEASE: Duration = Duration::from_secs(15);
/// How often a pass says how far it is.
const BEAT: Duration = Duration::from_secs(1);
/// After a pass that did not go through, the next comes no later than this.
const RETRY: Duration = Duration::from_mins(1);

/// A file system that does not answer for so long is given up; a file or a batch of looks takes far less.
const STALL: Duration = Duration::from_mins(3);
/// Passes over contents at once: each holds one file in memory, and waits a little where many documents wait to be read.
const CONTENTS_AT_ONCE: usize = 4;
/// Passes over permissions at once.
const PERMISSIONS_AT_ONCE: usize = 4;

/// Which passes of this process have work with the file system that has not returned. A share whose server is away holds a
/// thread for as long as it likes: no second one is sent after it.
type Under = Arc<Mutex<HashSet<(SourceId, &'static str)>>>;

/// Held by whatever works with the file system for a pass.
#[derive(Clone)]
struct Inside {
    _until_dropped: Arc<Entered>,
}

struct Entered(Under, (SourceId, &'static str));

impl Inside {
    /// None while work of an earlier pass has not returned.
    fn enter(under: &Under, source: SourceId, clock: SourceClock) -> Option<Self> {
        let key = (source, clock.as_str());
        let is_first = under.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        is_first.then(|| Self { _until_dropped: Arc::new(Entered(Arc::clone(under), key)) })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// What is watched, and how much of it.
#[derive(Debug, Clone)]
pub struct WatchSettings {
    /// Where the folders of all tenants lie, each under the tenant's id; `None` when the operator watches nothing.
    pub root: Option<PathBuf>,
    /// The largest file, bytes.
    pub max_file_bytes: usize,
    /// So many documents of a tenant may wait to be read; passes leave half of the places to people.
    pub documents_waiting: i64,
}

/// Why the folder that somebody wants watched cannot be; blocks on the file system.
pub fn check(settings: &WatchSettings, tenant: TenantId, path: &str) -> Result<(), PlaceError> {
    let root = settings.root.as_deref().ok_or(PlaceError::Missing)?;
    Folder::open(root, tenant, path).map(drop)
}

/// Goes through watched folders when their clocks are due.
pub struct FolderWatcher {
    tools: Tools,
    owner: Uuid,
    under: Under,
}

impl FolderWatcher {
    /// A watcher; any number of processes may run one. It notifies `jobs_wake` when there is a document to be read.
    pub fn new(
        store: Store,
        sources: Sources,
        key: Arc<AuditKey>,
        settings: WatchSettings,
        jobs_wake: Arc<Notify>,
    ) -> Self {
        let owner = sources.new_uuid();
        Self { tools: Tools { store, sources, key, settings, jobs_wake }, owner, under: Under::default() }
    }

    /// Looks every second until `stop`. The clocks do not wait for each other: a long pass over contents keeps no
    /// permissions from being checked.
    pub async fn run(self: Arc<Self>, tracker: TaskTracker, stop: CancellationToken) {
        let contents = Arc::clone(&self).follow(SourceClock::Contents, CONTENTS_AT_ONCE, tracker.clone(), stop.clone());
        let permissions = self.follow(SourceClock::Permissions, PERMISSIONS_AT_ONCE, tracker, stop);
        tokio::join!(contents, permissions);
    }

    async fn follow(self: Arc<Self>, clock: SourceClock, places: usize, tracker: TaskTracker, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(places));
        loop {
            for claimed in self.claim(clock, places.available_permits()).await {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (watcher, stop) = (Arc::clone(&self), stop.clone());
                tracker.spawn(async move {
                    watcher.attempt(claimed, stop).await;
                    drop(place);
                });
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    async fn claim(&self, clock: SourceClock, places: usize) -> Vec<ClaimedClock> {
        if places == 0 {
            return Vec::new();
        }
        let claimed = async {
            let mut tx = self.tools.store.system().await?;
            let limit = i64::try_from(places).unwrap_or(i64::MAX);
            let claimed = tx.source_clocks().claim(clock, self.owner, LEASE, limit).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(claimed)
        };
        claimed.await.unwrap_or_else(|error| {
            // Readiness reports the database; one line a round would drown the log.
            tracing::debug!(error = &error as &dyn std::error::Error, "no watched folders claimed");
            Vec::new()
        })
    }

    async fn attempt(&self, claimed: ClaimedClock, stop: CancellationToken) {
        let (clock, progress) = (claimed.fence.clock, Progress::default());
        let source = match self.source(&claimed).await {
            Ok(Some(source)) => source,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a watched folder could not be loaded");
                return;
            }
        };
        let pass = async {
            // The removal of a source asks nothing of its share, which may hang.
            let inside = if source.deleted {
                None
            } else {
                Some(Inside::enter(&self.under, source.id, clock).ok_or(PassFailure::Stalled)?)
            };
            Pass::run(&self.tools, claimed, &source, progress.clone(), inside).await
        };
        let result = tokio::select! {
            result = pass => result,
            () = progress.stalled(STALL) => Err(PassFailure::Stalled),
            () = self.keep_lease(&claimed, &progress) => Err(PassFailure::LeaseLost),
            () = stop.cancelled() => return,
        };
        if matches!(result, Err(PassFailure::LeaseLost)) {
            return;
        }
        if let Err(error) = &result
            && !matches!(error, PassFailure::NoPlace)
        {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, source.id = %source.id, clock = clock.as_str(), "a pass over a watched folder did not go through");
        }
        let outcome = result.as_ref().map_or_else(PassFailure::code, |()| "succeeded");
        millwright_telemetry::metrics::source_pass_finished(clock.as_str(), outcome);
        let interval = Pass::interval(&source, clock);
        let end = PassEnd {
            report: progress.to_json(),
            again_after: if result.is_ok() { interval } else { interval.min(RETRY) },
            failure: result.err().map(|failure| (failure.code(), failure.to_string())),
            revision: source.revision,
        };
        // What was done is committed already; if its end cannot be recorded now, the lease expires and the next pass finds
        // nothing left to do.
        if let Err(error) = self.finish(&claimed.scope, &claimed, &end).await {
            tracing::warn!(error = &error as &dyn std::error::Error, source.id = %source.id, "end of pass not recorded");
        }
    }

    async fn source(&self, claimed: &ClaimedClock) -> Result<Option<WatchedSourceRow>, StoreError> {
        self.tools.store.tenant(&claimed.scope).read().await?.sources().get(claimed.fence.source).await
    }

    /// Renews the lease for ever, and tells how far the pass is; returns only when it is lost.
    async fn keep_lease(&self, claimed: &ClaimedClock, progress: &Progress) {
        loop {
            tokio::time::sleep(BEAT).await;
            let renewed = async {
                let mut tx = self.tools.store.tenant(&claimed.scope).begin().await?;
                tx.sources().renew(&claimed.fence, LEASE, &progress.to_json()).await?;
                tx.commit(Proof::Bookkeeping(Bookkeeping::SourcePass)).await
            };
            match renewed.await {
                Ok(()) => {}
                Err(StoreError::LeaseLost) => return,
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "lease not renewed"),
            }
        }
    }

    async fn finish(&self, scope: &TenantScope, claimed: &ClaimedClock, end: &PassEnd) -> Result<(), StoreError> {
        let mut tx = self.tools.store.tenant(scope).begin().await?;
        tx.sources().finish(&claimed.fence, end).await?;
        tx.commit(Proof::Bookkeeping(Bookkeeping::SourcePass)).await
    }
}
