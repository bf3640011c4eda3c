use chrono::{DateTime, Utc};
use millwright_core::{
    Allowed, Classification, Clearance, Cursor, Page, PageRequest,
    id::{ConversationId, UserId},
};
use uuid::Uuid;

use super::labels::message_label;
use crate::{StoreError, tenant_tx::TenantConnection};

/// Conversations. Each belongs to one user; to everybody else it is absent.
pub struct Conversations<'t>(pub(crate) TenantConnection<'t>);

/// A conversation.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ConversationRow {
    /// The conversation.
    #[sqlx(try_from = "Uuid")]
    pub id: ConversationId,
    /// Its title.
    pub title: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When the last message came.
    pub updated_at: DateTime<Utc>,
    /// Messages of both sides, siblings included.
    pub message_count: i64,
}

const SELECT: &str = "SELECT c.id, c.title, c.created_at, c.updated_at, \
    (SELECT count(*) FROM messages m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id) AS message_count \
    FROM conversations c WHERE c.tenant_id = $1 AND c.user_id = $2 AND c.deleted_at IS NULL";

pub(super) fn up_to(classification: Classification) -> Vec<&'static str> {
    Classification::ALL.iter().filter(|other| **other <= classification).map(|other| other.as_str()).collect()
}

/// The words that are allowed; `None` for all.
fn only<T: ToString>(allowed: &Allowed<T>) -> Option<Vec<String>> {
    match allowed {
        Allowed::All => None,
        Allowed::Only(values) => Some(values.iter().map(ToString::to_string).collect()),
    }
}

impl Conversations<'_> {
    /// Begins a conversation.
    pub async fn insert(
        &mut self,
        id: ConversationId,
        user: UserId,
        title: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO conversations (tenant_id, id, user_id, title, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $5)",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(user.uuid())
        .bind(title)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// The user's conversation, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: ConversationId, user: UserId) -> Result<ConversationRow, StoreError> {
        let row: Option<ConversationRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND c.id = $3")))
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("conversation"))
    }

    /// The user's conversations but those of goals and evaluations, last used first; `contains` is looked for in titles and in messages
    /// that the user may still read, in any case.
    pub async fn list(
        &mut self,
        user: UserId,
        (contains, clearance): (Option<&str>, &Clearance),
        page: PageRequest,
    ) -> Result<Page<ConversationRow>, StoreError> {
        let statement = format!(
            "{SELECT} AND c.goal_id IS NULL AND c.evaluation_id IS NULL AND ($3::text IS NULL OR strpos(lower(c.title), lower($3)) > 0 OR EXISTS ( \
                 SELECT 1 FROM messages m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id \
                 AND {} IS DISTINCT FROM '\"withheld\"'::jsonb \
                 AND (m.label IS NULL OR (m.label->>'classification' = ANY ($7) \
                      AND ($8::text[] IS NULL OR NOT EXISTS ( \
                           SELECT 1 FROM jsonb_array_elements_text(m.label->'export_control') AS e (regime) \
                           WHERE NOT (regime = ANY ($8) OR (regime LIKE 'EAR:%' AND 'EAR' = ANY ($8))))) \
                      AND ($9::text[] IS NULL OR m.label->'groups' <@ to_jsonb($9)))) \
                 AND strpos(lower(m.content), lower($3)) > 0)) \
             AND ($4::timestamptz IS NULL OR (c.updated_at, c.id) < ($4, $5)) \
             ORDER BY c.updated_at DESC, c.id DESC LIMIT $6",
            message_label("m")
        );
        let rows: Vec<ConversationRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(user.uuid())
            .bind(contains)
            .bind(page.after.map(|cursor| cursor.at))
            .bind(page.after.map(|cursor| cursor.id))
            .bind(i64::from(page.limit) + 1)
            .bind(up_to(clearance.classification))
            .bind(only(&clearance.export_control))
            .bind(only(&clearance.groups))
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.updated_at, id: row.id.uuid() }))
    }

    /// Renames a conversation.
    pub async fn set_title(&mut self, id: ConversationId, user: UserId, title: &str) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE conversations SET title = $4 WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND deleted_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(id.uuid())
        .bind(title)
        .execute(&mut *self.0.connection)
        .await?;
        if changed.rows_affected() == 0 { Err(StoreError::NotFound("conversation")) } else { Ok(()) }
    }

    /// Deletes a conversation softly: it is gone for its user, its rows stay. A goal's goes with its goal,
    /// and an evaluation's with its evaluation.
    pub async fn delete(&mut self, id: ConversationId, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE conversations SET deleted_at = $4 \
             WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND goal_id IS NULL AND evaluation_id IS NULL \
             AND deleted_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if changed.rows_affected() == 0 { Err(StoreError::NotFound("conversation")) } else { Ok(()) }
    }

    /// How many conversations the tenant has.
    pub async fn count(&mut self) -> Result<i64, StoreError> {
        let count =
            sqlx::query_scalar("SELECT count(*) FROM conversations WHERE tenant_id = $1 AND deleted_at IS NULL")
                .bind(self.0.tenant)
                .fetch_one(&mut *self.0.connection)
                .await?;
        Ok(count)
    }
}
