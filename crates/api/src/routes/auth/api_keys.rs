use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use millwright_core::{
    ErrorCode, Permission, Principal, Problem,
    id::{ApiKeyId, UserId},
};
use millwright_identity::{Client, NewApiKeyRequest};
use millwright_store::tenant::ApiKeyRow;
use serde::{Deserialize, Serialize};

use super::fresh;
use crate::{
    ApiError, AppState,
    dto::{ListQuery, PageResponse},
    extract::{Audit, From, PathId, ProfileManage, StrictJson, StrictQuery},
};

/// A key of a program, without its secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ApiKeyResponse {
    id: ApiKeyId,
    name: String,
    /// The readable beginning, by which the key is found in logs.
    prefix: String,
    #[schema(value_type = Vec<Permission>)]
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// To the minute.
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl core::convert::From<ApiKeyRow> for ApiKeyResponse {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            prefix: row.prefix,
            scopes: row.scopes,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// A key that was just made.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CreatedApiKeyResponse {
    /// For the `Authorization` header, after `Bearer`. Shown once.
    key: String,
    #[serde(flatten)]
    row: ApiKeyResponse,
}

/// What a key is to be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateApiKeyRequest {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// What it may do: a part of what its owner may.
    #[schema(min_items = 1)]
    scopes: Vec<Permission>,
    /// Days from now.
    #[schema(minimum = 1, maximum = 365)]
    expires_in_days: u32,
}

/// Makes a key for a user; the answer shows it once.
pub(crate) async fn create_for(
    state: &AppState,
    principal: &Principal,
    owner: UserId,
    request: CreateApiKeyRequest,
    client: &Client,
) -> Result<Response, ApiError> {
    let name = request.name.trim();
    super::within("name", name, 1, 120)?;
    let mut problem = Problem::new(ErrorCode::ValidationFailed, "the key cannot be made");
    if !(1..=365).contains(&request.expires_in_days) {
        problem = problem.field("expires_in_days", "expected 1 to 365");
    }
    if request.scopes.is_empty() || request.scopes.len() > Permission::ALL.len() {
        problem = problem.field("scopes", "expected at least one, each once");
    }
    if !problem.fields.is_empty() {
        return Err(problem.into());
    }
    let wanted = NewApiKeyRequest {
        name: name.to_owned(),
        scopes: request.scopes,
        expires_at: state.identity.in_days(request.expires_in_days),
    };
    let made = state.identity.create_api_key(principal, owner, &wanted, client).await??;
    let row = ApiKeyResponse {
        id: made.id,
        name: wanted.name,
        prefix: made.prefix,
        scopes: wanted.scopes.iter().map(ToString::to_string).collect(),
        created_at: made.created_at,
        expires_at: wanted.expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    Ok(fresh((StatusCode::CREATED, Json(CreatedApiKeyResponse { key: made.key.to_string(), row })).into_response()))
}

/// One's own keys, newest first.
#[utoipa::path(get, path = "/api/v1/auth/api-keys", operation_id = "auth.api_keys.list", tag = "auth",
               params(ListQuery), responses((status = 200, body = PageResponse<ApiKeyResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<PageResponse<ApiKeyResponse>>, ApiError> {
    let page = query.request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(tx.api_keys().list(principal.user_id, page).await?.map(ApiKeyResponse::from).into()))
}

/// Makes a key of one's own.
#[utoipa::path(post, path = "/api/v1/auth/api-keys", operation_id = "auth.api_keys.create", tag = "auth",
               request_body = CreateApiKeyRequest, responses((status = 201, body = CreatedApiKeyResponse)))]
pub(crate) async fn create(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
    StrictJson(request): StrictJson<CreateApiKeyRequest>,
) -> Result<Response, ApiError> {
    create_for(&state, &principal, principal.user_id, request, &client).await
}

/// Revokes one of one's own keys, everywhere within a second.
#[utoipa::path(delete, path = "/api/v1/auth/api-keys/{id}", operation_id = "auth.api_keys.revoke", tag = "auth",
               params(("id" = ApiKeyId, Path)), responses((status = 204)))]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    _audit: Audit,
    From(client): From,
    PathId(id): PathId<ApiKeyId>,
) -> Result<StatusCode, ApiError> {
    state.identity.revoke_api_key(&principal, principal.user_id, id, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
