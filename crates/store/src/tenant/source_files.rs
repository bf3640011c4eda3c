use millwright_core::{
    Label,
    id::{DocumentId, SourceId},
};
use serde_json::Value;
use uuid::Uuid;

use super::labels::{LabelColumns, label_json, label_of_json};
use crate::{StoreError, tenant_tx::TenantConnection};

/// What is known of the files of watched folders.
pub struct SourceFiles<'t>(pub(crate) TenantConnection<'t>);

/// What shows whether a file changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileCheck {
    /// Bytes.
    pub size_bytes: i64,
    /// Nanoseconds since 1970; 0 for one that was written while it was read, so that it is read again.
    pub modified_ns: i64,
    /// Its number in the file system.
    pub inode: i64,
}

/// A file as it was met.
#[derive(Debug)]
pub struct SourceFileRow {
    /// Below the source's folder.
    pub path: String,
    /// The document that it is; `None` for one that is not taken in.
    pub document: Option<DocumentId>,
    /// Why it is not.
    pub problem: Option<&'static str>,
    /// To see whether it changed.
    pub check: FileCheck,
    /// The file system of the folder in which it lies.
    pub device: i64,
    /// The label that the source gave its document; `None` leaves what is known of a document that it gave one before.
    pub given: Option<Label>,
    /// The pass that saw it.
    pub seen_in: i64,
}

/// A file that is known, and how its document stands.
#[derive(Debug, Clone)]
pub struct KnownFile {
    /// Below the source's folder.
    pub path: String,
    /// Its document, if it is one and was not deleted.
    pub document: Option<DocumentId>,
    /// Why it is none.
    pub problem: Option<String>,
    /// To see whether it changed.
    pub check: FileCheck,
    /// The file system of the folder in which it was seen last.
    pub device: i64,
    /// The label that the source gave last.
    pub given: Option<Label>,
    /// The label that a person gave its document, which has this part of its label whatever the source gives.
    pub raised: Option<Label>,
    /// The label that the document has.
    pub label: Option<Label>,
    /// Whether it is hidden because nobody could vouch for who may read it.
    pub hidden: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    path: String,
    document_id: Option<Uuid>,
    problem: Option<String>,
    size_bytes: i64,
    modified_ns: i64,
    inode: i64,
    device: i64,
    given_label: Option<Value>,
    raised_label: Option<Value>,
    #[sqlx(flatten)]
    label: LabelColumns,
    hidden: bool,
}

impl From<Row> for KnownFile {
    fn from(row: Row) -> Self {
        let document = row.document_id.map(DocumentId::from);
        Self {
            path: row.path,
            document,
            problem: row.problem,
            check: FileCheck { size_bytes: row.size_bytes, modified_ns: row.modified_ns, inode: row.inode },
            device: row.device,
            given: row.given_label.map(label_of_json),
            raised: row.raised_label.map(label_of_json),
            label: document.is_some().then_some(row.label.0),
            hidden: row.hidden,
        }
    }
}

const SELECT: &str = "SELECT f.path, d.id AS document_id, f.problem, f.size_bytes, f.modified_ns, f.inode, f.device, f.given_label, \
    f.raised_label, coalesce(l.classification, 'PUBLIC') AS classification, coalesce(l.export_control, '{}') AS export_control, \
    coalesce(l.groups, '{}') AS groups, coalesce(d.integrity, 'untrusted') AS integrity, coalesce(l.hidden, false) AS hidden \
    FROM source_files f \
    LEFT JOIN documents d ON d.tenant_id = $1 AND d.id = f.document_id AND d.deleted_at IS NULL \
    LEFT JOIN labels l ON l.tenant_id = $1 AND l.id = d.label_id \
    WHERE f.tenant_id = $1 AND f.source_id = $2";

impl SourceFiles<'_> {
    /// Those of these paths that are known.
    pub async fn known(&mut self, source: SourceId, paths: &[&str]) -> Result<Vec<KnownFile>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND f.path = ANY ($3)")))
            .bind(self.0.tenant)
            .bind(source.uuid())
            .bind(paths)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows.into_iter().map(KnownFile::from).collect())
    }

    /// A known file, and how its document stands from now until the transaction ends.
    pub async fn hold(&mut self, source: SourceId, path: &str) -> Result<Option<KnownFile>, StoreError> {
        // Locked by a statement of its own: one that waits for a row reads the rows beside it as they were before it waited.
        sqlx::query(
            "SELECT id FROM documents WHERE tenant_id = $1 AND id = (SELECT f.document_id FROM source_files f \
             WHERE f.tenant_id = $1 AND f.source_id = $2 AND f.path = $3) FOR UPDATE",
        )
        .bind(self.0.tenant)
        .bind(source.uuid())
        .bind(path)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(self.known(source, &[path]).await?.pop())
    }

    /// Up to `limit` known files after a path, in the order of their paths; of those that the pass `unseen_in` did not
    /// see, where it is given.
    pub async fn list(
        &mut self,
        source: SourceId,
        after: &str,
        unseen_in: Option<i64>,
        limit: i64,
    ) -> Result<Vec<KnownFile>, StoreError> {
        let statement =
            format!("{SELECT} AND f.path > $3 AND ($4::bigint IS NULL OR f.seen_in <> $4) ORDER BY f.path LIMIT $5");
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(source.uuid())
            .bind(after)
            .bind(unseen_in)
            .bind(limit)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows.into_iter().map(KnownFile::from).collect())
    }

    /// Whether any file is known.
    pub async fn any(&mut self, source: SourceId) -> Result<bool, StoreError> {
        let any =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM source_files WHERE tenant_id = $1 AND source_id = $2)")
                .bind(self.0.tenant)
                .bind(source.uuid())
                .fetch_one(&mut *self.0.connection)
                .await?;
        Ok(any)
    }

    /// Stores what is known of a file from now on. What a person gave its document stays with that document alone.
    pub async fn put(&mut self, source: SourceId, file: &SourceFileRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO source_files (tenant_id, source_id, path, document_id, problem, size_bytes, modified_ns, inode, \
                                       device, given_label, seen_in) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (tenant_id, source_id, path) DO UPDATE SET document_id = excluded.document_id, \
                 problem = excluded.problem, size_bytes = excluded.size_bytes, modified_ns = excluded.modified_ns, \
                 inode = excluded.inode, device = excluded.device, seen_in = excluded.seen_in, \
                 given_label = CASE WHEN excluded.document_id IS NOT NULL \
                                    THEN coalesce(excluded.given_label, source_files.given_label) END, \
                 raised_label = CASE WHEN excluded.document_id = source_files.document_id THEN source_files.raised_label END",
        )
        .bind(self.0.tenant)
        .bind(source.uuid())
        .bind(&file.path)
        .bind(file.document.map(DocumentId::uuid))
        .bind(file.problem)
        .bind(file.check.size_bytes)
        .bind(file.check.modified_ns)
        .bind(file.check.inode)
        .bind(file.device)
        .bind(file.given.as_ref().map(label_json))
        .bind(file.seen_in)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Notes that a pass saw these files, each with the file system of the folder in which it lies.
    pub async fn set_seen(&mut self, source: SourceId, files: &[(&str, i64)], pass: i64) -> Result<(), StoreError> {
        let (paths, devices): (Vec<&str>, Vec<i64>) = files.iter().copied().unzip();
        // Locked in the order in which the pass over permissions goes through them, several in one transaction too.
        sqlx::query(
            "SELECT path FROM source_files WHERE tenant_id = $1 AND source_id = $2 AND path = ANY ($3) \
             ORDER BY document_id DESC NULLS LAST FOR UPDATE",
        )
        .bind(self.0.tenant)
        .bind(source.uuid())
        .bind(&paths)
        .execute(&mut *self.0.connection)
        .await?;
        sqlx::query(
            "UPDATE source_files f SET seen_in = $5, device = s.device \
             FROM unnest($3::text[], $4::bigint[]) AS s (path, device) \
             WHERE f.tenant_id = $1 AND f.source_id = $2 AND f.path = s.path",
        )
        .bind(self.0.tenant)
        .bind(source.uuid())
        .bind(paths)
        .bind(devices)
        .bind(pass)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Notes the label that the source gave a file's document.
    pub async fn set_given(&mut self, source: SourceId, path: &str, given: &Label) -> Result<(), StoreError> {
        sqlx::query("UPDATE source_files SET given_label = $4 WHERE tenant_id = $1 AND source_id = $2 AND path = $3")
            .bind(self.0.tenant)
            .bind(source.uuid())
            .bind(path)
            .bind(label_json(given))
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Notes the label that a person gave a document, where it is one of a source.
    pub async fn set_raised(&mut self, document: DocumentId, raised: &Label) -> Result<(), StoreError> {
        sqlx::query("UPDATE source_files SET raised_label = $3 WHERE tenant_id = $1 AND document_id = $2")
            .bind(self.0.tenant)
            .bind(document.uuid())
            .bind(label_json(raised))
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Forgets a file.
    pub async fn delete(&mut self, source: SourceId, path: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM source_files WHERE tenant_id = $1 AND source_id = $2 AND path = $3")
            .bind(self.0.tenant)
            .bind(source.uuid())
            .bind(path)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }
}
