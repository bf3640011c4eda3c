//! Documents: upload, look, delete.

pub(crate) mod change;
pub(crate) mod chunks;
pub(crate) mod content;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod manifest;
pub(crate) mod page;
pub(crate) mod reindex;
pub(crate) mod upload;
pub(crate) mod words;

use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{Label, Principal, id::DocumentId};
use millwright_store::{
    Proof, StoreError, TenantTx,
    tenant::{DocumentRow, NewPolicyEvent, PolicyEventKind, Reader},
};
use serde::Deserialize;

use crate::{ApiError, AppState, dto::DocumentResponse, problem::current_trace_id};

/// Which version of a document; without one the version that answers, else the newest.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionQuery {
    /// Number of the version.
    #[param(minimum = 1)]
    pub(crate) version: Option<i32>,
}

/// The document, for somebody who may see it; absent for everybody else. That export control kept it from somebody is
/// told to the compliance role and not to them.
pub(crate) async fn open(
    state: &AppState,
    principal: &Principal,
    tx: &mut TenantTx,
    id: DocumentId,
) -> Result<(Reader, DocumentRow), ApiError> {
    let reader = tx.labels().reader(principal.user_id).await?;
    if let Some(document) = tx.documents().get(&reader, id).await? {
        return Ok((reader, document));
    }
    let label = tx.documents().label_of(id).await?.unwrap_or(Label::LOWEST);
    if reader.clearance().lacks_export_authorisation(&label) {
        let (state, principal, trace_id) = (state.clone(), *principal, current_trace_id());
        // Beside the answer, which must not take longer for it.
        state.tracker.clone().spawn(async move {
            if let Err(error) = report_export_block(&state, &principal, id, trace_id).await {
                tracing::error!(error = &error as &dyn std::error::Error, "a blocked export could not be recorded");
            }
        });
    }
    Err(StoreError::NotFound("document").into())
}

async fn report_export_block(
    state: &AppState,
    principal: &Principal,
    document: DocumentId,
    trace_id: String,
) -> Result<(), StoreError> {
    let (tenant, actor) = (principal.tenant_id(), Actor::User(principal.user_id));
    let entry =
        AuditEvent::new(&state.sources, tenant, actor, AuditAction::DocumentExportBlocked, document).trace(trace_id);
    let entry =
        state.audit_key.authenticate(&entry).map_err(|_| StoreError::InvalidState("no change without proof"))?;
    let event = NewPolicyEvent {
        id: state.sources.new_id(),
        occurred_at: state.sources.now(),
        kind: PolicyEventKind::ExportBlocked,
        outcome: "block",
        user_id: Some(principal.user_id),
        run_id: None,
        document_id: Some(document),
        chunk_id: None,
        score: None,
        detail: "the document was asked for without its export authorisation".to_owned(),
    };
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    tx.policy_events().insert(&[event]).await?;
    tx.commit(Proof::Entry(&entry)).await
}

/// The document with its newest version, as it is answered.
pub(crate) async fn load(tx: &mut TenantTx, reader: &Reader, id: DocumentId) -> Result<DocumentResponse, StoreError> {
    let document = tx.documents().require(reader, id).await?;
    let latest = tx.versions().require(document.latest_version_id).await?;
    Ok(DocumentResponse::new(document, latest))
}
