use axum::{Json, extract::State, http::StatusCode};
use millwright_core::id::SessionId;

use super::SessionResponse;
use crate::{
    ApiError, AppState,
    dto::{ListQuery, PageResponse},
    extract::{Audit, From, PathId, ProfileManage, StrictQuery},
};

/// One's own sessions that have not ended, newest first.
#[utoipa::path(get, path = "/api/v1/auth/sessions", operation_id = "auth.sessions.list", tag = "auth",
               params(ListQuery), responses((status = 200, body = PageResponse<SessionResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<PageResponse<SessionResponse>>, ApiError> {
    let page = query.request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let sessions = tx.sessions().list(principal.user_id, page).await?;
    Ok(Json(sessions.map(|session| SessionResponse::new(session, principal.session_id())).into()))
}

/// Ends one of one's own sessions, everywhere within a second.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", operation_id = "auth.sessions.end", tag = "auth",
               params(("id" = SessionId, Path)), responses((status = 204)))]
pub(crate) async fn end(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
    PathId(id): PathId<SessionId>,
) -> Result<StatusCode, ApiError> {
    state.identity.end_session(&principal, principal.user_id, id, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
