use axum::{
    Json,
    extract::{Path, State},
};
use millwright_core::{Problem, id::DocumentId};
use serde::Serialize;

use super::VersionQuery;
use crate::{
    ApiError, AppState,
    extract::{DocumentsRead, PathId, StrictQuery},
};

/// The text of a page as it was read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DocumentPageResponse {
    number: i32,
    page_count: i32,
    /// Whether page numbers mean pages; else this one page is the whole text.
    paged: bool,
    /// Number of the version.
    version: i32,
    /// Whether the page is a picture whose text was recognised (OCR): letters and numbers may be wrong.
    recognized: bool,
    /// Spans elsewhere are Unicode code points into this.
    text: String,
}

/// One page of text.
#[utoipa::path(get, path = "/api/v1/documents/{id}/pages/{number}", operation_id = "documents.page", tag = "documents",
               params(("id" = DocumentId, Path), ("number" = i32, Path, minimum = 1), VersionQuery),
               responses((status = 200, body = DocumentPageResponse)))]
pub(crate) async fn page(
    State(state): State<AppState>,
    DocumentsRead(principal): DocumentsRead,
    PathId(id): PathId<DocumentId>,
    Path(path): Path<(String, String)>,
    StrictQuery(query): StrictQuery<VersionQuery>,
) -> Result<Json<DocumentPageResponse>, ApiError> {
    let number: i32 = path.1.parse().map_err(|_| Problem::not_found("page"))?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    super::open(&state, &principal, &mut tx, id).await?;
    let version = tx.versions().require_number(id, query.version).await?;
    let page = tx.versions().page(version.id, number).await?;
    Ok(Json(DocumentPageResponse {
        number,
        page_count: version.page_count.unwrap_or(1),
        paged: version.paged,
        version: version.number,
        recognized: page.recognized,
        text: page.text,
    }))
}
