use axum::{Json, extract::State, http::StatusCode};
use millwright_core::id::{SessionId, UserId};

use super::UserAnd;
use crate::{
    ApiError, AppState,
    dto::{ListQuery, PageResponse},
    extract::{Audit, From, PathId, StrictQuery, UsersManage, UsersRead},
    routes::auth::SessionResponse,
};

/// A user's sessions that have not ended, newest first.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/sessions", operation_id = "admin.users.sessions.list", tag = "admin",
               params(("id" = UserId, Path), ListQuery), responses((status = 200, body = PageResponse<SessionResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    UsersRead(principal): UsersRead,
    PathId(id): PathId<UserId>,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<PageResponse<SessionResponse>>, ApiError> {
    let page = query.request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    tx.users().require(id).await?;
    let sessions = tx.sessions().list(id, page).await?;
    Ok(Json(sessions.map(|session| SessionResponse::new(session, principal.session_id())).into()))
}

/// Ends one session of a user, everywhere within a second.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/sessions/{session}", operation_id = "admin.users.sessions.end",
               tag = "admin", params(("id" = UserId, Path), ("session" = SessionId, Path)), responses((status = 204)))]
pub(crate) async fn end(
    State(state): State<AppState>,
    UsersManage(principal): UsersManage,
    _audit: Audit,
    From(client): From,
    UserAnd(id, session): UserAnd<SessionId>,
) -> Result<StatusCode, ApiError> {
    state.identity.end_session(&principal, id, session, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of a user, everywhere within a second.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/sessions", operation_id = "admin.users.sessions.end_all",
               tag = "admin", params(("id" = UserId, Path)), responses((status = 204)))]
pub(crate) async fn end_all(
    State(state): State<AppState>,
    UsersManage(principal): UsersManage,
    _audit: Audit,
    From(client): From,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, ApiError> {
    state.identity.end_sessions(&principal, id, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
