//! Runs of the agent runtime.

pub(crate) mod account;
pub(crate) mod answer;
pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod fork;
pub(crate) mod get;
pub(crate) mod replay;

use millwright_core::{ErrorCode, Principal, Problem};
use millwright_store::{
    TenantTx,
    tenant::{RunRow, label_of_json},
};

use crate::ApiError;

/// What a run shows was labelled when it was read: somebody whose clearance has fallen since is not shown it again.
pub(crate) async fn require_clearance(tx: &mut TenantTx, principal: &Principal, run: &RunRow) -> Result<(), ApiError> {
    let Some(label) = run.label.clone().map(label_of_json) else { return Ok(()) };
    if tx.labels().reader(principal.user_id).await?.clearance().may_have(&label) {
        return Ok(());
    }
    Err(Problem::new(ErrorCode::LabelDenied, "the run has read what is above your clearance by now")
        .remedy("an admin can raise your clearance, or ask the question anew")
        .into())
}
