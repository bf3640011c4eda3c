//! The options of a question whose answer is chosen.

use super::{Dense, log};
use crate::text::{self, Kind, Parts};

/// Options that are looked at.
const MOST: usize = 10;
/// Distinct words of one option, or of the question, that are compared.
const MOST_WORDS: usize = 400;

/// Adds what the options look like; zeros where there are none.
pub(super) fn describe(parts: &Parts<'_>, dense: &mut Dense) {
    let options: Vec<&str> = parts.options.iter().take(MOST).copied().collect();
    let lengths: Vec<f32> = options.iter().map(|option| option.len() as f32).collect();
    let mean = mean(lengths.iter().copied());
    let spread = self::mean(lengths.iter().map(|length| (length - mean).powi(2))).sqrt();
    let share = |wanted: &dyn Fn(&str) -> bool| self::mean(options.iter().map(|option| f32::from(wanted(option))));
    let sets: Vec<Vec<u64>> = options.iter().map(|option| words(option)).collect();
    let stem = words(parts.stem);
    let pairs = sets.iter().enumerate().flat_map(|(at, one)| sets.iter().take(at).map(move |other| (one, other)));
    dense.extend([
        ("options", options.len() as f32),
        ("length of options", log(mean)),
        ("longest option", log(lengths.iter().copied().fold(0.0, f32::max))),
        (
            "shortest option",
            log(lengths.iter().copied().fold(f32::INFINITY, f32::min).min(1e6) * f32::from(!options.is_empty())),
        ),
        ("options of unlike length", spread / (mean + 1.0)),
        ("options that are numbers", share(&is_number)),
        ("options with numbers", share(&|option| option.contains(|sign: char| sign.is_ascii_digit()))),
        ("options alike", self::mean(pairs.map(|(one, other)| alike(one, other)))),
        (
            "options repeat the question",
            self::mean(sets.iter().map(|set| common(set, &stem) / set.len().max(1) as f32)),
        ),
        ("commas in options", self::mean(options.iter().map(|option| option.matches(',').count() as f32))),
        ("options that are sentences", share(&|option| option.ends_with('.'))),
        ("options with a capital", share(&|option| option.starts_with(char::is_uppercase))),
        (
            "options of all or none",
            share(&|option| {
                let option = option.to_lowercase();
                ["all of", "none of", "both", "neither", "not wrong"].iter().any(|words| option.contains(words))
            }),
        ),
        ("words of the first option", log(sets.first().map_or(0.0, |set| set.len() as f32))),
        (
            "longest option is last",
            f32::from(lengths.last().is_some_and(|last| lengths.iter().all(|length| length <= last))),
        ),
        ("formulas in options", share(&|option| option.contains(['=', '^', '\\', '+', '/', '−']))),
    ]);
}

fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// Distinct words, as sorted hashes.
fn words(text: &str) -> Vec<u64> {
    let tokens = text::tokens(text);
    let mut words: Vec<u64> = tokens
        .iter()
        .filter(|token| token.kind != Kind::Sign)
        .take(MOST_WORDS)
        .map(|token| text::hash(0, token.text))
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn common(one: &[u64], other: &[u64]) -> f32 {
    one.iter().filter(|word| other.binary_search(word).is_ok()).count() as f32
}

fn alike(one: &[u64], other: &[u64]) -> f32 {
    let common = common(one, other);
    common / ((one.len() + other.len()) as f32 - common).max(1.0)
}

fn is_number(option: &str) -> bool {
    let rest = option.trim_start_matches(|sign: char| sign.is_ascii_digit() || " .,$%/+-−".contains(sign));
    rest.len() < option.len() && rest.len() <= 6
}
