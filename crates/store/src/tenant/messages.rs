use chrono::{DateTime, Utc};
use millwright_core::{
    Label,
    id::{ConversationId, MessageId, RunId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    labels::{label_json, message_label},
    text_enum,
};
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// Who wrote a message.
    MessageRole {
        /// The person.
        User = "user",
        /// Millwright.
        Assistant = "assistant",
    }
}

text_enum! {
    /// Whether a message is whole.
    MessageStatus {
        /// It is.
        Complete = "complete",
        /// It is being written.
        Streaming = "streaming",
        /// The person stopped it; what was there stays.
        Stopped = "stopped",
        /// Its run failed; what was there stays.
        Failed = "failed",
    }
}

/// Messages in conversations: a tree, in which an edit or a second answer is a sibling.
pub struct Messages<'t>(pub(crate) TenantConnection<'t>);

/// A message to be stored.
#[derive(Debug)]
pub struct NewMessage {
    /// The message.
    pub id: MessageId,
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// The message it answers or follows; `None` at the root.
    pub parent_id: Option<MessageId>,
    /// Who writes it.
    pub role: MessageRole,
    /// Its text so far.
    pub content: String,
    /// Whether it is whole.
    pub status: MessageStatus,
    /// What it is, as far as that is known.
    pub label: Option<Label>,
    /// The run that writes it.
    pub run_id: Option<RunId>,
    /// The moment whose documents it is about; `None` for the present.
    pub as_of: Option<DateTime<Utc>>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// How an answer ended.
#[derive(Debug, Clone)]
pub struct FinishedMessage {
    /// The whole text.
    pub content: String,
    /// How it ended.
    pub status: MessageStatus,
    /// What it stands on, as the API shows it.
    pub citations: Value,
    /// Which model wrote it.
    pub model: String,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    pub tier: String,
    /// The join of the labels of what it was made from.
    pub label: Option<Label>,
    /// False when the documents do not hold the answer.
    pub answered: Option<bool>,
    /// Code and detail of a failure.
    pub error: Option<(String, String)>,
    /// From the question to the end of the answer.
    pub duration_ms: i64,
}

/// A message.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MessageRow {
    /// The message.
    #[sqlx(try_from = "Uuid")]
    pub id: MessageId,
    /// In which conversation.
    #[sqlx(try_from = "Uuid")]
    pub conversation_id: ConversationId,
    /// The message it answers or follows.
    pub parent_id: Option<Uuid>,
    /// Who wrote it.
    #[sqlx(try_from = "String")]
    pub role: MessageRole,
    /// Its text.
    pub content: String,
    /// Whether it is whole.
    #[sqlx(try_from = "String")]
    pub status: MessageStatus,
    /// What it stands on, as the API shows it.
    pub citations: Value,
    /// The run that wrote it.
    pub run_id: Option<Uuid>,
    /// Which model wrote it.
    pub model: Option<String>,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    pub tier: Option<String>,
    /// The join of the labels of what it was made from; see [`label_of_json`](super::label_of_json).
    pub label: Option<Value>,
    /// False when the documents do not hold the answer.
    pub answered: Option<bool>,
    /// Code of a failure.
    pub error_code: Option<String>,
    /// What failed.
    pub error_detail: Option<String>,
    /// From the question to the end of the answer.
    pub duration_ms: Option<i64>,
    /// The moment whose documents it is about; `None` for the present.
    pub as_of: Option<DateTime<Utc>>,
    /// Which agent wrote it and why that one, as the API shows it; `None` for answers from before there were several.
    pub agent: Option<Value>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Columns of a row under the name `m`.
fn columns() -> String {
    format!(
        "m.id, m.conversation_id, m.parent_id, m.role, m.content, m.status, m.citations, m.run_id, m.model, m.tier, \
         {} AS label, m.answered, m.error_code, m.error_detail, m.duration_ms, m.as_of, m.created_at, \
         (SELECT r.input #> '{{agent,shown}}' FROM runs r WHERE r.tenant_id = $1 AND r.id = m.run_id) AS agent",
        message_label("m")
    )
}

impl Messages<'_> {
    /// Stores a message and moves its conversation to the top.
    pub async fn insert(&mut self, message: &NewMessage) -> Result<(), StoreError> {
        self.insert_all(std::slice::from_ref(message)).await
    }

    /// Stores messages of one conversation and moves it to the top, in one trip.
    pub async fn insert_all(&mut self, messages: &[NewMessage]) -> Result<(), StoreError> {
        let Some(last) = messages.last() else { return Ok(()) };
        let column = |of: fn(&NewMessage) -> Option<Uuid>| messages.iter().map(of).collect::<Vec<_>>();
        sqlx::query(
            "WITH touched AS (UPDATE conversations SET updated_at = $3 WHERE tenant_id = $1 AND id = $2) \
             INSERT INTO messages (tenant_id, conversation_id, id, parent_id, role, content, status, run_id, created_at, \
                                   label, as_of) \
             SELECT $1, $2, * FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::uuid[], \
                                          $10::timestamptz[], $11::jsonb[], $12::timestamptz[])",
        )
        .bind(self.0.tenant)
        .bind(last.conversation_id.uuid())
        .bind(last.created_at)
        .bind(column(|message| Some(message.id.uuid())))
        .bind(column(|message| message.parent_id.map(MessageId::uuid)))
        .bind(messages.iter().map(|message| message.role.as_str()).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.status.as_str()).collect::<Vec<_>>())
        .bind(column(|message| message.run_id.map(RunId::uuid)))
        .bind(messages.iter().map(|message| message.created_at).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.label.as_ref().map(label_json)).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.as_of).collect::<Vec<_>>())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// The message, if there is one in this conversation.
    pub async fn get(&mut self, conversation: ConversationId, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
        let statement =
            format!("SELECT {} FROM messages m WHERE tenant_id = $1 AND conversation_id = $2 AND id = $3", columns());
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(conversation.uuid())
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// A message of one of the user's conversations, or [`StoreError::NotFound`].
    pub async fn require_of(&mut self, user: UserId, id: MessageId) -> Result<MessageRow, StoreError> {
        let statement = format!(
            "SELECT {} FROM messages m JOIN conversations c ON c.tenant_id = $1 AND c.id = m.conversation_id \
             WHERE m.tenant_id = $1 AND m.id = $3 AND c.user_id = $2 AND c.deleted_at IS NULL",
            columns()
        );
        let row: Option<MessageRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("message"))
    }

    /// The newest message of a conversation: a new question follows it unless told otherwise.
    pub async fn newest(&mut self, conversation: ConversationId) -> Result<Option<MessageRow>, StoreError> {
        let statement = format!(
            "SELECT {} FROM messages m WHERE tenant_id = $1 AND conversation_id = $2 \
             ORDER BY created_at DESC, id DESC LIMIT 1",
            columns()
        );
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(conversation.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// These messages of whatever conversations, in no order.
    pub async fn these(&mut self, ids: &[MessageId]) -> Result<Vec<MessageRow>, StoreError> {
        let statement = format!("SELECT {} FROM messages m WHERE tenant_id = $1 AND id = ANY ($2)", columns());
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(ids.iter().map(|id| id.uuid()).collect::<Vec<_>>())
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// The whole tree, oldest first.
    pub async fn list(&mut self, conversation: ConversationId) -> Result<Vec<MessageRow>, StoreError> {
        let statement = format!(
            "SELECT {} FROM messages m WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY created_at, id",
            columns()
        );
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(conversation.uuid())
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// The way from the root to a message, oldest first, at most `limit` of the newest.
    pub async fn branch(&mut self, leaf: MessageId, limit: i64) -> Result<Vec<MessageRow>, StoreError> {
        let statement = format!(
            "WITH RECURSIVE branch AS ( \
                 SELECT m.*, 1 AS depth FROM messages m WHERE m.tenant_id = $1 AND m.id = $2 \
                 UNION ALL \
                 SELECT m.*, b.depth + 1 FROM messages m JOIN branch b ON m.id = b.parent_id \
                 WHERE m.tenant_id = $1 AND b.depth < $3) \
             SELECT {} FROM branch m ORDER BY m.depth DESC",
            columns()
        );
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(leaf.uuid())
            .bind(limit)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// Labels a message that is being written, before any of it is shown.
    pub async fn set_label(&mut self, id: MessageId, label: &Label) -> Result<(), StoreError> {
        sqlx::query("UPDATE messages SET label = $3 WHERE tenant_id = $1 AND id = $2 AND status = 'streaming'")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(label_json(label))
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Ends a message that is being written; does nothing to one that has ended.
    pub async fn finish(&mut self, id: MessageId, end: &FinishedMessage) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE messages SET content = $3, status = $4, citations = $5, model = $6, tier = $7, label = $8, \
             answered = $9, error_code = $10, error_detail = $11, duration_ms = $12 \
             WHERE tenant_id = $1 AND id = $2 AND status = 'streaming'",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(&end.content)
        .bind(end.status.as_str())
        .bind(&end.citations)
        .bind(&end.model)
        .bind(&end.tier)
        .bind(end.label.as_ref().map(label_json))
        .bind(end.answered)
        .bind(end.error.as_ref().map(|(code, _)| code))
        .bind(end.error.as_ref().map(|(_, detail)| detail))
        .bind(end.duration_ms)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Ends a message whose process died: its text is what its events hold.
    pub async fn fail_from_events(
        &mut self,
        id: MessageId,
        run: RunId,
        code: &str,
        detail: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE messages SET status = 'failed', error_code = $4, error_detail = $5, content = coalesce( \
                 (SELECT string_agg(e.payload->>'delta', '' ORDER BY e.sequence) FROM run_events e \
                  WHERE e.tenant_id = $1 AND e.run_id = $3 AND e.payload->>'type' = 'TEXT_MESSAGE_CONTENT'), '') \
             WHERE tenant_id = $1 AND id = $2 AND status = 'streaming'",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(run.uuid())
        .bind(code)
        .bind(detail)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }
}
