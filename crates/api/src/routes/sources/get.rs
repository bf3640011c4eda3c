use axum::{Json, extract::State};
use millwright_core::id::SourceId;

use super::{SourceResponse, open};
use crate::{
    ApiError, AppState,
    extract::{PathId, SourcesManage},
};

/// A watched folder, how fresh what is known of it is, and what its last passes met.
#[utoipa::path(get, path = "/api/v1/sources/{id}", operation_id = "sources.get", tag = "sources",
               params(("id" = SourceId, Path)), responses((status = 200, body = SourceResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    SourcesManage(principal): SourcesManage,
    PathId(id): PathId<SourceId>,
) -> Result<Json<SourceResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(open(&mut tx, &principal, id).await?.into()))
}
