//! What is searched for beside what was typed: what slips were taken for, and what the glossary says.

use std::collections::HashSet;

use tantivy::{Searcher, Term, query::Bm25StatisticsProvider};

use super::{
    query::{QueryHints, QueryWord, frequency, known_cut},
    schema::Fields,
    spelling::{Correction, meant},
    visible::VisibleStatistics,
};
use crate::{
    analysis::{Language, PlainWord, analyse, plain_words, query_stems},
    understanding::Expansion,
};

/// So many unknown words of a query are looked at: more is no text with slips.
const MAX_SLIPS: usize = 8;
/// In shorter words one slip is a large part, so that their absence still counts against an answer.
const LETTERS_TO_BE_SURE: usize = 6;
/// What the glossary adds to a word that texts have, as against the word.
const ADDED_WEIGHT: f32 = 0.5;

/// Looks for slips in one snapshot of an index, as far as a reader may see it.
pub(super) struct Slips<'s> {
    pub(super) searcher: &'s Searcher,
    pub(super) fields: &'s Fields,
    pub(super) statistics: &'s VisibleStatistics,
    pub(super) language: Language,
}

impl Slips<'_> {
    /// Adds to the `words` of the text what those were taken for that no visible text has.
    pub(super) fn correct(
        &self,
        words: &mut Vec<QueryWord>,
        text: &str,
        hints: &QueryHints,
    ) -> tantivy::Result<Vec<Correction>> {
        let mut corrections: Vec<Correction> = Vec::new();
        // Nothing is looked up where all words occur.
        if words.iter().all(|word| word.chunk_frequency > 0 || word.is_weak) {
            return Ok(corrections);
        }
        let mut looked_at = HashSet::new();
        for typed in plain_words(text) {
            if looked_at.len() == MAX_SLIPS {
                break;
            }
            let PlainWord { text: from, is_capitals } = typed;
            let Some((stem, _)) = query_stems(&from, self.language) else { continue };
            let Some(at) = words.iter().position(|word| word.stem == stem) else { continue };
            let is_abbreviation = is_capitals || hints.known_words.contains(&from) || in_expansion(hints, &from);
            if is_abbreviation || self.is_known(&words[at])? || !looked_at.insert(from.clone()) {
                continue;
            }
            let Some(to) = meant(self.searcher, self.fields, self.statistics, &from, self.language)? else { continue };
            words[at].is_weak |= from.chars().count() >= LETTERS_TO_BE_SURE;
            words.extend(self.word(&to, words)?);
            corrections.push(Correction { from, to });
        }
        Ok(corrections)
    }

    /// Whether the reader may see it anywhere, or it is no word to be missed.
    fn is_known(&self, word: &QueryWord) -> tantivy::Result<bool> {
        if word.chunk_frequency > 0 || word.is_weak {
            return Ok(true);
        }
        for field in [self.fields.heading, self.fields.codes, self.fields.parts] {
            for stem in word.stems() {
                if self.statistics.doc_freq(&Term::from_field_text(field, stem))? > 0 {
                    return Ok(true);
                }
            }
        }
        Ok(known_cut(self.statistics, self.fields, word)?.is_some())
    }

    fn word(&self, text: &str, words: &[QueryWord]) -> tantivy::Result<Option<QueryWord>> {
        let Some((stem, other_stem)) = query_stems(text, self.language) else { return Ok(None) };
        if words.iter().any(|word| word.stem == stem) {
            return Ok(None);
        }
        let chunk_frequency = frequency(self.statistics, self.fields, &stem, other_stem.as_deref())?;
        let is_german = self.language == Language::German;
        Ok(Some(QueryWord { stem, other_stem, is_german, is_weak: false, chunk_frequency, weight: 1.0 }))
    }
}

fn in_expansion(hints: &QueryHints, word: &str) -> bool {
    hints.expansions.iter().any(|expansion| plain_words(&expansion.term).any(|known| known.text == word))
}

/// Adds to the `words` what the glossary says, and returns the codes in that. Where texts have the term as it was typed,
/// the rest only supports it; where none has, it is asked for by what it stands for.
pub(super) fn expand(
    statistics: &VisibleStatistics,
    fields: &Fields,
    language: Language,
    words: &mut Vec<QueryWord>,
    expansions: &[Expansion],
) -> tantivy::Result<Vec<(String, f32)>> {
    let mut codes = Vec::new();
    for expansion in expansions {
        let term: HashSet<String> =
            analyse(&expansion.term, language).words.into_iter().map(|term| term.text).collect();
        let of_term = |word: &QueryWord| term.contains(&word.stem);
        let is_absent = words.iter().any(|word| of_term(word) && word.chunk_frequency == 0);
        let weight = if is_absent { 1.0 } else { ADDED_WEIGHT };
        let mut stands_for_it = false;
        for phrase in &expansion.words {
            let language = expansion.language.unwrap_or(language);
            let analysed = analyse(phrase, language);
            codes.extend(analysed.codes.into_iter().map(|code| (code.text, weight)));
            let mut added = Vec::new();
            for word in plain_words(phrase) {
                let Some((stem, other_stem)) = query_stems(&word.text, language) else { continue };
                if language.is_stop_word(&stem) {
                    continue;
                }
                let other_stem = other_stem.filter(|_| expansion.language.is_none());
                let chunk_frequency = frequency(statistics, fields, &stem, other_stem.as_deref())?;
                let is_german = language == Language::German;
                added.push(QueryWord { stem, other_stem, is_german, is_weak: true, chunk_frequency, weight });
            }
            let is_present = !added.is_empty() && added.iter().all(|word| word.chunk_frequency > 0);
            let stands = is_absent && !stands_for_it && is_present;
            stands_for_it |= stands;
            for word in added {
                match words.iter_mut().find(|known| known.stem == word.stem) {
                    Some(known) => known.is_weak &= !stands,
                    None => words.push(QueryWord { is_weak: !stands, ..word }),
                }
            }
        }
        if stands_for_it {
            words
                .iter_mut()
                .filter(|word| of_term(word) && word.chunk_frequency == 0)
                .for_each(|word| word.is_weak = true);
        }
    }
    Ok(codes)
}
