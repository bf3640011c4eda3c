use axum::{
    Json,
    extract::{Path, State},
};
use millwright_agents::specialist::{GENERALIST, Specialist, shipped_as};
use millwright_core::{ErrorCode, Principal, Problem};
use millwright_store::Proof;

use super::get::{AgentDetailResponse, detail, required};
use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage},
};

/// Brings a version of an agent into force, within a second everywhere; 0 the definition that ships.
#[utoipa::path(post, path = "/api/v1/agents/{name}/versions/{number}/activate", operation_id = "agents.activate",
               tag = "agents", params(("name" = String, Path), ("number" = i32, Path, minimum = 0)),
               responses((status = 200, body = AgentDetailResponse),
                         (status = 409, description = "This version of the server cannot read it")))]
pub(crate) async fn activate(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    Path((name, number)): Path<(String, String)>,
) -> Result<Json<AgentDetailResponse>, ApiError> {
    let absent = || Problem::not_found("agent version");
    let number: i32 = number.parse().map_err(|_| absent())?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    required(&mut tx, &name).await?;
    let digest = if number == 0 {
        shipped_as(&name).ok_or_else(absent)?.digest()
    } else {
        let row = tx.agents().require_version(&name, number).await?;
        let read = Specialist::read(&row.definition, Some(number)).map_err(|_| {
            Problem::new(ErrorCode::InvalidTransition, "this version of the server cannot read it")
                .remedy("store it anew; the check of a definition says what is wrong with it")
        })?;
        read.digest()
    };
    let active = (number != 0).then_some(number);
    tx.agents().activate(&name, active, principal.user_id, state.sources.now()).await?;
    let entry = audit.entry(&principal, &name, &[("number", number.into()), ("agent_sha256", digest.into())])?;
    let after = detail(&mut tx, &name).await?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.runner.specialists().forget(&principal.scope);
    Ok(Json(after))
}

/// Lets an agent answer again, within a second everywhere.
#[utoipa::path(post, path = "/api/v1/agents/{name}/enable", operation_id = "agents.enable", tag = "agents",
               params(("name" = String, Path)), responses((status = 200, body = AgentDetailResponse)))]
pub(crate) async fn enable(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    Path(name): Path<String>,
) -> Result<Json<AgentDetailResponse>, ApiError> {
    set(&state, &principal, &audit, &name, true).await
}

/// Takes an agent out of service, within a second everywhere. Runs that it works on go on.
#[utoipa::path(post, path = "/api/v1/agents/{name}/disable", operation_id = "agents.disable", tag = "agents",
               params(("name" = String, Path)),
               responses((status = 200, body = AgentDetailResponse),
                         (status = 409, description = "It is the one that takes what is nobody else's")))]
pub(crate) async fn disable(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    Path(name): Path<String>,
) -> Result<Json<AgentDetailResponse>, ApiError> {
    if name == GENERALIST {
        return Err(Problem::new(ErrorCode::InvalidTransition, "this agent takes what is nobody else's")
            .remedy("store a version of it that is as you want it")
            .into());
    }
    set(&state, &principal, &audit, &name, false).await
}

async fn set(
    state: &AppState,
    principal: &Principal,
    audit: &Audit,
    name: &str,
    enabled: bool,
) -> Result<Json<AgentDetailResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    required(&mut tx, name).await?;
    tx.agents().set_enabled(name, enabled, principal.user_id, state.sources.now()).await?;
    let entry = audit.entry(principal, name, &[])?;
    let after = detail(&mut tx, name).await?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.runner.specialists().forget(&principal.scope);
    Ok(Json(after))
}
