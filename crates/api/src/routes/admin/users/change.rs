use axum::{Json, extract::State, http::StatusCode};
use millwright_auth::Revocation;
use millwright_core::{Allowed, Classification, Clearance, ErrorCode, Principal, Problem, Role, id::UserId};
use millwright_store::{
    Proof,
    tenant::{SessionEnd, UserChange, UserKind, UserRow, UserStatus},
};
use serde::Deserialize;
use serde_json::json;

use super::{AdminUserResponse, ClearanceResponse, StatusName};
use crate::{
    ApiError, AppState,
    extract::{Audit, From, PathId, StepUpProof, StrictJson, UsersManage},
    routes::auth::within,
};

/// What is to change; what is absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeUserRequest {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    display_name: Option<String>,
    #[serde(default)]
    role: Option<Role>,
    /// `active` or `disabled`.
    #[serde(default)]
    status: Option<StatusName>,
    /// The most confidential data that the user may read, from the next request on.
    #[serde(default)]
    clearance: Option<Classification>,
    /// All export authorisations: `ITAR`, `EAR` for every number, or one number as `EAR:3A001`.
    #[serde(default)]
    #[schema(max_items = 100)]
    export_authorisations: Option<Vec<String>>,
    /// All groups of the user.
    #[serde(default)]
    #[schema(max_items = 100)]
    groups: Option<Vec<String>>,
}

/// Words of a list; refused with the place of the first that is none.
fn words<T: std::str::FromStr + Ord>(field: &str, words: Vec<String>) -> Result<Allowed<T>, ApiError>
where
    T::Err: std::fmt::Display,
{
    let refuse = |field: String, message: String| {
        ApiError::from(Problem::new(ErrorCode::ValidationFailed, "the user cannot be changed").field(field, message))
    };
    if words.len() > 100 {
        return Err(refuse(field.to_owned(), "expected at most 100".to_owned()));
    }
    let parse = |(at, word): (usize, String)| {
        word.parse().map_err(|error: T::Err| refuse(format!("{field}[{at}]"), error.to_string()))
    };
    Ok(Allowed::Only(words.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?))
}

/// The clearance after the change, where it is one. Nobody raises their own.
fn clearance(
    request: &mut ChangeUserRequest,
    user: &UserRow,
    principal: &Principal,
) -> Result<Option<Clearance>, ApiError> {
    let before = &user.clearance.0;
    let after = Clearance {
        classification: request.clearance.unwrap_or(before.classification),
        export_control: match request.export_authorisations.take() {
            Some(list) => words("export_authorisations", list)?,
            None => before.export_control.clone(),
        },
        groups: match request.groups.take() {
            Some(list) => words("groups", list)?,
            None => before.groups.clone(),
        },
    };
    if after == *before {
        return Ok(None);
    }
    if user.id == principal.user_id && !before.includes(&after) {
        return Err(Problem::new(ErrorCode::NotAuthorized, "nobody raises their own clearance")
            .remedy("ask another admin")
            .into());
    }
    Ok(Some(after))
}

fn validate(
    mut request: ChangeUserRequest,
    user: &UserRow,
    principal: &Principal,
    state: &AppState,
) -> Result<UserChange, ApiError> {
    let clearance = clearance(&mut request, user, principal)?;
    let display_name = request.display_name.map(|name| name.trim().to_owned());
    if let Some(name) = &display_name {
        within("display_name", name, 1, 120)?;
    }
    let disabled_at = match (request.status, user.status()) {
        (Some(StatusName::Disabled), UserStatus::Disabled) | (None, _) => None,
        (Some(StatusName::Disabled), _) => Some(Some(state.sources.now())),
        (Some(StatusName::Active), UserStatus::Disabled) => Some(None),
        (Some(StatusName::Active), _) => None,
        (Some(StatusName::Invited), _) => {
            return Err(Problem::new(ErrorCode::ValidationFailed, "a user cannot be made invited")
                .field("status", "expected active or disabled")
                .into());
        }
    };
    let role = request.role.filter(|role| *role != user.role);
    Ok(UserChange { display_name, role, disabled_at, clearance })
}

/// Changes a user's name, role, status or clearance. Disabling ends sessions and keys at once; a change of role holds from the next
/// request.
#[utoipa::path(patch, path = "/api/v1/admin/users/{id}", operation_id = "admin.users.change", tag = "admin",
               params(("id" = UserId, Path)), request_body = ChangeUserRequest,
               responses((status = 200, body = AdminUserResponse),
                         (status = 409, description = "The last admin stays")))]
pub(crate) async fn change(
    State(state): State<AppState>,
    UsersManage(principal): UsersManage,
    audit: Audit,
    PathId(id): PathId<UserId>,
    StrictJson(request): StrictJson<ChangeUserRequest>,
) -> Result<Json<AdminUserResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let before = tx.users().require(id).await?;
    let change = validate(request, &before, &principal, &state)?;
    let is_admin = before.role == Role::Admin && before.kind == UserKind::Person && before.disabled_at.is_none();
    let stays_admin = change.role.is_none_or(|role| role == Role::Admin) && change.disabled_at.is_none();
    if is_admin && !stays_admin && tx.users().other_admins(id).await? == 0 {
        return Err(Problem::new(ErrorCode::Conflict, "this is the last admin of the organisation")
            .remedy("make somebody else an admin first")
            .into());
    }
    tx.users().change(id, &change).await?;
    let disabled = matches!(change.disabled_at, Some(Some(_)));
    if disabled {
        let now = state.sources.now();
        tx.sessions().end_all(id, None, SessionEnd::UserChanged, now).await?;
        tx.api_keys().revoke_all(id, now).await?;
        tx.security().end_password_links(id, now).await?;
    }
    let after = tx.users().require(id).await?;
    let details = [
        ("role", json!(change.role)),
        ("status", json!(change.disabled_at.map(|at| if at.is_some() { "disabled" } else { "active" }))),
        ("renamed", json!(change.display_name.is_some())),
        ("clearance", json!(change.clearance.as_ref().map(ClearanceResponse::from))),
    ];
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    if change.role.is_some() || change.disabled_at.is_some() {
        state.identity.forget(Revocation::User(id, after.access_version));
    }
    Ok(Json(after.into()))
}

/// Takes another user's second factor away, after the device was lost, and ends the user's sessions. An admin who has a
/// second factor sends a step-up proof of the purpose `users.reset_second_factor`.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/second-factor", operation_id = "admin.users.second_factor.reset",
               tag = "admin",
               params(("id" = UserId, Path),
                      ("x-step-up-proof" = Option<String>, Header, description = "From `POST /api/v1/auth/step-up`")),
               responses((status = 204), (status = 409, description = "Nobody resets their own")))]
pub(crate) async fn reset_second_factor(
    State(state): State<AppState>,
    UsersManage(principal): UsersManage,
    _audit: Audit,
    From(client): From,
    StepUpProof(proof): StepUpProof,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, ApiError> {
    state.identity.reset_second_factor(&principal, id, proof.as_deref(), &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
