use axum::{Json, extract::State};
use serde::Deserialize;

use super::GlossaryEntryResponse;
use crate::{
    ApiError, AppState,
    dto::PageResponse,
    extract::{ConfigurationRead, PageQuery, StrictQuery},
    routes::auth::within,
};

/// Which terms; what is absent does not restrict.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListGlossaryQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Part of the term, or of what it stands for.
    #[param(max_length = 120)]
    q: Option<String>,
}

/// The glossary, newest first.
#[utoipa::path(get, path = "/api/v1/admin/glossary", operation_id = "admin.glossary.list", tag = "admin",
               params(ListGlossaryQuery), responses((status = 200, body = PageResponse<GlossaryEntryResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
    StrictQuery(query): StrictQuery<ListGlossaryQuery>,
) -> Result<Json<PageResponse<GlossaryEntryResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let text = query.q.unwrap_or_default();
    within("q", &text, 0, 120)?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(tx.glossary().list(&text, page).await?.map(GlossaryEntryResponse::from).into()))
}
