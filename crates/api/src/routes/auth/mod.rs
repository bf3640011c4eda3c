//! Signing in.

pub(crate) mod login;
pub(crate) mod me;

use millwright_core::{
    Role,
    id::{TenantId, UserId},
};
use serde::Serialize;

/// A tenant as its people see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TenantResponse {
    pub(crate) id: TenantId,
    pub(crate) name: String,
}

/// The signed-in person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UserResponse {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) display_name: String,
    pub(crate) role: Role,
    pub(crate) tenant: TenantResponse,
}
