use axum::{Json, extract::State};
use millwright_core::{ErrorCode, Problem};
use millwright_store::tenant::JobStatus;
use serde::Deserialize;

use super::JobResponse;
use crate::{
    ApiError, AppState,
    dto::PageResponse,
    extract::{JobsRead, PageQuery, StrictQuery},
};

/// Which jobs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListJobsQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// `queued`, `running`, `succeeded` or `dead`.
    status: Option<String>,
}

/// The tenant's background jobs, newest first.
#[utoipa::path(get, path = "/api/v1/admin/jobs", operation_id = "admin.jobs.list", tag = "admin",
               params(ListJobsQuery), responses((status = 200, body = PageResponse<JobResponse>)))]
pub(crate) async fn jobs(
    State(state): State<AppState>,
    JobsRead(principal): JobsRead,
    StrictQuery(query): StrictQuery<ListJobsQuery>,
) -> Result<Json<PageResponse<JobResponse>>, ApiError> {
    let status = query.status.map(JobStatus::try_from).transpose().map_err(|_| {
        Problem::new(ErrorCode::ValidationFailed, "`status` is not a state")
            .field("status", "expected queued, running, succeeded or dead")
    })?;
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(tx.jobs().list(status, page).await?.map(JobResponse::from).into()))
}
