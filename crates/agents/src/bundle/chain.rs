//! A run in the audit log, and the way along the chain.

use std::collections::BTreeSet;

use millwright_core::id::{RunId, UsageId};
use millwright_store::{
    TenantTx,
    tenant::{ProvedEntryRow, UsageRow},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    form::{AuditPart, Entry, HeadPart, LeftOut, Links},
    make::{MOST_ENTRIES, Stored},
    usage::{calls, is_of_export, things},
};
use crate::AgentError;

/// So far the chain is followed: the links are most of a bundle then.
pub(super) const MOST_LINKS: i64 = 4_096;

/// The call that an entry is of.
fn of_call(entry: &ProvedEntryRow) -> Option<UsageId> {
    let event: Value = serde_json::from_slice(&entry.canonical).ok()?;
    UsageId::deserialize(&event["resource_id"]).ok()
}

/// The entries of a run with the way along the chain, and its calls as of the same moment.
pub(super) async fn audit(
    tx: &mut TenantTx,
    id: RunId,
    stored: &mut Stored,
    left_out: &mut Vec<LeftOut>,
) -> Result<AuditPart, AgentError> {
    let mut known: BTreeSet<UsageId> = stored.calls.iter().map(|call| call.id).collect();
    let asked = known.union(&stored.drafted).copied().collect();
    let rows = tx.audit().proved(&things(id, &asked), MOST_ENTRIES).await?;
    // What was stored since the calls were read: each is stored together with its entry.
    known.extend(rows.iter().filter_map(of_call));
    let now: Vec<UsageRow> = calls(tx, &stored.row, stored.read_at).await?;
    stored.calls = now.into_iter().filter(|call| known.contains(&call.id)).collect();
    // Not before the entries: it covers the seals of all of them.
    let head = tx.audit().head().await?;
    let sealed = || rows.iter().filter(|row| !is_of_export(row)).filter_map(|row| row.sequence);
    let mut links = None;
    if let Some((first, last)) = sealed().min().zip(sealed().max()) {
        let head = head.as_ref().map_or(last, |head| head.sequence);
        match [head, last].into_iter().find(|to| to - first < MOST_LINKS) {
            Some(to) => {
                let leaves = tx.audit().leaves(first, to).await?;
                links = Some(Links { from: first, leaves: leaves.into_iter().map(hex::encode).collect() });
            }
            None => left_out.push(LeftOut {
                what: "links".to_owned(),
                id: id.to_string(),
                sha256: None,
                reason: format!("more than {MOST_LINKS} entries stand in the chain between those of the run"),
            }),
        }
    }
    Ok(AuditPart {
        entries: rows.into_iter().map(Entry::from).collect(),
        links,
        head: head.map(|row| HeadPart {
            sequence: row.sequence,
            hash: hex::encode(row.hash),
            mac: hex::encode(row.mac),
        }),
    })
}
