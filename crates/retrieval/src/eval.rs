//! How well passages are found, on a collection with judgements: documents, queries, and which documents answer which query.
//!
//! The collection is a folder as BEIR lays it out: `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`)
//! and `qrels.tsv` (query, document, gain; with a line of headings). Measures are those of the field: nDCG@10 with linear
//! gains, recall@100, and the mean reciprocal rank within 100. A query without any judged document is left out.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use millwright_core::{Label, Principal};
use millwright_store::tenant::{Reader, SearchFilter};
use serde::{Deserialize, Serialize};

use crate::{
    error::RetrievalError,
    reranker::Account,
    search::{Passage, SearchRequest, Searcher},
};

/// How far down rankings are looked at.
const DEPTH: usize = 100;
/// How many are looked at first.
const TOP: usize = 10;

/// A folder that is no collection.
#[derive(Debug, thiserror::Error)]
pub enum CollectionError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not of the expected form.
    #[error("{}, line {line}: {expected}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What would be accepted.
        expected: String,
    },
    /// No query has a judged document.
    #[error("no query in {} has a judged document in it", path.display())]
    Unjudged {
        /// The folder.
        path: PathBuf,
    },
}

/// A document to be found.
#[derive(Debug, Clone, Deserialize)]
pub struct JudgedDocument {
    /// Its name in the judgements.
    #[serde(rename = "_id")]
    pub id: String,
    /// May be empty.
    #[serde(default)]
    pub title: String,
    /// May be empty.
    #[serde(default)]
    pub text: String,
}

/// A query.
#[derive(Debug, Clone, Deserialize)]
pub struct JudgedQuery {
    /// Its name in the judgements.
    #[serde(rename = "_id")]
    pub id: String,
    /// Plain text.
    pub text: String,
}

/// Gains above 0 by document.
type Gains = HashMap<String, f64>;

/// A collection with judgements.
#[derive(Debug, Clone)]
pub struct Collection {
    /// All documents.
    pub documents: Vec<JudgedDocument>,
    /// Queries with at least one judged document.
    pub queries: Vec<JudgedQuery>,
    gains: HashMap<String, Gains>,
}

impl Collection {
    /// Reads the folder's three files.
    pub fn read(folder: &Path) -> Result<Self, CollectionError> {
        let documents: Vec<JudgedDocument> = json_lines(&folder.join("corpus.jsonl"))?;
        let queries: Vec<JudgedQuery> = json_lines(&folder.join("queries.jsonl"))?;
        let ids: HashSet<&str> = documents.iter().map(|document| document.id.as_str()).collect();
        let mut gains: HashMap<String, Gains> = HashMap::new();
        for (query, document, gain) in judgements(&folder.join("qrels.tsv"))? {
            if gain > 0.0 && ids.contains(document.as_str()) {
                gains.entry(query).or_default().insert(document, gain);
            }
        }
        let queries: Vec<JudgedQuery> = queries.into_iter().filter(|query| gains.contains_key(&query.id)).collect();
        if queries.is_empty() {
            return Err(CollectionError::Unjudged { path: folder.to_owned() });
        }
        Ok(Self { documents, queries, gains })
    }
}

fn read(path: &Path) -> Result<String, CollectionError> {
    fs::read_to_string(path).map_err(|source| CollectionError::Unreadable { path: path.to_owned(), source })
}

fn json_lines<T: for<'d> Deserialize<'d>>(path: &Path) -> Result<Vec<T>, CollectionError> {
    let text = read(path)?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(line, json)| {
            serde_json::from_str(json).map_err(|error| CollectionError::Malformed {
                path: path.to_owned(),
                line,
                expected: format!("expected a JSON object with `_id` and `text`: {error}"),
            })
        })
        .collect()
}

fn judgements(path: &Path) -> Result<Vec<(String, String, f64)>, CollectionError> {
    let text = read(path)?;
    let mut judgements = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let gain = match fields.as_slice() {
            [_, _, gain] => gain.parse::<f64>().ok(),
            _ => None,
        };
        match gain {
            Some(gain) => judgements.push((fields[0].to_owned(), fields[1].to_owned(), gain)),
            // The first line names the columns.
            None if number == 1 || line.trim().is_empty() => {}
            None => {
                return Err(CollectionError::Malformed {
                    path: path.to_owned(),
                    line: number,
                    expected: "expected query, document and gain, with tabs between".to_owned(),
                });
            }
        }
    }
    Ok(judgements)
}

/// Means over all queries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Normalised discounted cumulative gain of the first ten.
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: f64,
    /// Share of the judged documents among the first hundred.
    #[serde(rename = "recall@100")]
    pub recall_100: f64,
    /// One over the place of the first judged document; 0 beyond a hundred.
    pub mrr: f64,
}

/// One collection's figures, stage by stage of one pipeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Report {
    /// Keywords alone.
    pub bm25: Measures,
    /// Vectors alone.
    pub vector: Measures,
    /// Both, fused.
    pub hybrid: Measures,
    /// The same, the best ordered anew: what a user gets.
    pub reranked: Measures,
}

/// Documents by rank.
type Ranking<'d> = Vec<&'d str>;

/// Asks all queries of a tenant that holds the collection's documents, each under its id as its name. First places are those
/// of a search for ten passages, recall that of a search for a hundred. Where a model reranks, on the account of `principal`.
pub async fn evaluate(
    searcher: &Searcher,
    principal: &Principal,
    reader: &Reader,
    collection: &Collection,
) -> Result<Report, RetrievalError> {
    let mut sum = Report::default();
    for query in &collection.queries {
        let Some(gains) = collection.gains.get(&query.id) else { continue };
        let near = candidates(searcher, principal, reader, query, TOP).await?;
        let far = candidates(searcher, principal, reader, query, DEPTH).await?;
        for (stage, of_stage) in STAGES {
            let (near, far) = (ranking(&near, of_stage), ranking(&far, of_stage));
            let measures = stage(&mut sum);
            measures.ndcg_10 += ndcg(&near[..near.len().min(TOP)], gains);
            let far = &far[..far.len().min(DEPTH)];
            measures.recall_100 += recall(far, gains);
            measures.mrr += reciprocal_rank(far, gains);
        }
    }
    let count = collection.queries.len().max(1) as f64;
    for (stage, _) in STAGES {
        let measures = stage(&mut sum);
        measures.ndcg_10 /= count;
        measures.recall_100 /= count;
        measures.mrr /= count;
    }
    Ok(sum)
}

type Stage = (fn(&mut Report) -> &mut Measures, fn(usize, &Passage) -> Option<usize>);

/// Each stage's figures, and where it put a passage that ended in a place.
const STAGES: [Stage; 4] = [
    (|report| &mut report.bm25, |_, passage| passage.keyword.map(|ranked| ranked.rank as usize)),
    (|report| &mut report.vector, |_, passage| passage.vector.map(|ranked| ranked.rank as usize)),
    (|report| &mut report.hybrid, |_, passage| Some(passage.fused.rank as usize)),
    (|report| &mut report.reranked, |place, _| Some(place)),
];

async fn candidates(
    searcher: &Searcher,
    principal: &Principal,
    reader: &Reader,
    query: &JudgedQuery,
    limit: usize,
) -> Result<Vec<Passage>, RetrievalError> {
    let filter = SearchFilter::default();
    let (query, label) = (query.text.clone(), Label::LOWEST);
    let account = Account { principal: *principal, run_id: None, trace_id: String::new() };
    let request = SearchRequest { query, limit, filter, label, account: Some(account) };
    // Two documents of the same words are two documents here, and only one of them for a reader.
    Ok(searcher.ask(&principal.scope, reader, &request).await?.into_passages())
}

/// Documents in the order of their best passages.
fn ranking(passages: &[Passage], place: fn(usize, &Passage) -> Option<usize>) -> Ranking<'_> {
    let mut ranked: Vec<(usize, &str)> = passages
        .iter()
        .enumerate()
        .filter_map(|(at, passage)| Some((place(at, passage)?, passage.document_name.as_str())))
        .collect();
    ranked.sort_unstable();
    let mut seen = HashSet::new();
    ranked.into_iter().map(|(_, document)| document).filter(|document| seen.insert(*document)).collect()
}

fn ndcg(ranking: &[&str], gains: &Gains) -> f64 {
    let discount = |place: usize| (place as f64 + 2.0).log2();
    let gain = |(place, document): (usize, &&str)| gains.get(*document).copied().unwrap_or_default() / discount(place);
    let mut ideal: Vec<f64> = gains.values().copied().collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let best: f64 = ideal.iter().take(TOP).enumerate().map(|(place, gain)| gain / discount(place)).sum();
    ranking.iter().enumerate().map(gain).sum::<f64>() / best
}

fn recall(ranking: &[&str], gains: &Gains) -> f64 {
    ranking.iter().filter(|document| gains.contains_key(**document)).count() as f64 / gains.len() as f64
}

fn reciprocal_rank(ranking: &[&str], gains: &Gains) -> f64 {
    let first = ranking.iter().position(|document| gains.contains_key(*document));
    first.map_or(0.0, |place| 1.0 / (place as f64 + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gains(of: &[(&str, f64)]) -> Gains {
        of.iter().map(|(document, gain)| ((*document).to_owned(), *gain)).collect()
    }

    #[test]
    fn measures_are_those_of_the_field() {
        let gains = gains(&[("a", 3.0), ("b", 1.0)]);
        assert!((ndcg(&["a", "b"], &gains) - 1.0).abs() < 1e-12);
        // (1 + 3 / log2(3)) / (3 + 1 / log2(3))
        assert!((ndcg(&["b", "a"], &gains) - 0.796_700).abs() < 1e-5, "{}", ndcg(&["b", "a"], &gains));
        assert!((recall(&["x", "b"], &gains) - 0.5).abs() < 1e-12);
        assert!((reciprocal_rank(&["x", "b"], &gains) - 0.5).abs() < 1e-12);
        assert!(reciprocal_rank(&["x"], &gains).abs() < 1e-12);
    }

    fn folder(corpus: &str, queries: &str, qrels: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("corpus.jsonl", corpus), ("queries.jsonl", queries), ("qrels.tsv", qrels)] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn queries_without_a_judged_document_are_left_out() {
        let folder = folder(
            "{\"_id\": \"a\", \"text\": \"pump\"}\n",
            "{\"_id\": \"1\", \"text\": \"pump\"}\n{\"_id\": \"2\", \"text\": \"seal\"}\n",
            "query-id\tcorpus-id\tscore\n1\ta\t2\n2\tgone\t1\n1\ta\t2\n",
        );
        let collection = Collection::read(folder.path()).unwrap();
        assert_eq!(collection.queries.iter().map(|query| query.id.as_str()).collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn what_is_no_collection_is_named_with_its_line() {
        let good = ("{\"_id\": \"a\", \"text\": \"x\"}\n", "{\"_id\": \"1\", \"text\": \"x\"}\n", "q\td\ts\n1\ta\t1\n");
        let says = |folder: &tempfile::TempDir| Collection::read(folder.path()).unwrap_err().to_string();
        assert!(says(&folder("{}\n", good.1, good.2)).contains("corpus.jsonl, line 1: expected"));
        assert!(says(&folder(good.0, good.1, "q\td\ts\n1 a 1\n")).contains("qrels.tsv, line 2: expected query"));
        assert!(says(&folder(good.0, good.1, "q\td\ts\n")).contains("has a judged document"));
        let empty = tempfile::tempdir().unwrap();
        assert!(says(&empty).contains("cannot read"));
    }
}
