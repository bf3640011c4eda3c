//! The tenant's glossary: what its abbreviations stand for.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use millwright_core::TenantScope;
use millwright_store::{Store, StoreError};
use serde::Serialize;

use crate::analysis::{Language, analyse, plain_words};

/// So many terms of one query are looked at.
const MAX_EXPANSIONS: usize = 8;
/// How long a process may answer by a glossary that was changed in another.
const FRESH: Duration = Duration::from_secs(5);
/// Tenants whose glossaries are kept.
const MAX_KEPT: usize = 1_000;

/// A term and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlossaryEntry {
    /// As it is written: `LOTO`.
    pub term: String,
    /// What it stands for, each a word or a few.
    pub expansions: Vec<String>,
    /// `en` or `de`, where the expansions are in one of them.
    pub language: Option<String>,
}

/// What the glossary says to a term of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expansion {
    /// The term, or what it stands for: what the query has of the two.
    pub term: String,
    /// The other: what was searched for as well.
    pub words: Vec<String>,
    /// Which language the words are in, where it is known.
    #[serde(skip)]
    pub(crate) language: Option<Language>,
}

/// One side of an entry: how it is recognised in a query, and what is then added.
#[derive(Debug, Clone)]
struct Known {
    text: String,
    /// As stems of a query in this language.
    stems: Vec<String>,
    /// Whether it must be typed in capitals: `IT` is none of `it`.
    only_capitals: bool,
    adds: Vec<String>,
    language: Option<Language>,
}

/// What is known of terms, ready to be looked for in queries.
#[derive(Debug, Clone, Default)]
pub struct Glossary {
    /// By the first stem in an English and in a German query.
    english: HashMap<String, Vec<Known>>,
    german: HashMap<String, Vec<Known>>,
}

impl Glossary {
    /// Of these entries.
    pub fn new(entries: &[GlossaryEntry]) -> Self {
        let mut glossary = Self::default();
        for entry in entries {
            let language = match entry.language.as_deref() {
                Some("en") => Some(Language::English),
                Some("de") => Some(Language::German),
                _ => None,
            };
            glossary.add(&entry.term, &entry.expansions, language);
            for expansion in &entry.expansions {
                glossary.add(expansion, std::slice::from_ref(&entry.term), None);
            }
        }
        glossary
    }

    fn add(&mut self, text: &str, adds: &[String], language: Option<Language>) {
        let is_usual_word = |stems: &[String]| matches!(stems, [one] if is_stop_word(one));
        for (map, of) in [(&mut self.english, Language::English), (&mut self.german, Language::German)] {
            let stems = stems(text, of);
            let Some(first) = stems.first() else { continue };
            let only_capitals = is_usual_word(&stems);
            let known =
                Known { text: text.to_owned(), only_capitals, adds: adds.to_vec(), language, stems: stems.clone() };
            map.entry(first.clone()).or_default().push(known);
        }
    }

    /// What it says to the terms of a query, in the query's order. Of terms that begin at the same word the longest counts.
    pub fn expand(&self, query: &str) -> Vec<Expansion> {
        let language = Language::of(query);
        let map = if language == Language::German { &self.german } else { &self.english };
        if map.is_empty() {
            return Vec::new();
        }
        let words = stems(query, language);
        let capitals: HashSet<String> =
            plain_words(query).filter(|word| word.is_capitals).map(|word| word.text).collect();
        let is_typed = |known: &Known| !known.only_capitals || capitals.contains(&known.text.to_lowercase());
        let mut found: Vec<Expansion> = Vec::new();
        let mut at = 0;
        while at < words.len() && found.len() < MAX_EXPANSIONS {
            let begins = |known: &&Known| words[at..].starts_with(&known.stems) && is_typed(known);
            let here: Vec<&Known> = map.get(&words[at]).into_iter().flatten().filter(begins).collect();
            let longest = here.iter().map(|known| known.stems.len()).max().unwrap_or_default();
            for known in here.into_iter().filter(|known| known.stems.len() == longest) {
                // What the query has anyway is not added.
                let is_new = |add: &&String| {
                    let add = stems(add, language);
                    !words.windows(add.len().max(1)).any(|window| window == add)
                };
                let words: Vec<String> = known.adds.iter().filter(is_new).cloned().collect();
                let is_room = found.len() < MAX_EXPANSIONS;
                if is_room
                    && !words.is_empty()
                    && found.iter().all(|other| other.term != known.text || other.words != words)
                {
                    found.push(Expansion { term: known.text.clone(), words, language: known.language });
                }
            }
            at += longest.max(1);
        }
        found
    }
}

fn stems(text: &str, language: Language) -> Vec<String> {
    analyse(text, language).words.into_iter().map(|word| word.text).collect()
}

fn is_stop_word(stem: &str) -> bool {
    Language::English.is_stop_word(stem) || Language::German.is_stop_word(stem)
}

/// When each was read.
type Kept = HashMap<TenantScope, (Instant, Arc<Glossary>)>;

/// The glossaries of all tenants, each read when it is first asked for and again after some seconds.
#[derive(Debug, Clone)]
pub struct Glossaries {
    store: Store,
    kept: Arc<Mutex<Kept>>,
}

impl Glossaries {
    /// Those of this database.
    pub fn new(store: Store) -> Self {
        Self { store, kept: Arc::default() }
    }

    /// The tenant's glossary, at most five seconds old.
    pub async fn of(&self, scope: &TenantScope) -> Result<Arc<Glossary>, StoreError> {
        if let Some((read_at, glossary)) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(scope)
            && read_at.elapsed() < FRESH
        {
            return Ok(Arc::clone(glossary));
        }
        let read_at = Instant::now();
        let rows = self.store.tenant(scope).read().await?.glossary().all().await?;
        let entries: Vec<GlossaryEntry> = rows
            .into_iter()
            .map(|row| GlossaryEntry { term: row.term, expansions: row.expansions, language: row.language })
            .collect();
        let glossary = Arc::new(Glossary::new(&entries));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, (read_at, _)| read_at.elapsed() < FRESH);
        }
        kept.insert(*scope, (read_at, Arc::clone(&glossary)));
        Ok(glossary)
    }

    /// Reads the tenant's glossary anew at the next query: it was changed.
    pub fn forget(&self, scope: &TenantScope) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glossary() -> Glossary {
        let entry = |term: &str, expansions: &[&str]| GlossaryEntry {
            term: term.to_owned(),
            expansions: expansions.iter().map(|text| (*text).to_owned()).collect(),
            language: None,
        };
        Glossary::new(&[
            entry("LOTO", &["lockout tagout", "Freischalten und Sichern"]),
            entry("IT", &["information technology"]),
            entry("PRV", &["pressure relief valve"]),
        ])
    }

    fn said(query: &str) -> Vec<(String, Vec<String>)> {
        glossary().expand(query).into_iter().map(|expansion| (expansion.term, expansion.words)).collect()
    }

    fn pair(term: &str, words: &[&str]) -> (String, Vec<String>) {
        (term.to_owned(), words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn abbreviations_and_what_they_stand_for_find_each_other() {
        assert_eq!(said("What does loto require?"), [pair("LOTO", &["lockout tagout", "Freischalten und Sichern"])]);
        assert_eq!(said("Set the pressure relief valves"), [pair("pressure relief valve", &["PRV"])]);
        assert_eq!(said("Wie geht das Freischalten und Sichern?"), [pair("Freischalten und Sichern", &["LOTO"])]);
        assert_eq!(said("the pressure valve"), []);
    }

    #[test]
    fn a_usual_word_is_an_abbreviation_only_in_capitals() {
        assert_eq!(said("How often is it changed?"), []);
        assert_eq!(said("Who is in IT?"), [pair("IT", &["information technology"])]);
    }

    #[test]
    fn what_stands_there_anyway_is_not_added() {
        assert_eq!(said("the pressure relief valve (PRV)"), []);
    }
}
