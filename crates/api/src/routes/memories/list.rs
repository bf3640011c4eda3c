use axum::{Json, extract::State};
use millwright_agents::memory::MemoryFilter;
use serde::Deserialize;

use super::{MemoryKindName, MemoryResponse};
use crate::{
    ApiError, AppState,
    dto::PageResponse,
    extract::{ChatUse, PageQuery, StrictQuery},
};

/// Which memories.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListMemoriesQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Only of this kind.
    kind: Option<MemoryKindName>,
    /// Part of a text or a name.
    q: Option<String>,
}

/// What one has remembered, newest first. Nobody else can see it.
#[utoipa::path(get, path = "/api/v1/memories", operation_id = "memories.list", tag = "memories",
               params(ListMemoriesQuery), responses((status = 200, body = PageResponse<MemoryResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    StrictQuery(query): StrictQuery<ListMemoriesQuery>,
) -> Result<Json<PageResponse<MemoryResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let filter = MemoryFilter { kind: query.kind.map(Into::into), contains: query.q };
    let memories = state.runner.memories().list(&principal, filter, page).await?;
    Ok(Json(memories.map(MemoryResponse::from).into()))
}
