//! The record of a refusal: what policy decided, what was noticed, and the entry in the log, in one transaction.

use millwright_audit::{AuditEvent, AuditKey};
use millwright_core::TenantScope;
use millwright_store::{
    Proof, Store,
    tenant::{NewDecision, NewPolicyEvent},
};

use crate::AgentError;

/// Stores a refusal.
pub(crate) async fn record(
    (store, key): (&Store, &AuditKey),
    scope: &TenantScope,
    entry: &AuditEvent,
    decisions: &[NewDecision],
    events: &[NewPolicyEvent],
) -> Result<(), AgentError> {
    let record = key.authenticate(entry)?;
    let mut tx = store.tenant(scope).begin().await?;
    tx.policies().insert_decisions(decisions).await?;
    tx.policy_events().insert(events).await?;
    tx.commit(Proof::Entry(&record)).await?;
    Ok(())
}
