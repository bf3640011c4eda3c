//! The order of what was found: every candidate scored by keywords and by vectors, the best ordered anew, repeats folded.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use millwright_core::id::ChunkId;
use millwright_store::tenant::PassageRow;

use crate::{
    error::RetrievalError,
    fusion::{Ranked, fuse, order},
    keyword::{ChunkScorer, KeywordHit, KeywordOutcome, QueryWord},
    rerank::{Candidate, Question, rerank},
    search::Passage,
};

/// Two passages of one page that share more than this of the shorter one say the same.
const OVERLAP: f32 = 0.5;

/// What is known of each row's standing, in the rows' order.
pub(crate) struct Scores {
    /// BM25; 0 without any word of the query.
    keyword: Vec<f32>,
    /// Fused of keywords and vectors.
    fused: Vec<f32>,
    /// Of the best, the score that they are ordered by.
    reranked: Vec<Option<f32>>,
}

impl Scores {
    pub(crate) fn of(
        scorer: &ChunkScorer<'_>,
        query: &KeywordOutcome,
        vector: Option<&[f32]>,
        rows: &[PassageRow],
    ) -> Result<Self, RetrievalError> {
        let stems = |word: &QueryWord| word.stems().map(|stem| (stem.to_owned(), word.weight)).collect::<Vec<_>>();
        let weighted: Vec<(String, f32)> = query.words.iter().flat_map(stems).collect();
        let of_words = scorer.words(&weighted)?;
        let german: Vec<(String, f32)> =
            query.words.iter().map(|word| (word.german().to_owned(), word.weight)).collect();
        let others = scorer.parts(&german)?.into_iter().zip(scorer.codes(&query.codes)?);
        let keyword: Vec<f32> =
            of_words.iter().zip(others).map(|(words, (parts, codes))| words + parts + codes).collect();
        let fused = fuse(&keyword, &similarities(rows));
        let Some(vector) = vector else {
            return Ok(Self { reranked: vec![None; rows.len()], keyword, fused });
        };
        let candidates: Vec<Candidate<'_>> = rows
            .iter()
            .map(|row| Candidate {
                headings: &row.heading_path,
                text: &row.text,
                embedding: row.embedding.0.as_deref(),
            })
            .collect();
        let question = Question { words: query.words.iter().map(|word| word.weight).sum(), embedding: vector };
        let reranked = rerank(question, scorer, &candidates, &keyword, &fused)?;
        Ok(Self { keyword, fused, reranked })
    }

    /// From what both indexes said when they found the rows, where the keyword index has nothing more to say.
    pub(crate) fn of_hits(hits: &[KeywordHit], rows: &[PassageRow]) -> Self {
        let score_of: HashMap<ChunkId, f32> = hits.iter().map(|hit| (hit.chunk_id, hit.score)).collect();
        let keyword: Vec<f32> =
            rows.iter().map(|row| score_of.get(&row.chunk_id).copied().unwrap_or_default()).collect();
        let fused = fuse(&keyword, &similarities(rows));
        Self { keyword, fused, reranked: vec![None; rows.len()] }
    }

    /// Places, best first: those that were ordered anew, then the others as they were.
    fn order(&self) -> Vec<usize> {
        let mut places = order(&self.fused);
        places.sort_by(|a, b| match (self.reranked[*a], self.reranked[*b]) {
            (Some(a), Some(b)) => b.total_cmp(&a),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        });
        places
    }
}

fn similarities(rows: &[PassageRow]) -> Vec<f32> {
    rows.iter().map(|row| row.similarity.unwrap_or_default() as f32).collect()
}

/// The rank of each place that takes part, best first.
fn ranks(scores: &[f32], takes_part: impl Fn(usize) -> bool) -> Vec<Option<Ranked>> {
    let mut ranks = vec![None; scores.len()];
    for (place, rank) in order(scores).into_iter().filter(|place| takes_part(*place)).zip(1_u32..) {
        ranks[place] = Some(Ranked { rank, score: scores[place] });
    }
    ranks
}

/// The rows as passages, best first.
pub(crate) fn passages(rows: Vec<PassageRow>, scores: &Scores) -> Vec<Passage> {
    let keyword = ranks(&scores.keyword, |place| scores.keyword[place] > 0.0);
    let vector = ranks(&similarities(&rows), |place| rows[place].from_vector);
    let fused = ranks(&scores.fused, |_| true);
    let mut rows: Vec<Option<PassageRow>> = rows.into_iter().map(Some).collect();
    let in_order = scores.order().into_iter().filter_map(|place| {
        let fused = fused[place]?;
        let score = scores.reranked[place].unwrap_or(fused.score);
        Some(passage(rows[place].take()?, score, fused, keyword[place], vector[place]))
    });
    in_order.collect()
}

fn passage(row: PassageRow, score: f32, fused: Ranked, keyword: Option<Ranked>, vector: Option<Ranked>) -> Passage {
    Passage {
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
        similarity: row.similarity.map(|similarity| similarity as f32),
    }
}

/// Keeps the better of two passages that overlap widely or have the very same text: a reader
/// gains nothing from the second, and an answer would cite one fact twice.
pub(crate) fn fold_repeats(passages: Vec<Passage>) -> Vec<Passage> {
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
    use millwright_core::{Classification, Label};
    use millwright_store::tenant::{LabelColumns, WindowVector};

    use super::*;

    fn id<T: From<uuid::Uuid>>(n: u128) -> T {
        T::from(uuid::Uuid::from_u128(n))
    }

    fn row(n: u128, span: (i32, i32), text: &str, similarity: Option<f64>, from_vector: bool) -> PassageRow {
        PassageRow {
            chunk_id: id(n),
            document_id: id(n / 100),
            document_name: "pump.md".to_owned(),
            label: LabelColumns(Label::of(Classification::Internal)),
            version: 1,
            effective_from: chrono::DateTime::UNIX_EPOCH,
            is_current: true,
            paged: false,
            ordinal: 0,
            page_number: 1,
            char_start: span.0,
            char_end: span.1,
            heading_path: vec![],
            token_count: 9,
            text: text.to_owned(),
            quarantined: vec![],
            similarity,
            embedding: WindowVector::default(),
            from_vector,
        }
    }

    fn order_of(passages: &[Passage]) -> Vec<u128> {
        passages.iter().map(|passage| passage.chunk_id.uuid().as_u128()).collect()
    }

    #[test]
    fn those_ordered_anew_come_first_and_tell_where_they_stood() {
        let rows = vec![
            row(101, (0, 10), "a", Some(0.9), true),
            row(102, (20, 30), "b", Some(0.5), false),
            row(103, (40, 50), "c", Some(0.7), true),
        ];
        let scores = Scores {
            keyword: vec![0.0, 8.0, 7.0],
            fused: vec![0.3, 0.1, 0.2],
            reranked: vec![None, Some(0.4), Some(0.5)],
        };
        let passages = passages(rows, &scores);
        assert_eq!(order_of(&passages), [103, 102, 101]);
        assert_eq!((passages[0].score, passages[0].fused), (0.5, Ranked { rank: 2, score: 0.2 }));
        assert_eq!(passages[0].keyword, Some(Ranked { rank: 2, score: 7.0 }));
        assert_eq!(passages[0].vector, Some(Ranked { rank: 2, score: 0.7 }));
        assert_eq!((passages[1].vector, passages[1].similarity), (None, Some(0.5)));
        assert_eq!((passages[2].keyword, passages[2].score), (None, 0.3));
    }

    #[test]
    fn without_keywords_vectors_answer_alone() {
        let rows = vec![row(101, (0, 10), "a", Some(0.2), true), row(102, (20, 30), "b", Some(0.6), true)];
        let scores = Scores::of_hits(&[], &rows);
        assert_eq!(order_of(&passages(rows, &scores)), [102, 101]);
    }

    #[test]
    fn overlapping_and_identical_passages_are_folded() {
        let rows = vec![
            row(101, (0, 100), "first", Some(0.9), true),
            row(102, (40, 140), "overlaps the first", Some(0.8), true),
            row(103, (95, 200), "touches the first", Some(0.7), true),
            row(201, (0, 100), "first", Some(0.6), true),
        ];
        let scores = Scores::of_hits(&[], &rows);
        assert_eq!(order_of(&fold_repeats(passages(rows, &scores))), [101, 103]);
    }
}
