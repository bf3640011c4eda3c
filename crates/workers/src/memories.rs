use std::{sync::Arc, time::Duration};

use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{Sources, TenantScope};
use millwright_store::{Proof, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// What has expired is neither shown nor used from its moment on, so nobody waits for this.
const ROUND: Duration = Duration::from_mins(10);
/// Tenants that are looked up at once.
const BATCH: i64 = 200;

/// Deletes what was remembered for long enough.
pub struct MemorySweeper {
    store: Store,
    sources: Sources,
    key: Arc<AuditKey>,
}

impl MemorySweeper {
    /// A sweeper; any number of processes may run one.
    pub fn new(store: Store, sources: Sources, key: Arc<AuditKey>) -> Self {
        Self { store, sources, key }
    }

    /// Sweeps every ten minutes until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.sweep_once().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "no memories were swept");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Deletes what has expired; returns how much that was.
    pub async fn sweep_once(&self) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let mut tx = self.store.system().await?;
            let due = tx.memories().tenants(self.sources.now(), BATCH).await?;
            drop(tx);
            let is_full = i64::try_from(due.len()).is_ok_and(|due| due == BATCH);
            let of_batch = self.sweep_all(due).await;
            deleted += of_batch;
            // Where nothing of a full batch could be deleted the next one would not do better.
            if !is_full || of_batch == 0 {
                return Ok(deleted);
            }
        }
    }

    async fn sweep_all(&self, due: Vec<TenantScope>) -> u64 {
        let mut deleted = 0;
        for scope in due {
            match self.sweep(&scope).await {
                Ok(of_tenant) => deleted += of_tenant,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, tenant.id = %scope.tenant_id(), "expired memories are still stored");
                }
            }
        }
        deleted
    }

    async fn sweep(&self, scope: &TenantScope) -> Result<u64, StoreError> {
        let mut tx = self.store.tenant(scope).begin().await?;
        let deleted = tx.memories().expire(self.sources.now()).await?;
        // Another process was faster.
        if deleted == 0 {
            return Ok(0);
        }
        let tenant = scope.tenant_id();
        let actor = Actor::System("sweeper");
        let event = AuditEvent::new(&self.sources, tenant, actor, AuditAction::MemoriesExpired, tenant)
            .detail("memories", deleted);
        let record = self.key.authenticate(&event).map_err(|_| StoreError::InvalidState("no change without proof"))?;
        tx.commit(Proof::Entry(&record)).await?;
        Ok(deleted)
    }
}
