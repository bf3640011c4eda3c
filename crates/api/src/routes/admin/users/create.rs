use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use millwright_core::{ErrorCode, Problem, Role, id::UserId};
use millwright_store::{
    Proof, StoreError,
    tenant::{NewUser, SessionEnd, UserKind},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AdminUserResponse, PasswordLinkResponse};
use crate::{
    ApiError, AppState,
    extract::{Audit, PathId, StrictJson, UsersManage},
    routes::auth::{KindName, fresh, within},
};

/// Who is to be made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUserRequest {
    /// A person, unless it is said.
    #[serde(default)]
    kind: Option<KindName>,
    /// Needed for a person; a service account has none.
    #[serde(default)]
    #[schema(format = "email", max_length = 320)]
    email: Option<String>,
    #[schema(min_length = 1, max_length = 120)]
    display_name: String,
    role: Role,
}

/// The user, and for a person the link to hand over.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CreatedUserResponse {
    user: AdminUserResponse,
    /// Shown once; null for a service account.
    invitation: Option<PasswordLinkResponse>,
}

/// Something before and after one `@`, without spaces: the rest only the mail server knows.
fn is_email(text: &str) -> bool {
    let (local, domain) = text.split_once('@').unwrap_or_default();
    !local.is_empty()
        && domain.len() > 2
        && !domain.contains('@')
        && text.len() <= 320
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn validate(request: CreateUserRequest) -> Result<(UserKind, Option<String>, String, Role), ApiError> {
    let kind = match request.kind {
        None | Some(KindName::Person) => UserKind::Person,
        Some(KindName::Service) => UserKind::Service,
    };
    let name = request.display_name.trim().to_owned();
    within("display_name", &name, 1, 120)?;
    let email = request.email.map(|email| email.trim().to_lowercase());
    let refuse = |message: &str| {
        ApiError::from(Problem::new(ErrorCode::ValidationFailed, "the user cannot be made").field("email", message))
    };
    match (kind, &email) {
        (UserKind::Person, Some(email)) if is_email(email) => {}
        (UserKind::Person, _) => return Err(refuse("expected the person's e-mail address")),
        (UserKind::Service, None) => {}
        (UserKind::Service, Some(_)) => return Err(refuse("a service account has no e-mail address")),
    }
    Ok((kind, email, name, request.role))
}

/// Makes a person, with a link to set a password, or a service account.
#[utoipa::path(post, path = "/api/v1/admin/users", operation_id = "admin.users.create", tag = "admin",
               request_body = CreateUserRequest,
               responses((status = 201, body = CreatedUserResponse),
                         (status = 409, description = "The e-mail address is taken")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    UsersManage(principal): UsersManage,
    audit: Audit,
    StrictJson(request): StrictJson<CreateUserRequest>,
) -> Result<Response, ApiError> {
    let (kind, email, display_name, role) = validate(request)?;
    let user = NewUser {
        id: state.sources.new_id(),
        kind,
        email,
        display_name,
        role,
        password_hash: None,
        local: true,
        created_at: state.sources.now(),
    };
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    tx.users().insert(&user).await.map_err(|error| match error {
        StoreError::Duplicate(_) => ApiError::from(
            Problem::new(ErrorCode::Conflict, "this e-mail address is taken")
                .remedy("use another one; an address signs in to one organisation only"),
        ),
        other => other.into(),
    })?;
    let invitation = match kind {
        UserKind::Person => Some(state.identity.password_link(&mut tx, user.id).await?.into()),
        UserKind::Service => None,
    };
    let row = tx.users().require(user.id).await?;
    let details = [("role", json!(role)), ("kind", json!(kind.as_str()))];
    let entry = audit.entry(&principal, user.id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(fresh((StatusCode::CREATED, Json(CreatedUserResponse { user: row.into(), invitation })).into_response()))
}

/// Makes a link with which a person sets a new password, and ends the person's sessions.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/password-reset", operation_id = "admin.users.password_reset",
               tag = "admin", params(("id" = UserId, Path)),
               responses((status = 200, body = PasswordLinkResponse),
                         (status = 409, description = "The user has no password here")))]
pub(crate) async fn password_reset(
    State(state): State<AppState>,
    UsersManage(principal): UsersManage,
    audit: Audit,
    PathId(id): PathId<UserId>,
) -> Result<Response, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let user = tx.users().require(id).await?;
    if user.kind == UserKind::Service || user.email.is_none() || (!user.has_password && !user.providers.is_empty()) {
        return Err(Problem::new(ErrorCode::Conflict, "this user does not sign in with a password here")
            .remedy("people of an identity provider change their password there")
            .into());
    }
    let link = state.identity.password_link(&mut tx, id).await?;
    tx.sessions().end_all(id, None, SessionEnd::UserChanged, state.sources.now()).await?;
    let entry = audit.entry(&principal, id, &[])?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(fresh(Json(PasswordLinkResponse::from(link))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "ada", "@plant.example", "ada@", "ada@b", "a da@plant.example", "a@b@plant.example", "a@\n.bc"]
        {
            assert!(!is_email(bad), "{bad:?}");
        }
        assert!(is_email("ada.lovelace+x@plant.example"));
    }
}
