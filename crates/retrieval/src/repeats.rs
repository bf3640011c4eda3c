//! What says the same as something better placed is left out.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use crate::search::Passage;

/// Two passages of one page that share more than this of the shorter one say the same.
const OVERLAP: f32 = 0.5;
/// Two passages whose runs of words are alike to this share, and whose figures are the same, say the same: copies of a manual
/// of which one has another footer, or a chapter that two manuals share.
const LIKENESS: f32 = 0.85;
/// Words in a run.
const RUN: usize = 3;

/// Keeps the better of two passages that overlap widely or say nearly the same: a reader gains nothing from the second, and an
/// answer would cite one fact twice. Passages that differ in a number or a code are both kept: one of them is another fact.
/// The first `most` that are kept; what follows is not looked at.
pub(crate) fn fold_repeats(passages: Vec<Passage>, most: usize) -> Vec<Passage> {
    let mut kept: Vec<Passage> = Vec::new();
    let mut prints: Vec<Print> = Vec::new();
    for passage in passages {
        if kept.len() == most {
            break;
        }
        let print = Print::of(&passage.text);
        let repeats = kept
            .iter()
            .zip(&prints)
            .any(|(other, of_other)| overlaps(other, &passage) || of_other.says_the_same_as(&print));
        if !repeats {
            kept.push(passage);
            prints.push(print);
        }
    }
    kept
}

fn overlaps(a: &Passage, b: &Passage) -> bool {
    if a.document_id != b.document_id || a.page_number != b.page_number || a.version != b.version {
        return false;
    }
    let shared = a.char_end.min(b.char_end) - a.char_start.max(b.char_start);
    let shorter = (a.char_end - a.char_start).min(b.char_end - b.char_start).max(1);
    shared as f32 > OVERLAP * shorter as f32
}

/// What can be compared of a text.
struct Print {
    /// Hashes of all words in order.
    whole: u64,
    /// Hashes of all runs of words.
    runs: HashSet<u64>,
    /// Words with digits, in order.
    figures: u64,
}

impl Print {
    fn of(text: &str) -> Self {
        let words: Vec<String> = text
            .split_whitespace()
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
            .filter(|word| !word.is_empty())
            .collect();
        let figures: Vec<&String> =
            words.iter().filter(|word| word.bytes().any(|byte| byte.is_ascii_digit())).collect();
        Self { whole: hash(&words), runs: words.windows(RUN).map(hash).collect(), figures: hash(&figures) }
    }

    fn says_the_same_as(&self, other: &Self) -> bool {
        if self.whole == other.whole {
            return true;
        }
        let (few, many) = if self.runs.len() < other.runs.len() { (self, other) } else { (other, self) };
        // Most pairs are told apart by these two, and never counted.
        if self.figures != other.figures
            || few.runs.is_empty()
            || (few.runs.len() as f32) < LIKENESS * many.runs.len() as f32
        {
            return false;
        }
        let shared = few.runs.iter().filter(|run| many.runs.contains(run)).count();
        shared as f32 >= LIKENESS * (few.runs.len() + many.runs.len() - shared) as f32
    }
}

fn hash(words: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Print::of(a).says_the_same_as(&Print::of(b))
    }

    const STEP: &str = "Close the inlet valve, let the pressure fall below 2 bar and open the drain. Wait until the casing is empty \
                        before the cover is taken off, and keep the gasket for inspection by the maintenance team.";

    #[test]
    fn copies_with_another_layout_or_footer_are_one() {
        assert!(same(STEP, &STEP.replace(' ', "\n")));
        assert!(same(STEP, &format!("{STEP} Internal use.")));
    }

    #[test]
    fn another_figure_is_another_fact_however_much_is_the_same() {
        assert!(!same(STEP, &STEP.replace("2 bar", "3 bar")));
        assert!(!same("Part 6205-2RS", "Part 6205-ZZ"));
    }

    #[test]
    fn texts_that_share_some_words_are_two() {
        let other = "Open the inlet valve slowly, let the pressure rise to 2 bar and close the drain. Wait until the casing is full \
                     before the cover is checked for leaks, and call the maintenance team.";
        assert!(!same(STEP, other));
        assert!(!same("", "Close the valve.") && !same("Close valve", "Open valve"));
    }
}
