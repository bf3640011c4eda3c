use axum::{Json, extract::State};
use millwright_store::StoreError;

use super::{TenantResponse, UserResponse};
use crate::{ApiError, AppState, extract::Viewer};

/// Who the token speaks for.
#[utoipa::path(get, path = "/api/v1/auth/me", operation_id = "auth.me", tag = "auth",
               responses((status = 200, body = UserResponse)))]
pub(crate) async fn me(
    State(state): State<AppState>,
    Viewer(principal): Viewer,
) -> Result<Json<UserResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let user = tx.users().get(principal.user_id).await?.ok_or(StoreError::NotFound("user"))?;
    Ok(Json(UserResponse {
        id: user.id,
        email: user.email,
        display_name: user.display_name,
        role: user.role,
        tenant: TenantResponse { id: principal.tenant_id(), name: user.tenant_name },
    }))
}
