use chrono::{DateTime, Utc};
use millwright_core::{
    Classification, Cursor, Page, PageRequest,
    id::{DocumentId, UserId, VersionId},
};
use serde_json::Value;
use uuid::Uuid;

use super::versions::VersionStatus;
use crate::{StoreError, tenant_tx::TenantConnection};

/// Documents by name. What is deleted is as good as absent.
pub struct Documents<'t>(pub(crate) TenantConnection<'t>);

/// A document to be created with its first version.
#[derive(Debug)]
pub struct NewDocument {
    /// The document.
    pub id: DocumentId,
    /// Its name, unique among the tenant's documents.
    pub name: String,
    /// How confidential it is.
    pub classification: Classification,
    /// The uploader's own fields.
    pub metadata: Value,
    /// The uploader.
    pub created_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A document.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DocumentRow {
    /// The document.
    #[sqlx(try_from = "Uuid")]
    pub id: DocumentId,
    /// Its name.
    pub name: String,
    /// How confidential it is.
    #[sqlx(try_from = "String")]
    pub classification: Classification,
    /// The uploader's own fields.
    pub metadata: Value,
    /// Number of the version that answers.
    pub current_version: Option<i32>,
    /// The newest version.
    #[sqlx(try_from = "Uuid")]
    pub latest_version_id: VersionId,
    /// Who uploaded it first.
    #[sqlx(try_from = "Uuid")]
    pub created_by: UserId,
    /// That person's name.
    pub created_by_name: String,
    /// When it was uploaded first.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// Which documents are asked for.
#[derive(Debug, Clone, Default)]
pub struct DocumentFilter {
    /// Part of the name, in any case.
    pub name_contains: Option<String>,
    /// State of the newest version.
    pub status: Option<VersionStatus>,
}

const SELECT: &str = "SELECT d.id, d.name, d.classification, d.metadata, c.number AS current_version, \
    l.id AS latest_version_id, d.created_by, u.display_name AS created_by_name, d.created_at, d.updated_at \
    FROM documents d \
    JOIN users u ON u.tenant_id = d.tenant_id AND u.id = d.created_by \
    JOIN LATERAL (SELECT v.id, v.status FROM document_versions v WHERE v.tenant_id = d.tenant_id \
                  AND v.document_id = d.id ORDER BY v.number DESC LIMIT 1) l ON true \
    LEFT JOIN document_versions c ON c.tenant_id = d.tenant_id AND c.id = d.current_version_id \
    WHERE d.tenant_id = $1 AND d.deleted_at IS NULL";

impl Documents<'_> {
    /// The document, if there is one that is not deleted.
    pub async fn get(&mut self, id: DocumentId) -> Result<Option<DocumentRow>, StoreError> {
        let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND d.id = $2")))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// The document, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: DocumentId) -> Result<DocumentRow, StoreError> {
        self.get(id).await?.ok_or(StoreError::NotFound("document"))
    }

    /// The id of the document with this name, locked so that two uploads of one name follow each other.
    pub async fn find_by_name(&mut self, name: &str) -> Result<Option<DocumentId>, StoreError> {
        let id: Option<Uuid> = sqlx::query_scalar(
            "SELECT id FROM documents WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL FOR UPDATE",
        )
        .bind(self.0.tenant)
        .bind(name)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(id.map(DocumentId::from))
    }

    /// Creates a document.
    pub async fn insert(&mut self, document: &NewDocument) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO documents (tenant_id, id, name, classification, metadata, created_by, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        )
        .bind(self.0.tenant)
        .bind(document.id.uuid())
        .bind(&document.name)
        .bind(document.classification.as_str())
        .bind(&document.metadata)
        .bind(document.created_by.uuid())
        .bind(document.created_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Sets what a new version brings with it.
    pub async fn set_label(
        &mut self,
        id: DocumentId,
        classification: Classification,
        metadata: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE documents SET classification = $3, metadata = $4, updated_at = $5 WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(classification.as_str())
        .bind(metadata)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Documents, newest first.
    pub async fn list(&mut self, filter: &DocumentFilter, page: PageRequest) -> Result<Page<DocumentRow>, StoreError> {
        let statement = format!(
            "{SELECT} AND ($2::text IS NULL OR strpos(lower(d.name), lower($2)) > 0) \
             AND ($3::text IS NULL OR l.status = $3) \
             AND ($4::timestamptz IS NULL OR (d.created_at, d.id) < ($4, $5)) \
             ORDER BY d.created_at DESC, d.id DESC LIMIT $6"
        );
        let rows: Vec<DocumentRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(&filter.name_contains)
            .bind(filter.status.map(VersionStatus::as_str))
            .bind(page.after.map(|cursor| cursor.at))
            .bind(page.after.map(|cursor| cursor.id))
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.created_at, id: row.id.uuid() }))
    }

    /// Deletes a document: its bytes, pages, chunks and vectors go now, its row stays as a tombstone for the audit log.
    /// The index change goes with it.
    pub async fn delete(&mut self, id: DocumentId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let found = sqlx::query(
            "UPDATE documents SET deleted_at = $3, updated_at = $3, current_version_id = NULL \
             WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if found.rows_affected() == 0 {
            return Err(StoreError::NotFound("document"));
        }
        for statement in [
            "INSERT INTO index_changes (tenant_id, version_id, operation) \
             SELECT tenant_id, id, 'delete' FROM document_versions WHERE tenant_id = $1 AND document_id = $2",
            "DELETE FROM chunk_vectors t USING document_versions v WHERE t.tenant_id = $1 AND t.version_id = v.id \
             AND v.tenant_id = $1 AND v.document_id = $2",
            "DELETE FROM chunks t USING document_versions v WHERE t.tenant_id = $1 AND t.version_id = v.id \
             AND v.tenant_id = $1 AND v.document_id = $2",
            "DELETE FROM document_pages t USING document_versions v WHERE t.tenant_id = $1 AND t.version_id = v.id \
             AND v.tenant_id = $1 AND v.document_id = $2",
            "DELETE FROM document_contents t USING document_versions v WHERE t.tenant_id = $1 AND t.version_id = v.id \
             AND v.tenant_id = $1 AND v.document_id = $2",
        ] {
            sqlx::query(statement).bind(self.0.tenant).bind(id.uuid()).execute(&mut *self.0.connection).await?;
        }
        Ok(())
    }

    /// How many documents and chunks the tenant has.
    pub async fn count(&mut self) -> Result<(i64, i64), StoreError> {
        let counts = sqlx::query_as(
            "SELECT (SELECT count(*) FROM documents WHERE tenant_id = $1 AND deleted_at IS NULL), \
                    (SELECT count(*) FROM chunks c JOIN documents d ON d.tenant_id = c.tenant_id \
                     AND d.current_version_id = c.version_id WHERE c.tenant_id = $1)",
        )
        .bind(self.0.tenant)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(counts)
    }
}
