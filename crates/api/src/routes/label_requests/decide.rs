use axum::{Json, extract::State};
use millwright_core::{ErrorCode, Principal, Problem, id::LabelRequestId};
use millwright_store::{
    Proof, StoreError, TenantTx,
    tenant::{LabelRequestRow, LabelRequestStatus, Reader, label_of_json},
};
use serde::Deserialize;

use super::LabelRequestResponse;
use crate::{
    ApiError, AppState,
    extract::{Audit, LabelsApprove, PathId, StrictJson},
    routes::auth::within,
};

/// What is said of the decision.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideLabelRequest {
    #[schema(max_length = 2000)]
    reason: Option<String>,
}

impl DecideLabelRequest {
    fn reason(&self) -> Result<Option<&str>, ApiError> {
        let reason = self.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        if let Some(reason) = reason {
            within("reason", reason, 1, 2000)?;
        }
        Ok(reason)
    }
}

/// The wish, if this person may decide it: nobody decides their own.
async fn open(
    tx: &mut TenantTx,
    principal: &Principal,
    reader: &Reader,
    id: LabelRequestId,
) -> Result<LabelRequestRow, ApiError> {
    let request = tx.label_requests().require(reader, id).await?;
    if request.requested_by == principal.user_id {
        return Err(Problem::new(ErrorCode::NotAuthorized, "nobody decides on their own request")
            .remedy("ask another person with the permission `labels:approve`")
            .into());
    }
    if request.status != LabelRequestStatus::Pending {
        return Err(Problem::new(ErrorCode::InvalidTransition, "the request was decided already").into());
    }
    Ok(request)
}

/// Agrees: the document has the lower label from now on.
#[utoipa::path(post, path = "/api/v1/label-requests/{id}/approve", operation_id = "label_requests.approve",
               tag = "labels", params(("id" = LabelRequestId, Path)), request_body = DecideLabelRequest,
               responses((status = 200, body = LabelRequestResponse),
                         (status = 409, description = "It was decided, or the label was changed meanwhile")))]
pub(crate) async fn approve(
    State(state): State<AppState>,
    LabelsApprove(principal): LabelsApprove,
    audit: Audit,
    PathId(id): PathId<LabelRequestId>,
    StrictJson(decision): StrictJson<DecideLabelRequest>,
) -> Result<Json<LabelRequestResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let request = open(&mut tx, &principal, &reader, id).await?;
    let (from, to) = (label_of_json(request.from_label.clone()), label_of_json(request.to_label.clone()));
    crate::routes::documents::change::within_clearance(&reader, &to)?;
    let now = state.sources.now();
    let label_id = tx.labels().intern_for(request.document_id, &to).await?;
    // Under the document's lock; the reader's list may not hold the label that it has by now.
    let present = tx.documents().label_of(request.document_id).await?;
    if present.ok_or(StoreError::NotFound("document"))? != from {
        return Err(Problem::new(ErrorCode::StaleTarget, "the label was changed since it was asked for")
            .remedy("ask anew for the label that it shall have")
            .into());
    }
    tx.documents().set_label(request.document_id, &to, label_id, now).await?;
    tx.source_files().set_raised(request.document_id, &to).await?;
    let (status, reason) = (LabelRequestStatus::Approved, decision.reason()?);
    decided(tx.label_requests().decide(id, status, principal.user_id, reason, now).await?)?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let row = tx.label_requests().require(&reader, id).await?;
    let details = [
        ("document_id", request.document_id.to_string().into()),
        ("from", request.from_label),
        ("to", request.to_label),
    ];
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(row.into()))
}

/// Does not agree: the label stays.
#[utoipa::path(post, path = "/api/v1/label-requests/{id}/reject", operation_id = "label_requests.reject",
               tag = "labels", params(("id" = LabelRequestId, Path)), request_body = DecideLabelRequest,
               responses((status = 200, body = LabelRequestResponse),
                         (status = 409, description = "It was decided already")))]
pub(crate) async fn reject(
    State(state): State<AppState>,
    LabelsApprove(principal): LabelsApprove,
    audit: Audit,
    PathId(id): PathId<LabelRequestId>,
    StrictJson(decision): StrictJson<DecideLabelRequest>,
) -> Result<Json<LabelRequestResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let request = open(&mut tx, &principal, &reader, id).await?;
    let (status, now) = (LabelRequestStatus::Rejected, state.sources.now());
    decided(tx.label_requests().decide(id, status, principal.user_id, decision.reason()?, now).await?)?;
    let row = tx.label_requests().require(&reader, id).await?;
    let entry = audit.entry(&principal, id, &[("document_id", request.document_id.to_string().into())])?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(row.into()))
}

fn decided(done: bool) -> Result<(), ApiError> {
    if done {
        Ok(())
    } else {
        Err(Problem::new(ErrorCode::InvalidTransition, "the request was decided in this moment").into())
    }
}
