//! A passage as search, reading on and answers pass it on.

use std::ops::Range;

use chrono::{DateTime, Utc};
use millwright_core::{
    Label,
    id::{ChunkId, DocumentId},
};
use millwright_policy::injection::quarantine;
use millwright_store::tenant::PassageRow;

use crate::fusion::Ranked;

/// A passage of a version that answers, and why it was found.
#[derive(Debug, Clone)]
pub struct Passage {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// The document's name.
    pub document_name: String,
    /// The document's label.
    pub label: Label,
    /// Number of the version.
    pub version: i32,
    /// From when that version holds.
    pub effective_from: DateTime<Utc>,
    /// Whether it answers now; false only in a search as of another moment.
    pub is_current: bool,
    /// Whether the page number means something to a reader.
    pub paged: bool,
    /// Place of the chunk in its version.
    pub ordinal: i32,
    /// The page of extracted text that the span counts in; 1 for formats without pages.
    pub page_number: i32,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// The row that names the columns, where it begins in the middle of a table; no part of the text.
    pub table_header: Option<String>,
    /// Where it begins in the page's text, Unicode code points.
    pub char_start: i32,
    /// Where it ends.
    pub char_end: i32,
    /// Tokens of the embedding model.
    pub token_count: i32,
    /// Exactly the span's text.
    pub text: String,
    /// Sentences of the text that look like instructions to a model: pairs of code points.
    pub quarantined: Vec<(u32, u32)>,
    /// What it is ordered by, in deviations from the mean of the candidates; comparable within one answer only, and there
    /// only among passages of one part of the question.
    pub score: f32,
    /// Which part of the question found it, from 1; `None` where the question has none, or only the whole of it did.
    pub part: Option<u32>,
    /// Its score by the reranker; `None` without one, and for a passage that it may not be given, which keeps its place.
    pub reranker: Option<f32>,
    /// Place and score when keywords and vectors were fused, before the best were ordered anew; 0 of what was read on without a
    /// search.
    pub fused: Ranked,
    /// Rank and BM25 score among the candidates, where it has words of the query.
    pub keyword: Option<Ranked>,
    /// Rank and cosine similarity in the vector index, where it was found there.
    pub vector: Option<Ranked>,
    /// Cosine similarity of its nearest window, also where only keywords found it; `None` when the query has no vector.
    pub similarity: Option<f32>,
}

impl Passage {
    /// What was read, with what its standing is known by.
    pub(crate) fn of(
        row: PassageRow,
        score: f32,
        fused: Ranked,
        (keyword, vector, similarity): (Option<Ranked>, Option<Ranked>, Option<f32>),
    ) -> Self {
        Self {
            chunk_id: row.chunk_id,
            document_id: row.document_id,
            document_name: row.document_name,
            label: row.label.0,
            version: row.version,
            effective_from: row.effective_from,
            is_current: row.is_current,
            paged: row.paged,
            ordinal: row.ordinal,
            page_number: row.page_number,
            heading_path: row.heading_path,
            table_header: row.table_header,
            char_start: row.char_start,
            char_end: row.char_end,
            token_count: row.token_count,
            text: row.text,
            quarantined: row.quarantined,
            score,
            part: None,
            reranker: None,
            fused,
            keyword,
            vector,
            similarity,
        }
    }

    /// All that it says, in lower case.
    pub(crate) fn words(&self) -> String {
        format!("{} {} {}", self.document_name, self.heading_path.join(" "), self.text).to_lowercase()
    }

    /// Where the sentences stand that looked like instructions when it was read, in bytes.
    pub fn instructions(&self) -> Vec<Range<usize>> {
        let byte = |at: u32| self.text.char_indices().nth(at as usize).map_or(self.text.len(), |(byte, _)| byte);
        self.quarantined.iter().map(|(start, end)| byte(*start)..byte(*end)).collect()
    }

    /// Its text without these.
    pub(crate) fn without_instructions(&self) -> String {
        quarantine(&self.text, &self.instructions())
    }

    /// The page as a reader knows it.
    pub fn page(&self) -> Option<i32> {
        self.paged.then_some(self.page_number)
    }
}
