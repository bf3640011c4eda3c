use axum::{Json, extract::State};
use millwright_core::Permission;
use serde::Deserialize;

use super::ConversationResponse;
use crate::{
    ApiError, AppState,
    dto::PageResponse,
    extract::{ChatUse, PageQuery, StrictQuery},
};

/// Which conversations.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListConversationsQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Part of a title or of a message.
    q: Option<String>,
}

/// One's own conversations, last used first.
#[utoipa::path(get, path = "/api/v1/conversations", operation_id = "conversations.list", tag = "conversations",
               params(ListConversationsQuery), responses((status = 200, body = PageResponse<ConversationResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    StrictQuery(query): StrictQuery<ListConversationsQuery>,
) -> Result<Json<PageResponse<ConversationResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let contains = query.q.as_deref().filter(|q| !q.is_empty());
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let clearance = tx.labels().clearance(principal.user_id).await?;
    let conversations = tx.conversations().list(principal.user_id, (contains, &clearance), page).await?;
    let sealed = if principal.permissions.contains(Permission::PersonalDataRead) {
        let titled = conversations.items.iter().filter(|conversation| conversation.title.contains('['));
        let ids: Vec<_> = titled.map(|conversation| conversation.id).collect();
        if ids.is_empty() { Vec::new() } else { tx.vaults().list(&ids).await? }
    } else {
        Vec::new()
    };
    let mut page = conversations.map(ConversationResponse::from);
    for (id, sealed) in sealed {
        let vault = state.governance.open(id, Some(&sealed))?;
        for conversation in page.items.iter_mut().filter(|conversation| conversation.id == id) {
            conversation.title = vault.restore(&conversation.title);
        }
    }
    Ok(Json(page.into()))
}
