use std::{sync::Arc, time::Duration};

use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::Sources;
use millwright_retrieval::follower::FollowerHandle;
use millwright_store::{Proof, Store, StoreError, system::DueDocument};
use tokio_util::sync::CancellationToken;

/// How late the version of a day may begin to answer.
const ROUND: Duration = Duration::from_secs(2);
/// Documents whose day has come that are dealt with in one round.
const BATCH: i64 = 200;

/// Lets versions answer when their day comes, and no longer when it is over.
pub struct Calendar {
    store: Store,
    sources: Sources,
    key: Arc<AuditKey>,
    follower: FollowerHandle,
}

impl Calendar {
    /// A calendar; any number of processes may run one.
    pub fn new(store: Store, sources: Sources, key: Arc<AuditKey>, follower: FollowerHandle) -> Self {
        Self { store, sources, key, follower }
    }

    /// Looks every two seconds until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.look_once().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "the calendar was not looked at");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Deals with the documents in which another version should answer by now; returns how many changed.
    pub async fn look_once(&self) -> Result<usize, StoreError> {
        let mut tx = self.store.system().await?;
        let due = tx.due_versions().list(self.sources.now(), BATCH).await?;
        drop(tx);
        let mut changed = 0;
        for document in due {
            match self.settle(&document).await {
                Ok(one) => changed += usize::from(one),
                // The others' day has come too; this one is tried again.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, document.id = %document.id, "a version whose day has come does not answer yet");
                }
            }
        }
        if changed > 0 {
            self.follower.wake();
        }
        Ok(changed)
    }

    async fn settle(&self, due: &DueDocument) -> Result<bool, StoreError> {
        let now = self.sources.now();
        let mut tx = self.store.tenant(&due.scope).begin().await?;
        let changed = tx.validity().settle(due.id, None, now).await?.then_some(due.id);
        let superseded = tx.validity().settle_superseded_by(due.id, now).await?;
        let mut records = Vec::new();
        for document in changed.into_iter().chain(superseded) {
            let (tenant, actor) = (due.scope.tenant_id(), Actor::System("calendar"));
            let event = AuditEvent::new(&self.sources, tenant, actor, AuditAction::DocumentVersionEffective, document);
            let record = self.key.authenticate(&event);
            records.push(record.map_err(|_| StoreError::InvalidState("no change without proof"))?);
        }
        // Another process was faster.
        if records.is_empty() {
            return Ok(false);
        }
        tx.commit(Proof::Entries(&records)).await?;
        Ok(true)
    }
}
