//! Slips in a query: a word that no visible text has, and the one that was meant.
//!
//! Words are compared as they stand, not as stems. What a slip is taken for is a word that the reader may see, and how
//! often it occurs is counted over what the reader may see: a hidden document neither suggests a word nor keeps one from
//! being suggested.

use std::collections::BTreeSet;

use serde::Serialize;
use tantivy::{
    Searcher, Term,
    query::{Bm25StatisticsProvider, FuzzyTermQuery},
};

use super::{schema::Fields, visible::VisibleStatistics};
use crate::analysis::{Language, query_stems};

/// Of shorter words too many differ by one letter.
pub(super) const LEAST_LETTERS: usize = 4;
/// From so many letters on two slips are looked for.
const LETTERS_FOR_TWO: usize = 8;
/// Of two words that could have been meant one must be so much more frequent.
const CLEARLY_MORE: u64 = 4;

/// A word of the query that no text has, and the one it was taken for. Both were searched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// As typed, in lower case.
    pub from: String,
    /// As texts have it, in lower case.
    pub to: String,
}

/// The one word that was meant, if there is one: the nearest, at most one slip away, from eight letters on two. A slip is a
/// letter too many, too few, another, or two that changed places.
pub(super) fn meant(
    searcher: &Searcher,
    fields: &Fields,
    statistics: &VisibleStatistics,
    word: &str,
    language: Language,
) -> tantivy::Result<Option<String>> {
    let slips = match word.chars().count() {
        ..LEAST_LETTERS => return Ok(None),
        LEAST_LETTERS..LETTERS_FOR_TWO => 1,
        _ => 2,
    };
    for distance in 1..=slips {
        let term = Term::from_field_text(fields.spellings, word);
        let automaton = FuzzyTermQuery::new(term, distance, true).automaton()?;
        let mut near = BTreeSet::new();
        for reader in searcher.segment_readers() {
            let inverted = reader.inverted_index(fields.spellings)?;
            let mut terms = inverted.terms().search(&automaton).into_stream()?;
            while terms.advance() {
                near.extend(std::str::from_utf8(terms.key()).ok().map(str::to_owned));
            }
        }
        let mut visible = Vec::new();
        for candidate in near {
            let frequency = statistics.doc_freq(&Term::from_field_text(fields.spellings, &candidate))?;
            if frequency > 0 {
                visible.push((candidate, frequency));
            }
        }
        if !visible.is_empty() {
            return Ok(clearest(word, visible, language));
        }
    }
    Ok(None)
}

/// Of words equally near the one that stands out: people seldom miss the first letter, and mean the usual word. Forms of
/// one word are one.
fn clearest(word: &str, mut near: Vec<(String, u64)>, language: Language) -> Option<String> {
    let begins_alike = |candidate: &(String, u64)| candidate.0.chars().next() == word.chars().next();
    if near.iter().any(begins_alike) {
        near.retain(begins_alike);
    }
    near.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let (best, frequency) = near.first()?;
    let stem = |word: &str| query_stems(word, language).map(|(own, _)| own);
    let own = stem(best);
    let rival = near.iter().skip(1).find(|(other, _)| stem(other) != own);
    rival.is_none_or(|(_, of_rival)| of_rival * CLEARLY_MORE <= *frequency).then(|| best.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(word: &str, near: &[(&str, u64)]) -> Option<String> {
        let near = near.iter().map(|(word, frequency)| ((*word).to_owned(), *frequency)).collect();
        clearest(word, near, Language::English)
    }

    #[test]
    fn one_must_stand_out() {
        assert_eq!(chosen("vlave", &[("valve", 1)]).as_deref(), Some("valve"));
        assert_eq!(chosen("beering", &[("beering", 2), ("bearing", 3)]), None);
        assert_eq!(chosen("beering", &[("beering", 2), ("bearing", 8)]).as_deref(), Some("bearing"));
        assert_eq!(chosen("beerings", &[("bearing", 3), ("bearings", 3)]).as_deref(), Some("bearing"), "forms of one");
        assert_eq!(chosen("lever", &[("never", 50), ("level", 2)]).as_deref(), Some("level"), "begins alike");
        assert_eq!(chosen("x", &[]), None);
    }
}
