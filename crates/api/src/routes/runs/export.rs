use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use millwright_core::{Problem, id::RunId};
use millwright_store::Proof;

use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, PathId},
};

/// The evidence of one of one's own runs that has ended, in one file for somebody who does not trust this server:
/// `millwright run verify FILE` recomputes it. Personal data stay behind placeholders. That it was taken away stands in the audit
/// log, and that entry in the file.
#[utoipa::path(post, path = "/api/v1/runs/{id}/bundle", operation_id = "runs.export", tag = "runs",
               params(("id" = RunId, Path)),
               responses((status = 200, description = "RFC 8785 JSON, to be kept byte for byte", body = Value,
                          content_type = "application/json"),
                         (status = 409, description = "The run has not ended")))]
pub(crate) async fn export(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    audit: Audit,
    PathId(id): PathId<RunId>,
) -> Result<Response, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let run = tx.runs().require(id, principal.user_id).await?;
    super::require_clearance(&mut tx, &principal, &run).await?;
    drop(tx);
    let bundle = state.runner.bundle(&principal, id).await?;
    let entry = audit.entry(&principal, id, &[("bundle_sha256", bundle.sha256().into())])?;
    let file = bundle.into_file(&entry)?;
    state.store.tenant(&principal.scope).begin().await?.commit(Proof::Entry(&entry)).await?;
    let mut response = Response::new(Body::from(file));
    let headers = response.headers_mut();
    let disposition = format!("attachment; filename=\"{id}.bundle.json\"");
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(|_| Problem::internal())?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
