use axum::{Json, extract::State};
use millwright_store::{Proof, tenant::UserChange};
use serde::Deserialize;

use super::UserResponse;
use crate::{
    ApiError, AppState,
    extract::{Audit, ProfileManage, StrictJson},
};

/// Who the credential speaks for.
#[utoipa::path(get, path = "/api/v1/auth/me", operation_id = "auth.me", tag = "auth",
               responses((status = 200, body = UserResponse)))]
pub(crate) async fn me(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
) -> Result<Json<UserResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let user = tx.users().require(principal.user_id).await?;
    Ok(Json(UserResponse::new(&principal, user)))
}

/// What one may change about oneself.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeMeRequest {
    /// As shown to others.
    #[schema(min_length = 1, max_length = 120)]
    display_name: String,
}

/// Changes one's own name.
#[utoipa::path(patch, path = "/api/v1/auth/me", operation_id = "auth.me.change", tag = "auth",
               request_body = ChangeMeRequest, responses((status = 200, body = UserResponse)))]
pub(crate) async fn change(
    State(state): State<AppState>,
    ProfileManage(principal): ProfileManage,
    audit: Audit,
    StrictJson(request): StrictJson<ChangeMeRequest>,
) -> Result<Json<UserResponse>, ApiError> {
    let name = request.display_name.trim();
    super::within("display_name", name, 1, 120)?;
    let change = UserChange { display_name: Some(name.to_owned()), ..UserChange::default() };
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    tx.users().change(principal.user_id, &change).await?;
    let user = tx.users().require(principal.user_id).await?;
    let entry = audit.entry(&principal, principal.user_id, &[])?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(UserResponse::new(&principal, user)))
}
