use std::time::Duration;

use millwright_core::Sources;
use millwright_store::{Bookkeeping, Proof, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// With the lease of 45 seconds: what a dead process held is free again within a minute.
const ROUND: Duration = Duration::from_secs(10);
/// Reservations given back in one round of one tenant.
const BATCH: i64 = 1_000;

/// Gives back what processes held that died, or calls that were lost.
pub struct ReservationSweeper {
    store: Store,
    sources: Sources,
}

impl ReservationSweeper {
    /// A sweeper; any number of processes may run one.
    pub fn new(store: Store, sources: Sources) -> Self {
        Self { store, sources }
    }

    /// Sweeps until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            match self.sweep_once().await {
                Ok(0) => {}
                Ok(returned) => tracing::warn!(returned, "reservations of budgets expired and were given back"),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "no reservations swept"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Gives back every reservation whose lease has run out; returns how many those were.
    pub async fn sweep_once(&self) -> Result<usize, StoreError> {
        let mut returned = 0;
        loop {
            let expired = self.store.system().await?.reservations().list_expired(BATCH).await?;
            let mut now_returned = 0;
            for of_tenant in expired {
                let mut tx = self.store.tenant(&of_tenant.scope).begin().await?;
                now_returned += tx.budget_ledger().return_expired(&of_tenant.ids, self.sources.now()).await?;
                tx.commit(Proof::Bookkeeping(Bookkeeping::BudgetHold)).await?;
            }
            returned += now_returned;
            // Fewer than asked for, or others are at them.
            if now_returned < BATCH as usize {
                return Ok(returned);
            }
        }
    }
}
