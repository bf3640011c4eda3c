//! The line before an endpoint: so many requests at once, the rest waits, and tenants take turns.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use millwright_core::id::TenantId;
use serde::Serialize;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, timeout_at},
};

/// A place in a line, as it is told to the one who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// How many answers have to end before this request's turn, at least 1.
    pub position: usize,
    /// How long that will take, by how long answers took lately, milliseconds.
    pub estimate_ms: u64,
}

/// Why a request does not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// As many wait as may.
    Full(Place),
    /// Its turn would come after its deadline.
    TooLate(Place),
}

struct Waiter {
    grant: oneshot::Sender<Permit>,
    told: Option<watch::Sender<Option<Place>>>,
}

#[derive(Default)]
struct State {
    running: usize,
    /// By tenant, first come first served.
    lines: HashMap<TenantId, VecDeque<Waiter>>,
    /// Whose turn it is next.
    turns: VecDeque<TenantId>,
    waiting: usize,
    /// A moving average of how long an answer takes, seconds; 0 before the first.
    service: f64,
}

impl State {
    /// Puts out the last of the longest line, where the tenant's own would still be shorter than it: one that fills the
    /// places keeps nobody else from having some.
    fn make_room(&mut self, tenant: TenantId) -> bool {
        let own = self.lines.get(&tenant).map_or(0, VecDeque::len);
        let longest = self.lines.iter_mut().max_by_key(|(_, line)| line.len());
        let Some((_, line)) = longest.filter(|(other, line)| **other != tenant && line.len() > own + 1) else {
            return false;
        };
        // Whoever is put out hears that no turn will come.
        drop(line.pop_back());
        self.waiting = self.waiting.saturating_sub(1);
        true
    }

    /// Who stopped waiting takes no place.
    fn forget_the_gone(&mut self) {
        for line in self.lines.values_mut() {
            line.retain(|waiter| !waiter.grant.is_closed());
        }
        let lines = &mut self.lines;
        lines.retain(|_, line| !line.is_empty());
        self.turns.retain(|tenant| lines.contains_key(tenant));
        self.waiting = lines.values().map(VecDeque::len).sum();
    }
}

struct Inner {
    concurrency: usize,
    most_waiting: usize,
    state: Mutex<State>,
}

/// A line with a bound. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Inner>);

/// Leave to use the endpoint; given back when dropped.
pub(crate) struct Permit {
    queue: Option<Queue>,
    since: Instant,
    /// Whether the answer came whole: others say nothing of how long one takes.
    whole: bool,
}

impl Permit {
    /// The answer came whole.
    pub(crate) fn whole(&mut self) {
        self.whole = true;
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (running, waiting) = self.load();
        f.debug_struct("Queue").field("running", &running).field("waiting", &waiting).finish()
    }
}

impl Queue {
    pub(crate) fn new(concurrency: usize, most_waiting: usize) -> Self {
        Self(Arc::new(Inner { concurrency: concurrency.max(1), most_waiting, state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many run, and how many wait.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.state();
        (state.running, state.waiting)
    }

    /// How full the endpoint is; 1 and above means that a further request waits.
    pub(crate) fn pressure(&self) -> f64 {
        let (running, waiting) = self.load();
        (running + waiting) as f64 / self.0.concurrency as f64
    }

    /// How long an answer takes, seconds.
    pub(crate) fn service(&self) -> f64 {
        self.state().service
    }

    /// Waits for a turn until `deadline`; `told` hears of the place in the line.
    pub(crate) async fn enter(
        &self,
        tenant: TenantId,
        deadline: Instant,
        told: Option<watch::Sender<Option<Place>>>,
    ) -> Result<Permit, NoPlace> {
        let turn = {
            let mut state = self.state();
            if state.running < self.0.concurrency && state.waiting == 0 {
                state.running += 1;
                return Ok(self.permit());
            }
            state.forget_the_gone();
            let place = self.place(&state, tenant, state.lines.get(&tenant).map_or(0, VecDeque::len));
            if state.waiting >= self.0.most_waiting && !state.make_room(tenant) {
                return Err(NoPlace::Full(place));
            }
            if Instant::now() + Duration::from_millis(place.estimate_ms) > deadline {
                return Err(NoPlace::TooLate(place));
            }
            if let Some(told) = &told {
                told.send_replace(Some(place));
            }
            let (grant, turn) = oneshot::channel();
            let line = state.lines.entry(tenant).or_default();
            line.push_back(Waiter { grant, told: told.clone() });
            if line.len() == 1 {
                state.turns.push_back(tenant);
            }
            state.waiting += 1;
            turn
        };
        let granted = timeout_at(deadline, turn).await;
        if let Some(told) = &told {
            told.send_replace(None);
        }
        if let Ok(Ok(permit)) = granted {
            return Ok(permit);
        }
        let state = self.state();
        Err(NoPlace::TooLate(self.place(&state, tenant, 0)))
    }

    fn permit(&self) -> Permit {
        Permit { queue: Some(self.clone()), since: Instant::now(), whole: false }
    }

    /// The place of a tenant's request that has so many of its own before it.
    fn place(&self, state: &State, tenant: TenantId, own: usize) -> Place {
        let others = state.lines.iter().filter(|(other, _)| **other != tenant);
        // Tenants take turns: of every other at most as many come first as of the own.
        let before = own + others.map(|(_, line)| line.len().min(own + 1)).sum::<usize>();
        let position = before + 1;
        let rounds = position as f64 / self.0.concurrency as f64;
        Place { position, estimate_ms: (rounds * state.service * 1_000.0) as u64 }
    }

    /// Somebody's answer ended: the next tenant's turn.
    fn leave(&self, took: Option<Duration>) {
        let mut state = self.state();
        state.running = state.running.saturating_sub(1);
        if let Some(took) = took.map(|took| took.as_secs_f64()) {
            state.service = if state.service == 0.0 { took } else { state.service * 0.8 + took * 0.2 };
        }
        self.admit(&mut state);
        self.tell(&state);
    }

    fn admit(&self, state: &mut State) {
        while state.running < self.0.concurrency {
            let Some(tenant) = state.turns.pop_front() else { return };
            let Some(line) = state.lines.get_mut(&tenant) else { continue };
            let next = line.pop_front();
            if line.is_empty() {
                state.lines.remove(&tenant);
            } else {
                state.turns.push_back(tenant);
            }
            let Some(waiter) = next else { continue };
            state.waiting = state.waiting.saturating_sub(1);
            if waiter.grant.is_closed() {
                continue;
            }
            state.running += 1;
            let permit = self.permit();
            if let Err(mut unused) = waiter.grant.send(permit) {
                // Gone in this very moment. The lock is held, so the permit must not give itself back.
                unused.queue = None;
                state.running -= 1;
            }
        }
    }

    fn tell(&self, state: &State) {
        for (tenant, line) in &state.lines {
            for (own, waiter) in line.iter().enumerate() {
                if let Some(told) = &waiter.told {
                    let place = self.place(state, *tenant, own);
                    told.send_if_modified(|known| known.replace(place) != Some(place));
                }
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.leave(self.whole.then(|| self.since.elapsed()));
        }
    }
}

#[cfg(test)]
mod tests {
    use millwright_core::Sources;
    use tokio::task::JoinSet;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    /// An answer that came whole.
    fn end(mut permit: Permit) {
        permit.whole();
    }

    fn tenant() -> TenantId {
        Sources::system().new_id()
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_fills_the_line_does_not_keep_another_from_its_turn() {
        let queue = Queue::new(1, 64);
        let (loud, quiet) = (tenant(), tenant());
        let running = queue.enter(loud, soon(), None).await.unwrap();
        let (order, mut came) = tokio::sync::mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        for name in ["loud"; 10].into_iter().chain(["quiet"; 2]) {
            let (queue, order) = (queue.clone(), order.clone());
            let who = if name == "loud" { loud } else { quiet };
            tasks.spawn(async move {
                let permit = queue.enter(who, soon(), None).await.unwrap();
                order.send(name).unwrap();
                drop(permit);
            });
            tokio::task::yield_now().await;
        }
        drop(running);
        tasks.join_all().await;
        let first: Vec<_> = (0..4).map(|_| came.try_recv().unwrap()).collect();
        assert_eq!(first, ["loud", "quiet", "loud", "quiet"], "they take turns");
        assert_eq!(queue.load(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_fills_the_line_does_not_shut_another_out() {
        let queue = Queue::new(1, 4);
        let (loud, quiet) = (tenant(), tenant());
        let running = queue.enter(loud, soon(), None).await.unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let queue = queue.clone();
            tasks.spawn(async move { queue.enter(loud, soon(), None).await.map(drop).is_ok() });
            tokio::task::yield_now().await;
        }
        let mut late = JoinSet::new();
        let for_quiet = queue.clone();
        late.spawn(async move { for_quiet.enter(quiet, soon(), None).await.map(drop).is_ok() });
        tokio::task::yield_now().await;
        drop(running);
        assert!(late.join_next().await.unwrap().unwrap(), "the quiet one has its turn");
        let loud_turns = tasks.join_all().await.into_iter().filter(|turn| *turn).count();
        assert_eq!(loud_turns, 3, "the last of the loud ones gave way");
        assert_eq!(queue.load(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_has_an_end_and_says_how_long_it_is() {
        let queue = Queue::new(1, 1);
        let a = tenant();
        let first = queue.enter(a, soon(), None).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        end(first);
        let _running = queue.enter(a, soon(), None).await.unwrap();
        let (told, hears) = watch::channel(None);
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let queue = queue.clone();
            async move { queue.enter(a, soon(), Some(told)).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert_eq!(*hears.borrow(), Some(Place { position: 1, estimate_ms: 2_000 }));
        let refused = queue.enter(a, soon(), None).await.map(drop).unwrap_err();
        assert_eq!(refused, NoPlace::Full(Place { position: 2, estimate_ms: 4_000 }));
        tasks.abort_all();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_whose_turn_would_come_too_late_is_told_at_once() {
        let queue = Queue::new(1, 64);
        let a = tenant();
        let first = queue.enter(a, soon(), None).await.unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        end(first);
        let _running = queue.enter(a, soon(), None).await.unwrap();
        let asked = Instant::now();
        let refused = queue.enter(a, asked + Duration::from_secs(5), None).await.map(drop).unwrap_err();
        assert!(matches!(refused, NoPlace::TooLate(Place { estimate_ms: 10_000, .. })), "{refused:?}");
        assert_eq!(Instant::now(), asked);
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_while_waiting_takes_no_turn() {
        let queue = Queue::new(1, 64);
        let a = tenant();
        let running = queue.enter(a, soon(), None).await.unwrap();
        for _ in 0..5 {
            let left = tokio::time::timeout(Duration::from_millis(1), queue.enter(a, soon(), None)).await;
            assert!(left.is_err());
        }
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let queue = queue.clone();
            async move { queue.enter(a, soon(), None).await.map(drop) }
        });
        tokio::task::yield_now().await;
        drop(running);
        tasks.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(queue.load(), (0, 0));
    }
}
