use millwright_core::id::{ChunkId, DocumentId};
use serde_json::Value;
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use super::{
    labels::Reader,
    passages::{PASSAGE_COLUMNS, PassageRow, visible},
};
use crate::{StoreError, tenant_tx::TenantConnection};

/// Documents as they are read on from a passage: under the reader's labels at this moment, like a search.
pub struct Reading<'t>(pub(crate) TenantConnection<'t>);

/// The version that is read.
#[derive(Debug, Clone, Copy)]
pub struct ReadVersion<'r> {
    /// For whom: what they may not see is not there.
    pub reader: &'r Reader,
    /// The document.
    pub document_id: DocumentId,
    /// Number of its version.
    pub version: i32,
    /// Whether it may be read although it does not answer now.
    pub any: bool,
}

/// Passages that follow one another in a version.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// The document.
    pub document_id: DocumentId,
    /// Number of its version.
    pub version: i32,
    /// Whether it may be read although it does not answer now.
    pub any: bool,
    /// The first place.
    pub from: i32,
    /// The last.
    pub to: i32,
}

/// A section of a document.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SectionRow {
    /// The headings down to it, outermost first.
    pub heading_path: Vec<String>,
    /// The page it begins on.
    pub page_number: i32,
    /// Its first passage.
    pub ordinal: i32,
}

/// A passage by its digest.
#[derive(Debug, Clone, FromRow)]
pub struct PassageDigestRow {
    /// The chunk.
    #[sqlx(try_from = "Uuid")]
    pub chunk_id: ChunkId,
    /// Its document.
    #[sqlx(try_from = "Uuid")]
    pub document_id: DocumentId,
    /// Number of its version.
    pub version: i32,
    /// SHA-256 of its text.
    pub sha256: Vec<u8>,
}

/// How much text the tables of a version stand in.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct TablesSizeRow {
    /// Whether its pages are those that its passages were cut from.
    pub is_whole: bool,
    /// Bytes of text of the pages that hold rows.
    pub bytes: i64,
}

/// A page that holds rows of tables.
#[derive(Debug, Clone, FromRow)]
pub struct TablePageRow {
    /// 1 for the first.
    pub page_number: i32,
    /// Spans are code points into it.
    pub text: String,
    /// The parser's blocks, as it serialised them.
    pub blocks: Value,
}

/// Where a passage stands.
#[derive(Debug, Clone, FromRow)]
pub struct PlaceRow {
    /// The chunk.
    #[sqlx(try_from = "Uuid")]
    pub chunk_id: ChunkId,
    /// The page it lies on.
    pub page_number: i32,
    /// Where it begins in the page's text, code points.
    pub char_start: i32,
    /// Where it ends.
    pub char_end: i32,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Sentences of the text that look like instructions: pairs of code points.
    #[sqlx(json)]
    pub quarantined: Vec<(u32, u32)>,
}

impl Reading<'_> {
    /// The passages of these stretches, stretch by stretch, in the order of the document.
    pub async fn stretches(&mut self, reader: &Reader, stretches: &[Stretch]) -> Result<Vec<PassageRow>, StoreError> {
        let column = |of: fn(&Stretch) -> i32| stretches.iter().map(of).collect::<Vec<_>>();
        let rows = sqlx::query_as(AssertSqlSafe(self.statement(STRETCHES, reader, STRETCH_ANSWERS)))
            .bind(stretches.iter().map(|stretch| stretch.document_id.uuid()).collect::<Vec<_>>())
            .bind(column(|stretch| stretch.version))
            .bind(stretches.iter().map(|stretch| stretch.any).collect::<Vec<_>>())
            .bind(column(|stretch| stretch.from))
            .bind(column(|stretch| stretch.to))
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// These passages, in this order, whichever version they are of and whether or not it answers now; what was deleted is
    /// left out.
    pub async fn again(&mut self, reader: &Reader, chunks: &[ChunkId]) -> Result<Vec<PassageRow>, StoreError> {
        let rows = sqlx::query_as(AssertSqlSafe(self.statement(AGAIN, reader, "d.deleted_at IS NULL")))
            .bind(chunks.iter().map(|chunk| chunk.uuid()).collect::<Vec<_>>())
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// What tells these passages from others without showing them, also to who may not read them; what was deleted is left out.
    pub async fn digests(&mut self, chunks: &[ChunkId]) -> Result<Vec<PassageDigestRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT c.id AS chunk_id, c.document_id, v.number AS version, sha256(convert_to(c.text, 'UTF8')) AS sha256 \
             FROM chunks c JOIN document_versions v ON v.tenant_id = $1 AND v.id = c.version_id \
             WHERE c.tenant_id = $1 AND c.id = ANY ($2)",
        )
        .bind(self.0.tenant)
        .bind(chunks.iter().map(|chunk| chunk.uuid()).collect::<Vec<_>>())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// The first passages that begin on this page, at most so many.
    pub async fn page(&mut self, of: ReadVersion<'_>, page: i32, most: i64) -> Result<Vec<PassageRow>, StoreError> {
        let sql = self.of_version(&format!("{PASSAGES} AND c.page_number = $3 ORDER BY c.ordinal LIMIT $4"), of);
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(of.document_id.uuid())
            .bind(of.version)
            .bind(page)
            .bind(most)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// The first passages that hold each of these texts, headings counted, whatever their case; at most so many.
    pub async fn find(
        &mut self,
        of: ReadVersion<'_>,
        texts: &[String],
        most: i64,
    ) -> Result<Vec<PassageRow>, StoreError> {
        const HOLD_ALL: &str = "NOT EXISTS (SELECT 1 FROM unnest($3::text[]) AS w (word) \
             WHERE strpos(lower(array_to_string(c.heading_path, ' ') || ' ' || c.text), lower(w.word)) = 0)";
        let sql = self.of_version(&format!("{PASSAGES} AND {HOLD_ALL} ORDER BY c.ordinal LIMIT $4"), of);
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(of.document_id.uuid())
            .bind(of.version)
            .bind(texts)
            .bind(most)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// How much text its tables stand in; none of a version that is not there, does not answer or may not be seen.
    pub async fn tables_size(&mut self, of: ReadVersion<'_>) -> Result<Option<TablesSizeRow>, StoreError> {
        let row = sqlx::query_as(AssertSqlSafe(self.of_version(TABLES_SIZE, of)))
            .bind(of.document_id.uuid())
            .bind(of.version)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// The pages that hold rows of tables, in order.
    pub async fn table_pages(&mut self, of: ReadVersion<'_>) -> Result<Vec<TablePageRow>, StoreError> {
        let rows = sqlx::query_as(AssertSqlSafe(self.of_version(TABLE_PAGES, of)))
            .bind(of.document_id.uuid())
            .bind(of.version)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// Where all its passages stand, by page and place.
    pub async fn places(&mut self, of: ReadVersion<'_>) -> Result<Vec<PlaceRow>, StoreError> {
        let rows = sqlx::query_as(AssertSqlSafe(self.of_version(PLACES, of)))
            .bind(of.document_id.uuid())
            .bind(of.version)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// The sections in their order, at most so many.
    pub async fn outline(&mut self, of: ReadVersion<'_>, most: i64) -> Result<Vec<SectionRow>, StoreError> {
        let sql = self.of_version(SECTIONS, of);
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(of.document_id.uuid())
            .bind(of.version)
            .bind(most)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    fn of_version(&self, form: &str, of: ReadVersion<'_>) -> String {
        let answers = if of.any { "d.deleted_at IS NULL" } else { "d.current_version_id = r.id" };
        self.statement(&form.replace("{where}", "r.document_id = $1 AND r.number = $2"), of.reader, answers)
    }

    fn statement(&self, form: &str, reader: &Reader, answers: &str) -> String {
        form.replace("{columns}", PASSAGE_COLUMNS)
            .replace("{of}", OF_VERSION)
            .replace("{pages}", PAGES_OF_VERSION)
            .replace("{answers}", answers)
            .replace("{visible}", &visible(reader))
            .replace("{tenant}", &self.0.tenant.to_string())
    }
}

/// A version's passages, beside their document and its label.
const OF_VERSION: &str = "document_versions r \
     JOIN documents d ON d.tenant_id = '{tenant}' AND d.id = r.document_id AND {answers} AND {visible} \
     JOIN labels b ON b.tenant_id = '{tenant}' AND b.id = d.label_id \
     JOIN chunks c ON c.tenant_id = '{tenant}' AND c.version_id = r.id";

/// The same with the version's pages that hold rows instead of its passages.
const PAGES_OF_VERSION: &str = "document_versions r \
     JOIN documents d ON d.tenant_id = '{tenant}' AND d.id = r.document_id AND {answers} AND {visible} \
     LEFT JOIN document_pages p ON p.tenant_id = '{tenant}' AND p.version_id = r.id \
         AND p.blocks @> '[{\"type\": \"table_row\"}]'";

/// While a version is read anew, or where that has failed, its pages need not be those that answer.
const TABLES_SIZE: &str = "SELECT r.status IN ('ready', 'scheduled', 'superseded', 'expired') AS is_whole, \
     coalesce(sum(octet_length(p.text)), 0)::bigint AS bytes FROM {pages} \
     WHERE r.tenant_id = '{tenant}' AND {where} GROUP BY r.id, r.status";

const TABLE_PAGES: &str = "SELECT p.page_number, p.text, p.blocks FROM {pages} \
     WHERE r.tenant_id = '{tenant}' AND {where} AND p.page_number IS NOT NULL ORDER BY p.page_number";

const PLACES: &str = "SELECT c.id AS chunk_id, c.page_number, c.char_start, c.char_end, c.heading_path, c.quarantined FROM {of} \
     WHERE r.tenant_id = '{tenant}' AND {where} ORDER BY c.page_number, c.char_start";

const STRETCHES: &str = "SELECT {columns} FROM unnest($1::uuid[], $2::int[], $3::bool[], $4::int[], $5::int[]) \
         WITH ORDINALITY AS w (document_id, version, any_version, first, last, place) \
     CROSS JOIN {of} WHERE r.tenant_id = '{tenant}' AND r.document_id = w.document_id AND r.number = w.version \
         AND c.ordinal BETWEEN w.first AND w.last \
     ORDER BY w.place, c.ordinal";

const AGAIN: &str = "SELECT {columns} FROM unnest($1::uuid[]) WITH ORDINALITY AS w (chunk_id, place) \
     CROSS JOIN {of} WHERE c.tenant_id = '{tenant}' AND c.id = w.chunk_id ORDER BY w.place";

/// Whether a version answers, or may be read although it does not.
const STRETCH_ANSWERS: &str = "(d.current_version_id = r.id OR d.deleted_at IS NULL AND w.any_version)";

const PASSAGES: &str = "SELECT {columns} FROM {of} WHERE r.tenant_id = '{tenant}' AND {where}";

const SECTIONS: &str = "SELECT c.heading_path, min(c.page_number) AS page_number, min(c.ordinal) AS ordinal FROM {of} \
     WHERE r.tenant_id = '{tenant}' AND {where} GROUP BY c.heading_path ORDER BY min(c.ordinal) LIMIT $3";
