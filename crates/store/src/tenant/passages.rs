use chrono::{DateTime, Utc};
use millwright_core::id::{ChunkId, DocumentId};
use pgvector::HalfVector;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{
    labels::{LabelColumns, Reader},
    validity::VersionSet,
    vectors::VectorModel,
};
use crate::{StoreError, tenant_tx::TenantConnection};

/// Passages as search reads them: of versions that answer, or of those that did on another day.
pub struct Passages<'t>(pub(crate) TenantConnection<'t>);

/// What search asks for: the nearest by vector, together with chunks found elsewhere.
#[derive(Debug, Clone)]
pub struct PassageQuery<'q> {
    /// For whom: what they may not see is not looked at.
    pub reader: &'q Reader,
    /// Unit length; `None` when the query could not be embedded, then only `keyword_hits` are read.
    pub embedding: Option<&'q [f32]>,
    /// The model that embedded it: vectors of no other are looked at.
    pub model: VectorModel,
    /// How many windows the vector index may return.
    pub nearest: i64,
    /// Chunks found by the keyword index; a chunk named twice is returned once.
    pub keyword_hits: &'q [ChunkId],
    /// Where to search.
    pub scope: PassageScope<'q>,
    /// About how many chunks of versions that answer the reader may see, where that is known.
    pub visible_chunks: Option<u64>,
}

/// Which versions are searched.
#[derive(Debug, Clone, Copy)]
pub enum PassageScope<'q> {
    /// All that answer now.
    Current,
    /// Of those, these.
    CurrentOf(&'q VersionSet),
    /// These, whether they answer now or not.
    Any(&'q VersionSet),
}

impl<'q> PassageScope<'q> {
    fn versions(self) -> Option<&'q VersionSet> {
        match self {
            Self::Current => None,
            Self::CurrentOf(versions) | Self::Any(versions) => Some(versions),
        }
    }
}

/// So many chunks are compared one by one sooner than HNSW finds those that pass among all others, and none is missed.
const MOST_EXACT: u64 = 10_000;

/// A passage that may be worth reading.
#[derive(Debug, Clone)]
pub struct CandidateRow {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Cosine similarity of its nearest window, -1 to 1; for keyword hits too.
    pub similarity: Option<f64>,
    /// The vector of its nearest window; none when the query has none.
    pub embedding: WindowVector,
    /// Whether the vector index returned it.
    pub from_vector: bool,
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
    /// Its label.
    #[sqlx(flatten)]
    pub label: LabelColumns,
    /// The version's number.
    pub version: i32,
    /// From when it holds.
    pub effective_from: DateTime<Utc>,
    /// Whether it answers now.
    pub is_current: bool,
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
    /// The row that names the columns, where it begins in the middle of a table.
    pub table_header: Option<String>,
    /// Tokens of the embedding model in process, whichever makes the vectors.
    pub token_count: i32,
    /// Exactly the span's text.
    pub text: String,
    /// Sentences of the text that look like instructions: pairs of code points.
    #[sqlx(json)]
    pub quarantined: Vec<(u32, u32)>,
}

/// A vector as the database keeps it, with half the digits of what was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowVector(pub Option<Vec<f32>>);

impl From<Option<HalfVector>> for WindowVector {
    fn from(vector: Option<HalfVector>) -> Self {
        Self(vector.map(|vector| vector.as_slice().iter().map(|number| number.to_f32()).collect()))
    }
}

impl Passages<'_> {
    /// One trip: the vector index's nearest windows as their chunks, and the keyword hits, each only where its
    /// version is in the scope and the reader may see its document: the label is a condition of the search, not of its
    /// result. Nothing of a deleted document is among them, nor of a version that does not answer unless the scope is
    /// [`PassageScope::Any`], however far an index lags behind. Ordered by similarity, best first. Without texts, which are
    /// most of the bytes: [`read`](Self::read) those of the best. [`StoreError::ModelReplaced`] when vectors of another model
    /// serve in the snapshot that the statement reads.
    pub async fn find(&mut self, query: &PassageQuery<'_>) -> Result<Vec<CandidateRow>, StoreError> {
        let rows: Vec<FoundRow> = sqlx::query_as(AssertSqlSafe(self.statement(FIND, query)))
            .bind(query.embedding.map(HalfVector::from_f32_slice))
            .bind(query.keyword_hits.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>())
            .bind(version_ids(query))
            .fetch_all(&mut *self.0.connection)
            .await?;
        if query.embedding.is_some() && !rows.first().is_some_and(|row| row.serves) {
            return Err(StoreError::ModelReplaced);
        }
        Ok(rows.into_iter().filter_map(FoundRow::candidate).collect())
    }

    /// One trip: these chunks as passages, in this order, under the same conditions as [`find`](Self::find): what was deleted
    /// or labelled anew meanwhile is left out.
    pub async fn read(&mut self, query: &PassageQuery<'_>, chunks: &[ChunkId]) -> Result<Vec<PassageRow>, StoreError> {
        let rows = sqlx::query_as(AssertSqlSafe(self.statement(READ, query)))
            .bind(chunks.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>())
            .bind(version_ids(query))
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// How the database would carry out [`find`](Self::find), one line of the plan an item.
    #[cfg(feature = "testkit")]
    pub async fn explain(&mut self, query: &PassageQuery<'_>) -> Result<Vec<String>, StoreError> {
        let lines = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {}", self.statement(FIND, query))))
            .bind(query.embedding.map(HalfVector::from_f32_slice))
            .bind(query.keyword_hits.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>())
            .bind(version_ids(query))
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(lines)
    }

    /// Tenant, labels and limit stand in the text, where the planner sees them in a prepared statement's cached plan too: it
    /// looks into the tenant's own part of the vectors alone, and reads a small tenant's one by one. Behind a parameter it
    /// would settle on one way for all.
    fn statement(&self, form: &str, query: &PassageQuery<'_>) -> String {
        // Not a join: its rows would be underestimated so far that the planner never took HNSW.
        const CURRENT: &str = "(SELECT d.current_version_id = v.version_id AND {visible} FROM documents d \
             WHERE d.tenant_id = '{tenant}' AND d.id = v.document_id)";
        const OF_READER: &str = "v.version_id = ANY (ARRAY(SELECT d.current_version_id FROM documents d \
                 WHERE d.tenant_id = '{tenant}' AND d.current_version_id IS NOT NULL AND {visible}))";
        const OF_FEW: &str = "v.version_id = ANY (ARRAY(SELECT r.id FROM document_versions r \
                 JOIN documents d ON d.tenant_id = '{tenant}' AND d.id = r.document_id \
                 WHERE r.tenant_id = '{tenant}' AND r.id = ANY ($3) AND {visible}{current}))";
        const NEAREST: &str = "ORDER BY {distance}";
        // Keeps HNSW away, which might not come by few vectors before it gives up: all of them are read by the index on
        // versions, and each is compared once.
        const ALL: &str = "OFFSET 0) v ORDER BY distance";
        let (vectors, answers, order) = match query.scope {
            PassageScope::Current if query.visible_chunks.is_some_and(|chunks| chunks <= MOST_EXACT) => {
                ("chunk_vectors", OF_READER.to_owned(), ALL)
            }
            PassageScope::Current => ("chunk_vectors", CURRENT.to_owned(), NEAREST),
            // A condition that no index serves, so that the one on vectors is taken.
            PassageScope::CurrentOf(versions) if versions.chunks.cast_unsigned() > MOST_EXACT => {
                ("chunk_vectors", format!("{CURRENT} AND (v.version_id = ANY ($3)) IS TRUE"), NEAREST)
            }
            PassageScope::CurrentOf(_) => ("chunk_vectors", OF_FEW.to_owned(), ALL),
            PassageScope::Any(_) => (ALL_VECTORS, OF_FEW.to_owned(), ALL),
        };
        let current = match query.scope {
            PassageScope::Any(_) => " AND d.deleted_at IS NULL",
            _ => " AND d.current_version_id = {version}",
        };
        // The form of the model's index where that shall be taken. Elsewhere without the cast, which such an index never serves.
        let distance = match (order, query.embedding) {
            (NEAREST, Some(embedding)) => format!("v.embedding::halfvec({}) <=> $1", embedding.len().max(1)),
            _ => "v.embedding <=> $1".to_owned(),
        };
        form.replace("{columns}", PASSAGE_COLUMNS)
            .replace("{answers}", &answers.replace("{current}", &current.replace("{version}", "r.id")))
            .replace("{current}", &current.replace("{version}", "c.version_id"))
            .replace("{vectors}", vectors)
            .replace("{open}", if order == ALL { "SELECT * FROM (" } else { "" })
            .replace("{order}", order)
            .replace("{distance}", &distance)
            .replace("{model}", &query.model.to_string())
            .replace("{visible}", &visible(query.reader))
            .replace("{tenant}", &self.0.tenant.to_string())
            .replace("{nearest}", &query.nearest.max(0).to_string())
    }
}

/// Numbers only: nothing that could be syntax.
pub(super) fn visible(reader: &Reader) -> String {
    let ids: Vec<String> = reader.visible().iter().map(i64::to_string).collect();
    format!("d.label_id = ANY ('{{{}}}'::bigint[])", ids.join(","))
}

fn version_ids(query: &PassageQuery<'_>) -> Option<Vec<Uuid>> {
    query.scope.versions().map(|versions| versions.ids.iter().map(|id| id.uuid()).collect())
}

const ALL_VECTORS: &str = "(SELECT tenant_id, version_id, document_id, chunk_id, model_id, embedding FROM chunk_vectors \
     UNION ALL SELECT tenant_id, version_id, document_id, chunk_id, model_id, embedding FROM dormant_vectors)";

/// A row of [`FIND`]: at least one comes, and says whether the query's model serves.
#[derive(sqlx::FromRow)]
struct FoundRow {
    serves: bool,
    chunk_id: Option<Uuid>,
    similarity: Option<f64>,
    #[sqlx(try_from = "Option<HalfVector>")]
    embedding: WindowVector,
    from_vector: Option<bool>,
}

impl FoundRow {
    fn candidate(self) -> Option<CandidateRow> {
        let Self { chunk_id, similarity, embedding, from_vector, .. } = self;
        Some(CandidateRow { chunk_id: chunk_id?.into(), similarity, embedding, from_vector: from_vector? })
    }
}

/// The model stands in the text: the planner takes its index, and vectors of no other are compared, whichever serves.
const FIND: &str = "WITH nearest AS MATERIALIZED ( \
         {open}SELECT v.chunk_id, {distance} AS distance, v.embedding FROM {vectors} v \
         WHERE v.tenant_id = '{tenant}' AND v.model_id = {model} AND $1::halfvec IS NOT NULL AND {answers} \
         {order} LIMIT {nearest}), \
     found AS ((SELECT DISTINCT ON (chunk_id) chunk_id, 1 - distance AS similarity, embedding, true AS from_vector FROM nearest \
      ORDER BY chunk_id, distance) \
     UNION ALL \
     SELECT k.chunk_id, 1 - n.distance, n.embedding, false \
     FROM (SELECT DISTINCT chunk_id FROM unnest($2::uuid[]) AS h (chunk_id)) k \
     CROSS JOIN LATERAL ( \
         SELECT 1 FROM chunks c JOIN documents d ON d.tenant_id = '{tenant}' AND d.id = c.document_id{current} AND {visible} \
         WHERE c.tenant_id = '{tenant}' AND c.id = k.chunk_id AND ($3::uuid[] IS NULL OR c.version_id = ANY ($3)) OFFSET 0) p \
     LEFT JOIN LATERAL ( \
         SELECT v.embedding <=> $1 AS distance, v.embedding FROM {vectors} v \
         WHERE v.tenant_id = '{tenant}' AND v.chunk_id = k.chunk_id AND v.model_id = {model} AND $1::halfvec IS NOT NULL \
         ORDER BY (v.embedding <=> $1) + 0 LIMIT 1) n ON true \
     WHERE k.chunk_id NOT IN (SELECT chunk_id FROM nearest)) \
     SELECT m.serves, f.* FROM (SELECT EXISTS (SELECT 1 FROM embedding_models WHERE id = {model} AND state = 'serving') AS serves) m \
     LEFT JOIN found f ON true ORDER BY f.similarity DESC NULLS LAST";

/// What a [`PassageRow`] is read from: a chunk `c`, its document `d` with label `b`, its version `r`.
pub(super) const PASSAGE_COLUMNS: &str = "c.id AS chunk_id, c.document_id, d.name AS document_name, b.classification, b.export_control, \
     b.groups, d.integrity, r.number AS version, r.effective_from, d.current_version_id IS NOT DISTINCT FROM c.version_id AS is_current, \
     r.paged, c.ordinal, c.page_number, c.char_start, c.char_end, c.heading_path, c.table_header, c.token_count, c.text, \
     c.quarantined";

/// `OFFSET 0` keeps the order of the joins: from a few wanted chunks to their documents. Left alone, the planner
/// underestimates them and may begin with all chunks of the tenant.
const READ: &str = "SELECT p.* FROM unnest($1::uuid[]) WITH ORDINALITY AS w (chunk_id, place) CROSS JOIN LATERAL ( \
         SELECT {columns} \
         FROM chunks c \
         JOIN documents d ON d.tenant_id = '{tenant}' AND d.id = c.document_id{current} AND {visible} \
         JOIN labels b ON b.tenant_id = '{tenant}' AND b.id = d.label_id \
         JOIN document_versions r ON r.tenant_id = '{tenant}' AND r.id = c.version_id \
         WHERE c.tenant_id = '{tenant}' AND c.id = w.chunk_id AND ($2::uuid[] IS NULL OR c.version_id = ANY ($2)) \
         OFFSET 0) p \
     ORDER BY w.place";
