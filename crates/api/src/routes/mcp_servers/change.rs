use axum::{Json, extract::State};
use millwright_core::{Classification, Label, id::McpServerId};
use millwright_store::{Proof, tenant::McpServerSettings};
use serde::Deserialize;

use super::{McpServerDetailResponse, audited, checked_timeout, checked_url, detail, sealed};
use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, PathId, StrictJson},
    routes::documents::change::within_clearance,
};

/// What is to be another; what is absent stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeMcpServerRequest {
    /// With another address its tools have to be read and enabled anew, and the token is forgotten unless it is given again.
    #[schema(min_length = 1, max_length = 500)]
    url: Option<String>,
    /// Empty for none.
    #[schema(max_length = 4096)]
    bearer_token: Option<String>,
    takes_up_to: Option<Classification>,
    result_classification: Option<Classification>,
    sends_personal_data: Option<bool>,
    #[schema(minimum = 1, maximum = 60)]
    timeout_s: Option<i32>,
    /// Whether any of its tools is called.
    enabled: Option<bool>,
}

/// Changes how an MCP server is spoken to, or what it may be sent. It holds for the next call, also of runs that are under way.
#[utoipa::path(patch, path = "/api/v1/mcp-servers/{id}", operation_id = "mcp_servers.change", tag = "mcp-servers",
               params(("id" = McpServerId, Path)), request_body = ChangeMcpServerRequest,
               responses((status = 200, body = McpServerDetailResponse)))]
pub(crate) async fn change(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    PathId(id): PathId<McpServerId>,
    StrictJson(request): StrictJson<ChangeMcpServerRequest>,
) -> Result<Json<McpServerDetailResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let before = tx.mcp_servers().hold(id).await?.settings;
    let after = request.applied_to(&state, id, &before)?;
    let is_elsewhere = after.url != before.url;
    let reader = tx.labels().reader(principal.user_id).await?;
    // Whoever stands at another address is trusted anew.
    if after.takes_up_to > before.takes_up_to || is_elsewhere {
        within_clearance(&reader, &Label::of(after.takes_up_to))?;
    }
    // Nobody lowers what they may not read.
    if after.result_classification != before.result_classification {
        within_clearance(&reader, &Label::of(before.result_classification))?;
        within_clearance(&reader, &Label::of(after.result_classification))?;
    }
    tx.mcp_servers().change(id, &after, state.sources.now()).await?;
    if is_elsewhere {
        tx.mcp_servers().forget_tools(id).await?;
    }
    let changed = detail(&mut tx, id).await?;
    let details = [("settings", audited(&after)), ("settings_before", audited(&before))];
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(changed))
}

impl ChangeMcpServerRequest {
    fn applied_to(
        self,
        state: &AppState,
        id: McpServerId,
        before: &McpServerSettings,
    ) -> Result<McpServerSettings, ApiError> {
        let url = self.url.map(|url| checked_url(state, &url)).transpose()?.unwrap_or_else(|| before.url.clone());
        let sealed_bearer = match &self.bearer_token {
            Some(token) => sealed(state, id, token)?,
            // A token is for whoever stands at the address for which it was given.
            None => before.sealed_bearer.clone().filter(|_| url == before.url),
        };
        Ok(McpServerSettings {
            url,
            sealed_bearer,
            takes_up_to: self.takes_up_to.unwrap_or(before.takes_up_to),
            result_classification: self.result_classification.unwrap_or(before.result_classification),
            sends_personal_data: self.sends_personal_data.unwrap_or(before.sends_personal_data),
            timeout_s: checked_timeout(self.timeout_s.unwrap_or(before.timeout_s))?,
            enabled: self.enabled.unwrap_or(before.enabled),
        })
    }
}
