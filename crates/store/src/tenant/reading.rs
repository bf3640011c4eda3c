use millwright_core::id::DocumentId;
use sqlx::{AssertSqlSafe, FromRow};

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

impl Reading<'_> {
    /// The passages at these places of the version, `from` and `to` included, in their order.
    pub async fn passages(&mut self, of: ReadVersion<'_>, from: i32, to: i32) -> Result<Vec<PassageRow>, StoreError> {
        let sql = self.statement(&format!("{PASSAGES} AND c.ordinal BETWEEN $3 AND $4 ORDER BY c.ordinal"), of);
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(of.document_id.uuid())
            .bind(of.version)
            .bind(from)
            .bind(to)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// The first passages that begin on this page, at most so many.
    pub async fn page(&mut self, of: ReadVersion<'_>, page: i32, most: i64) -> Result<Vec<PassageRow>, StoreError> {
        let sql = self.statement(&format!("{PASSAGES} AND c.page_number = $3 ORDER BY c.ordinal LIMIT $4"), of);
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
        let sql = self.statement(&format!("{PASSAGES} AND {HOLD_ALL} ORDER BY c.ordinal LIMIT $4"), of);
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(of.document_id.uuid())
            .bind(of.version)
            .bind(texts)
            .bind(most)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// The sections in their order, at most so many.
    pub async fn outline(&mut self, of: ReadVersion<'_>, most: i64) -> Result<Vec<SectionRow>, StoreError> {
        let sql = self.statement(SECTIONS, of);
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(of.document_id.uuid())
            .bind(of.version)
            .bind(most)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    fn statement(&self, form: &str, of: ReadVersion<'_>) -> String {
        let answers = if of.any { "d.deleted_at IS NULL" } else { "d.current_version_id = r.id" };
        form.replace("{columns}", PASSAGE_COLUMNS)
            .replace("{of}", OF_VERSION)
            .replace("{answers}", answers)
            .replace("{visible}", &visible(of.reader))
            .replace("{tenant}", &self.0.tenant.to_string())
    }
}

/// The version's passages, beside their document and its label.
const OF_VERSION: &str = "document_versions r \
     JOIN documents d ON d.tenant_id = '{tenant}' AND d.id = r.document_id AND {answers} AND {visible} \
     JOIN labels b ON b.tenant_id = '{tenant}' AND b.id = d.label_id \
     JOIN chunks c ON c.tenant_id = '{tenant}' AND c.version_id = r.id \
     WHERE r.tenant_id = '{tenant}' AND r.document_id = $1 AND r.number = $2";

const PASSAGES: &str = "SELECT {columns} FROM {of}";

const SECTIONS: &str = "SELECT c.heading_path, min(c.page_number) AS page_number, min(c.ordinal) AS ordinal FROM {of} \
     GROUP BY c.heading_path ORDER BY min(c.ordinal) LIMIT $3";
