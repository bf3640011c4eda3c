//! One's own conversations.

pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod rename;

use chrono::{DateTime, Utc};
use millwright_core::id::ConversationId;
use millwright_store::tenant::ConversationRow;
use serde::Serialize;

/// A conversation without its messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ConversationResponse {
    id: ConversationId,
    title: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Messages of both sides, siblings included.
    message_count: i64,
}

impl From<ConversationRow> for ConversationResponse {
    fn from(row: ConversationRow) -> Self {
        Self {
            id: row.id,
            title: row.title,
            created_at: row.created_at,
            updated_at: row.updated_at,
            message_count: row.message_count,
        }
    }
}
