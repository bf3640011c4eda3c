use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest,
    id::{GlossaryEntryId, UserId},
};
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// What the tenant's abbreviations stand for.
pub struct Glossary<'t>(pub(crate) TenantConnection<'t>);

/// A term to be stored.
#[derive(Debug, Clone)]
pub struct NewGlossaryEntry {
    /// The entry.
    pub id: GlossaryEntryId,
    /// Unique, whatever is written in capitals; 1 to 60 characters.
    pub term: String,
    /// What it stands for: 1 to 8, each 1 to 120 characters.
    pub expansions: Vec<String>,
    /// `en` or `de`, where the expansions are in one of them.
    pub language: Option<String>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A term.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct GlossaryEntryRow {
    /// The entry.
    #[sqlx(try_from = "Uuid")]
    pub id: GlossaryEntryId,
    /// As it is written.
    pub term: String,
    /// What it stands for.
    pub expansions: Vec<String>,
    /// `en` or `de`, where the expansions are in one of them.
    pub language: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, term, expansions, language, created_at, updated_at";

impl Glossary<'_> {
    /// Stores a term; [`StoreError::Duplicate`] when there is one that differs in capitals only.
    pub async fn insert(&mut self, entry: &NewGlossaryEntry) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO glossary_entries (tenant_id, id, term, expansions, language, created_by, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        )
        .bind(self.0.tenant)
        .bind(entry.id.uuid())
        .bind(&entry.term)
        .bind(&entry.expansions)
        .bind(&entry.language)
        .bind(entry.created_by.uuid())
        .bind(entry.created_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// How many there are.
    pub async fn count(&mut self) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar("SELECT count(*) FROM glossary_entries WHERE tenant_id = $1")
            .bind(self.0.tenant)
            .fetch_one(&mut *self.0.connection)
            .await?;
        Ok(count)
    }

    /// All of them, by term.
    pub async fn all(&mut self) -> Result<Vec<GlossaryEntryRow>, StoreError> {
        let statement = format!("SELECT {COLUMNS} FROM glossary_entries WHERE tenant_id = $1 ORDER BY lower(term), id");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// Those with `text` in the term or in what it stands for, newest first; all for an empty text.
    pub async fn list(&mut self, text: &str, page: PageRequest) -> Result<Page<GlossaryEntryRow>, StoreError> {
        let statement = format!(
            "SELECT {COLUMNS} FROM glossary_entries WHERE tenant_id = $1 \
             AND ($2 = '' OR strpos(lower(term || ' ' || array_to_string(expansions, ' ')), lower($2)) > 0) \
             AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4)) ORDER BY created_at DESC, id DESC LIMIT $5"
        );
        let rows: Vec<GlossaryEntryRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(text)
            .bind(page.after.map(|cursor| cursor.at))
            .bind(page.after.map(|cursor| cursor.id))
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.created_at, id: row.id.uuid() }))
    }

    /// One of them.
    pub async fn require(&mut self, id: GlossaryEntryId) -> Result<GlossaryEntryRow, StoreError> {
        let statement = format!("SELECT {COLUMNS} FROM glossary_entries WHERE tenant_id = $1 AND id = $2");
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("glossary entry"))
    }

    /// Stores an entry as it is to be from now on; [`StoreError::Duplicate`] when the term is another's.
    pub async fn change(&mut self, entry: &GlossaryEntryRow) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE glossary_entries SET term = $3, expansions = $4, language = $5, updated_at = $6 \
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(entry.id.uuid())
        .bind(&entry.term)
        .bind(&entry.expansions)
        .bind(&entry.language)
        .bind(entry.updated_at)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("glossary entry")) } else { Ok(()) }
    }

    /// Takes one away.
    pub async fn delete(&mut self, id: GlossaryEntryId) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM glossary_entries WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("glossary entry")) } else { Ok(()) }
    }
}
