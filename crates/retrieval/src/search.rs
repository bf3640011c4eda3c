//! The way of a query: keywords and vector at once, one trip to the database, one fused list.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use millwright_core::{
    Classification, TenantScope,
    id::{ChunkId, DocumentId},
};
use millwright_store::{
    Store,
    tenant::{PassageQuery, PassageRow},
};

use crate::{
    embedding::Embedder,
    error::RetrievalError,
    fusion::{Ranked, fuse},
    keyword::{KeywordIndexes, KeywordOutcome},
    relevance::{self, PassageEvidence, Relevance},
};

/// Candidates from each index when few results are asked for: deep enough that a passage both
/// indexes rank in the middle still wins by their agreement.
const MIN_CANDIDATES: usize = 50;
/// For longer results each index must bring more than are shown, for the same reason.
const CANDIDATES_PER_RESULT: usize = 3;
/// Two passages of one page that share more than this of the shorter one say the same.
const OVERLAP: f32 = 0.5;

/// What is searched for.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Plain text; nothing in it is syntax.
    pub query: String,
    /// At most this many passages.
    pub limit: usize,
    /// Only these documents; `None` for all.
    pub document_ids: Option<Vec<DocumentId>>,
}

/// A passage of a version that answers, and why it was found.
#[derive(Debug, Clone)]
pub struct Passage {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// The document's name.
    pub document_name: String,
    /// How confidential the document is.
    pub classification: Classification,
    /// Number of the version.
    pub version: i32,
    /// Whether the page number means something to a reader.
    pub paged: bool,
    /// Place of the chunk in its version.
    pub ordinal: i32,
    /// The page of extracted text that the span counts in; 1 for formats without pages.
    pub page_number: i32,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Where it begins in the page's text, Unicode code points.
    pub char_start: i32,
    /// Where it ends.
    pub char_end: i32,
    /// Tokens of the embedding model.
    pub token_count: i32,
    /// Exactly the span's text.
    pub text: String,
    /// The fused score; comparable within one answer only.
    pub score: f32,
    /// Rank and BM25 score in the keyword index, where it was found there.
    pub keyword: Option<Ranked>,
    /// Rank and cosine similarity in the vector index, where it was found there.
    pub vector: Option<Ranked>,
    /// Cosine similarity of its nearest window, also where only keywords found it; `None` when the query has no vector.
    pub similarity: Option<f32>,
}

impl Passage {
    /// The page as a reader knows it.
    pub fn page(&self) -> Option<i32> {
        self.paged.then_some(self.page_number)
    }
}

/// Half of the search that did not work; the other half answered alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degraded {
    /// Without vectors: only passages with words of the query are found.
    VectorsFailed,
    /// Without keywords: exact names and numbers may be missed.
    KeywordsFailed,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchTimings {
    /// Keyword index, in process.
    pub keyword: Duration,
    /// Vector of the query, in process, at the same time.
    pub embedding: Duration,
    /// The database.
    pub store: Duration,
    /// All of it.
    pub total: Duration,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct SearchOutcome {
    /// Best first.
    pub passages: Vec<Passage>,
    /// Whether they can answer the query at all.
    pub relevance: Relevance,
    /// What did not work.
    pub degraded: Option<Degraded>,
    /// Where the time went.
    pub timings: SearchTimings,
}

/// Searches the passages of a tenant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Searcher {
    store: Store,
    embedder: Embedder,
    keyword: KeywordIndexes,
}

impl Searcher {
    /// A searcher over the database and the two in-process parts.
    pub fn new(store: Store, embedder: Embedder, keyword: KeywordIndexes) -> Self {
        Self { store, embedder, keyword }
    }

    /// The best passages for a query. Only versions that answer now are returned, however far an index is behind.
    /// Fails when the database fails, or keywords and vectors both.
    pub async fn search(&self, scope: &TenantScope, request: SearchRequest) -> Result<SearchOutcome, RetrievalError> {
        let start = Instant::now();
        let documents = request.document_ids.as_deref();
        let candidates = (request.limit * CANDIDATES_PER_RESULT).max(MIN_CANDIDATES);
        let ((keyword, keyword_time), (vector, embedding_time)) = tokio::join!(
            timed(self.keyword.search(scope, &request.query, candidates, documents)),
            timed(self.embedder.embed_query(&request.query)),
        );
        let (keyword, vector, degraded) = match (keyword, vector) {
            (Ok(keyword), Ok(vector)) => (keyword, Some(vector), None),
            (Ok(keyword), Err(error)) => {
                tracing::warn!(%error, tenant.id = %scope.tenant_id(), "searching without vectors");
                (keyword, None, Some(Degraded::VectorsFailed))
            }
            (Err(error), Ok(vector)) => {
                tracing::warn!(%error, tenant.id = %scope.tenant_id(), "searching without keywords");
                (KeywordOutcome::default(), Some(vector), Some(Degraded::KeywordsFailed))
            }
            (Err(error), Err(_)) => return Err(error),
        };
        let hits: Vec<ChunkId> = keyword.hits.iter().map(|hit| hit.chunk_id).collect();
        let query =
            PassageQuery { embedding: vector.as_deref(), nearest: candidates as i64, keyword_hits: &hits, documents };
        let (rows, store_time) = timed(async {
            let mut tx = self.store.tenant(scope).read().await?;
            tx.passages().find(&query).await
        })
        .await;
        let mut passages = rank(&keyword, rows?);
        let relevance = assess(&request.query, &keyword, &passages);
        passages.truncate(request.limit);
        let timings = SearchTimings {
            keyword: keyword_time,
            embedding: embedding_time,
            store: store_time,
            total: start.elapsed(),
        };
        Ok(SearchOutcome { passages, relevance, degraded, timings })
    }
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let result = work.await;
    (result, start.elapsed())
}

fn assess(query: &str, keyword: &KeywordOutcome, passages: &[Passage]) -> Relevance {
    let headings: Vec<Vec<String>> = passages
        .iter()
        .take(relevance::EVIDENCE_PASSAGES)
        .map(|passage| passage.heading_path.iter().chain([&passage.document_name]).cloned().collect())
        .collect();
    let evidence: Vec<PassageEvidence<'_>> = passages
        .iter()
        .zip(&headings)
        .map(|(passage, headings)| PassageEvidence { similarity: passage.similarity, headings, text: &passage.text })
        .collect();
    relevance::assess(query, &keyword.words, keyword.chunk_count, &evidence)
}

/// Fuses both rankings over the rows that the database let through, and folds what says the same.
fn rank(keyword: &KeywordOutcome, mut rows: Vec<PassageRow>) -> Vec<Passage> {
    // The iterative index scan may return rows slightly out of order.
    rows.sort_by(|a, b| b.similarity.unwrap_or(-1.0).total_cmp(&a.similarity.unwrap_or(-1.0)));
    let place = |id: ChunkId| rows.iter().position(|row| row.chunk_id == id);
    let by_keyword: Vec<(usize, f32)> =
        keyword.hits.iter().filter_map(|hit| Some((place(hit.chunk_id)?, hit.score))).collect();
    let by_vector: Vec<(usize, f32)> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.from_vector)
        .map(|(index, row)| (index, row.similarity.unwrap_or(0.0) as f32))
        .collect();
    let fused = fuse(&by_keyword, &by_vector);
    let mut rows: Vec<Option<PassageRow>> = rows.into_iter().map(Some).collect();
    let passages = fused
        .into_iter()
        .filter_map(|fused| Some(passage(rows[fused.key].take()?, fused.score, fused.keyword, fused.vector)));
    fold_repeats(passages)
}

fn passage(row: PassageRow, score: f32, keyword: Option<Ranked>, vector: Option<Ranked>) -> Passage {
    Passage {
        chunk_id: row.chunk_id,
        document_id: row.document_id,
        document_name: row.document_name,
        classification: row.classification,
        version: row.version,
        paged: row.paged,
        ordinal: row.ordinal,
        page_number: row.page_number,
        heading_path: row.heading_path,
        char_start: row.char_start,
        char_end: row.char_end,
        token_count: row.token_count,
        text: row.text,
        score,
        keyword,
        vector,
        similarity: row.similarity.map(|similarity| similarity as f32),
    }
}

/// Keeps the better of two passages that overlap widely or have the very same text: a reader
/// gains nothing from the second, and an answer would cite one fact twice.
fn fold_repeats(passages: impl Iterator<Item = Passage>) -> Vec<Passage> {
    let mut kept: Vec<Passage> = Vec::new();
    let mut texts: HashSet<String> = HashSet::new();
    for passage in passages {
        let normal = passage.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let repeats = kept.iter().any(|other| overlaps(other, &passage));
        if !repeats && texts.insert(normal) {
            kept.push(passage);
        }
    }
    kept
}

fn overlaps(a: &Passage, b: &Passage) -> bool {
    if a.document_id != b.document_id || a.page_number != b.page_number || a.version != b.version {
        return false;
    }
    let shared = a.char_end.min(b.char_end) - a.char_start.max(b.char_start);
    let shorter = (a.char_end - a.char_start).min(b.char_end - b.char_start).max(1);
    shared as f32 > OVERLAP * shorter as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyword::KeywordHit;

    fn id<T: From<uuid::Uuid>>(n: u128) -> T {
        T::from(uuid::Uuid::from_u128(n))
    }

    fn row(n: u128, span: (i32, i32), text: &str, similarity: Option<f64>, from_vector: bool) -> PassageRow {
        PassageRow {
            chunk_id: id(n),
            document_id: id(n / 100),
            document_name: "pump.md".to_owned(),
            classification: Classification::Internal,
            version: 1,
            paged: false,
            ordinal: 0,
            page_number: 1,
            char_start: span.0,
            char_end: span.1,
            heading_path: vec![],
            token_count: 9,
            text: text.to_owned(),
            similarity,
            from_vector,
        }
    }

    fn keyword(hits: &[(u128, f32)]) -> KeywordOutcome {
        let hits = hits.iter().map(|(n, score)| KeywordHit { chunk_id: id(*n), score: *score }).collect();
        KeywordOutcome { hits, ..KeywordOutcome::default() }
    }

    fn order(passages: &[Passage]) -> Vec<u128> {
        passages.iter().map(|passage| passage.chunk_id.uuid().as_u128()).collect()
    }

    #[test]
    fn ranks_count_only_what_the_database_let_through() {
        let rows = vec![
            row(101, (0, 10), "a", Some(0.9), true),
            row(102, (20, 30), "b", Some(0.5), false),
            row(103, (40, 50), "c", Some(0.7), true),
        ];
        // 999 was deleted: the keyword index lags behind.
        let passages = rank(&keyword(&[(999, 9.0), (102, 8.0), (103, 7.0)]), rows);
        assert_eq!(order(&passages), [103, 102, 101], "of equals the keyword's comes first");
        assert_eq!(passages[0].keyword, Some(Ranked { rank: 2, score: 7.0 }));
        assert_eq!(passages[0].vector, Some(Ranked { rank: 2, score: 0.7 }));
        assert_eq!(passages[1].vector, None);
        assert_eq!(passages[1].similarity, Some(0.5));
    }

    #[test]
    fn without_vectors_keywords_answer_alone() {
        let rows = vec![row(101, (0, 10), "a", None, false), row(102, (20, 30), "b", None, false)];
        assert_eq!(order(&rank(&keyword(&[(102, 2.0), (101, 1.0)]), rows)), [102, 101]);
    }

    #[test]
    fn overlapping_and_identical_passages_are_folded() {
        let rows = vec![
            row(101, (0, 100), "first", Some(0.9), true),
            row(102, (40, 140), "overlaps the first", Some(0.8), true),
            row(103, (95, 200), "touches the first", Some(0.7), true),
            row(201, (0, 100), "first", Some(0.6), true),
        ];
        assert_eq!(order(&rank(&keyword(&[]), rows)), [101, 103]);
    }
}
