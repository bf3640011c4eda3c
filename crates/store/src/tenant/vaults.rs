use millwright_core::id::ConversationId;

use crate::{StoreError, tenant_tx::TenantConnection};

/// Which placeholder stands for which value in a conversation, sealed: this crate cannot read it.
pub struct Vaults<'t>(pub(crate) TenantConnection<'t>);

impl Vaults<'_> {
    /// The conversation's mapping, if it has one.
    pub async fn get(&mut self, conversation: ConversationId) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed =
            sqlx::query_scalar("SELECT sealed FROM placeholder_vaults WHERE tenant_id = $1 AND conversation_id = $2")
                .bind(self.0.tenant)
                .bind(conversation.uuid())
                .fetch_optional(&mut *self.0.connection)
                .await?;
        Ok(sealed)
    }

    /// The mappings of several conversations, in no order.
    pub async fn list(
        &mut self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Vec<u8>)>, StoreError> {
        let rows: Vec<(uuid::Uuid, Vec<u8>)> = sqlx::query_as(
            "SELECT conversation_id, sealed FROM placeholder_vaults WHERE tenant_id = $1 AND conversation_id = ANY ($2)",
        )
        .bind(self.0.tenant)
        .bind(conversations.iter().map(|id| id.uuid()).collect::<Vec<_>>())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows.into_iter().map(|(id, sealed)| (id.into(), sealed)).collect())
    }

    /// Stores the mapping, if it still is what `replaces` says: `None` for none. False when somebody else stored another
    /// meanwhile, whose numbers must not be lost.
    pub async fn put(
        &mut self,
        conversation: ConversationId,
        sealed: &[u8],
        replaces: Option<&[u8]>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO placeholder_vaults (tenant_id, conversation_id, sealed) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant_id, conversation_id) DO UPDATE SET sealed = excluded.sealed \
             WHERE placeholder_vaults.sealed = $4",
        )
        .bind(self.0.tenant)
        .bind(conversation.uuid())
        .bind(sealed)
        .bind(replaces)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
