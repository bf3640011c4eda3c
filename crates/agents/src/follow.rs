//! Reads a run's events from anywhere: live in the process that works on it, from the database
//! in any other.

use std::{collections::VecDeque, time::Duration};

use futures::{Stream, stream};
use millwright_core::{TenantScope, id::RunId};
use millwright_store::{
    Store, StoreError,
    tenant::{RunEventRow, RunStatus},
};
use tokio::{sync::broadcast, time::Instant};

use crate::{
    events::is_last,
    hub::{Batch, RunHub},
};

/// Events read from the database at once.
const PAGE: i64 = 500;
/// How often a run of another process is looked at.
const POLL: Duration = Duration::from_millis(200);
/// How often one that waits for its person is.
const WAITS: Duration = Duration::from_secs(1);
/// How long the database may be away before the reader is told.
const OUTAGE: Duration = Duration::from_secs(20);

struct Follower {
    store: Store,
    hub: RunHub,
    scope: TenantScope,
    run: RunId,
    seen: i64,
    ready: VecDeque<RunEventRow>,
    live: Option<broadcast::Receiver<Batch>>,
    /// What is stored was read up to the point where `live` goes on.
    caught_up: bool,
    /// Whether the run waits for its person.
    waits: bool,
    ended: bool,
    failing_since: Option<Instant>,
}

/// The events of a run after `after`, up to its last one. The caller has checked that the run is
/// the reader's. An error ends the stream.
pub(crate) fn follow(
    store: Store,
    hub: RunHub,
    scope: TenantScope,
    run: RunId,
    after: i64,
) -> impl Stream<Item = Result<RunEventRow, StoreError>> + Send + 'static {
    let follower = Follower {
        live: hub.subscribe(&scope, run),
        store,
        hub,
        scope,
        run,
        seen: after,
        ready: VecDeque::new(),
        caught_up: false,
        waits: false,
        ended: false,
        failing_since: None,
    };
    stream::unfold(follower, |mut follower| async move { Some((follower.next().await?, follower)) })
}

impl Follower {
    async fn next(&mut self) -> Option<Result<RunEventRow, StoreError>> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                if event.sequence > self.seen {
                    self.seen = event.sequence;
                    self.ended |= is_last(&event.payload);
                    return Some(Ok(event));
                }
            }
            if self.ended {
                return None;
            }
            let step = if self.caught_up && self.live.is_some() { self.listen().await } else { self.read().await };
            if let Err(error) = step {
                let since = *self.failing_since.get_or_insert_with(Instant::now);
                if !error.is_transient() || since.elapsed() > OUTAGE {
                    self.ended = true;
                    return Some(Err(error));
                }
                tokio::time::sleep(POLL).await;
            } else {
                self.failing_since = None;
            }
        }
    }

    async fn listen(&mut self) -> Result<(), StoreError> {
        let Some(live) = &mut self.live else { return Ok(()) };
        match live.recv().await {
            Ok(batch) => self.ready.extend(batch.iter().cloned()),
            Err(broadcast::error::RecvError::Lagged(_)) => self.caught_up = false,
            // The run has left this process: what it wrote last is in the database.
            Err(broadcast::error::RecvError::Closed) => {
                self.live = None;
                self.caught_up = false;
            }
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        if self.caught_up {
            tokio::time::sleep(if self.waits { WAITS } else { POLL }).await;
            if self.live.is_none() {
                self.live = self.hub.subscribe(&self.scope, self.run);
            }
        }
        let mut tx = self.store.tenant(&self.scope).read().await?;
        // The state is read before the events: a run that had ended has no events to come.
        let state = if self.live.is_none() { tx.runs().get(self.run).await? } else { None };
        let events = tx.runs().events_after(self.run, self.seen, PAGE).await?;
        self.caught_up = (events.len() as i64) < PAGE;
        self.waits = state.as_ref().is_some_and(|run| run.waits_until.is_some());
        let is_over = self.live.is_none() && state.is_none_or(|run| run.status != RunStatus::Running);
        if is_over && events.is_empty() {
            self.ended = true;
        }
        self.ready.extend(events);
        Ok(())
    }
}
