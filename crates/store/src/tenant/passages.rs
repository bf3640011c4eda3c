use millwright_core::{
    Classification,
    id::{ChunkId, DocumentId},
};
use pgvector::HalfVector;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// Passages of versions that answer, as search reads them.
pub struct Passages<'t>(pub(crate) TenantConnection<'t>);

/// What search asks for: the nearest by vector, together with chunks found elsewhere.
#[derive(Debug, Clone)]
pub struct PassageQuery<'q> {
    /// Unit length; `None` when the query could not be embedded, then only `keyword_hits` are read.
    pub embedding: Option<&'q [f32]>,
    /// How many windows the vector index may return.
    pub nearest: i64,
    /// Chunks found by the keyword index; a chunk named twice is returned once.
    pub keyword_hits: &'q [ChunkId],
    /// Only these documents; `None` for all.
    pub documents: Option<&'q [DocumentId]>,
}

/// A passage of a version that answers.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PassageRow {
    /// The chunk.
    #[sqlx(try_from = "Uuid")]
    pub chunk_id: ChunkId,
    /// The document.
    #[sqlx(try_from = "Uuid")]
    pub document_id: DocumentId,
    /// Its name.
    pub document_name: String,
    /// How confidential it is.
    #[sqlx(try_from = "String")]
    pub classification: Classification,
    /// The version's number.
    pub version: i32,
    /// Whether page numbers mean pages.
    pub paged: bool,
    /// Place of the chunk in its version.
    pub ordinal: i32,
    /// The page it lies on.
    pub page_number: i32,
    /// Where it begins in the page's text, code points.
    pub char_start: i32,
    /// Where it ends.
    pub char_end: i32,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Tokens of the embedding model.
    pub token_count: i32,
    /// Exactly the span's text.
    pub text: String,
    /// Cosine similarity of its nearest window, -1 to 1; for keyword hits too.
    pub similarity: Option<f64>,
    /// Whether the vector index returned it.
    pub from_vector: bool,
}

impl Passages<'_> {
    /// One trip: the vector index's nearest windows as their chunks, and the keyword hits, each only where its
    /// version answers now. A deleted document or a superseded version is never among them, however far an index
    /// lags behind. Ordered by similarity, best first.
    pub async fn find(&mut self, query: &PassageQuery<'_>) -> Result<Vec<PassageRow>, StoreError> {
        let rows = sqlx::query_as(AssertSqlSafe(self.statement(query)))
            .bind(query.embedding.map(HalfVector::from_f32_slice))
            .bind(query.keyword_hits.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>())
            .bind(document_ids(query))
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// How the database would carry out [`find`](Self::find), one line of the plan an item.
    #[cfg(feature = "testkit")]
    pub async fn explain(&mut self, query: &PassageQuery<'_>) -> Result<Vec<String>, StoreError> {
        let lines = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {}", self.statement(query))))
            .bind(query.embedding.map(HalfVector::from_f32_slice))
            .bind(query.keyword_hits.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>())
            .bind(document_ids(query))
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(lines)
    }

    /// Tenant and limit stand in the text, where the planner sees them in a prepared statement's cached plan too: it
    /// reads a small tenant's vectors one by one and a large tenant's through HNSW. Behind a parameter it would settle
    /// on one way for both, and HNSW gives up before it has found the few rows of a small tenant.
    fn statement(&self, query: &PassageQuery<'_>) -> String {
        let (answers, order) = if query.documents.is_some() {
            // Some documents have few vectors, which HNSW might not come by before it gives up: the sum keeps it away,
            // and all of them are read by the index on versions.
            (
                "v.version_id = ANY (ARRAY(SELECT d.current_version_id FROM documents d \
                                           WHERE d.tenant_id = '{tenant}' AND d.id = ANY ($3)))",
                "(v.embedding <=> $1) + 0",
            )
        } else {
            // Not a join: its rows would be underestimated so far that the planner never took HNSW.
            (
                "(SELECT d.current_version_id = v.version_id FROM documents d \
                  WHERE d.tenant_id = '{tenant}' AND d.id = v.document_id)",
                "v.embedding <=> $1",
            )
        };
        STATEMENT
            .replace("{answers}", answers)
            .replace("{order}", order)
            .replace("{tenant}", &self.0.tenant.to_string())
            .replace("{nearest}", &query.nearest.max(0).to_string())
    }
}

fn document_ids(query: &PassageQuery<'_>) -> Option<Vec<Uuid>> {
    query.documents.map(|documents| documents.iter().map(|id| id.uuid()).collect())
}

/// `OFFSET 0` keeps the order of the joins: from a few wanted chunks to their documents. Left alone, the planner
/// underestimates them and may begin with all chunks of the tenant.
const STATEMENT: &str = "WITH nearest AS MATERIALIZED ( \
         SELECT v.chunk_id, v.embedding <=> $1 AS distance FROM chunk_vectors v \
         WHERE v.tenant_id = '{tenant}' AND $1::halfvec IS NOT NULL AND {answers} \
         ORDER BY {order} LIMIT {nearest}), \
     wanted AS ( \
         SELECT chunk_id, min(distance) AS distance, true AS from_vector FROM nearest GROUP BY chunk_id \
         UNION ALL \
         SELECT k.chunk_id, \
                (SELECT min(v.embedding <=> $1) FROM chunk_vectors v \
                 WHERE v.tenant_id = '{tenant}' AND v.chunk_id = k.chunk_id), \
                false \
         FROM (SELECT DISTINCT chunk_id FROM unnest($2::uuid[]) AS h (chunk_id)) k \
         WHERE k.chunk_id NOT IN (SELECT chunk_id FROM nearest)) \
     SELECT p.*, 1 - w.distance AS similarity, w.from_vector \
     FROM wanted w CROSS JOIN LATERAL ( \
         SELECT c.id AS chunk_id, c.document_id, d.name AS document_name, d.classification, r.number AS version, \
                r.paged, c.ordinal, c.page_number, c.char_start, c.char_end, c.heading_path, c.token_count, c.text \
         FROM chunks c \
         JOIN documents d ON d.tenant_id = '{tenant}' AND d.id = c.document_id AND d.current_version_id = c.version_id \
         JOIN document_versions r ON r.tenant_id = '{tenant}' AND r.id = c.version_id \
         WHERE c.tenant_id = '{tenant}' AND c.id = w.chunk_id AND ($3::uuid[] IS NULL OR c.document_id = ANY ($3)) \
         OFFSET 0) p \
     ORDER BY similarity DESC NULLS LAST";
