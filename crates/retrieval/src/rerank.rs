//! Ordering candidates anew by what the best of them have in common.
//!
//! A question is short and uses its own words; the passages that answer it use the manual's. So the best few candidates are
//! taken as examples: their telling words and their mean vector are added to the question's (Rocchio's feedback, as in RM3),
//! all candidates are scored again, and each is moved a little towards those that say nearly the same. Nothing is searched
//! again and no model is asked: the cost is some postings and a few thousand dot products.
//!
//! The numbers below were chosen for both judged collections together and are flat around their values: see
//! `docs/adr/0013-fusion-and-feedback.md`.

use std::collections::HashMap;

use crate::{
    analysis::{Language, analyse},
    error::RetrievalError,
    fusion::{fuse, order},
    keyword::ChunkScorer,
};

/// Candidates that are ordered anew; those behind stay where they are.
pub(crate) const POOL: usize = 60;
/// The best few that are taken as examples: at most so many, and at most a quarter of the candidates, so that the one
/// document of a new tenant is no example of itself.
const EXAMPLES: usize = 4;
const CANDIDATES_PER_EXAMPLE: usize = 4;
/// Words that the examples add, and how many of their most frequent are looked up for it.
const WORDS: usize = 30;
const WORDS_LOOKED_UP: usize = 60;
/// Shorter stems say little.
const LEAST_LETTERS: usize = 3;
/// Of the keyword score, the part of the question's own words.
const OWN_WORDS: f32 = 0.7;
/// Of the vector, the part of the examples.
const EXAMPLES_IN_VECTOR: f32 = 0.5;
/// How far a candidate is moved towards its nearest ones, how many these are, and how near they must be at least.
const TOWARDS_NEAREST: f32 = 0.2;
const NEAREST: usize = 5;
const LEAST_NEARNESS: f32 = 0.3;

/// What is known of a candidate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'c> {
    /// Headings above it.
    pub(crate) headings: &'c [String],
    /// Its text.
    pub(crate) text: &'c str,
    /// The vector of its window that is nearest to the question.
    pub(crate) embedding: Option<&'c [f32]>,
}

/// The question as both sides know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'q> {
    /// How many words it has, each as much as it counts.
    pub(crate) words: f32,
    /// Its vector.
    pub(crate) embedding: &'q [f32],
}

/// New scores for the best [`POOL`] of the candidates, `None` for the others. `keyword` and `fused` are the scores that they
/// have; `None` for all when there are too few to learn from.
pub(crate) fn rerank(
    question: Question<'_>,
    scorer: &ChunkScorer,
    candidates: &[Candidate<'_>],
    keyword: &[f32],
    fused: &[f32],
) -> Result<Vec<Option<f32>>, RetrievalError> {
    let ordered = order(fused);
    let examples = &ordered[..EXAMPLES.min(candidates.len() / CANDIDATES_PER_EXAMPLE)];
    if examples.is_empty() {
        return Ok(vec![None; candidates.len()]);
    }
    let weights = weights(examples, fused);
    let examples: Vec<(Candidate<'_>, f32)> =
        examples.iter().zip(&weights).map(|(place, weight)| (candidates[*place], *weight)).collect();
    let words = telling_words(&examples, scorer)?;
    let of_words = scorer.words(&words)?;
    let own = OWN_WORDS / question.words.max(1.0);
    let keyword: Vec<f32> =
        keyword.iter().zip(&of_words).map(|(score, more)| own * score + (1.0 - OWN_WORDS) * more).collect();
    let aim = aim(question.embedding, &examples);
    let near: Vec<Option<f32>> =
        candidates.iter().map(|candidate| candidate.embedding.map(|embedding| dot(&aim, embedding))).collect();
    // One without a vector is neither near nor far.
    let mean = near.iter().flatten().sum::<f32>() / near.iter().flatten().count().max(1) as f32;
    let vector: Vec<f32> = near.into_iter().map(|near| near.unwrap_or(mean)).collect();
    let scores = fuse(&keyword, &vector);
    let pool = &ordered[..POOL.min(ordered.len())];
    let mut moved = vec![None; candidates.len()];
    for place in pool {
        moved[*place] = Some(towards_nearest(*place, pool, candidates, &scores));
    }
    Ok(moved)
}

/// How much each example counts: by how far it is behind the first, sum 1.
fn weights(examples: &[usize], fused: &[f32]) -> Vec<f32> {
    let first = examples.first().map_or(0.0, |place| fused[*place]);
    let raw: Vec<f32> = examples.iter().map(|place| (fused[*place] - first).exp()).collect();
    let sum: f32 = raw.iter().sum();
    raw.iter().map(|weight| weight / sum).collect()
}

/// The words that say most of what the examples are about, with weights of sum 1.
fn telling_words(
    examples: &[(Candidate<'_>, f32)],
    scorer: &ChunkScorer,
) -> Result<Vec<(String, f32)>, RetrievalError> {
    let mut shares: HashMap<String, f32> = HashMap::new();
    for (candidate, weight) in examples {
        let language = Language::of(candidate.text);
        let texts = candidate.headings.iter().map(String::as_str).chain([candidate.text]);
        let words: Vec<String> = texts.flat_map(|text| analyse(text, language).words).map(|word| word.text).collect();
        let each = weight / words.len().max(1) as f32;
        for word in words {
            if !language.is_stop_word(&word) && word.chars().count() >= LEAST_LETTERS {
                *shares.entry(word).or_default() += each;
            }
        }
    }
    let most = |shares: HashMap<String, f32>, by: &dyn Fn(&str, f32) -> f32, count: usize| {
        let mut words: Vec<(String, f32)> = shares.into_iter().collect();
        // Equal words in the order of the alphabet: the same question always has the same answer.
        words.sort_by(|a, b| by(&b.0, b.1).total_cmp(&by(&a.0, a.1)).then_with(|| a.0.cmp(&b.0)));
        words.truncate(count);
        words
    };
    let frequent = most(shares, &|_, share| share, WORDS_LOOKED_UP);
    let names: Vec<String> = frequent.iter().map(|(word, _)| word.clone()).collect();
    let rarities = scorer.rarities(&names)?;
    let rarity = |word: &str, share: f32| share * rarities.get(word).copied().unwrap_or_default();
    let telling = most(frequent.into_iter().collect(), &rarity, WORDS);
    let sum: f32 = telling.iter().map(|(_, share)| share).sum();
    Ok(telling.into_iter().map(|(word, share)| (word, share / sum.max(f32::MIN_POSITIVE))).collect())
}

/// The question's vector, half of the way towards the mean of the examples.
fn aim(question: &[f32], examples: &[(Candidate<'_>, f32)]) -> Vec<f32> {
    let mut mean = vec![0.0; question.len()];
    for (candidate, weight) in examples {
        for (sum, value) in mean.iter_mut().zip(candidate.embedding.unwrap_or_default()) {
            *sum += weight * value;
        }
    }
    let length = dot(&mean, &mean).sqrt();
    if length < f32::EPSILON {
        return question.to_vec();
    }
    let towards = |(own, mean): (&f32, &f32)| (1.0 - EXAMPLES_IN_VECTOR) * own + EXAMPLES_IN_VECTOR * mean / length;
    question.iter().zip(&mean).map(towards).collect()
}

fn towards_nearest(place: usize, pool: &[usize], candidates: &[Candidate<'_>], scores: &[f32]) -> f32 {
    let own = scores[place];
    let Some(embedding) = candidates[place].embedding else { return own };
    let mut near: Vec<(f32, usize)> = pool
        .iter()
        .filter(|other| **other != place)
        .filter_map(|other| Some((dot(embedding, candidates[*other].embedding?), *other)))
        .filter(|(nearness, _)| *nearness >= LEAST_NEARNESS)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.truncate(NEAREST);
    if near.is_empty() {
        return own;
    }
    let mean = near.iter().map(|(_, other)| scores[*other]).sum::<f32>() / near.len() as f32;
    let part = TOWARDS_NEAREST * near.len() as f32 / NEAREST as f32;
    (1.0 - part) * own + part * mean
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums side by side, so that the compiler can use wide registers.
    let mut sums = [0.0_f32; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    rest + sums.iter().sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(embedding: &[f32]) -> Candidate<'_> {
        Candidate { headings: &[], text: "", embedding: Some(embedding) }
    }

    #[test]
    fn the_aim_lies_between_question_and_examples() {
        let aim = aim(&[1.0, 0.0], &[(candidate(&[0.0, 1.0]), 1.0)]);
        assert_eq!(aim, [0.5, 0.5]);
        let unknown = Candidate { headings: &[], text: "", embedding: None };
        assert_eq!(super::aim(&[1.0, 0.0], &[(unknown, 1.0)]), [1.0, 0.0]);
    }

    #[test]
    fn a_candidate_among_good_ones_rises_and_a_stranger_stays() {
        let (like, unlike) = ([1.0, 0.0], [0.0, 1.0]);
        let candidates = [candidate(&like), candidate(&like), candidate(&unlike)];
        let scores = [2.0, 0.0, 0.0];
        let pool = [0, 1, 2];
        assert!(towards_nearest(1, &pool, &candidates, &scores) > 0.0);
        assert!(towards_nearest(0, &pool, &candidates, &scores) < 2.0);
        assert!(towards_nearest(2, &pool, &candidates, &scores).abs() < 1e-6);
    }

    #[test]
    fn examples_count_by_how_near_they_come_to_the_first() {
        let weights = weights(&[1, 0], &[1.0, 2.0]);
        assert!(weights[0] > 2.0 * weights[1] && (weights[0] + weights[1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn dot_products_are_whole() {
        let a: Vec<f32> = (0..19_u8).map(f32::from).collect();
        let sum: f32 = (0..19_u16).map(|n| f32::from(n * n)).sum();
        assert!((dot(&a, &a) - sum).abs() < 1e-3);
    }
}
