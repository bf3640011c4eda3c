use std::sync::Arc;

use axum::{Json, extract::State};
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{ErrorCode, Problem};
use millwright_store::{Proof, system::AccountRow};
use serde::{Deserialize, Serialize};

use super::{TenantResponse, UserResponse};
use crate::{ApiError, AppState, extract::StrictJson, problem::current_trace_id};

/// E-mail address and password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    #[schema(format = "email", max_length = 320)]
    email: String,
    #[schema(format = "password", max_length = 1024)]
    password: String,
}

/// A token for the `Authorization` header.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LoginResponse {
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    user: UserResponse,
}

fn refuse() -> ApiError {
    Problem::new(ErrorCode::Unauthenticated, "the e-mail address or the password is wrong").into()
}

/// Signs in. A wrong password and an unknown address get the same answer after the same work.
#[utoipa::path(post, path = "/api/v1/auth/login", operation_id = "auth.login", tag = "auth",
               request_body = LoginRequest, responses((status = 200, body = LoginResponse)))]
pub(crate) async fn login(
    State(state): State<AppState>,
    StrictJson(request): StrictJson<LoginRequest>,
) -> Result<Json<LoginResponse>, ApiError> {
    if request.email.len() > 320 || request.password.len() > 1024 {
        return Err(refuse());
    }
    let mut tx = state.store.system().await?;
    let account = tx.accounts().find_by_email(&request.email.trim().to_lowercase()).await?;
    drop(tx);
    let right = check(&state, account.as_ref(), request.password).await?;
    let Some(account) = account else { return Err(refuse()) };
    let allowed = right && account.disabled_at.is_none();
    record(&state, &account, allowed).await?;
    if !allowed {
        return Err(refuse());
    }
    let token = state.token_issuer.issue(&state.sources, account.scope.tenant_id(), account.user_id, account.role)?;
    Ok(Json(LoginResponse {
        access_token: token.token,
        token_type: "Bearer",
        expires_in: token.expires_in,
        user: UserResponse {
            id: account.user_id,
            email: account.email,
            display_name: account.display_name,
            role: account.role,
            tenant: TenantResponse { id: account.scope.tenant_id(), name: account.tenant_name },
        },
    }))
}

/// Hashes off the async threads, a few at a time.
async fn check(state: &AppState, account: Option<&AccountRow>, password: String) -> Result<bool, ApiError> {
    let hasher = Arc::clone(&state.password_hasher);
    let stored = account.map(|account| account.password_hash.clone());
    let place = state.sign_in_places.acquire().await.map_err(|_| Problem::internal())?;
    let right = tokio::task::spawn_blocking(move || match stored {
        Some(stored) => hasher.verify(&password, &stored),
        None => Ok(hasher.verify_absent(&password)),
    })
    .await
    .map_err(|_| Problem::internal())??;
    drop(place);
    Ok(right)
}

async fn record(state: &AppState, account: &AccountRow, allowed: bool) -> Result<(), ApiError> {
    let action = if allowed { AuditAction::UserSignedIn } else { AuditAction::UserSignInFailed };
    let actor = if allowed { Actor::User(account.user_id) } else { Actor::System("sign-in") };
    let event = AuditEvent::new(&state.sources, account.scope.tenant_id(), actor, action, account.user_id)
        .trace(current_trace_id());
    let entry = state.audit_key.authenticate(&event)?;
    let tx = state.store.tenant(&account.scope).begin().await?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(())
}
