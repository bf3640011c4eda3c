use chrono::{DateTime, Utc};
use millwright_core::id::{DocumentId, UserId, VersionId};
use serde_json::Value;
use uuid::Uuid;

use super::{
    text_enum,
    validity::{Standing, Validity},
    vectors::VectorModel,
};
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// Where a version stands.
    VersionStatus {
        /// Waits to be read.
        Queued = "queued",
        /// Being read.
        Processing = "processing",
        /// Answers questions.
        Ready = "ready",
        /// Was read; its day has not come.
        Scheduled = "scheduled",
        /// Could not be read.
        Failed = "failed",
        /// Another version or document answers instead.
        Superseded = "superseded",
        /// Its time is over, and nothing took its place.
        Expired = "expired",
    }
}

text_enum! {
    /// The stages of ingestion, in order.
    Stage {
        /// Bytes to pages of text.
        Parse = "parse",
        /// Pages to chunks.
        Chunk = "chunk",
        /// Chunks to vectors.
        Embed = "embed",
        /// Into the indexes.
        Index = "index",
    }
}

/// Versions of documents, their bytes and their pages.
pub struct Versions<'t>(pub(crate) TenantConnection<'t>);

/// A version to be created; its number is the next of its document.
#[derive(Debug)]
pub struct NewVersion {
    /// The version.
    pub id: VersionId,
    /// Of which document.
    pub document_id: DocumentId,
    /// `pdf`, `docx`, `text`, `markdown` or `html`.
    pub format: String,
    /// What to call the bytes when they are handed out.
    pub media_type: String,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// The uploader.
    pub created_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
    /// From when it holds.
    pub effective_from: DateTime<Utc>,
    /// Until when, which is later; `None` without end.
    pub effective_until: Option<DateTime<Utc>>,
}

/// A version.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct VersionRow {
    /// The version.
    #[sqlx(try_from = "Uuid")]
    pub id: VersionId,
    /// Of which document.
    #[sqlx(try_from = "Uuid")]
    pub document_id: DocumentId,
    /// 1 for the first.
    pub number: i32,
    /// `pdf`, `docx`, `text`, `markdown` or `html`.
    pub format: String,
    /// Media type of the bytes.
    pub media_type: String,
    /// Size of the bytes.
    pub size_bytes: i64,
    /// SHA-256 of the bytes.
    pub sha256: Vec<u8>,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: VersionStatus,
    /// `parse`, `chunk`, `embed` or `index` while it is read.
    pub stage: Option<String>,
    /// Pages, chunks or windows done in this stage.
    pub stage_done: i64,
    /// Out of how many, once known.
    pub stage_total: Option<i64>,
    /// Whether its pages are real pages.
    pub paged: bool,
    /// Pages of text.
    pub page_count: Option<i32>,
    /// How many of them are pictures whose text was recognised.
    pub recognized_pages: i32,
    /// The numbers of the pages on which no text was found.
    pub pages_without_text: Vec<i32>,
    /// The numbers of the pages whose picture was not read, because the time for recognising text was up.
    pub pages_out_of_time: Vec<i32>,
    /// What read it, as the parser's caller wrote it; none before it was read.
    pub read_with: Option<Value>,
    /// Chunks.
    pub chunk_count: Option<i32>,
    /// Code of the failure.
    pub error_code: Option<String>,
    /// What failed, for the uploader.
    pub error_detail: Option<String>,
    /// Milliseconds by stage.
    pub timings_ms: Value,
    /// When it was uploaded.
    pub created_at: DateTime<Utc>,
    /// When it had been read.
    pub ready_at: Option<DateTime<Utc>>,
    /// From when it holds.
    pub effective_from: DateTime<Utc>,
    /// Until when; `None` without end.
    pub effective_until: Option<DateTime<Utc>>,
    /// Language of most of its text, such as `de`; none before it was read.
    pub language: Option<String>,
    /// The newest embedding model that all of its chunks were gone through with.
    #[sqlx(try_from = "i16")]
    pub vectors_by: VectorModel,
    /// Whether it has no vectors because its label may not go to the model's server.
    pub vectors_withheld: bool,
}

/// SHA-256 of all that is stored of a version.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct VersionDigests {
    /// Of the uploaded bytes.
    pub source: Vec<u8>,
    /// Of the digests of all pages' texts, in order.
    pub pages: Vec<u8>,
    /// How many pages.
    pub page_count: i64,
    /// Of the digests of all chunks, in order, each of `page:start:end:headings:text`, with a line for each heading.
    pub chunks: Vec<u8>,
    /// How many chunks.
    pub chunk_count: i64,
}

const SELECT: &str = "SELECT id, document_id, number, format, media_type, size_bytes, sha256, status, stage, stage_done, \
    stage_total, paged, page_count, recognized_pages, pages_without_text, pages_out_of_time, read_with, chunk_count, error_code, \
    error_detail, timings_ms, created_at, ready_at, effective_from, effective_until, language, vectors_by, vectors_withheld \
    FROM document_versions WHERE tenant_id = $1";

impl Versions<'_> {
    /// Creates a version with its bytes; returns its number.
    pub async fn insert(&mut self, version: &NewVersion, bytes: &[u8]) -> Result<i32, StoreError> {
        let number: i32 = sqlx::query_scalar(
            "INSERT INTO document_versions (tenant_id, id, document_id, number, format, media_type, size_bytes, sha256, \
                                            status, created_by, created_at, effective_from, effective_until) \
             SELECT $1, $2, $3, 1 + coalesce(max(number), 0), $4, $5, $6, $7, 'queued', $8, $9, $10, $11 \
             FROM document_versions WHERE tenant_id = $1 AND document_id = $3 RETURNING number",
        )
        .bind(self.0.tenant)
        .bind(version.id.uuid())
        .bind(version.document_id.uuid())
        .bind(&version.format)
        .bind(&version.media_type)
        .bind(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
        .bind(&version.sha256[..])
        .bind(version.created_by.uuid())
        .bind(version.created_at)
        .bind(version.effective_from)
        .bind(version.effective_until)
        .fetch_one(&mut *self.0.connection)
        .await?;
        sqlx::query("INSERT INTO document_contents (tenant_id, version_id, bytes) VALUES ($1, $2, $3)")
            .bind(self.0.tenant)
            .bind(version.id.uuid())
            .bind(bytes)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(number)
    }

    /// The version, if there is one.
    pub async fn get(&mut self, id: VersionId) -> Result<Option<VersionRow>, StoreError> {
        let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND id = $2")))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// The version, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: VersionId) -> Result<VersionRow, StoreError> {
        self.get(id).await?.ok_or(StoreError::NotFound("version"))
    }

    /// A document's version by its number; without a number the one that answers, else the newest.
    pub async fn require_number(
        &mut self,
        document: DocumentId,
        number: Option<i32>,
    ) -> Result<VersionRow, StoreError> {
        let statement = format!(
            "{SELECT} AND document_id = $2 AND ($3::integer IS NULL OR number = $3) \
             ORDER BY (id = (SELECT d.current_version_id FROM documents d WHERE d.tenant_id = $1 AND d.id = $2)) DESC NULLS LAST, \
                      number DESC LIMIT 1"
        );
        let row: Option<VersionRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(document.uuid())
            .bind(number)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("version"))
    }

    /// A document's newest version, whatever became of it.
    pub async fn find_newest(&mut self, document: DocumentId) -> Result<Option<VersionRow>, StoreError> {
        let statement = format!("{SELECT} AND document_id = $2 ORDER BY number DESC LIMIT 1");
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(document.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// All versions of a document, newest first.
    pub async fn list(&mut self, document: DocumentId) -> Result<Vec<VersionRow>, StoreError> {
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND document_id = $2 ORDER BY number DESC")))
            .bind(self.0.tenant)
            .bind(document.uuid())
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// Several versions at once, in no order.
    pub async fn list_by_ids(&mut self, ids: &[VersionId]) -> Result<Vec<VersionRow>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND id = ANY($2)")))
            .bind(self.0.tenant)
            .bind(ids)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// The bytes as uploaded.
    pub async fn content(&mut self, id: VersionId) -> Result<Vec<u8>, StoreError> {
        let bytes: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT bytes FROM document_contents WHERE tenant_id = $1 AND version_id = $2")
                .bind(self.0.tenant)
                .bind(id.uuid())
                .fetch_optional(&mut *self.0.connection)
                .await?;
        bytes.ok_or(StoreError::NotFound("version"))
    }

    /// Digests of all that is stored of a version, by the database.
    pub async fn digests(&mut self, id: VersionId) -> Result<VersionDigests, StoreError> {
        let digests = sqlx::query_as(
            "SELECT sha256(b.bytes) AS source, \
                    p.digest AS pages, p.count AS page_count, c.digest AS chunks, c.count AS chunk_count \
             FROM document_contents b, \
                  (SELECT sha256(coalesce(string_agg(sha256(convert_to(text, 'UTF8')), ''::bytea ORDER BY page_number), ''::bytea)) AS digest, count(*) \
                   FROM document_pages WHERE tenant_id = $1 AND version_id = $2) p, \
                  (SELECT sha256(coalesce(string_agg(sha256(convert_to(concat_ws(':', page_number, char_start, char_end, array_to_string(heading_path, chr(10)), text), 'UTF8')), \
                                                     ''::bytea ORDER BY ordinal), ''::bytea)) AS digest, count(*) \
                   FROM chunks WHERE tenant_id = $1 AND version_id = $2) c \
             WHERE b.tenant_id = $1 AND b.version_id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        digests.ok_or(StoreError::NotFound("version"))
    }

    /// Enters a stage, or tells how far it has come.
    pub async fn set_progress(
        &mut self,
        id: VersionId,
        stage: Stage,
        done: i64,
        total: Option<i64>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE document_versions SET status = 'processing', stage = $3, stage_done = $4, stage_total = $5, \
             error_code = NULL, error_detail = NULL \
             WHERE tenant_id = $1 AND id = $2 AND status IN ('queued', 'processing', 'failed')",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(stage.as_str())
        .bind(done)
        .bind(total)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Puts a version back in the queue, so that all stages run again.
    pub async fn set_queued(&mut self, id: VersionId) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE document_versions SET status = 'queued', stage = NULL, stage_done = 0, stage_total = NULL, \
             error_code = NULL, error_detail = NULL WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Records how long a stage took.
    pub async fn set_timing(&mut self, id: VersionId, stage: Stage, millis: i64) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE document_versions SET timings_ms = timings_ms || jsonb_build_object($3::text, $4::bigint) \
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(stage.as_str())
        .bind(millis)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Ends ingestion with a reason. A version that answers already goes on answering.
    pub async fn set_failed(&mut self, id: VersionId, code: &str, detail: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE document_versions SET status = 'failed', error_code = $3, error_detail = $4 \
             WHERE tenant_id = $1 AND id = $2 AND status IN ('queued', 'processing')",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(code)
        .bind(detail)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Records that parsing is complete: only then may its pages be chunked.
    pub async fn set_parsed(&mut self, id: VersionId, paged: bool, page_count: i32) -> Result<(), StoreError> {
        sqlx::query("UPDATE document_versions SET paged = $3, page_count = $4 WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(paged)
            .bind(page_count)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Locks the version's document for the rest of the transaction; false when it is gone. Whoever changes what was read of a
    /// version does this first, as a deletion does: what is locked in one order ends in no deadlock.
    pub async fn hold_document(&mut self, id: VersionId) -> Result<bool, StoreError> {
        let live: Option<bool> = sqlx::query_scalar(
            "SELECT deleted_at IS NULL FROM documents WHERE tenant_id = $1 AND id = \
                 (SELECT v.document_id FROM document_versions v WHERE v.tenant_id = $1 AND v.id = $2) FOR NO KEY UPDATE",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(live == Some(true))
    }

    /// Ends ingestion: the version was read, and answers if it should on this day; see
    /// [`Validity::settle`]. Of a document that is gone, what was read goes too. To be followed by
    /// [`Validity::settle_superseded_by`].
    pub async fn set_ready(&mut self, id: VersionId, now: DateTime<Utc>) -> Result<Standing, StoreError> {
        let document = self.require(id).await?.document_id;
        // Before anything is decided, so that versions that end at the same time follow each other.
        if !self.hold_document(id).await? {
            self.delete_contents(id).await?;
            return Ok(Standing::Gone);
        }
        sqlx::query(
            "UPDATE document_versions SET status = 'superseded', stage = NULL, ready_at = $3 \
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        let mut validity = Validity(TenantConnection { connection: &mut *self.0.connection, tenant: self.0.tenant });
        validity.settle(document, Some(id), now).await?;
        Ok(match self.require(id).await?.status {
            VersionStatus::Ready => Standing::Answers,
            VersionStatus::Scheduled => Standing::Scheduled,
            _ => Standing::Past,
        })
    }

    /// When a version holds. To be followed by [`Validity::settle`].
    pub async fn set_effective(
        &mut self,
        id: VersionId,
        from: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE document_versions SET effective_from = $3, effective_until = $4 WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(from)
        .bind(until)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// In which language most of its text is.
    pub async fn set_language(&mut self, id: VersionId, language: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE document_versions SET language = $3 WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(language)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Removes what ingestion wrote for a document that was deleted in the meantime.
    async fn delete_contents(&mut self, id: VersionId) -> Result<(), StoreError> {
        for statement in [
            "DELETE FROM chunk_vectors WHERE tenant_id = $1 AND version_id = $2",
            "DELETE FROM dormant_vectors WHERE tenant_id = $1 AND version_id = $2",
            "DELETE FROM chunks WHERE tenant_id = $1 AND version_id = $2",
            "DELETE FROM document_pages WHERE tenant_id = $1 AND version_id = $2",
            "DELETE FROM document_contents WHERE tenant_id = $1 AND version_id = $2",
            "UPDATE document_versions SET chunk_count = 0 WHERE tenant_id = $1 AND id = $2",
        ] {
            sqlx::query(statement).bind(self.0.tenant).bind(id.uuid()).execute(&mut *self.0.connection).await?;
        }
        Ok(())
    }
}
