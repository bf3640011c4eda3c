//! Group commit: what arrives for a tenant while a transaction is under way forms the next one. No timer: a caller that is
//! alone never waits for others.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use millwright_core::TenantScope;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// What is done with a batch of one tenant.
pub(crate) trait Work: Send + Sync + 'static {
    /// One caller's wish.
    type Item: Send + 'static;

    /// Does it, and tells each caller.
    fn perform(&self, scope: TenantScope, items: Vec<Self::Item>) -> impl Future<Output = ()> + Send;
}

/// How much at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes {
    /// Transactions of one tenant at once.
    pub(crate) of_tenant: usize,
    /// Transactions of all tenants at once.
    pub(crate) total: usize,
    /// Items in one transaction.
    pub(crate) batch: usize,
}

struct Queue<I> {
    waiting: VecDeque<I>,
    running: usize,
    /// Whether it stands in `ready`.
    ready: bool,
}

impl<I> Queue<I> {
    fn empty() -> Self {
        Self { waiting: VecDeque::new(), running: 0, ready: false }
    }
}

struct State<I> {
    tenants: HashMap<TenantScope, Queue<I>>,
    /// Tenants whose next batch may begin, in the order in which they came.
    ready: VecDeque<TenantScope>,
    lanes: usize,
    waiting: usize,
}

struct Inner<W: Work> {
    work: W,
    lanes: Lanes,
    state: Mutex<State<W::Item>>,
    tracker: TaskTracker,
}

/// Queues by tenant, and lanes that live only while there is something to do.
pub(crate) struct Batcher<W: Work>(Arc<Inner<W>>);

impl<W: Work> Clone for Batcher<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Work> Batcher<W> {
    pub(crate) fn new(work: W, lanes: Lanes, tracker: TaskTracker) -> Self {
        let state = State { tenants: HashMap::new(), ready: VecDeque::new(), lanes: 0, waiting: 0 };
        Self(Arc::new(Inner { work, lanes, state: Mutex::new(state), tracker }))
    }

    /// How many items wait to be taken.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().waiting
    }

    /// Adds an item. Outside of a runtime it waits for the next one that is added inside.
    pub(crate) fn push(&self, scope: TenantScope, item: W::Item) {
        let start = {
            let mut state = self.0.lock();
            let queue = state.tenants.entry(scope).or_insert_with(Queue::empty);
            queue.waiting.push_back(item);
            let becomes_ready = !queue.ready && queue.running < self.0.lanes.of_tenant;
            queue.ready |= becomes_ready;
            state.waiting += 1;
            if becomes_ready {
                state.ready.push_back(scope);
            }
            let start = (!state.ready.is_empty() && state.lanes < self.0.lanes.total)
                .then(Handle::try_current)
                .and_then(Result::ok);
            state.lanes += usize::from(start.is_some());
            start
        };
        if let Some(runtime) = start {
            let lane = Lane { inner: Arc::clone(&self.0), ended: false };
            self.0.tracker.spawn_on(async move { lane.run().await }, &runtime);
        }
    }
}

impl<W: Work> Inner<W> {
    fn lock(&self) -> MutexGuard<'_, State<W::Item>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch of whichever tenant has waited longest; counted as running until [`Inner::end`]. `None` ends the lane:
    /// in the same moment, so that what comes next starts another.
    fn take(&self) -> Option<(TenantScope, Vec<W::Item>)> {
        let mut state = self.lock();
        let Some(scope) = state.ready.pop_front() else {
            state.lanes -= 1;
            return None;
        };
        let queue = state.tenants.entry(scope).or_insert_with(Queue::empty);
        let count = queue.waiting.len().min(self.lanes.batch);
        let items: Vec<_> = queue.waiting.drain(..count).collect();
        queue.running += 1;
        queue.ready = !queue.waiting.is_empty() && queue.running < self.lanes.of_tenant;
        if queue.ready {
            state.ready.push_back(scope);
        }
        state.waiting -= items.len();
        Some((scope, items))
    }

    fn end(&self, scope: TenantScope) {
        let mut state = self.lock();
        let Some(queue) = state.tenants.get_mut(&scope) else { return };
        queue.running -= 1;
        if queue.waiting.is_empty() {
            if queue.running == 0 {
                state.tenants.remove(&scope);
            }
        } else if !queue.ready {
            queue.ready = true;
            state.ready.push_back(scope);
        }
    }
}

/// One transaction after the other until nothing waits. Its end is counted also when the work panics.
struct Lane<W: Work> {
    inner: Arc<Inner<W>>,
    ended: bool,
}

struct Running<'l, W: Work>(&'l Inner<W>, TenantScope);

impl<W: Work> Drop for Running<'_, W> {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}

impl<W: Work> Lane<W> {
    async fn run(mut self) {
        while let Some((scope, items)) = self.inner.take() {
            let _running = Running(&self.inner, scope);
            self.inner.work.perform(scope, items).await;
        }
        self.ended = true;
    }
}

impl<W: Work> Drop for Lane<W> {
    fn drop(&mut self) {
        if !self.ended {
            self.inner.lock().lanes -= 1;
        }
    }
}
