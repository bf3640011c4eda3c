//! The order of what was found: every candidate scored by keywords and by vectors, the best ordered anew.

use std::{cmp::Ordering, collections::HashMap};

use millwright_core::id::ChunkId;
use millwright_store::tenant::{CandidateRow, PassageRow};

use crate::{
    error::RetrievalError,
    fusion::{Ranked, fuse, order},
    keyword::{ChunkScorer, KeywordHit, KeywordOutcome, QueryWord, Snapshot},
    rerank::{Candidate, Question, rerank},
    search::Passage,
};

/// Candidates on their way to an order: scored, then read, then the best ordered anew. Both steps are work for some milliseconds and
/// done off the async threads.
pub(crate) struct Ranking {
    keyword: KeywordOutcome,
    rows: Vec<CandidateRow>,
    scores: Scores,
    /// None where the keyword index has nothing more to say.
    scorer: Option<ChunkScorer>,
}

impl Ranking {
    /// Scores all candidates by keywords and by vectors, in the state of the index that the keywords were found in.
    pub(crate) async fn of(
        keyword: KeywordOutcome,
        snapshot: Option<Snapshot>,
        rows: Vec<CandidateRow>,
    ) -> Result<Self, RetrievalError> {
        let Some(snapshot) = snapshot.filter(|_| !rows.is_empty() && keyword.chunk_count > 0) else {
            let scores = Scores::of_hits(&keyword.hits, &rows);
            return Ok(Self { keyword, rows, scores, scorer: None });
        };
        Ok(tokio::task::spawn_blocking(move || {
            let chunks: Vec<ChunkId> = rows.iter().map(|row| row.chunk_id).collect();
            let scored = snapshot.scorer(&chunks).map_err(RetrievalError::from).and_then(|scorer| {
                let scores = Scores::of(&scorer, &keyword, &rows)?;
                Ok((scorer, scores))
            });
            match scored {
                Ok((scorer, scores)) => Self { keyword, rows, scores, scorer: Some(scorer) },
                Err(error) => {
                    tracing::warn!(%error, "ranking by what was found alone");
                    let scores = Scores::of_hits(&keyword.hits, &rows);
                    Self { keyword, rows, scores, scorer: None }
                }
            }
        })
        .await?)
    }

    /// The candidates that are worth reading: the best `most`, best first.
    pub(crate) fn best(&self, most: usize) -> Vec<ChunkId> {
        order(&self.scores.fused).into_iter().take(most).map(|place| self.rows[place].chunk_id).collect()
    }

    /// What was read, best first: the best of them ordered anew by what they have in common.
    pub(crate) async fn passages(
        self,
        vector: Option<Vec<f32>>,
        read: Vec<PassageRow>,
    ) -> Result<(KeywordOutcome, Vec<Passage>), RetrievalError> {
        let Self { keyword, rows, mut scores, scorer } = self;
        let read: Read = read.into_iter().map(|read| (read.chunk_id, read)).collect();
        let (Some(scorer), Some(vector)) = (scorer, vector) else {
            let passages = passages(&rows, read, &scores);
            return Ok((keyword, passages));
        };
        Ok(tokio::task::spawn_blocking(move || {
            if let Err(error) = scores.rerank(&scorer, &keyword, &vector, &rows, &read) {
                tracing::warn!(%error, "the best are not ordered anew");
            }
            let passages = passages(&rows, read, &scores);
            (keyword, passages)
        })
        .await?)
    }
}

/// What is known of each candidate's standing, in the candidates' order.
struct Scores {
    /// BM25; 0 without any word of the query.
    keyword: Vec<f32>,
    /// Fused of keywords and vectors.
    fused: Vec<f32>,
    /// Of the best, the score that they are ordered by.
    reranked: Vec<Option<f32>>,
}

impl Scores {
    fn of(scorer: &ChunkScorer, query: &KeywordOutcome, rows: &[CandidateRow]) -> Result<Self, RetrievalError> {
        let stems = |word: &QueryWord| word.stems().map(|stem| (stem.to_owned(), word.weight)).collect::<Vec<_>>();
        let weighted: Vec<(String, f32)> = query.words.iter().flat_map(stems).collect();
        let of_words = scorer.words(&weighted)?;
        let german: Vec<(String, f32)> =
            query.words.iter().map(|word| (word.german().to_owned(), word.weight)).collect();
        let others = scorer.parts(&german)?.into_iter().zip(scorer.codes(&query.codes)?);
        let keyword: Vec<f32> =
            of_words.iter().zip(others).map(|(words, (parts, codes))| words + parts + codes).collect();
        let fused = fuse(&keyword, &known_or_mean(rows));
        Ok(Self { reranked: vec![None; rows.len()], keyword, fused })
    }

    /// Orders the best anew by what they have in common, now that they were read.
    fn rerank(
        &mut self,
        scorer: &ChunkScorer,
        query: &KeywordOutcome,
        vector: &[f32],
        rows: &[CandidateRow],
        read: &Read,
    ) -> Result<(), RetrievalError> {
        let candidates: Vec<Candidate<'_>> = rows
            .iter()
            .map(|row| {
                let read = read.get(&row.chunk_id);
                Candidate {
                    headings: read.map_or(&[], |read| &read.heading_path),
                    text: read.map_or("", |read| &read.text),
                    embedding: row.embedding.0.as_deref(),
                }
            })
            .collect();
        let question = Question { words: query.words.iter().map(|word| word.weight).sum(), embedding: vector };
        self.reranked = rerank(question, scorer, &candidates, &self.keyword, &self.fused)?;
        Ok(())
    }

    /// From what both indexes said when they found the rows, where the keyword index has nothing more to say.
    fn of_hits(hits: &[KeywordHit], rows: &[CandidateRow]) -> Self {
        let score_of: HashMap<ChunkId, f32> = hits.iter().map(|hit| (hit.chunk_id, hit.score)).collect();
        let keyword: Vec<f32> =
            rows.iter().map(|row| score_of.get(&row.chunk_id).copied().unwrap_or_default()).collect();
        let fused = fuse(&keyword, &known_or_mean(rows));
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

/// A passage without a vector, because it may not go to the embedding server or was not there yet, is neither like the
/// question nor unlike it.
fn known_or_mean(rows: &[CandidateRow]) -> Vec<f32> {
    let known: Vec<f32> = rows.iter().filter_map(|row| row.similarity).map(|similarity| similarity as f32).collect();
    let mean = known.iter().sum::<f32>() / known.len().max(1) as f32;
    rows.iter().map(|row| row.similarity.map_or(mean, |similarity| similarity as f32)).collect()
}

fn similarities(rows: &[CandidateRow]) -> Vec<f32> {
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

/// What was read of the best candidates.
type Read = HashMap<ChunkId, PassageRow>;

/// What was read, best first.
fn passages(rows: &[CandidateRow], mut read: Read, scores: &Scores) -> Vec<Passage> {
    let similarities = similarities(rows);
    let keyword = ranks(&scores.keyword, |place| scores.keyword[place] > 0.0);
    let vector = ranks(&similarities, |place| rows[place].from_vector);
    let fused = ranks(&scores.fused, |_| true);
    let in_order = scores.order().into_iter().filter_map(|place| {
        let (row, fused) = (&rows[place], fused[place]?);
        let score = scores.reranked[place].unwrap_or(fused.score);
        let similarity = row.similarity.map(|_| similarities[place]);
        Some(Passage::of(read.remove(&row.chunk_id)?, score, fused, (keyword[place], vector[place], similarity)))
    });
    in_order.collect()
}

#[cfg(test)]
mod tests {
    use millwright_core::{Classification, Label};
    use millwright_store::tenant::{LabelColumns, WindowVector};

    use super::*;
    use crate::repeats::fold_repeats;

    fn id<T: From<uuid::Uuid>>(n: u128) -> T {
        T::from(uuid::Uuid::from_u128(n))
    }

    /// A candidate and what is read of it.
    fn row(
        n: u128,
        span: (i32, i32),
        text: &str,
        similarity: Option<f64>,
        from_vector: bool,
    ) -> (CandidateRow, PassageRow) {
        let candidate = CandidateRow { chunk_id: id(n), similarity, embedding: WindowVector::default(), from_vector };
        let read = PassageRow {
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
            table_header: None,
            token_count: 9,
            text: text.to_owned(),
            quarantined: vec![],
        };
        (candidate, read)
    }

    fn of(rows: Vec<(CandidateRow, PassageRow)>) -> (Vec<CandidateRow>, Read) {
        let (rows, read): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        (rows, read.into_iter().map(|read| (read.chunk_id, read)).collect())
    }

    fn order_of(passages: &[Passage]) -> Vec<u128> {
        passages.iter().map(|passage| passage.chunk_id.uuid().as_u128()).collect()
    }

    #[test]
    fn those_ordered_anew_come_first_and_tell_where_they_stood() {
        let (rows, read) = of(vec![
            row(101, (0, 10), "a", Some(0.9), true),
            row(102, (20, 30), "b", Some(0.5), false),
            row(103, (40, 50), "c", Some(0.7), true),
        ]);
        let scores = Scores {
            keyword: vec![0.0, 8.0, 7.0],
            fused: vec![0.3, 0.1, 0.2],
            reranked: vec![None, Some(0.4), Some(0.5)],
        };
        let passages = passages(&rows, read, &scores);
        assert_eq!(order_of(&passages), [103, 102, 101]);
        assert_eq!((passages[0].score, passages[0].fused), (0.5, Ranked { rank: 2, score: 0.2 }));
        assert_eq!(passages[0].keyword, Some(Ranked { rank: 2, score: 7.0 }));
        assert_eq!(passages[0].vector, Some(Ranked { rank: 2, score: 0.7 }));
        assert_eq!((passages[1].vector, passages[1].similarity), (None, Some(0.5)));
        assert_eq!((passages[2].keyword, passages[2].score), (None, 0.3));
    }

    #[test]
    fn without_keywords_vectors_answer_alone() {
        let (rows, read) = of(vec![row(101, (0, 10), "a", Some(0.2), true), row(102, (20, 30), "b", Some(0.6), true)]);
        let scores = Scores::of_hits(&[], &rows);
        assert_eq!(order_of(&passages(&rows, read, &scores)), [102, 101]);
    }

    #[test]
    fn overlapping_and_identical_passages_are_folded() {
        let (rows, read) = of(vec![
            row(101, (0, 100), "first", Some(0.9), true),
            row(102, (40, 140), "overlaps the first", Some(0.8), true),
            row(103, (95, 200), "touches the first", Some(0.7), true),
            row(201, (0, 100), "first", Some(0.6), true),
        ]);
        let scores = Scores::of_hits(&[], &rows);
        assert_eq!(order_of(&fold_repeats(passages(&rows, read.clone(), &scores), 10)), [101, 103]);
        // A copy that more people may read, and that more models may be given, is not left out for one that fewer may.
        let mut read = read;
        for (n, classification) in [(101, Classification::Restricted), (201, Classification::Public)] {
            if let Some(row) = read.get_mut(&id(n)) {
                row.label = LabelColumns(Label::of(classification));
            }
        }
        assert_eq!(order_of(&fold_repeats(passages(&rows, read, &scores), 10)), [101, 103, 201]);
    }
}
