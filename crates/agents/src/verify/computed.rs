//! Sentences that carry figures no passage holds, because a call of this run computed them.
//!
//! Such a figure counts as held when all of this is so:
//! 1. It is the result of a call, with its unit, or the result rounded to the places that the sentence writes (commercially,
//!    at least two significant digits), or the date, or its weekday.
//! 2. Every number of that call's expression, with its unit, stands in a sentence of a passage that this sentence cites, in one that
//!    denies something only if this one does; or in the question; or is the result of an earlier call of which the same
//!    is true. No number is free: what needs none of its own is said by name (`pi`, `tau`, `mean`, `circle`, a square, a unit).
//! 3. What is left of the sentence without the result and these numbers is held by the cited passages as in any other
//!    sentence, words for what was done apart (`total` where something was added up).
//!
//! Whether the formula is the right one nobody can check here: so the reader is shown it beside the sentence.

use millwright_llm::text::terms;

use super::{Support, Verifier};
use crate::compute::{
    Computed, Figure,
    figures::{self, Seen, Style},
};

/// What came of looking at a sentence for computed figures.
pub(super) enum Carried {
    /// It carries none.
    Nothing,
    /// It does, and stands on these, with the equations that the reader is shown.
    Held(Vec<Support>, Vec<String>),
    /// It does, and what they were computed from is in none of its sources.
    InputsNotFound,
    /// It does, and says something else that its passages do not.
    NotHeld,
}

/// What the figures of a sentence were computed from.
#[derive(Default)]
struct Grounds {
    supports: Vec<Support>,
    /// The calls, in the order in which they were needed.
    calls: Vec<usize>,
}

/// Where a sentence may take its inputs from.
struct Sources<'s> {
    cited: &'s [usize],
    negated: bool,
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
        let seen = figures::read(text, Some(style.unwrap_or(Style::Point)));
        let sources = Sources { cited, negated: terms(text).negated };
        let mut grounds = Grounds::default();
        let (mut struck, mut is_grounded) = (Vec::new(), true);
        for figure in &seen {
            let says = |call: &usize| says(figure, &self.computed[*call]);
            let calls: Vec<usize> = (0..self.computed.len()).filter(says).collect();
            // What a passage says needs no computing.
            if calls.is_empty() || self.in_passages(figure.meanings[0], &sources).is_some() {
                continue;
            }
            struck.push(figure);
            is_grounded &= calls.iter().any(|call| self.ground(*call, &sources, &mut grounds));
        }
        if struck.is_empty() {
            return Carried::Nothing;
        }
        if !is_grounded {
            return Carried::InputsNotFound;
        }
        let is_input = |figure: &&Seen| {
            let inputs = grounds.calls.iter().flat_map(|call| self.computed[*call].inputs());
            inputs.chain(self.computed_on_the_way(&grounds)).any(|input| figure.meanings.contains(input))
        };
        struck.extend(seen.iter().filter(is_input));
        let mut rest = terms(&without(text, &struck));
        rest.words.retain(|stem| !grounds.calls.iter().any(|call| self.computed[*call].may_say(stem)));
        if rest.is_empty() && self.question.words.is_empty() {
            return Carried::NotHeld;
        }
        let mut supports = self.claimed(&rest, cited);
        if supports.is_empty() {
            return Carried::NotHeld;
        }
        for support in grounds.supports {
            let holds = |held: &Support| {
                held.passage == support.passage && held.start <= support.start && support.end <= held.end
            };
            if !supports.iter().any(holds) {
                supports.push(support);
            }
        }
        let workings = grounds.calls.iter().map(|call| self.computed[*call].equation()).collect();
        Carried::Held(supports, workings)
    }

    /// Whether each input of a call is in the sources; takes note of where.
    fn ground(&self, call: usize, sources: &Sources<'_>, grounds: &mut Grounds) -> bool {
        let before = (grounds.supports.len(), grounds.calls.len());
        let is_grounded = self.computed[call].inputs().iter().all(|input| {
            if let Some(support) = self.in_passages(*input, sources) {
                if !grounds.supports.contains(&support) {
                    grounds.supports.push(support);
                }
                return true;
            }
            let in_question = self.question_figures.iter().any(|seen| seen.meanings.contains(input));
            // Only earlier ones: two calls cannot vouch for each other.
            let is_result =
                |earlier: &usize| self.computed[*earlier].results().iter().any(|result| input.says(*result));
            in_question || (0..call).filter(is_result).any(|earlier| self.ground(earlier, sources, grounds))
        });
        if !is_grounded {
            grounds.supports.truncate(before.0);
            grounds.calls.truncate(before.1);
        } else if !grounds.calls.contains(&call) {
            grounds.calls.push(call);
        }
        is_grounded
    }

    fn in_passages(&self, figure: Figure, sources: &Sources<'_>) -> Option<Support> {
        sources.cited.iter().find_map(|at| {
            let (start, end) = self.evidence[*at].find_figure(figure, sources.negated)?;
            Some(Support { passage: *at, start, end })
        })
    }

    /// The results that later calls went on with.
    fn computed_on_the_way<'v>(&'v self, grounds: &'v Grounds) -> impl Iterator<Item = &'v Figure> {
        grounds.calls.iter().flat_map(|call| self.computed[*call].results())
    }
}

fn says(seen: &Seen, computed: &Computed) -> bool {
    seen.meanings.iter().any(|figure| computed.results().iter().any(|result| figure.says(*result)))
}

/// The text with nothing where these figures stand.
fn without(text: &str, struck: &[&Seen]) -> String {
    let mut rest = text.to_owned();
    let mut spans: Vec<(usize, usize)> = struck.iter().map(|seen| (seen.start, seen.end)).collect();
    spans.sort_unstable();
    spans.dedup();
    for (start, end) in spans.into_iter().rev() {
        rest.replace_range(start..end, " ");
    }
    rest
}

#[cfg(test)]
mod tests;
