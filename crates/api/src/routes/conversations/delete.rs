use axum::{extract::State, http::StatusCode};
use millwright_core::id::ConversationId;
use millwright_store::Proof;

use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, PathId},
};

/// Deletes one of one's own conversations.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}", operation_id = "conversations.delete", tag = "conversations",
               params(("id" = ConversationId, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    audit: Audit,
    PathId(id): PathId<ConversationId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    tx.conversations().delete(id, principal.user_id, state.sources.now()).await?;
    let entry = audit.entry(&principal, id, &[])?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(StatusCode::NO_CONTENT)
}
