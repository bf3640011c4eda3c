//! The few connections over which calls of models are claimed and ended. The pool tries each connection that comes back to it
//! with a trip of its own, which for two statements a call is as many trips again; these are kept as they are and only let
//! go when a statement failed on them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{StoreError, pool::TEST_AFTER_IDLE};

/// A connection's memory for plans and catalogues grows with what it is used for.
const LIFETIME: Duration = Duration::from_mins(30);

/// One connection and what is known of it.
#[derive(Debug)]
struct Kept {
    connection: PgConnection,
    opened: Instant,
    rested: Instant,
}

#[derive(Debug)]
pub(crate) struct LedgerConnections {
    options: PgConnectOptions,
    acquire_timeout: Duration,
    most: u32,
    permits: Arc<Semaphore>,
    /// The one used last is used next: its plans are in the caches.
    idle: Mutex<Vec<Kept>>,
}

impl LedgerConnections {
    /// Opens none yet: each is opened by who needs it first.
    pub(crate) fn new(options: PgConnectOptions, most: u32, acquire_timeout: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1)));
        Self { options, acquire_timeout, most, permits, idle: Mutex::new(Vec::new()) }
    }

    /// A connection to be given back with [`Borrowed::give_back`]; dropped, it is closed.
    pub(crate) async fn borrow(&self) -> Result<Borrowed<'_>, StoreError> {
        let borrowed = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let kept = if let Some(kept) = self.take_live().await {
                kept
            } else {
                let connection = PgConnection::connect_with(&self.options).await?;
                Kept { connection, opened: Instant::now(), rested: Instant::now() }
            };
            Ok(Borrowed { owner: self, kept, _permit: permit })
        };
        let waited = tokio::time::timeout(self.acquire_timeout, borrowed).await;
        waited.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|error: sqlx::Error| error.into())
    }

    async fn take_live(&self) -> Option<Kept> {
        loop {
            let mut kept = self.lock().pop()?;
            if kept.opened.elapsed() > LIFETIME {
                continue;
            }
            if kept.rested.elapsed() <= TEST_AFTER_IDLE || kept.connection.ping().await.is_ok() {
                return Some(kept);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections open and connections idle at the moment.
    pub(crate) fn state(&self) -> (u32, usize) {
        let idle = self.lock().len();
        let lent = usize::try_from(self.most).unwrap_or(usize::MAX).saturating_sub(self.permits.available_permits());
        (u32::try_from(idle + lent).unwrap_or(u32::MAX), idle)
    }

    /// Waits for those in use, and closes all.
    pub(crate) async fn close(&self) {
        let all = self.permits.acquire_many(self.most).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.lock());
        for kept in idle {
            // It is going away either way.
            let _ = kept.connection.close().await;
        }
    }
}

/// A connection in use.
#[derive(Debug)]
pub(crate) struct Borrowed<'l> {
    owner: &'l LedgerConnections,
    kept: Kept,
    _permit: OwnedSemaphorePermit,
}

impl Borrowed<'_> {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.kept.connection
    }

    /// Keeps the connection for the next one, and with a database that went away lets go of all: the others lead to it too.
    pub(crate) fn give_back<T>(mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let mut idle = self.owner.lock();
        if result.as_ref().is_err_and(StoreError::is_transient) {
            idle.clear();
        } else {
            self.kept.rested = Instant::now();
            idle.push(self.kept);
        }
        result
    }
}
