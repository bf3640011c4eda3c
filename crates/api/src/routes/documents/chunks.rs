use axum::{Json, extract::State};
use millwright_core::id::{ChunkId, DocumentId};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    dto::PageResponse,
    extract::{DocumentsRead, PageQuery, PathId, StrictQuery},
};

/// Which chunks.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListChunksQuery {
    /// Number of the version; without it the one that answers, else the newest.
    #[param(minimum = 1)]
    version: Option<i32>,
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
}

/// A chunk as it is searched.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChunkResponse {
    id: ChunkId,
    /// 0 for the first.
    ordinal: i32,
    /// Null where the format has no pages.
    page: Option<i32>,
    /// Headings above it, outermost first.
    heading_path: Vec<String>,
    /// Unicode code points into the page's text.
    char_start: i32,
    char_end: i32,
    token_count: i32,
    text: String,
}

/// Chunks of a version in reading order.
#[utoipa::path(get, path = "/api/v1/documents/{id}/chunks", operation_id = "documents.chunks", tag = "documents",
               params(("id" = DocumentId, Path), ListChunksQuery),
               responses((status = 200, body = PageResponse<ChunkResponse>)))]
pub(crate) async fn chunks(
    State(state): State<AppState>,
    DocumentsRead(principal): DocumentsRead,
    PathId(id): PathId<DocumentId>,
    StrictQuery(query): StrictQuery<ListChunksQuery>,
) -> Result<Json<PageResponse<ChunkResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    super::open(&state, &principal, &mut tx, id).await?;
    let version = tx.versions().require_number(id, query.version).await?;
    let chunks = tx.chunks().list(version.id, page).await?;
    Ok(Json(
        chunks
            .map(|chunk| ChunkResponse {
                id: chunk.id,
                ordinal: chunk.ordinal,
                page: version.paged.then_some(chunk.page_number),
                heading_path: chunk.heading_path,
                char_start: chunk.char_start,
                char_end: chunk.char_end,
                token_count: chunk.token_count,
                text: chunk.text,
            })
            .into(),
    ))
}
