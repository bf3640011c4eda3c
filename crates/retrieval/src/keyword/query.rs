use std::collections::HashSet;

use millwright_core::id::{ChunkId, DocumentId};
use tantivy::{
    Searcher, Term,
    collector::TopDocs,
    columnar::Column,
    query::{BooleanQuery, BoostQuery, ConstScoreQuery, Occur, Query, TermQuery, TermSetQuery},
    schema::IndexRecordOption,
};

use super::schema::{CHUNK_COLUMNS, Fields, chunk_id};
use crate::{
    analysis::{analyse, is_stop_word},
    error::RetrievalError,
};

/// A pasted page is searched by its rarest words: more add cost and no precision.
const MAX_WORDS: usize = 48;
/// A heading says what its section is about, but repeats for each chunk below it.
const HEADING_BOOST: f32 = 0.7;
/// Whoever types a part number wants that part.
const CODE_BOOST: f32 = 2.0;

/// A chunk found by keywords.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeywordHit {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Its BM25 score; comparable within one query only.
    pub score: f32,
}

/// A content word of the query, as the index knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryWord {
    /// The stemmed word.
    pub stem: String,
    /// In how many chunks of the tenant it occurs.
    pub chunk_frequency: u64,
}

/// What keyword search found, and what it learned about the query on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeywordOutcome {
    /// Best first.
    pub hits: Vec<KeywordHit>,
    /// The query's content words, in order, without repeats.
    pub words: Vec<QueryWord>,
    /// Chunks in the index.
    pub chunk_count: u64,
}

/// Searches one snapshot of the index. The query is plain text: nothing in it is syntax.
pub(super) fn search(
    searcher: &Searcher,
    fields: &Fields,
    query: &str,
    limit: usize,
    documents: Option<&[DocumentId]>,
) -> Result<KeywordOutcome, RetrievalError> {
    let analysed = analyse(query);
    let words = content_words(searcher, fields, analysed.words.into_iter().map(|term| term.text).collect())?;
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for word in &words {
        clauses.push(should(Term::from_field_text(fields.text, &word.stem), 1.0));
        clauses.push(should(Term::from_field_text(fields.heading, &word.stem), HEADING_BOOST));
    }
    // `estop` must find `E-stop`, so single words are looked up among the codes too.
    let singles = query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase);
    let codes: HashSet<String> =
        analysed.codes.into_iter().map(|term| term.text).chain(singles).take(MAX_WORDS).collect();
    for code in &codes {
        clauses.push(should(Term::from_field_text(fields.codes, code), CODE_BOOST));
    }
    let mut outcome = KeywordOutcome { hits: Vec::new(), words, chunk_count: searcher.num_docs() };
    if clauses.is_empty() || limit == 0 {
        return Ok(outcome);
    }
    let any: Box<dyn Query> = Box::new(BooleanQuery::new(clauses));
    let filtered: Box<dyn Query> = match documents {
        None => any,
        Some(documents) => {
            let terms = documents.iter().map(|document| fields.document_term(*document));
            let only = ConstScoreQuery::new(Box::new(TermSetQuery::new(terms)), 0.0);
            Box::new(BooleanQuery::new(vec![(Occur::Must, any), (Occur::Must, Box::new(only))]))
        }
    };
    let found = searcher.search(&*filtered, &TopDocs::with_limit(limit).order_by_score())?;
    let columns = id_columns(searcher)?;
    outcome.hits = found
        .into_iter()
        .filter_map(|(score, address)| {
            let [high, low] = &columns[address.segment_ord as usize];
            let id = chunk_id(high.first(address.doc_id)?, low.first(address.doc_id)?);
            Some(KeywordHit { chunk_id: id, score })
        })
        .collect();
    Ok(outcome)
}

/// The words that carry the query: no stop words, unless there is nothing else; of very many
/// the rarest.
fn content_words(searcher: &Searcher, fields: &Fields, stems: Vec<String>) -> Result<Vec<QueryWord>, RetrievalError> {
    let only_stop_words = stems.iter().all(|stem| is_stop_word(stem));
    let mut seen = HashSet::new();
    let mut words = Vec::new();
    for stem in stems {
        if (only_stop_words || !is_stop_word(&stem)) && seen.insert(stem.clone()) {
            let chunk_frequency = searcher.doc_freq(&Term::from_field_text(fields.text, &stem))?;
            words.push(QueryWord { stem, chunk_frequency });
        }
    }
    if words.len() > MAX_WORDS {
        words.sort_by_key(|word| word.chunk_frequency);
        words.truncate(MAX_WORDS);
    }
    Ok(words)
}

fn should(term: Term, boost: f32) -> (Occur, Box<dyn Query>) {
    let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
    (Occur::Should, Box::new(BoostQuery::new(Box::new(query), boost)))
}

fn id_columns(searcher: &Searcher) -> Result<Vec<[Column<u64>; 2]>, RetrievalError> {
    let of_segment = |reader: &tantivy::SegmentReader| -> tantivy::Result<[Column<u64>; 2]> {
        let [high, low] = CHUNK_COLUMNS;
        Ok([reader.fast_fields().u64(high)?, reader.fast_fields().u64(low)?])
    };
    Ok(searcher.segment_readers().iter().map(of_segment).collect::<tantivy::Result<_>>()?)
}
