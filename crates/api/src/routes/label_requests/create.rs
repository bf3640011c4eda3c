use axum::{Json, extract::State, http::StatusCode};
use millwright_core::{ErrorCode, Label, Problem, id::DocumentId};
use millwright_store::{
    Proof, StoreError,
    tenant::{NewLabelRequest, label_of_json},
};
use serde::Deserialize;
use serde_json::json;

use super::LabelRequestResponse;
use crate::{
    ApiError, AppState,
    extract::{Audit, DocumentsWrite, PathId, StrictJson},
    routes::auth::within,
};

/// The label that a document shall have, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateLabelRequest {
    /// The whole label.
    label: Label,
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Asks for a lower label. Somebody else with the permission `labels:approve` decides.
#[utoipa::path(post, path = "/api/v1/documents/{id}/label-requests", operation_id = "label_requests.create",
               tag = "labels", params(("id" = DocumentId, Path)), request_body = CreateLabelRequest,
               responses((status = 201, body = LabelRequestResponse),
                         (status = 409, description = "Another request for the document is pending")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    DocumentsWrite(principal): DocumentsWrite,
    audit: Audit,
    PathId(id): PathId<DocumentId>,
    StrictJson(request): StrictJson<CreateLabelRequest>,
) -> Result<(StatusCode, Json<LabelRequestResponse>), ApiError> {
    let reason = request.reason.trim().to_owned();
    within("reason", &reason, 1, 2000)?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let from = tx.documents().require(&reader, id).await?.label.0;
    if from.rises_to(&request.label) {
        return Err(Problem::new(ErrorCode::ValidationFailed, "the label is not lower than the one that it has")
            .field("label", format!("expected a label below {}", json!(from)))
            .remedy(format!("a higher label needs no second person: PATCH /api/v1/documents/{id}"))
            .into());
    }
    crate::routes::documents::change::within_clearance(&reader, &request.label)?;
    let new = NewLabelRequest {
        id: state.sources.new_id(),
        document_id: id,
        from,
        to: request.label,
        reason,
        requested_by: principal.user_id,
        requested_at: state.sources.now(),
    };
    match tx.label_requests().insert(&new).await {
        Err(StoreError::Duplicate(_)) => {
            return Err(Problem::new(ErrorCode::Conflict, "another request for this document waits for a decision")
                .remedy("have that one decided first: GET /api/v1/label-requests?status=pending")
                .into());
        }
        other => other?,
    }
    let row = tx.label_requests().require(&reader, new.id).await?;
    let details = [
        ("document_id", id.to_string().into()),
        ("from", json!(label_of_json(row.from_label.clone()))),
        ("to", row.to_label.clone()),
        ("reason", row.reason.clone().into()),
    ];
    let entry = audit.entry(&principal, new.id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
