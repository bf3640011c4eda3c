use axum::{Json, extract::State};
use serde::Deserialize;

use super::{LabelRequestResponse, LabelRequestStatusName};
use crate::{
    ApiError, AppState,
    dto::PageResponse,
    extract::{DocumentsWrite, PageQuery, StrictQuery},
};

/// Which wishes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListLabelRequestsQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Only those that stand here.
    status: Option<LabelRequestStatusName>,
}

/// Wishes to lower labels of documents that one may see, newest first.
#[utoipa::path(get, path = "/api/v1/label-requests", operation_id = "label_requests.list", tag = "labels",
               params(ListLabelRequestsQuery), responses((status = 200, body = PageResponse<LabelRequestResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    DocumentsWrite(principal): DocumentsWrite,
    StrictQuery(query): StrictQuery<ListLabelRequestsQuery>,
) -> Result<Json<PageResponse<LabelRequestResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let requests = tx.label_requests().list(&reader, query.status.map(Into::into), page).await?;
    Ok(Json(requests.map(LabelRequestResponse::from).into()))
}
