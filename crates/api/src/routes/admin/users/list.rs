use axum::{Json, extract::State};
use millwright_core::{Role, id::UserId};
use millwright_store::tenant::{UserFilter, UserKind};
use serde::Deserialize;

use super::{AdminUserResponse, StatusName};
use crate::{
    ApiError, AppState,
    dto::PageResponse,
    extract::{PageQuery, PathId, StrictQuery, UsersRead},
    routes::auth::KindName,
};

/// Which users; what is absent does not restrict.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListUsersQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Part of the name or the e-mail address.
    q: Option<String>,
    /// Exactly this role.
    role: Option<Role>,
    /// Exactly this status.
    status: Option<StatusName>,
    /// People or service accounts.
    kind: Option<KindName>,
}

/// The tenant's users, newest first.
#[utoipa::path(get, path = "/api/v1/admin/users", operation_id = "admin.users.list", tag = "admin",
               params(ListUsersQuery), responses((status = 200, body = PageResponse<AdminUserResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    UsersRead(principal): UsersRead,
    StrictQuery(query): StrictQuery<ListUsersQuery>,
) -> Result<Json<PageResponse<AdminUserResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let filter = UserFilter {
        contains: query.q.filter(|q| !q.is_empty()),
        role: query.role,
        status: query.status.map(Into::into),
        kind: query.kind.map(|kind| match kind {
            KindName::Person => UserKind::Person,
            KindName::Service => UserKind::Service,
        }),
    };
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(tx.users().list(&filter, page).await?.map(AdminUserResponse::from).into()))
}

/// A user.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}", operation_id = "admin.users.get", tag = "admin",
               params(("id" = UserId, Path)), responses((status = 200, body = AdminUserResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    UsersRead(principal): UsersRead,
    PathId(id): PathId<UserId>,
) -> Result<Json<AdminUserResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    Ok(Json(tx.users().require(id).await?.into()))
}
