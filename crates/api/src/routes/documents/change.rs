use std::collections::BTreeSet;

use axum::{Json, extract::State};
use millwright_core::{Classification, ErrorCode, ExportControl, Group, Integrity, Label, Problem, id::DocumentId};
use millwright_store::{Proof, StoreError, tenant::Reader};
use serde::Deserialize;
use serde_json::json;

use crate::{
    ApiError, AppState,
    dto::DocumentResponse,
    extract::{Audit, DocumentsWrite, PathId, StrictJson},
};

/// The parts of a label that are to change; what is absent stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeLabelRequest {
    classification: Option<Classification>,
    /// All export regimes, for instance `ITAR` or `EAR:3A001`.
    #[schema(value_type = Option<Vec<String>>, max_items = 32)]
    export_control: Option<BTreeSet<ExportControl>>,
    integrity: Option<Integrity>,
    /// All groups; a reader must be in each.
    #[schema(value_type = Option<Vec<String>>, max_items = 32)]
    groups: Option<BTreeSet<Group>>,
}

impl ChangeLabelRequest {
    /// The label that comes of it.
    pub(super) fn applied_to(self, label: &Label) -> Label {
        Label {
            classification: self.classification.unwrap_or(label.classification),
            export_control: self.export_control.unwrap_or_else(|| label.export_control.clone()),
            integrity: self.integrity.unwrap_or(label.integrity),
            groups: self.groups.unwrap_or_else(|| label.groups.clone()),
        }
    }
}

/// Nobody gives a label that they could not read themselves: they would lose sight of the document.
pub(crate) fn within_clearance(reader: &Reader, label: &Label) -> Result<(), ApiError> {
    if label.export_control.len() > 32 || label.groups.len() > 32 {
        return Err(Problem::new(ErrorCode::ValidationFailed, "the label has too many parts")
            .field("groups", "expected at most 32 export regimes and 32 groups")
            .into());
    }
    if reader.clearance().may_have(label) {
        return Ok(());
    }
    Err(Problem::new(ErrorCode::LabelDenied, "the label is above your own clearance")
        .remedy("choose a label that you may read, or ask somebody with that clearance")
        .into())
}

/// Raises the label of a document, at once: who is no longer cleared finds it no more. A lower label needs a second
/// person: `POST …/label-requests`.
#[utoipa::path(patch, path = "/api/v1/documents/{id}", operation_id = "documents.change", tag = "documents",
               params(("id" = DocumentId, Path)), request_body = ChangeLabelRequest,
               responses((status = 200, body = DocumentResponse)))]
pub(crate) async fn change(
    State(state): State<AppState>,
    DocumentsWrite(principal): DocumentsWrite,
    audit: Audit,
    PathId(id): PathId<DocumentId>,
    StrictJson(request): StrictJson<ChangeLabelRequest>,
) -> Result<Json<DocumentResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let before = tx.documents().require(&reader, id).await?.label.0;
    let label = request.applied_to(&before);
    within_clearance(&reader, &label)?;
    if !before.rises_to(&label) {
        return Err(Problem::new(
            ErrorCode::HitlRequired,
            "a label is lowered only with the consent of a second person",
        )
        .remedy(format!("ask for it with a reason: POST /api/v1/documents/{id}/label-requests"))
        .into());
    }
    let now = state.sources.now();
    // Requests are locked before their documents, as where one is approved.
    tx.label_requests().close_pending(id, principal.user_id, now).await?;
    let label_id = tx.labels().intern_for(id, &label).await?;
    // Under the document's lock: a check of a watched folder may have raised it since it was read, to a label that the
    // reader's list does not hold yet.
    if tx.documents().label_of(id).await?.ok_or(StoreError::NotFound("document"))? != before {
        return Err(Problem::new(ErrorCode::StaleTarget, "the label was changed meanwhile")
            .remedy("look at the document, and ask again")
            .into());
    }
    tx.documents().set_label(id, &label, label_id, now).await?;
    tx.source_files().set_raised(id, &label).await?;
    // The label may be one that the reader's list did not hold yet.
    let reader = tx.labels().reader(principal.user_id).await?;
    let response = super::load(&mut tx, &reader, id).await?;
    let entry = audit.entry(&principal, id, &[("from", json!(before)), ("to", json!(label))])?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(response))
}
