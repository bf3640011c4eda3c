//! Calls of models that a run has made, whose usage may be stored a little after its end.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use millwright_core::{
    Principal,
    id::{RunId, UsageId},
};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{ProvedEntryRow, RunRow, RunStatus, RunStepRow, UsageRow},
};
use serde_json::Value;

use super::{
    form::{CALL, LeftOut},
    make::{MOST_ENTRIES, drafts},
    trail::CLOCKS_DIFFER,
};
use crate::{AgentError, runner::Inner};

/// Usage is stored a little after the end of a run that was stopped, or whose draft was cut.
pub(super) const SETTLED_BY: TimeDelta = TimeDelta::minutes(10);
/// Between two looks whether a run's last entries are stored and sealed, and how often that is looked for.
const SOON: Duration = Duration::from_millis(150);
const LOOKS: usize = 12;

/// The calls of a run that are stored.
pub(super) async fn calls(tx: &mut TenantTx, row: &RunRow, now: DateTime<Utc>) -> Result<Vec<UsageRow>, StoreError> {
    let end = row.finished_at.unwrap_or(now);
    tx.usage().of_run(row.id, row.user_id, [row.created_at - CLOCKS_DIFFER, end + SETTLED_BY]).await
}

/// The calls that the drafts of a run were answers of. Those of the run that it was forked from are not its own.
pub(super) fn drafted(row: &RunRow, steps: &[RunStepRow]) -> BTreeSet<UsageId> {
    let forked = row.input.as_ref().and_then(|input| input["forked_from"][1].as_i64()).unwrap_or(0);
    let own = drafts(steps).into_iter().filter(|(step, _)| i64::from(*step) > forked);
    own.map(|(_, prompt)| prompt.call).collect()
}

/// A run and its calls, as the audit log names them.
pub(super) fn things(run: RunId, calls: &BTreeSet<UsageId>) -> Vec<(&'static str, String)> {
    let run = run.to_string();
    let calls = calls.iter().map(|call| ("usage", call.to_string()));
    [("run", run.clone()), ("policy", run)].into_iter().chain(calls).collect()
}

/// Whether an entry is of an export: these come whenever somebody wants one, and belong to no run's story.
pub(super) fn is_of_export(entry: &ProvedEntryRow) -> bool {
    serde_json::from_slice::<Value>(&entry.canonical).is_ok_and(|entry| entry["action"] == "run.exported")
}

/// Waits a moment until what a run has left is stored and sealed. What is not by then is named as such.
pub(crate) async fn settled(inner: &Inner, principal: &Principal, id: RunId) -> Result<(), AgentError> {
    for look in 1.. {
        let mut tx = inner.store.tenant(&principal.scope).read().await?;
        let row = tx.runs().require(id, principal.user_id).await?;
        if row.status == RunStatus::Running {
            return Err(AgentError::StillRunning);
        }
        let drafted = drafted(&row, &tx.runs().steps(id).await?);
        let now = inner.sources.now();
        let stored: BTreeSet<_> = calls(&mut tx, &row, now).await?.iter().map(|call| call.id).collect();
        let may_come = row.finished_at.is_none_or(|end| now - end <= SETTLED_BY);
        let is_stored = !may_come || drafted.is_subset(&stored);
        let entries = tx.audit().proved(&things(id, &stored), MOST_ENTRIES).await?;
        let is_sealed = entries.iter().all(|entry| entry.sequence.is_some() || is_of_export(entry));
        drop(tx);
        if is_stored && is_sealed || look >= LOOKS {
            break;
        }
        tokio::time::sleep(SOON).await;
    }
    Ok(())
}

/// Names calls whose usage is not stored yet.
pub(super) fn name_unsettled(drafted: &BTreeSet<UsageId>, stored: &[UsageRow], left_out: &mut Vec<LeftOut>) {
    let missing = drafted.iter().filter(|call| stored.iter().all(|row| row.id != **call));
    left_out.extend(missing.map(|call| LeftOut {
        what: CALL.to_owned(),
        id: call.to_string(),
        sha256: None,
        reason: "its usage was not stored yet when this was exported".to_owned(),
    }));
}
