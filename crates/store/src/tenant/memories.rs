use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Label,
    id::{ChunkId, ConversationId, GoalId, MemoryId, MessageId, RunId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

use super::{labels::label_json, text_enum};
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// What is remembered.
    MemoryKind {
        /// What a person says of themselves and their work.
        AboutMe = "about_me",
        /// A sentence of an answer, with the passages that it stands on.
        PlantFact = "plant_fact",
        /// The plan of a goal that came to its end.
        Procedure = "procedure",
    }
}

/// What people have remembered. Each belongs to one user; to everybody else it is absent. Texts are sealed: this crate cannot
/// read them.
pub struct Memories<'t>(pub(crate) TenantConnection<'t>);

/// Something to be remembered.
#[derive(Debug)]
pub struct NewMemory {
    /// To name it.
    pub id: MemoryId,
    /// Whose.
    pub user_id: UserId,
    /// What it is.
    pub kind: MemoryKind,
    /// Its text.
    pub sealed: Vec<u8>,
    /// The join of the labels of what it was made from.
    pub label: Label,
    /// The conversation it comes from.
    pub conversation_id: Option<ConversationId>,
    /// The answer it comes from.
    pub message_id: Option<MessageId>,
    /// The run that wrote that.
    pub run_id: Option<RunId>,
    /// The goal it comes from.
    pub goal_id: Option<GoalId>,
    /// The passages that it stands on.
    pub chunk_ids: Vec<ChunkId>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when; `None` without end.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Something that is remembered.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MemoryRow {
    /// To name it.
    #[sqlx(try_from = "Uuid")]
    pub id: MemoryId,
    /// Whose.
    #[sqlx(try_from = "Uuid")]
    pub user_id: UserId,
    /// What it is.
    #[sqlx(try_from = "String")]
    pub kind: MemoryKind,
    /// Its text.
    pub sealed: Vec<u8>,
    /// See [`label_of_json`](super::label_of_json).
    pub label: Value,
    /// The conversation it comes from, unless that is deleted.
    pub conversation_id: Option<Uuid>,
    /// The answer it comes from.
    pub message_id: Option<Uuid>,
    /// The run that wrote that.
    pub run_id: Option<Uuid>,
    /// The goal it comes from, unless that is deleted.
    pub goal_id: Option<Uuid>,
    /// The passages that it stands on.
    pub chunk_ids: Vec<Uuid>,
    /// Grows with each change of the text.
    pub revision: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub changed_at: DateTime<Utc>,
    /// Until when; `None` without end.
    pub expires_at: Option<DateTime<Utc>>,
    /// When a run was given it last.
    pub used_at: Option<DateTime<Utc>>,
}

/// Which of a user's memories, newest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct WantedMemories<'k> {
    /// Of these kinds; of all where empty.
    pub kinds: &'k [MemoryKind],
    /// Those behind this one.
    pub after: Option<Cursor>,
    /// At most so many; `None`: all.
    pub limit: Option<i64>,
}

/// What becomes of something that is remembered.
#[derive(Debug)]
pub struct ChangedMemory {
    /// Another text; `None` where it stays.
    pub sealed: Option<Vec<u8>>,
    /// Until when it is kept from now on.
    pub expires_at: Option<DateTime<Utc>>,
    /// When.
    pub changed_at: DateTime<Utc>,
}

/// Where it comes from is named as long as that is there.
const SELECT: &str = "SELECT id, user_id, kind, sealed, label, message_id, run_id, chunk_ids, revision, \
    (SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.id = memories.conversation_id AND c.deleted_at IS NULL) \
        AS conversation_id, \
    (SELECT g.id FROM goals g WHERE g.tenant_id = $1 AND g.id = memories.goal_id AND g.deleted_at IS NULL) AS goal_id, \
    created_at, changed_at, expires_at, used_at FROM memories WHERE tenant_id = $1 AND user_id = $2";

impl Memories<'_> {
    /// Whoever changes what this user has remembered waits until the transaction ends: a limit is a limit, and nothing is
    /// remembered twice.
    pub async fn lock(&mut self, user: UserId) -> Result<(), StoreError> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('memories ' || $1::text || $2::text, 0))")
            .bind(self.0.tenant)
            .bind(user.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// What the user has remembered and that has not expired by `now`, newest first.
    pub async fn list(
        &mut self,
        user: UserId,
        now: DateTime<Utc>,
        wanted: WantedMemories<'_>,
    ) -> Result<Vec<MemoryRow>, StoreError> {
        let statement = format!(
            "{SELECT} AND (expires_at IS NULL OR expires_at > $3) AND (cardinality($4::text[]) = 0 OR kind = ANY ($4)) \
             AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6::uuid)) ORDER BY created_at DESC, id DESC LIMIT $7"
        );
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(now)
            .bind(wanted.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
            .bind(wanted.after.map(|after| after.at))
            .bind(wanted.after.map(|after| after.id))
            .bind(wanted.limit)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// How many memories the user has that have not expired by `now`.
    pub async fn count(&mut self, user: UserId, now: DateTime<Utc>) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar(
            "SELECT count(*) FROM memories WHERE tenant_id = $1 AND user_id = $2 AND (expires_at IS NULL OR expires_at > $3)",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(now)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(count)
    }

    /// Some of the user's, whether or not they have expired, in no order.
    pub async fn these(&mut self, user: UserId, ids: &[MemoryId]) -> Result<Vec<MemoryRow>, StoreError> {
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND id = ANY ($3)")))
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(ids.iter().map(|id| id.uuid()).collect::<Vec<_>>())
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// One of the user's that has not expired by `now`, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: MemoryId, user: UserId, now: DateTime<Utc>) -> Result<MemoryRow, StoreError> {
        let row = self.these(user, &[id]).await?.pop();
        row.filter(|row| row.expires_at.is_none_or(|at| at > now)).ok_or(StoreError::NotFound("memory"))
    }

    /// Remembers.
    pub async fn insert(&mut self, memory: &NewMemory) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO memories (tenant_id, id, user_id, kind, sealed, label, conversation_id, message_id, run_id, goal_id, \
                                   chunk_ids, created_at, changed_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)",
        )
        .bind(self.0.tenant)
        .bind(memory.id.uuid())
        .bind(memory.user_id.uuid())
        .bind(memory.kind.as_str())
        .bind(&memory.sealed)
        .bind(label_json(&memory.label))
        .bind(memory.conversation_id.map(ConversationId::uuid))
        .bind(memory.message_id.map(MessageId::uuid))
        .bind(memory.run_id.map(RunId::uuid))
        .bind(memory.goal_id.map(GoalId::uuid))
        .bind(memory.chunk_ids.iter().map(|chunk| chunk.uuid()).collect::<Vec<_>>())
        .bind(memory.created_at)
        .bind(memory.expires_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Changes one of the user's.
    pub async fn change(&mut self, id: MemoryId, user: UserId, change: &ChangedMemory) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE memories SET sealed = coalesce($4, sealed), revision = revision + CASE WHEN $4 IS NULL THEN 0 ELSE 1 END, \
                                 expires_at = $5, changed_at = $6 \
             WHERE tenant_id = $1 AND user_id = $2 AND id = $3",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(id.uuid())
        .bind(&change.sealed)
        .bind(change.expires_at)
        .bind(change.changed_at)
        .execute(&mut *self.0.connection)
        .await?;
        if changed.rows_affected() == 0 { Err(StoreError::NotFound("memory")) } else { Ok(()) }
    }

    /// Notes that a run was given them. Where another transaction is at one of them it is passed by: that one says the same, or
    /// changes it, and no run waits for that.
    pub async fn set_used(&mut self, user: UserId, ids: &[MemoryId], now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE memories SET used_at = $4 WHERE tenant_id = $1 AND id IN \
             (SELECT id FROM memories WHERE tenant_id = $1 AND user_id = $2 AND id = ANY ($3) FOR NO KEY UPDATE SKIP LOCKED)",
        )
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(ids.iter().map(|id| id.uuid()).collect::<Vec<_>>())
            .bind(now)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Forgets one of the user's.
    pub async fn delete(&mut self, id: MemoryId, user: UserId) -> Result<(), StoreError> {
        let deleted = sqlx::query("DELETE FROM memories WHERE tenant_id = $1 AND user_id = $2 AND id = $3")
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        if deleted.rows_affected() == 0 { Err(StoreError::NotFound("memory")) } else { Ok(()) }
    }

    /// Forgets all of the user's; how many.
    pub async fn clear(&mut self, user: UserId) -> Result<u64, StoreError> {
        let deleted = sqlx::query("DELETE FROM memories WHERE tenant_id = $1 AND user_id = $2")
            .bind(self.0.tenant)
            .bind(user.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(deleted.rows_affected())
    }

    /// Forgets what has expired by `now`, of everybody; how many.
    pub async fn expire(&mut self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let deleted = sqlx::query("DELETE FROM memories WHERE tenant_id = $1 AND expires_at <= $2")
            .bind(self.0.tenant)
            .bind(now)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(deleted.rows_affected())
    }
}
