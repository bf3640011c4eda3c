use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use millwright_core::{TenantScope, id::RunId};
use millwright_store::tenant::{RunEventRow, RunFence};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Batches that a slow reader may be behind before it reads from the database again.
const CAPACITY: usize = 256;

/// Events that are stored already, in order.
pub(crate) type Batch = Arc<[RunEventRow]>;

/// The runs of this process, for readers who are connected to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunHub {
    runs: Arc<Mutex<HashMap<RunId, Entry>>>,
}

#[derive(Debug)]
struct Entry {
    scope: TenantScope,
    /// Which attempt at the run it is.
    fence: RunFence,
    events: broadcast::Sender<Batch>,
    stop: CancellationToken,
}

impl RunHub {
    /// How many runs go on in this process.
    pub(crate) fn running(&self) -> usize {
        self.lock().len()
    }

    /// Asks a run of this process to stop at once. False when it is not one.
    pub(crate) fn stop(&self, run: RunId) -> bool {
        self.lock().get(&run).is_some_and(|entry| {
            entry.stop.cancel();
            true
        })
    }

    /// An attempt begins. One that is still here has lost its lease, and is stopped.
    pub(crate) fn insert(&self, scope: TenantScope, run: RunFence, stop: CancellationToken) {
        let entry = Entry { scope, fence: run, events: broadcast::channel(CAPACITY).0, stop };
        if let Some(before) = self.lock().insert(run.id, entry) {
            before.stop.cancel();
        }
    }

    pub(crate) fn publish(&self, run: RunId, batch: Batch) {
        if let Some(entry) = self.lock().get(&run) {
            // An error only says that nobody listens.
            let _ = entry.events.send(batch);
        }
    }

    pub(crate) fn subscribe(&self, scope: &TenantScope, run: RunId) -> Option<broadcast::Receiver<Batch>> {
        self.lock().get(&run).filter(|entry| entry.scope == *scope).map(|entry| entry.events.subscribe())
    }

    /// An attempt has ended; another's stays.
    pub(crate) fn remove(&self, run: RunFence) {
        let mut runs = self.lock();
        if runs.get(&run.id).is_some_and(|entry| entry.fence == run) {
            runs.remove(&run.id);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, Entry>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
