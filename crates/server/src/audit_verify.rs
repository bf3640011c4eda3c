//! `millwright audit verify`: recomputes the audit logs from storage alone.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, bail};
use millwright_audit::{AuditKey, Finding, Head, Report, Seal, SignedHead, Verifier};
use millwright_config::Config;
use millwright_core::{Sources, audit::AuditRecord};
use millwright_store::{
    SystemTx,
    system::{HeadRow, SealRow, StoredEntry, TenantRow},
};
use serde::{Deserialize, Serialize};

use crate::database::Database;

/// Seals read at a time: bounds memory, keeps trips few.
const BATCH: i64 = 2_000;

/// A head as it is kept outside of the database.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Anchor {
    pub(crate) sequence: i64,
    pub(crate) hash: String,
}

pub(crate) async fn run(
    config: &Config,
    sources: &Sources,
    tenant: Option<&str>,
    anchor_file: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let key = AuditKey::derive(config.secret_key(sources)?.expose().as_bytes())?;
    let database = Database::open_beside(config, sources).await?;
    let result = verify_all(&database, &key, tenant, anchor_file).await;
    database.close().await;
    Ok(if result? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn verify_all(
    database: &Database,
    key: &AuditKey,
    only: Option<&str>,
    anchor_file: Option<&Path>,
) -> anyhow::Result<bool> {
    let mut anchors = read_anchors(anchor_file)?;
    // One snapshot for everything, so that what is sealed meanwhile does not look like a contradiction.
    let mut tx = database.store.system_snapshot().await?;
    let tenants = tx.tenants().list().await?;
    if only.is_some_and(|name| !tenants.iter().any(|tenant| tenant.name == name)) {
        bail!("there is no tenant of that name");
    }
    let mut sound = true;
    let mut out = std::io::stdout();
    for tenant in tenants.iter().filter(|tenant| only.is_none_or(|name| name == tenant.name)) {
        let id = tenant.scope.tenant_id().to_string();
        match verify(&mut tx, key, tenant, anchors.get(&id)).await? {
            Ok(report) => {
                writeln!(
                    out,
                    "{}: sound; {} entries, {} sealed, {} waiting for a seal",
                    tenant.name, report.entries, report.sealed, report.unsealed
                )?;
                let anchor = Anchor { sequence: report.head.sequence, hash: hex::encode(report.head.hash) };
                anchors.insert(id, anchor);
            }
            Err(finding) => {
                sound = false;
                writeln!(out, "{}: NOT SOUND; {finding}", tenant.name)?;
            }
        }
    }
    if let (true, Some(file)) = (sound, anchor_file) {
        std::fs::write(file, serde_json::to_vec_pretty(&anchors)?).context("writing the anchor file")?;
    }
    Ok(sound)
}

/// Heads by tenants; none where there is no file.
pub(crate) fn read_anchors(file: Option<&Path>) -> anyhow::Result<BTreeMap<String, Anchor>> {
    match file {
        Some(file) if file.exists() => {
            serde_json::from_slice(&std::fs::read(file)?).context("the anchor file is not one of ours")
        }
        _ => Ok(BTreeMap::new()),
    }
}

async fn verify(
    tx: &mut SystemTx,
    key: &AuditKey,
    tenant: &TenantRow,
    anchor: Option<&Anchor>,
) -> anyhow::Result<Result<Report, Finding>> {
    let tenant_id = tenant.scope.tenant_id();
    let mut verifier = Verifier::new(key, tenant_id);
    if let Some(anchor) = anchor {
        let hash = <[u8; 32]>::try_from(hex::decode(&anchor.hash)?).ok().context("an anchor's hash is not 32 bytes")?;
        verifier = verifier.anchor(Head { tenant_id, sequence: anchor.sequence, hash });
    }
    let head = tx.seals().head(&tenant.scope).await?.map(|row| signed_head(tenant, &row));
    let mut after = 0;
    loop {
        let seals = tx.seals().list_after(&tenant.scope, after, BATCH).await?;
        let Some(last) = seals.last() else { break };
        after = last.sequence;
        let ids: Vec<_> = seals.iter().map(|seal| seal.entry_id).collect();
        let entries = tx.seals().entries(&tenant.scope, &ids).await?;
        let entries: HashMap<_, _> = entries.into_iter().map(|entry| (entry.id, record(entry))).collect();
        for row in &seals {
            let seal = seal(tenant, row);
            let signed = head.as_ref().filter(|head| head.head.sequence == seal.sequence);
            if let Err(finding) = verifier.sealed(&seal, entries.get(&row.entry_id), signed) {
                return Ok(Err(finding));
            }
        }
    }
    for entry in tx.seals().entries_unsealed(&tenant.scope, i64::MAX).await? {
        if let Err(finding) = verifier.unsealed(&record(entry)) {
            return Ok(Err(finding));
        }
    }
    Ok(verifier.finish(head.as_ref()))
}

/// Bytes of another length are never what was written: zeros make the verifier say so.
fn fixed(bytes: &[u8]) -> [u8; 32] {
    <[u8; 32]>::try_from(bytes).unwrap_or_default()
}

fn signed_head(tenant: &TenantRow, row: &HeadRow) -> SignedHead {
    let head = Head { tenant_id: tenant.scope.tenant_id(), sequence: row.sequence, hash: fixed(&row.hash) };
    SignedHead { head, mac: fixed(&row.mac) }
}

fn seal(tenant: &TenantRow, row: &SealRow) -> Seal {
    Seal {
        tenant_id: tenant.scope.tenant_id(),
        sequence: row.sequence,
        entry_id: row.entry_id,
        previous_hash: fixed(&row.previous_hash),
        hash: fixed(&row.hash),
    }
}

fn record(entry: StoredEntry) -> AuditRecord {
    AuditRecord {
        id: entry.id,
        tenant_id: entry.tenant_id,
        occurred_at: entry.occurred_at,
        actor: entry.actor,
        action: entry.action,
        resource_type: entry.resource_type,
        resource_id: entry.resource_id,
        canonical: entry.canonical,
        mac: fixed(&entry.mac),
    }
}
