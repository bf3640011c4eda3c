use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_core::id::ConversationId;
use serde::Serialize;

use crate::{
    ApiError, AppState,
    dto::MessageResponse,
    extract::{ChatUse, PathId},
    reveal::Reveal,
};

/// A conversation with its whole tree of messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ConversationDetailResponse {
    id: ConversationId,
    title: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Oldest first; `parent_id` makes the tree.
    messages: Vec<MessageResponse>,
}

/// One of one's own conversations.
#[utoipa::path(get, path = "/api/v1/conversations/{id}", operation_id = "conversations.get", tag = "conversations",
               params(("id" = ConversationId, Path)), responses((status = 200, body = ConversationDetailResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    PathId(id): PathId<ConversationId>,
) -> Result<Json<ConversationDetailResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let conversation = tx.conversations().require(id, principal.user_id).await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let mut reveal = Reveal::new(&state, &principal, id);
    reveal.load(&mut tx).await?;
    let messages = tx.messages().list(id).await?;
    let messages = messages.into_iter().map(|message| reveal.message(MessageResponse::for_reader(message, &reader)));
    let messages = messages.collect();
    Ok(Json(ConversationDetailResponse {
        id,
        title: reveal.text(conversation.title),
        created_at: conversation.created_at,
        updated_at: conversation.updated_at,
        messages,
    }))
}
