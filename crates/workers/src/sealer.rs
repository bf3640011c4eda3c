use std::{sync::Arc, time::Duration};

use millwright_audit::{AuditKey, Head, SignedHead, seal};
use millwright_core::{Sources, TenantScope, ToProblem};
use millwright_store::{
    Store, StoreError,
    system::{HeadRow, NewSeal, UnsealedEntry},
};
use tokio_util::sync::CancellationToken;

/// Half of the window within which an entry is to be sealed, so that one missed round still keeps it.
const ROUND: Duration = Duration::from_millis(100);
/// Entries sealed in one transaction: bounds memory and the time in which the transaction holds back others.
const BATCH: i64 = 5_000;

/// Why nothing could be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The store failed.
    #[error("the audit log could not be read or written")]
    Store(#[from] StoreError),
    /// The stored head of a tenant's chain was not signed by this key, or its bytes are malformed: sealing on would
    /// bless what somebody altered.
    #[error("the stored head of the audit chain of {0} is not authentic; run `millwright audit verify`")]
    Head(millwright_core::id::TenantId),
}

impl ToProblem for SealError {
    fn problem(&self) -> millwright_core::Problem {
        match self {
            Self::Store(error) => error.problem(),
            Self::Head(_) => millwright_core::Problem::internal(),
        }
    }
}

/// Gives audit entries their place in their tenant's chain, in batches, after their own transactions committed.
pub struct AuditSealer {
    store: Store,
    sources: Sources,
    key: Arc<AuditKey>,
}

impl AuditSealer {
    /// A sealer; any number of processes may run one.
    pub fn new(store: Store, sources: Sources, key: Arc<AuditKey>) -> Self {
        Self { store, sources, key }
    }

    /// Seals until `stop`, then once more.
    pub async fn run(&self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            match self.seal_once().await {
                Ok(_) => failing = false,
                Err(error) => {
                    // Once per change of state: a database that is down is reported by readiness.
                    if !failing {
                        tracing::error!(error = &error as &dyn std::error::Error, "audit entries are not being sealed");
                    }
                    failing = true;
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
        if let Err(error) = self.seal_once().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "last round of the sealer failed");
        }
    }

    /// Seals what can be sealed now; returns how many entries that were.
    pub async fn seal_once(&self) -> Result<usize, SealError> {
        let mut tx = self.store.system().await?;
        if !tx.seals().try_lock().await? {
            return Ok(0);
        }
        let entries = tx.seals().list_unsealed(BATCH).await?;
        let Some(last) = entries.last() else { return Ok(0) };
        let position = last.inserted_by;
        let count = entries.len();
        for (scope, entries) in by_tenant(entries) {
            let head = self.head(&scope, tx.seals().head(&scope).await?)?;
            let (seals, head) = chain(head, &entries);
            let signed = self.key.sign_head(head);
            tx.seals().insert(&scope, &seals, signed.mac, self.sources.now()).await?;
        }
        tx.seals().set_position(position).await?;
        tx.commit().await?;
        Ok(count)
    }

    fn head(&self, scope: &TenantScope, stored: Option<HeadRow>) -> Result<Head, SealError> {
        let tenant_id = scope.tenant_id();
        let Some(row) = stored else { return Ok(Head::genesis(tenant_id)) };
        let hash = <[u8; 32]>::try_from(row.hash).map_err(|_| SealError::Head(tenant_id))?;
        let mac = <[u8; 32]>::try_from(row.mac).map_err(|_| SealError::Head(tenant_id))?;
        let head = Head { tenant_id, sequence: row.sequence, hash };
        if self.key.vouches_for(&SignedHead { head, mac }) { Ok(head) } else { Err(SealError::Head(tenant_id)) }
    }
}

fn by_tenant(entries: Vec<UnsealedEntry>) -> Vec<(TenantScope, Vec<UnsealedEntry>)> {
    let mut groups: Vec<(TenantScope, Vec<UnsealedEntry>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for entry in entries {
        let place = *places.entry(entry.scope).or_insert_with(|| {
            groups.push((entry.scope, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(entry);
    }
    groups
}

fn chain(mut head: Head, entries: &[UnsealedEntry]) -> (Vec<NewSeal>, Head) {
    let mut seals = Vec::with_capacity(entries.len());
    for entry in entries {
        // A MAC of another length cannot come from `AuditKey`; zeros make verification name the entry.
        let mac = <[u8; 32]>::try_from(entry.mac.as_slice()).unwrap_or_default();
        let seal = seal(&head, entry.id, &entry.canonical, &mac);
        head = seal.head();
        seals.push(NewSeal {
            sequence: seal.sequence,
            entry_id: seal.entry_id,
            previous_hash: seal.previous_hash,
            hash: seal.hash,
        });
    }
    (seals, head)
}
