use axum::{Json, extract::State};
use millwright_core::{ErrorCode, Problem, Role};
use millwright_store::{Proof, tenant::SecurityPolicy};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, ConfigurationRead, StrictJson},
};

/// What the organisation asks of those who sign in.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecurityPolicyBody {
    /// Roles that need a second factor.
    second_factor_roles: Vec<Role>,
    /// Whether passwords kept here may be used.
    password_sign_in: bool,
}

impl From<SecurityPolicy> for SecurityPolicyBody {
    fn from(policy: SecurityPolicy) -> Self {
        Self { second_factor_roles: policy.second_factor_roles, password_sign_in: policy.password_sign_in }
    }
}

/// The tenant's security policy.
#[utoipa::path(get, path = "/api/v1/admin/security-policy", operation_id = "admin.security_policy.get", tag = "admin",
               responses((status = 200, body = SecurityPolicyBody)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
) -> Result<Json<SecurityPolicyBody>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(tx.security().policy().await?.into()))
}

/// Changes the tenant's security policy. Those who now need a second factor are asked for it from their next request.
#[utoipa::path(put, path = "/api/v1/admin/security-policy", operation_id = "admin.security_policy.set", tag = "admin",
               request_body = SecurityPolicyBody,
               responses((status = 200, body = SecurityPolicyBody),
                         (status = 409, description = "Nobody could sign in any more")))]
pub(crate) async fn set(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    StrictJson(body): StrictJson<SecurityPolicyBody>,
) -> Result<Json<SecurityPolicyBody>, ApiError> {
    let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| body.second_factor_roles.contains(role)).collect();
    if !body.password_sign_in && state.identity.login_providers().is_empty() {
        return Err(Problem::new(ErrorCode::Conflict, "without passwords nobody could sign in: no provider is set up")
            .remedy("set up an identity provider first")
            .into());
    }
    let policy = SecurityPolicy { second_factor_roles: roles, password_sign_in: body.password_sign_in };
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    tx.security().set_policy(&policy).await?;
    let details = [
        ("second_factor_roles", json!(policy.second_factor_roles)),
        ("password_sign_in", json!(policy.password_sign_in)),
    ];
    let entry = audit.entry(&principal, principal.tenant_id(), &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(policy.into()))
}
