use axum::{Json, extract::State, http::StatusCode, response::Response};
use millwright_core::{
    ErrorCode, Problem,
    id::{ApiKeyId, UserId},
};
use millwright_store::tenant::UserKind;

use super::UserAnd;
use crate::{
    ApiError, AppState,
    dto::{ListQuery, PageResponse},
    extract::{Audit, From, PathId, StrictJson, StrictQuery, UsersManage, UsersRead},
    routes::auth::api_keys::{ApiKeyResponse, CreateApiKeyRequest, CreatedApiKeyResponse, create_for},
};

/// A user's keys, newest first.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/api-keys", operation_id = "admin.users.api_keys.list", tag = "admin",
               params(("id" = UserId, Path), ListQuery), responses((status = 200, body = PageResponse<ApiKeyResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    UsersRead(principal): UsersRead,
    PathId(id): PathId<UserId>,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<PageResponse<ApiKeyResponse>>, ApiError> {
    let page = query.request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    tx.users().require(id).await?;
    Ok(Json(tx.api_keys().list(id, page).await?.map(ApiKeyResponse::from).into()))
}

/// Makes a key for a service account. Its scopes are a part of what the account's role may do, or what only reads.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/api-keys", operation_id = "admin.users.api_keys.create",
               tag = "admin", params(("id" = UserId, Path)), request_body = CreateApiKeyRequest,
               responses((status = 201, body = CreatedApiKeyResponse),
                         (status = 409, description = "People make their keys themselves")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    UsersManage(principal): UsersManage,
    _audit: Audit,
    From(client): From,
    PathId(id): PathId<UserId>,
    StrictJson(request): StrictJson<CreateApiKeyRequest>,
) -> Result<Response, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let owner = tx.users().require(id).await?;
    drop(tx);
    if owner.kind == UserKind::Person {
        return Err(Problem::new(ErrorCode::Conflict, "people make their keys themselves")
            .remedy("make a service account for a program that is nobody's")
            .into());
    }
    create_for(&state, &principal, id, request, &client).await
}

/// Revokes a key of a user, everywhere within a second.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/api-keys/{key}", operation_id = "admin.users.api_keys.revoke",
               tag = "admin", params(("id" = UserId, Path), ("key" = ApiKeyId, Path)), responses((status = 204)))]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    UsersManage(principal): UsersManage,
    _audit: Audit,
    From(client): From,
    UserAnd(id, key): UserAnd<ApiKeyId>,
) -> Result<StatusCode, ApiError> {
    state.identity.revoke_api_key(&principal, id, key, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
