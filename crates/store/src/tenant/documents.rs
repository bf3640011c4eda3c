use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Label, Page, PageRequest,
    id::{DocumentId, SourceId, UserId, VersionId},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    labels::{LabelColumns, Reader, label_json, label_of_json},
    validity::Validity,
    versions::VersionStatus,
};
use crate::{StoreError, tenant_tx::TenantConnection};

/// Documents by name. What is deleted, or above the reader's clearance, is as good as absent.
pub struct Documents<'t>(pub(crate) TenantConnection<'t>);

/// A document to be created with its first version.
#[derive(Debug)]
pub struct NewDocument {
    /// The document.
    pub id: DocumentId,
    /// Its name, unique among what its uploader may see.
    pub name: String,
    /// Its label.
    pub label: Label,
    /// The label's number, see [`Labels::intern`](super::Labels::intern).
    pub label_id: i64,
    /// The uploader's own fields.
    pub metadata: Value,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The document whose place it takes.
    pub supersedes: Option<DocumentId>,
    /// The uploader.
    pub created_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Another document, by what people call it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct RelatedDocument {
    /// The document.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// A watched folder, by what people call it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct RelatedSource {
    /// The source.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// A document.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DocumentRow {
    /// The document.
    #[sqlx(try_from = "Uuid")]
    pub id: DocumentId,
    /// Its name.
    pub name: String,
    /// Its label.
    #[sqlx(flatten)]
    pub label: LabelColumns,
    /// The uploader's own fields.
    pub metadata: Value,
    /// Words to find it by, in order.
    pub tags: Vec<String>,
    /// The document whose place it takes, if the reader may see that.
    #[sqlx(json(nullable))]
    pub supersedes: Option<RelatedDocument>,
    /// The document that takes its place, if the reader may see that.
    #[sqlx(json(nullable))]
    pub superseded_by: Option<RelatedDocument>,
    /// The watched folder that it comes from.
    #[sqlx(json(nullable))]
    pub source: Option<RelatedSource>,
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
    /// A tag that it has.
    pub tag: Option<String>,
}

const SELECT: &str = "SELECT d.id, d.name, b.classification, b.export_control, b.groups, d.integrity, d.metadata, d.tags, \
    CASE WHEN o.id IS NOT NULL THEN jsonb_build_object('id', o.id, 'name', o.name) END AS supersedes, \
    (SELECT jsonb_build_object('id', s.id, 'name', s.name) FROM documents s WHERE s.tenant_id = $1 AND s.supersedes = d.id \
     AND s.label_id = ANY ($2) AND s.deleted_at IS NULL ORDER BY s.created_at DESC, s.id LIMIT 1) AS superseded_by, \
    (SELECT jsonb_build_object('id', f.id, 'name', f.name) FROM sources f WHERE f.tenant_id = $1 AND f.id = d.source_id) AS source, \
    c.number AS current_version, \
    l.id AS latest_version_id, d.created_by, u.display_name AS created_by_name, d.created_at, d.updated_at \
    FROM documents d \
    JOIN labels b ON b.tenant_id = d.tenant_id AND b.id = d.label_id \
    JOIN users u ON u.tenant_id = d.tenant_id AND u.id = d.created_by \
    JOIN LATERAL (SELECT v.id, v.status FROM document_versions v WHERE v.tenant_id = d.tenant_id \
                  AND v.document_id = d.id ORDER BY v.number DESC LIMIT 1) l ON true \
    LEFT JOIN document_versions c ON c.tenant_id = d.tenant_id AND c.id = d.current_version_id \
    LEFT JOIN documents o ON o.tenant_id = d.tenant_id AND o.id = d.supersedes AND o.label_id = ANY ($2) AND o.deleted_at IS NULL \
    WHERE d.tenant_id = $1 AND d.label_id = ANY ($2) AND d.deleted_at IS NULL";

impl Documents<'_> {
    /// The document, if the reader may see one that is not deleted.
    pub async fn get(&mut self, reader: &Reader, id: DocumentId) -> Result<Option<DocumentRow>, StoreError> {
        let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND d.id = $3")))
            .bind(self.0.tenant)
            .bind(reader.visible())
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// Those of these documents that the reader may see and that are not deleted, in no order.
    pub async fn readable(&mut self, reader: &Reader, ids: &[DocumentId]) -> Result<Vec<DocumentId>, StoreError> {
        let rows: Vec<Uuid> = sqlx::query_scalar(
            "SELECT id FROM documents WHERE tenant_id = $1 AND label_id = ANY ($2) AND id = ANY ($3) AND deleted_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(reader.visible())
        .bind(ids.iter().map(|id| id.uuid()).collect::<Vec<_>>())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows.into_iter().map(DocumentId::from).collect())
    }

    /// The document, or [`StoreError::NotFound`].
    pub async fn require(&mut self, reader: &Reader, id: DocumentId) -> Result<DocumentRow, StoreError> {
        self.get(reader, id).await?.ok_or(StoreError::NotFound("document"))
    }

    /// Whether there is such a document that is not deleted, whatever its label: for work that shows it to nobody.
    pub async fn exists(&mut self, id: DocumentId) -> Result<bool, StoreError> {
        let exists = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM documents WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL)",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(exists)
    }

    /// The label of a document whatever it is: to record what was kept from somebody, or to compare it under a lock.
    pub async fn label_of(&mut self, id: DocumentId) -> Result<Option<Label>, StoreError> {
        let label: Option<LabelColumns> = sqlx::query_as(
            "SELECT b.classification, b.export_control, b.groups, d.integrity FROM documents d \
             JOIN labels b ON b.tenant_id = d.tenant_id AND b.id = d.label_id \
             WHERE d.tenant_id = $1 AND d.id = $2 AND d.deleted_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(label.map(|columns| columns.0))
    }

    /// The labels of documents, held still until the transaction ends: where a message is made from them, a label that rises in
    /// the same moment is seen here, or finds the message. Newer documents are locked first, as where one takes another's place.
    pub async fn hold_labels(&mut self, ids: &[DocumentId]) -> Result<Vec<Label>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        sqlx::query("SELECT id FROM documents WHERE tenant_id = $1 AND id = ANY ($2) ORDER BY id DESC FOR SHARE")
            .bind(self.0.tenant)
            .bind(&ids)
            .execute(&mut *self.0.connection)
            .await?;
        // Not joined to the statement above: after waiting for the lock, it would pass over documents whose label has changed.
        let labels: Vec<LabelColumns> = sqlx::query_as(
            "SELECT b.classification, b.export_control, b.groups, d.integrity FROM documents d \
             JOIN labels b ON b.tenant_id = d.tenant_id AND b.id = d.label_id \
             WHERE d.tenant_id = $1 AND d.id = ANY ($2) ORDER BY d.id DESC",
        )
        .bind(self.0.tenant)
        .bind(&ids)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(labels.into_iter().map(|columns| columns.0).collect())
    }

    /// The document with this name that the reader may see; of several the most confidential, so that a new version comes
    /// out no lower. Uploads of one name follow each other until the transaction
    /// ends. Documents of watched folders change with their files alone and are not among them.
    pub async fn find_by_name(&mut self, reader: &Reader, name: &str) -> Result<Option<DocumentId>, StoreError> {
        // The row of a document that does not exist yet cannot be locked.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1::text || $2, 0))")
            .bind(self.0.tenant.to_string())
            .bind(name)
            .execute(&mut *self.0.connection)
            .await?;
        let id: Option<Uuid> = sqlx::query_scalar(
            "SELECT id FROM documents WHERE tenant_id = $1 AND name = $2 AND label_id = ANY ($3) AND deleted_at IS NULL \
             AND source_id IS NULL ORDER BY (SELECT array_position(ARRAY['PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED'], l.classification) \
                       FROM labels l WHERE l.tenant_id = $1 AND l.id = documents.label_id) DESC, updated_at DESC, id DESC \
             LIMIT 1 FOR UPDATE",
        )
        .bind(self.0.tenant)
        .bind(name)
        .bind(reader.visible())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(id.map(DocumentId::from))
    }

    /// Those of these names that no document has which the reader may see, in order.
    pub async fn missing_names(&mut self, reader: &Reader, names: &[&str]) -> Result<Vec<String>, StoreError> {
        let missing = sqlx::query_scalar(
            "SELECT wanted.name FROM unnest($2::text[]) AS wanted (name) WHERE NOT EXISTS ( \
                 SELECT 1 FROM documents d WHERE d.tenant_id = $1 AND d.name = wanted.name AND d.label_id = ANY ($3) \
                 AND d.deleted_at IS NULL) ORDER BY wanted.name",
        )
        .bind(self.0.tenant)
        .bind(names)
        .bind(reader.visible())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(missing)
    }

    /// Creates a document.
    pub async fn insert(&mut self, document: &NewDocument) -> Result<(), StoreError> {
        self.insert_in(None, document).await
    }

    /// Creates a document of a watched folder, with a label of [`Labels::intern_of`](super::Labels::intern_of).
    pub async fn insert_of(&mut self, source: SourceId, document: &NewDocument) -> Result<(), StoreError> {
        self.insert_in(Some(source), document).await
    }

    async fn insert_in(&mut self, source: Option<SourceId>, document: &NewDocument) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO documents (tenant_id, id, name, label_id, integrity, metadata, created_by, created_at, updated_at, \
                                    tags, supersedes, source_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11)",
        )
        .bind(self.0.tenant)
        .bind(document.id.uuid())
        .bind(&document.name)
        .bind(document.label_id)
        .bind(document.label.integrity.as_str())
        .bind(&document.metadata)
        .bind(document.created_by.uuid())
        .bind(document.created_at)
        .bind(&document.tags)
        .bind(document.supersedes.map(DocumentId::uuid))
        .bind(source.map(SourceId::uuid))
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Sets what its owners say about a document; what is `None` stays. Returns the document whose place it took before:
    /// that one, and the one whose place it takes now, are settled by the caller. Another `supersedes` is set within
    /// [`Validity::begin_replacing`](super::Validity::begin_replacing).
    pub async fn describe(
        &mut self,
        id: DocumentId,
        metadata: Option<&Value>,
        tags: Option<&[String]>,
        supersedes: Option<Option<DocumentId>>,
        now: DateTime<Utc>,
    ) -> Result<Option<DocumentId>, StoreError> {
        if let Some(next) = supersedes {
            // Before the foreign key does it, which knows no order.
            self.validity().lock_replaced(id, next).await?;
        }
        let before: Option<Option<Uuid>> = sqlx::query_scalar(
            "WITH before AS (SELECT supersedes FROM documents WHERE tenant_id = $1 AND id = $2 FOR UPDATE) \
             UPDATE documents d SET metadata = coalesce($3, d.metadata), tags = coalesce($4, d.tags), \
                 supersedes = CASE WHEN $7 THEN $5 ELSE d.supersedes END, updated_at = $6 \
             FROM before WHERE d.tenant_id = $1 AND d.id = $2 RETURNING before.supersedes",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(metadata)
        .bind(tags)
        .bind(supersedes.flatten().map(DocumentId::uuid))
        .bind(now)
        .bind(supersedes.is_some())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(before.flatten().map(DocumentId::from))
    }

    /// Gives a document another label. Who is no longer cleared finds it no more from the commit on; keyword indexes are
    /// told to follow. Answers that cite it rise with it and never fall.
    pub async fn set_label(
        &mut self,
        id: DocumentId,
        label: &Label,
        label_id: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "WITH changed AS (UPDATE documents SET label_id = $3, integrity = $4, updated_at = $5 \
                              WHERE tenant_id = $1 AND id = $2 RETURNING id) \
             INSERT INTO index_changes (tenant_id, version_id, operation) \
             SELECT $1, v.id, 'upsert' FROM changed c \
             JOIN document_versions v ON v.tenant_id = $1 AND v.document_id = c.id AND v.ready_at IS NOT NULL",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(label_id)
        .bind(label.integrity.as_str())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        // What was withheld from an embedding server may go there now.
        sqlx::query(
            "UPDATE document_versions SET vectors_by = 0, vectors_withheld = false \
             WHERE tenant_id = $1 AND document_id = $2 AND vectors_withheld",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .execute(&mut *self.0.connection)
        .await?;
        self.raise_answers(id, label).await
    }

    /// Marks a document as untrusted: something in it is not to be taken at its word.
    pub async fn distrust(&mut self, id: DocumentId) -> Result<(), StoreError> {
        sqlx::query("UPDATE documents SET integrity = 'untrusted' WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    async fn raise_answers(&mut self, id: DocumentId, label: &Label) -> Result<(), StoreError> {
        let rows: Vec<(Uuid, Value, Option<Uuid>, Option<Value>)> = sqlx::query_as(
            "SELECT m.id, m.label, r.id, r.label FROM messages m \
             LEFT JOIN runs r ON r.tenant_id = m.tenant_id AND r.id = m.run_id \
             WHERE m.tenant_id = $1 AND m.citations @> $2 AND m.label IS NOT NULL FOR UPDATE OF m",
        )
        .bind(self.0.tenant)
        .bind(serde_json::json!([{ "document_id": id.to_string() }]))
        .fetch_all(&mut *self.0.connection)
        .await?;
        if rows.is_empty() {
            return Ok(());
        }
        let joined = |old: Value| label_json(&label_of_json(old).join(label));
        let (mut messages, mut runs) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for (message, old, run, of_run) in rows {
            messages.0.push(message);
            messages.1.push(joined(old));
            if let Some(run) = run {
                runs.0.push(run);
                runs.1.push(of_run.map_or_else(|| label_json(label), joined));
            }
        }
        // A run's events repeat what its answer says.
        for (table, (ids, labels)) in [("messages", messages), ("runs", runs)] {
            let statement = format!(
                "UPDATE {table} t SET label = n.label FROM unnest($2::uuid[], $3::jsonb[]) AS n (id, label) \
                 WHERE t.tenant_id = $1 AND t.id = n.id"
            );
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(self.0.tenant)
                .bind(ids)
                .bind(labels)
                .execute(&mut *self.0.connection)
                .await?;
        }
        Ok(())
    }

    /// Documents, newest first.
    pub async fn list(
        &mut self,
        reader: &Reader,
        filter: &DocumentFilter,
        page: PageRequest,
    ) -> Result<Page<DocumentRow>, StoreError> {
        let statement = format!(
            "{SELECT} AND ($3::text IS NULL OR strpos(lower(d.name), lower($3)) > 0) \
             AND ($4::text IS NULL OR l.status = $4) \
             AND ($5::timestamptz IS NULL OR (d.created_at, d.id) < ($5, $6)) \
             AND ($8::text IS NULL OR d.tags @> ARRAY[$8]) \
             ORDER BY d.created_at DESC, d.id DESC LIMIT $7"
        );
        let rows: Vec<DocumentRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(reader.visible())
            .bind(&filter.name_contains)
            .bind(filter.status.map(VersionStatus::as_str))
            .bind(page.after.map(|cursor| cursor.at))
            .bind(page.after.map(|cursor| cursor.id))
            .bind(i64::from(page.limit) + 1)
            .bind(&filter.tag)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.created_at, id: row.id.uuid() }))
    }

    /// Deletes a document: its bytes, pages, chunks and vectors go now, its row stays as a tombstone for the audit log.
    /// The index change goes with it. Returns the document that answers again, whose place it had taken.
    pub async fn delete(&mut self, id: DocumentId, now: DateTime<Utc>) -> Result<Option<DocumentId>, StoreError> {
        self.validity().begin_replacing().await?;
        // What takes its place is changed below, and locked before it by all others.
        sqlx::query("SELECT id FROM documents WHERE tenant_id = $1 AND supersedes = $2 FOR UPDATE")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
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
            // Whatever takes its place takes the place of what it replaced.
            "UPDATE documents SET supersedes = (SELECT g.supersedes FROM documents g WHERE g.tenant_id = $1 AND g.id = $2) \
             WHERE tenant_id = $1 AND supersedes = $2 AND deleted_at IS NULL",
            // No day of it shall come any more.
            "UPDATE document_versions SET chunk_count = 0, \
                    status = CASE WHEN status IN ('ready', 'scheduled') THEN 'superseded' ELSE status END \
             WHERE tenant_id = $1 AND document_id = $2",
            "INSERT INTO index_changes (tenant_id, version_id, operation) \
             SELECT tenant_id, id, 'delete' FROM document_versions WHERE tenant_id = $1 AND document_id = $2",
            "DELETE FROM chunk_vectors t USING document_versions v WHERE t.tenant_id = $1 AND t.version_id = v.id \
             AND v.tenant_id = $1 AND v.document_id = $2",
            "DELETE FROM dormant_vectors t USING document_versions v WHERE t.tenant_id = $1 AND t.version_id = v.id \
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
        // What it took the place of may answer again.
        self.validity().settle_superseded_by(id, now).await
    }

    fn validity(&mut self) -> Validity<'_> {
        Validity(TenantConnection { connection: &mut *self.0.connection, tenant: self.0.tenant })
    }

    /// How many documents and chunks there are that the reader may see.
    pub async fn count(&mut self, reader: &Reader) -> Result<(i64, i64), StoreError> {
        let counts = sqlx::query_as(
            "SELECT (SELECT count(*) FROM documents WHERE tenant_id = $1 AND label_id = ANY ($2) AND deleted_at IS NULL), \
                    (SELECT count(*) FROM chunks c JOIN documents d ON d.tenant_id = c.tenant_id \
                     AND d.current_version_id = c.version_id WHERE c.tenant_id = $1 AND d.label_id = ANY ($2))",
        )
        .bind(self.0.tenant)
        .bind(reader.visible())
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(counts)
    }
}
