use axum::{Json, extract::State};
use millwright_core::{ErrorCode, Problem, id::ConversationId};
use millwright_store::Proof;
use serde::Deserialize;

use super::ConversationResponse;
use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, PathId, StrictJson},
    reveal::Reveal,
};

/// The new title.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenameConversationRequest {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    title: String,
}

/// Renames one of one's own conversations.
#[utoipa::path(patch, path = "/api/v1/conversations/{id}", operation_id = "conversations.rename", tag = "conversations",
               params(("id" = ConversationId, Path)), request_body = RenameConversationRequest,
               responses((status = 200, body = ConversationResponse)))]
pub(crate) async fn rename(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    audit: Audit,
    PathId(id): PathId<ConversationId>,
    StrictJson(request): StrictJson<RenameConversationRequest>,
) -> Result<Json<ConversationResponse>, ApiError> {
    let title = request.title.trim();
    if title.is_empty() || title.chars().count() > 200 || title.chars().any(char::is_control) {
        return Err(Problem::new(ErrorCode::ValidationFailed, "the title cannot be used")
            .field("title", "expected 1 to 200 characters on one line")
            .into());
    }
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    tx.conversations().set_title(id, principal.user_id, title).await?;
    let conversation = tx.conversations().require(id, principal.user_id).await?;
    // The title may quote a question: it stays out of the log that cannot be erased.
    let entry = audit.entry(&principal, id, &[])?;
    tx.commit(Proof::Entry(&entry)).await?;
    let mut reveal = Reveal::new(&state, &principal, id);
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    reveal.load(&mut tx).await?;
    let mut response = ConversationResponse::from(conversation);
    response.title = reveal.text(response.title);
    Ok(Json(response))
}
