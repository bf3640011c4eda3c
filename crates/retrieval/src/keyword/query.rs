use std::collections::HashSet;

use millwright_core::id::{ChunkId, VersionId};
use tantivy::{
    DocAddress, Searcher, Term,
    collector::{FilterCollector, TopDocs},
    columnar::Column,
    query::{Bm25StatisticsProvider, BooleanQuery, BoostQuery, ConstScoreQuery, Occur, Query, TermQuery, TermSetQuery},
    schema::IndexRecordOption,
};

use super::{
    added::{Slips, expand},
    schema::{CHUNK_COLUMNS, Fields, LABEL_COLUMN, chunk_id},
    spelling::Correction,
    visible::{VisibleLabels, VisibleStatistics},
};
use crate::{
    analysis::{Language, analyse_query, cuts},
    error::RetrievalError,
    understanding::Expansion,
};

/// A pasted page is searched by its rarest words: more add cost and no precision.
const MAX_WORDS: usize = 48;
/// A heading says what its section is about, but repeats for each chunk below it.
pub(super) const HEADING_BOOST: f32 = 0.7;
/// A word within a compound is about the same thing, but less surely so.
pub(super) const PART_BOOST: f32 = 0.4;
/// Whoever types a part number wants that part.
pub(super) const CODE_BOOST: f32 = 2.0;

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
    /// The stemmed word, in the query's language.
    pub stem: String,
    /// Its stem in the other language, where that differs.
    pub other_stem: Option<String>,
    /// Whether the query is in German.
    pub is_german: bool,
    /// Whether it shapes the question without naming what it is about.
    pub is_weak: bool,
    /// In how many chunks that the reader may see it occurs.
    pub chunk_frequency: u64,
    /// How much it counts: 1 for what was typed or meant, less for what the glossary adds to words that are there.
    pub weight: f32,
}

impl QueryWord {
    /// Its stem as a German word.
    pub(crate) fn german(&self) -> &str {
        if self.is_german { &self.stem } else { self.other_stem.as_ref().unwrap_or(&self.stem) }
    }

    /// The forms that it has in texts.
    pub fn stems(&self) -> impl Iterator<Item = &str> {
        [Some(self.stem.as_str()), self.other_stem.as_deref()].into_iter().flatten()
    }
}

/// What keyword search found, and what it learned about the query on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeywordOutcome {
    /// Best first.
    pub hits: Vec<KeywordHit>,
    /// The query's content words, in order, without repeats.
    pub words: Vec<QueryWord>,
    /// What may be a code in the query, as typed, and what the glossary adds, with how much each counts.
    pub codes: Vec<(String, f32)>,
    /// Words that were taken for slips.
    pub spelling: Vec<Correction>,
    /// Chunks that the reader may see.
    pub chunk_count: u64,
    /// Whether the index had everything at some time since it was opened; one that is being filled has not.
    pub is_whole: bool,
}

/// What is searched for, and in what.
#[derive(Debug, Clone)]
pub struct KeywordQuery {
    /// Plain text without any syntax.
    pub text: String,
    /// At most this many hits.
    pub limit: usize,
    /// Chunks of other labels are not looked at, and do not count in scores.
    pub visible: VisibleLabels,
    /// Only these versions; `None` for all.
    pub versions: Option<Vec<VersionId>>,
    /// What is known of the query beside its text.
    pub hints: QueryHints,
}

/// What is known of a query before it is searched for.
#[derive(Debug, Clone, Default)]
pub struct QueryHints {
    /// Words of the query, in lower case, that are words even where no text has them: they are no slips.
    pub known_words: HashSet<String>,
    /// What the glossary says to terms of the query.
    pub expansions: Vec<Expansion>,
}

/// Searches one snapshot of the index. The query is plain text: nothing in it is syntax.
pub(super) fn search(
    statistics: &VisibleStatistics,
    fields: &Fields,
    query: &KeywordQuery,
) -> Result<KeywordOutcome, RetrievalError> {
    let (text, limit, visible, searcher) = (query.text.as_str(), query.limit, &query.visible, &statistics.searcher);
    let chunk_count = statistics.chunks();
    let analysed = analyse_query(text);
    let mut words = content_words(statistics, fields, analysed.language, analysed.words)?;
    let spelling =
        Slips { searcher, fields, statistics, language: analysed.language }.correct(&mut words, text, &query.hints)?;
    let added = expand(statistics, fields, analysed.language, &mut words, &query.hints.expansions)?;
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for word in &words {
        for stem in word.stems() {
            clauses.push(should(Term::from_field_text(fields.text, stem), word.weight));
            clauses.push(should(Term::from_field_text(fields.heading, stem), HEADING_BOOST * word.weight));
        }
        if let Some(part) = part(statistics, fields, word.german(), word.weight)? {
            clauses.push(part);
        }
    }
    // `estop` must find `E-stop`, so single words are looked up among the codes too.
    let singles = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase);
    let mut seen = HashSet::new();
    let typed = analysed.codes.into_iter().chain(singles).take(MAX_WORDS);
    let typed = typed.map(|code| (code, 1.0));
    let codes: Vec<(String, f32)> = typed.chain(added).filter(|(code, _)| seen.insert(code.clone())).collect();
    for (code, weight) in &codes {
        clauses.push(should(Term::from_field_text(fields.codes, code), CODE_BOOST * weight));
    }
    let mut outcome = KeywordOutcome { hits: Vec::new(), words, codes, spelling, chunk_count, is_whole: false };
    if clauses.is_empty() || limit == 0 || chunk_count == 0 {
        return Ok(outcome);
    }
    let any: Box<dyn Query> = Box::new(BooleanQuery::new(clauses));
    let filtered: Box<dyn Query> = match &query.versions {
        None => any,
        Some(versions) => {
            let terms = versions.iter().map(|version| fields.version_term(*version));
            let only = ConstScoreQuery::new(Box::new(TermSetQuery::new(terms)), 0.0);
            Box::new(BooleanQuery::new(vec![(Occur::Must, any), (Occur::Must, Box::new(only))]))
        }
    };
    let found = top(searcher, &*filtered, limit, visible, statistics)?;
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

/// The best hits among what may be seen: the label is asked for before a hit may take a place among the best.
fn top(
    searcher: &Searcher,
    query: &dyn Query,
    limit: usize,
    visible: &VisibleLabels,
    statistics: &VisibleStatistics,
) -> tantivy::Result<Vec<(f32, DocAddress)>> {
    let best = TopDocs::with_limit(limit).order_by_score();
    if statistics.sees_all() {
        return searcher.search_with_statistics_provider(query, &best, statistics);
    }
    let allowed = visible.clone();
    let filter = FilterCollector::new(LABEL_COLUMN.to_owned(), move |label: u64| allowed.contains(label), best);
    searcher.search_with_statistics_provider(query, &filter, statistics)
}

/// The words that carry the query: no stop words, unless there is nothing else; of very many
/// the rarest.
fn content_words(
    statistics: &VisibleStatistics,
    fields: &Fields,
    language: Language,
    stems: Vec<(String, Option<String>)>,
) -> Result<Vec<QueryWord>, RetrievalError> {
    let only_stop_words = stems.iter().all(|(stem, _)| language.is_stop_word(stem));
    let mut seen = HashSet::new();
    let mut words = Vec::new();
    for (stem, other_stem) in stems {
        if (only_stop_words || !language.is_stop_word(&stem)) && seen.insert(stem.clone()) {
            let is_weak = language.is_weak_word(&stem);
            let chunk_frequency = frequency(statistics, fields, &stem, other_stem.as_deref())?;
            let is_german = language == Language::German;
            let word = QueryWord { stem, other_stem, is_german, is_weak, chunk_frequency, weight: 1.0 };
            // A compound that no text has is searched for as the words that it is made of.
            let parts = if chunk_frequency == 0 { known_cut(statistics, fields, &word)? } else { None };
            let parts = parts.into_iter().flatten().filter(|part| seen.insert(part.stem.clone()));
            // They stand for it in a German query. Elsewhere it may be a word of its own, whose absence says something.
            let parts: Vec<QueryWord> = parts.map(|part| QueryWord { is_weak: !is_german, ..part }).collect();
            if parts.is_empty() || !is_german {
                words.push(word);
            }
            words.extend(parts);
        }
    }
    if words.len() > MAX_WORDS {
        words.sort_by_key(|word| word.chunk_frequency);
        words.truncate(MAX_WORDS);
    }
    Ok(words)
}

/// In how many visible chunks a word's text has it, in either form.
pub(super) fn frequency(
    statistics: &VisibleStatistics,
    fields: &Fields,
    stem: &str,
    other_stem: Option<&str>,
) -> tantivy::Result<u64> {
    let mut count = 0;
    for stem in [stem].into_iter().chain(other_stem) {
        count += statistics.doc_freq(&Term::from_field_text(fields.text, stem))?;
    }
    Ok(count)
}

/// The longest known first word and a known second one.
pub(super) fn known_cut(
    statistics: &VisibleStatistics,
    fields: &Fields,
    word: &QueryWord,
) -> tantivy::Result<Option<[QueryWord; 2]>> {
    let frequency = |stem: &str| statistics.doc_freq(&Term::from_field_text(fields.text, stem));
    for (first, second) in cuts(word.german()).into_iter().rev() {
        let frequencies = (frequency(&first)?, frequency(&second)?);
        if frequencies.0 > 0 && frequencies.1 > 0 {
            let word = |stem, chunk_frequency| QueryWord {
                stem,
                other_stem: None,
                is_german: true,
                is_weak: false,
                chunk_frequency,
                weight: 1.0,
            };
            return Ok(Some([word(first, frequencies.0), word(second, frequencies.1)]));
        }
    }
    Ok(None)
}

/// Finds chunks with compounds of the word.
fn part(
    statistics: &VisibleStatistics,
    fields: &Fields,
    stem: &str,
    weight: f32,
) -> tantivy::Result<Option<(Occur, Box<dyn Query>)>> {
    let term = Term::from_field_text(fields.parts, stem);
    let score = weight * PART_BOOST * rarity(statistics, &term)?;
    let query = ConstScoreQuery::new(Box::new(TermQuery::new(term, IndexRecordOption::Basic)), score);
    Ok((score > 0.0).then(|| (Occur::Should, Box::new(query) as Box<dyn Query>)))
}

/// What a term's presence says, by how many of the visible chunks have it; 0 for one that none has.
pub(super) fn rarity(statistics: &VisibleStatistics, term: &Term) -> tantivy::Result<f32> {
    let (frequency, chunks) = (statistics.doc_freq(term)? as f32, statistics.chunks() as f32);
    if frequency == 0.0 {
        return Ok(0.0);
    }
    Ok((1.0 + (chunks - frequency + 0.5).max(0.0) / (frequency + 0.5)).ln())
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
