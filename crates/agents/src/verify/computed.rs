//! Sentences that carry figures no passage holds, because a call of this run computed them.
//!
//! Such a figure counts as held when all of this is so:
//! 1. It is the result of a call, with its unit, or the result rounded to the places that the sentence writes (commercially,
//!    at least two significant digits), or the date, or its weekday.
//! 2. What is left of the sentence without it is held by the cited passages as in any other sentence, words for what was done
//!    apart (`total` where something was added up).
//! 3. Every number of that call, with its unit, stands in the very stretch that holds the rest ([`ground`] says how), or
//!    is the result of an earlier call of which the same is true; at least one does. A figure of the question may be a factor
//!    beside it. No number is free: what needs none of its own is said by name (`pi`, `mean`, `circle`, a unit).
//! 4. Where it measures what one of these numbers does, and is not that number in another unit, the sentence says what was
//!    done: else it would contradict its source.
//!
//! Whether the formula is the right one nobody can check here: so the reader is shown it beside the sentence.

mod ground;

use std::collections::BTreeSet;

use millwright_llm::text::{Terms, terms};

use super::{Support, Verifier};
use crate::compute::{
    Computed,
    figures::{self, Seen},
};
use ground::{Grounded, Grounding, Stretch};

/// Words by which a total is said of one thing again.
const HANDING_OUT: [&str; 19] = [
    "each",
    "every",
    "apiece",
    "per",
    "one",
    "single",
    "any",
    "individual",
    "individually",
    "respectively",
    "pro",
    "je",
    "jeweils",
    "ein",
    "eine",
    "einem",
    "einen",
    "einer",
    "eines",
];

/// What came of looking at a sentence for computed figures.
#[derive(Debug, PartialEq)]
pub(super) enum Carried {
    /// It carries none.
    Nothing,
    /// It does, and stands on these, with the equations that the reader is shown.
    Held(Vec<Support>, Vec<String>),
    /// It does, and what they were computed from is not where the rest of it is.
    InputsNotFound,
    /// It does, and says something else that its passages do not.
    NotHeld,
}

/// A figure of a sentence, and the calls whose result it says.
struct Struck {
    start: usize,
    end: usize,
    calls: Vec<usize>,
}

impl Verifier {
    /// The same, for drafts that may also carry what these calls have computed.
    pub(crate) fn with_computed(mut self, computed: &[Computed]) -> Self {
        self.computed = computed.to_vec();
        self
    }

    /// Checks the figures of a sentence that its passages do not hold as it is.
    pub(super) fn carried(&self, text: &str, cited: &[usize]) -> Carried {
        if self.computed.is_empty() || cited.is_empty() {
            return Carried::Nothing;
        }
        let style = figures::style_of(text).or_else(|| figures::style_of(&self.question_text));
        let seen = figures::read(text, style);
        let negated = terms(text).negated;
        let struck: Vec<Struck> = seen.iter().filter_map(|figure| self.struck(figure, cited, negated)).collect();
        if struck.is_empty() {
            return Carried::Nothing;
        }
        if struck.iter().any(|struck| ends_a_range(text, struck)) {
            return Carried::NotHeld;
        }
        let all: Vec<usize> = (0..self.computed.len()).collect();
        let mut carried = Carried::NotHeld;
        for supports in self.stretches(&self.rest(text, &struck, &all), cited) {
            let stretch = Stretch::new(self, &supports, &terms(&without(text, &struck)));
            if !letters(text, &seen).all(|letter| stretch.has_letter(letter)) {
                continue;
            }
            let one = |struck: &Struck| struck.calls.iter().find_map(|call| Grounding::new(&stretch).root(*call));
            let Some(grounded) = struck.iter().map(one).collect::<Option<Vec<Grounded>>>() else {
                carried = Carried::InputsNotFound;
                continue;
            };
            let mut calls: Vec<usize> = grounded.iter().flat_map(|grounded| grounded.calls.iter().copied()).collect();
            let mut once = BTreeSet::new();
            calls.retain(|call| once.insert(*call));
            let rest = self.rest(text, &struck, &calls);
            let says_enough = !rest.is_empty() || !self.question.words.is_empty();
            let is_clear = grounded.iter().all(|grounded| self.says_what_was_done(text, grounded));
            if says_enough && is_clear && self.stretches(&rest, cited).contains(&supports) {
                let workings = calls.iter().map(|call| self.computed[*call].equation()).collect();
                return Carried::Held(supports, workings);
            }
            carried = Carried::NotHeld;
        }
        carried
    }

    /// A figure that calls have computed and no cited passage says.
    fn struck(&self, figure: &Seen, cited: &[usize], negated: bool) -> Option<Struck> {
        // `1.200 l` may be twelve hundred: who reads it decides, and not the one that fits.
        if figure.meanings.len() > 1 {
            return None;
        }
        let calls: Vec<usize> = (0..self.computed.len()).filter(|call| says(figure, &self.computed[*call])).collect();
        let is_said = || cited.iter().any(|at| self.evidence[*at].has_figure(figure.meanings[0], negated));
        (!calls.is_empty() && !is_said()).then_some(Struck { start: figure.start, end: figure.end, calls })
    }

    /// What the passages have to hold: all but the results, and the words for what these calls did.
    fn rest(&self, text: &str, struck: &[Struck], calls: &[usize]) -> Terms {
        let mut rest = terms(&without(text, struck));
        rest.words.retain(|stem| !calls.iter().any(|call| self.computed[*call].may_say(stem)));
        rest
    }

    /// The stretches that hold a claim: one of a cited passage, or, where none does, those that hold it together.
    fn stretches(&self, claim: &Terms, cited: &[usize]) -> Vec<Vec<Support>> {
        let whole: Vec<Vec<Support>> =
            cited.iter().filter_map(|at| self.window(claim, *at)).map(|support| vec![support]).collect();
        let together = if whole.is_empty() { self.claimed(claim, cited) } else { Vec::new() };
        if together.is_empty() { whole } else { vec![together] }
    }

    /// A total of 100 g is not the 25 g for each bearing: where a result could be taken for a number of its source, the sentence
    /// has a word for what was done, and none that hands it out again.
    fn says_what_was_done(&self, text: &str, grounded: &Grounded) -> bool {
        let calls = || grounded.calls.iter().map(|call| &self.computed[*call]);
        if calls().all(Computed::is_conversion) || !grounded.measures_an_input {
            return true;
        }
        let lower = text.to_lowercase();
        let words = || lower.split(|c: char| !c.is_alphanumeric());
        let hands_out =
            |word: &str| HANDING_OUT.contains(&word) || word.starts_with("jede") || word.starts_with("einzeln");
        let of_all = |word: &str| matches!(word, "all" | "alle" | "allen" | "aller" | "sämtliche" | "sämtlichen");
        let stems = terms(text).words;
        !words().any(hands_out)
            && calls().any(|call| {
                stems.iter().any(|stem| call.is_named_by(stem)) || (call.is_of_all() && words().any(of_all))
            })
    }
}

fn says(seen: &Seen, computed: &Computed) -> bool {
    seen.meanings.iter().any(|figure| computed.results().iter().any(|result| figure.says(*result)))
}

/// Whether a number stands before the figure that takes its unit from it: `1.5–21.76 psi` says 1.5 psi.
fn ends_a_range(text: &str, struck: &Struck) -> bool {
    const SIGNS: [&str; 12] = ["–", "-", "…", "...", "/", "to", "bis", "and", "und", "or", "oder", "by"];
    let before = text[..struck.start].trim_end();
    let sign = SIGNS.iter().filter_map(|sign| before.strip_suffix(sign));
    let mut outer = sign.map(str::trim_end).filter(|outer| outer.len() < before.len());
    outer.any(|outer| outer.ends_with(|c: char| c.is_ascii_digit()))
}

/// The text with nothing where these figures stand.
fn without(text: &str, struck: &[Struck]) -> String {
    let mut rest = text.to_owned();
    for Struck { start, end, .. } in struck.iter().rev() {
        rest.replace_range(*start..*end, " ");
    }
    rest
}

/// Capital letters that stand alone, as in `valve A`; not the first word, and not within a figure.
pub(super) fn letters<'t>(text: &'t str, seen: &'t [Seen]) -> impl Iterator<Item = char> + 't {
    let stands_alone = |(at, c): &(usize, char)| {
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '/' | '.'));
        let after = &text[at + c.len_utf8()..];
        let next = after.chars().next().filter(|c| *c != '.' || after.len() > 1);
        c.is_uppercase() && *at > 0 && !joins(text[..*at].chars().next_back()) && !joins(next)
    };
    let letters = text.char_indices().filter(stands_alone);
    letters.filter(|(at, _)| !seen.iter().any(|seen| (seen.start..seen.end).contains(at))).map(|(_, c)| c)
}

#[cfg(test)]
mod tests;
