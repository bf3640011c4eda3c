use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest,
    id::{ChunkId, DocumentId, VersionId},
};
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// Chunks of one version, as ingestion writes them and the preview reads them.
pub struct Chunks<'t>(pub(crate) TenantConnection<'t>);

/// A chunk to be stored.
#[derive(Debug, Clone)]
pub struct NewChunk {
    /// The chunk.
    pub id: ChunkId,
    /// 0 for the first of its version.
    pub ordinal: i32,
    /// The page it lies on.
    pub page_number: i32,
    /// Where it begins in the page's text, code points.
    pub char_start: i32,
    /// Where it ends.
    pub char_end: i32,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// The row that names the columns, where it begins in the middle of a table.
    pub table_header: Option<String>,
    /// Tokens of the embedding model in process, whichever makes the vectors.
    pub token_count: i32,
    /// Exactly the span's text.
    pub text: String,
    /// Sentences of the text that look like instructions to a model: pairs of code points.
    pub quarantined: Vec<(u32, u32)>,
}

/// A chunk as the preview shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ChunkPreview {
    /// The chunk.
    #[sqlx(try_from = "Uuid")]
    pub id: ChunkId,
    /// 0 for the first of its version.
    pub ordinal: i32,
    /// The page it lies on.
    pub page_number: i32,
    /// Where it begins in the page's text, code points.
    pub char_start: i32,
    /// Where it ends.
    pub char_end: i32,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Tokens of the embedding model in process, whichever makes the vectors.
    pub token_count: i32,
    /// Exactly the span's text.
    pub text: String,
}

impl Chunks<'_> {
    /// Replaces the chunks (and so the vectors) of a version and records their number.
    pub async fn replace(
        &mut self,
        document: DocumentId,
        version: VersionId,
        chunks: &[NewChunk],
    ) -> Result<(), StoreError> {
        for statement in [
            "DELETE FROM chunk_vectors WHERE tenant_id = $1 AND version_id = $2",
            "DELETE FROM dormant_vectors WHERE tenant_id = $1 AND version_id = $2",
            "DELETE FROM chunks WHERE tenant_id = $1 AND version_id = $2",
        ] {
            sqlx::query(statement).bind(self.0.tenant).bind(version.uuid()).execute(&mut *self.0.connection).await?;
        }
        // A long manual has thousands of chunks; a bounded message keeps memory flat on both sides.
        for part in chunks.chunks(500) {
            self.insert_part(document, version, part).await?;
        }
        sqlx::query("UPDATE document_versions SET chunk_count = $3, vectors_by = 0, vectors_withheld = false WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(version.uuid())
            .bind(i32::try_from(chunks.len()).unwrap_or(i32::MAX))
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    async fn insert_part(
        &mut self,
        document: DocumentId,
        version: VersionId,
        chunks: &[NewChunk],
    ) -> Result<(), StoreError> {
        let paths: Vec<serde_json::Value> = chunks.iter().map(|chunk| chunk.heading_path.clone().into()).collect();
        sqlx::query(
            "INSERT INTO chunks (tenant_id, document_id, version_id, id, ordinal, page_number, char_start, char_end, \
                                 token_count, text, heading_path, quarantined, table_header) \
             SELECT $1, $2, $3, id, ordinal, page, start, \"end\", tokens, text, \
                    ARRAY(SELECT jsonb_array_elements_text(path)), quarantined, header \
             FROM unnest($4::uuid[], $5::integer[], $6::integer[], $7::integer[], $8::integer[], $9::integer[], \
                         $10::text[], $11::jsonb[], $12::jsonb[], $13::text[]) \
                  AS c (id, ordinal, page, start, \"end\", tokens, text, path, quarantined, header)",
        )
        .bind(self.0.tenant)
        .bind(document.uuid())
        .bind(version.uuid())
        .bind(chunks.iter().map(|chunk| chunk.id.uuid()).collect::<Vec<Uuid>>())
        .bind(chunks.iter().map(|chunk| chunk.ordinal).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.page_number).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.char_start).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.char_end).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.token_count).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.text.as_str()).collect::<Vec<_>>())
        .bind(paths)
        .bind(chunks.iter().map(|chunk| serde_json::json!(chunk.quarantined)).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.table_header.as_deref()).collect::<Vec<_>>())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Chunks of a version in reading order. The cursor's time is unused; its id is the last chunk seen.
    pub async fn list(&mut self, version: VersionId, page: PageRequest) -> Result<Page<ChunkPreview>, StoreError> {
        let rows: Vec<ChunkPreview> = sqlx::query_as(
            "SELECT id, ordinal, page_number, char_start, char_end, heading_path, token_count, text FROM chunks \
             WHERE tenant_id = $1 AND version_id = $2 AND ordinal > coalesce( \
                 (SELECT c.ordinal FROM chunks c WHERE c.tenant_id = $1 AND c.id = $3), -1) \
             ORDER BY ordinal LIMIT $4",
        )
        .bind(self.0.tenant)
        .bind(version.uuid())
        .bind(page.after.map(|cursor| cursor.id))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: DateTime::<Utc>::UNIX_EPOCH, id: row.id.uuid() }))
    }
}
