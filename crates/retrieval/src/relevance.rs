//! Whether the passages that were found can answer the question at all.
//!
//! Search always returns something; an honest answer begins with knowing when that something
//! has nothing to do with the question. Two questions decide: is any passage near in meaning, and
//! does one passage have the rare words of the question? The weights were fitted on questions in
//! `tests/data`, half of them about things that the documents do not hold; the tests there state
//! how often this is right. It tells another subject nearly always, an absent detail of a present
//! subject ("what does the pump weigh?" in a manual of that pump) only about two times in three: what
//! is let through here must still be checked sentence by sentence.

use std::collections::HashSet;

use crate::{
    analysis::{Language, analyse, analyse_query},
    keyword::QueryWord,
};

/// How many of the best passages are looked at: an answer quotes few.
pub const EVIDENCE_PASSAGES: usize = 5;

/// From this probability on an answer is tried. Below one half, because an answer that is tried in
/// vain is caught when its sentences are verified, and one that is not tried is lost.
pub const THRESHOLD: f32 = 0.4;

/// How much more a code (`E21`, `6205-2RS`) says than a word of the same rarity.
const CODE_WEIGHT: f32 = 3.0;

/// With fewer chunks every word that is there counts as common and every word that is not as rare, so that the one
/// document of a new tenant would answer nothing.
const LEAST_CHUNKS: u64 = 200;

/// What one passage says for itself.
#[derive(Debug, Clone, Copy)]
pub struct PassageEvidence<'p> {
    /// Cosine similarity to the question, where both have vectors.
    pub similarity: Option<f32>,
    /// Headings above it, the document's name among them.
    pub headings: &'p [String],
    /// Its text.
    pub text: &'p str,
}

/// What is measured. All from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// The best cosine similarity; `None` without vectors.
    pub similarity: Option<f32>,
    /// Share of the question's content words, weighted by rarity, that the best single passage
    /// has.
    pub coverage: f32,
    /// The same for all passages together.
    pub joint_coverage: f32,
    /// Share of the question's rarest word in its weight, if no passage has that word, else 0.
    pub missing_rarest: f32,
}

impl Features {
    /// The estimate. Logistic regression, both classes weighing the same, fitted on 340 questions
    /// over 252 manuals and four short documents; in ten-fold cross-validation 90 % were right.
    pub fn probability(&self) -> f32 {
        let evidence = match self.similarity {
            Some(similarity) => 8.1 * similarity + 6.1 * self.coverage - 1.0 * self.missing_rarest - 6.8,
            None => 7.4 * self.coverage - 1.6 * self.missing_rarest - 3.8,
        };
        1.0 / (1.0 + (-evidence).exp())
    }
}

/// The judgement.
#[derive(Debug, Clone, PartialEq)]
pub struct Relevance {
    /// Estimated probability that the passages hold an answer.
    pub probability: f32,
    /// Content words of the question that no passage has, as stems.
    pub missing_words: Vec<String>,
    /// What was measured.
    pub features: Features,
}

impl Relevance {
    /// Whether to answer at all.
    pub fn is_answerable(&self) -> bool {
        self.probability >= THRESHOLD
    }
}

/// Judges the best passages, best first; more than [`EVIDENCE_PASSAGES`] are ignored. `words` and
/// `chunk_count` come from the keyword index; where it failed and `words` is empty, the question's
/// own words count, all the same.
pub fn assess(question: &str, words: &[QueryWord], chunk_count: u64, passages: &[PassageEvidence<'_>]) -> Relevance {
    let words = if words.is_empty() { &content_words(question) } else { words };
    let strong: Vec<QueryWord> = words.iter().filter(|word| !word.is_weak).cloned().collect();
    let words = if strong.is_empty() { words } else { &strong };
    let passages = &passages[..passages.len().min(EVIDENCE_PASSAGES)];
    let (features, missing_words) = measure(words, chunk_count, passages);
    let probability = if passages.is_empty() { 0.0 } else { features.probability() };
    Relevance { probability, missing_words, features }
}

fn content_words(question: &str) -> Vec<QueryWord> {
    let mut seen = HashSet::new();
    let analysed = analyse_query(question);
    let words = analysed.words.into_iter();
    words
        .filter(|(stem, _)| !analysed.language.is_weak_word(stem) && seen.insert(stem.clone()))
        .map(|(stem, other_stem)| QueryWord {
            stem,
            other_stem,
            is_german: false,
            is_weak: false,
            chunk_frequency: 0,
            weight: 1.0,
        })
        .collect()
}

fn measure(words: &[QueryWord], chunk_count: u64, passages: &[PassageEvidence<'_>]) -> (Features, Vec<String>) {
    let weights: Vec<f32> = words.iter().map(|word| weight(word, chunk_count)).collect();
    let total: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let mut found = vec![false; words.len()];
    let mut coverage: f32 = 0.0;
    for passage in passages {
        let terms = terms_of(passage);
        let mut covered = 0.0;
        for ((word, weight), found) in words.iter().zip(&weights).zip(&mut found) {
            if word.stems().any(|stem| terms.contains(stem)) {
                covered += weight;
                *found = true;
            }
        }
        coverage = coverage.max(covered / total);
    }
    let missing = || words.iter().zip(&weights).zip(&found).filter(|(_, found)| !**found).map(|(word, _)| word);
    let rarest = weights.iter().copied().fold(0.0, f32::max);
    let missing_rarest = missing().map(|(_, weight)| *weight).fold(0.0, f32::max);
    let features = Features {
        similarity: passages.iter().filter_map(|passage| passage.similarity).reduce(f32::max),
        coverage,
        joint_coverage: 1.0 - missing().map(|(_, weight)| weight / total).sum::<f32>(),
        missing_rarest: if missing_rarest >= rarest { missing_rarest / total } else { 0.0 },
    };
    (features, missing().map(|(word, _)| word.stem.clone()).collect())
}

/// What a word's presence says. A code is what the question is about: "what does error E21 mean" is answered by the
/// row of E21, whatever the manual calls an error.
fn weight(word: &QueryWord, chunk_count: u64) -> f32 {
    let code = word.stem.chars().any(|c| c.is_ascii_digit()) && word.stem.chars().any(char::is_alphabetic);
    rarity(word.chunk_frequency, chunk_count) * if code { CODE_WEIGHT } else { 1.0 }
}

/// The rarer a word, the more it says: the weight that BM25 gives it.
fn rarity(chunk_frequency: u64, chunk_count: u64) -> f32 {
    let (frequency, count) = (chunk_frequency as f32, chunk_count.max(LEAST_CHUNKS) as f32);
    (1.0 + (count - frequency).max(0.0) / (frequency + 0.5)).ln().max(0.1)
}

fn terms_of(passage: &PassageEvidence<'_>) -> HashSet<String> {
    let texts = passage.headings.iter().map(String::as_str).chain([passage.text]);
    let language = Language::of(passage.text);
    texts.flat_map(|text| analyse(text, language).words).map(|word| word.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(stem: &str, chunk_frequency: u64) -> QueryWord {
        QueryWord {
            stem: stem.to_owned(),
            other_stem: None,
            is_german: false,
            is_weak: false,
            chunk_frequency,
            weight: 1.0,
        }
    }

    fn passage(text: &str) -> PassageEvidence<'_> {
        PassageEvidence { similarity: Some(0.6), headings: &[], text }
    }

    #[test]
    fn a_passage_with_the_rare_words_counts_for_more() {
        let words = [word("case", 2), word("pump", 90)];
        let with = assess("", &words, 100, &[passage("Tighten the casing nuts.")]);
        let without = assess("", &words, 100, &[passage("Start the pump.")]);
        assert!(with.features.coverage > without.features.coverage);
        assert_eq!((with.features.missing_rarest, with.missing_words), (0.0, vec!["pump".to_owned()]));
        assert!(without.features.missing_rarest > 0.5);
        assert!(with.probability > without.probability);
    }

    #[test]
    fn words_may_lie_in_several_passages_and_in_headings() {
        let words = [word("seal", 2), word("torqu", 2)];
        let headings = ["Seal".to_owned()];
        let first = PassageEvidence { similarity: Some(0.4), headings: &headings, text: "Press it in." };
        let relevance = assess("", &words, 10, &[first, passage("The torque is 45 Nm.")]);
        assert!((relevance.features.joint_coverage - 1.0).abs() < 1e-6);
        assert!((relevance.features.coverage - 0.5).abs() < 1e-6);
        assert_eq!(relevance.features.similarity, Some(0.6));
    }

    #[test]
    fn the_question_alone_serves_when_the_index_fails() {
        let relevance = assess("How is the seal replaced?", &[], 0, &[passage("Replacing the seal: press it in.")]);
        assert!((relevance.features.coverage - 1.0).abs() < 1e-6);
        assert!(relevance.is_answerable());
    }

    #[test]
    fn nothing_found_is_nothing_to_answer_from() {
        assert!(!assess("pump", &[word("pump", 3)], 10, &[]).is_answerable());
        assert!(assess("", &[], 0, &[passage("text")]).probability.is_finite());
    }
}
