use std::collections::HashMap;

use axum::{Json, extract::State};
use millwright_core::{ErrorCode, Problem};
use millwright_store::tenant::{DocumentFilter, VersionStatus};
use serde::Deserialize;

use crate::{
    ApiError, AppState,
    dto::{DocumentResponse, PageResponse},
    extract::{DocumentsRead, PageQuery, StrictQuery},
    filters,
};

/// Which documents.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListDocumentsQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Part of the name.
    q: Option<String>,
    /// State of the newest version: `queued`, `processing`, `ready`, `scheduled`, `failed`, `superseded` or `expired`.
    status: Option<String>,
    /// A tag that it has.
    tag: Option<String>,
}

/// Documents, newest first.
#[utoipa::path(get, path = "/api/v1/documents", operation_id = "documents.list", tag = "documents",
               params(ListDocumentsQuery), responses((status = 200, body = PageResponse<DocumentResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    DocumentsRead(principal): DocumentsRead,
    StrictQuery(query): StrictQuery<ListDocumentsQuery>,
) -> Result<Json<PageResponse<DocumentResponse>>, ApiError> {
    let status = query.status.map(VersionStatus::try_from).transpose().map_err(|_| {
        Problem::new(ErrorCode::ValidationFailed, "`status` is not a state")
            .field("status", "expected queued, processing, ready, scheduled, failed, superseded or expired")
    })?;
    let tag = query.tag.map(|tag| filters::plain(&tag)).filter(|tag| !tag.is_empty());
    let filter = DocumentFilter { name_contains: query.q.filter(|q| !q.is_empty()), status, tag };
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let documents = tx.documents().list(&reader, &filter, page).await?;
    let ids: Vec<_> = documents.items.iter().map(|document| document.latest_version_id).collect();
    let versions = tx.versions().list_by_ids(&ids).await?;
    let mut versions: HashMap<_, _> = versions.into_iter().map(|version| (version.id, version)).collect();
    let next_cursor = documents.next_cursor;
    let items = documents
        .items
        .into_iter()
        .filter_map(|document| {
            let version = versions.remove(&document.latest_version_id)?;
            Some(DocumentResponse::new(document, version))
        })
        .collect();
    Ok(Json(millwright_core::Page { items, next_cursor }.into()))
}
