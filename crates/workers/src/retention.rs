use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{Sources, TenantScope};
use millwright_store::{Proof, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// What is kept is kept for days.
const ROUND: Duration = Duration::from_hours(1);
/// Runs or conversations of one transaction.
const BATCH: i64 = 200;
/// Decisions of one: those that stay are passed by each time.
const DECISIONS: i64 = 5_000;

/// How long things are kept, days.
#[derive(Debug, Clone, Copy)]
pub struct KeptFor {
    /// Conversations and goals that people have deleted.
    pub deleted: u32,
    /// Events of runs that have ended.
    pub run_events: u32,
    /// What their steps recorded; `None`: as long as their conversation.
    pub run_records: Option<u32>,
    /// Decisions, and what policy noticed.
    pub decisions: u32,
}

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Deleted conversations whose texts were erased.
    pub conversations: u64,
    /// Runs whose events were deleted.
    pub events_of_runs: u64,
    /// Runs whose records were deleted.
    pub records_of_runs: u64,
    /// Decisions and events of policy.
    pub decisions: u64,
}

impl Pruned {
    fn and(self, more: Self) -> Self {
        Self {
            conversations: self.conversations + more.conversations,
            events_of_runs: self.events_of_runs + more.events_of_runs,
            records_of_runs: self.records_of_runs + more.records_of_runs,
            decisions: self.decisions + more.decisions,
        }
    }

    fn total(self) -> u64 {
        self.conversations + self.events_of_runs + self.records_of_runs + self.decisions
    }
}

/// Deletes what was kept for long enough.
pub struct RetentionKeeper {
    store: Store,
    sources: Sources,
    key: Arc<AuditKey>,
    kept_for: KeptFor,
}

impl RetentionKeeper {
    /// A keeper; any number of processes may run one.
    pub fn new(store: Store, sources: Sources, key: Arc<AuditKey>, kept_for: KeptFor) -> Self {
        Self { store, sources, key, kept_for }
    }

    /// Goes round every hour until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                swept = self.sweep_once() => if let Err(error) = swept {
                    tracing::debug!(error = &error as &dyn std::error::Error, "nothing was deleted for its age");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Deletes all that was kept for long enough, in every tenant; returns how much that was.
    pub async fn sweep_once(&self) -> Result<Pruned, StoreError> {
        let mut tx = self.store.system().await?;
        let tenants = tx.tenants().list().await?;
        drop(tx);
        let mut pruned = Pruned::default();
        for tenant in tenants {
            match self.sweep(&tenant.scope).await {
                Ok(of_tenant) => pruned = pruned.and(of_tenant),
                Err(error) => {
                    let (error, scope) = (&error as &dyn std::error::Error, tenant.scope);
                    tracing::warn!(error, tenant.id = %scope.tenant_id(), "what was kept for long enough is still stored");
                }
            }
        }
        Ok(pruned)
    }

    async fn sweep(&self, scope: &TenantScope) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        loop {
            let batch = self.sweep_batch(scope).await?;
            pruned = pruned.and(batch);
            if batch.total() == 0 {
                return Ok(pruned);
            }
        }
    }

    async fn sweep_batch(&self, scope: &TenantScope) -> Result<Pruned, StoreError> {
        let now = self.sources.now();
        let until = |days: u32| -> DateTime<Utc> { now - TimeDelta::days(i64::from(days)) };
        let KeptFor { deleted, run_events, run_records, decisions } = self.kept_for;
        let mut tx = self.store.tenant(scope).begin().await?;
        let mut retention = tx.retention();
        let erased = retention.erase_deleted(until(deleted), now, BATCH).await?;
        let events_of_runs = retention.prune_events(until(run_events), now, BATCH).await?;
        let records_of_runs = match run_records {
            Some(days) => retention.prune_records(until(days), now, BATCH).await?,
            None => 0,
        };
        let decisions = retention.prune_decisions(until(decisions), DECISIONS).await?;
        let pruned = Pruned { conversations: erased.conversations, events_of_runs, records_of_runs, decisions };
        if pruned.total() == 0 {
            return Ok(pruned);
        }
        let (tenant, actor) = (scope.tenant_id(), Actor::System("retention"));
        let event = AuditEvent::new(&self.sources, tenant, actor, AuditAction::RetentionApplied, tenant)
            .detail("conversations", erased.conversations)
            .detail("runs_of_conversations", erased.runs)
            .detail("events_of_runs", events_of_runs)
            .detail("records_of_runs", records_of_runs)
            .detail("decisions", decisions);
        let record = self.key.authenticate(&event).map_err(|_| StoreError::InvalidState("no change without proof"))?;
        tx.commit(Proof::Entry(&record)).await?;
        Ok(pruned)
    }
}
