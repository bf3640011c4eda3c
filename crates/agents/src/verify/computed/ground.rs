//! Whether a call stands on the stretch of a passage that holds the rest of its sentence.

use millwright_llm::text::Terms;

use super::{Support, Verifier};
use crate::compute::{Dimension, Figure};

/// The stretch of one passage or more that holds the rest of a sentence.
pub(super) struct Stretch<'v> {
    verifier: &'v Verifier,
    supports: &'v [Support],
    rest: Terms,
}

impl<'v> Stretch<'v> {
    pub(super) fn new(verifier: &'v Verifier, supports: &'v [Support], rest: &Terms) -> Self {
        Self { verifier, supports, rest: rest.clone() }
    }

    /// How often a figure stands in it. Passages overlap, so that two of them may say the same place.
    fn count(&self, figure: Figure) -> usize {
        let count = |support: &Support| self.verifier.evidence[support.passage].count(figure, *support, &self.rest);
        self.supports.iter().map(count).max().unwrap_or_default()
    }

    pub(super) fn has_letter(&self, letter: char) -> bool {
        self.supports.iter().any(|support| {
            let text = self.verifier.evidence[support.passage].text_of(*support);
            text.split(|c: char| !c.is_alphanumeric()).any(|word| word.chars().eq([letter]))
        })
    }
}

/// What a figure stands on.
pub(super) struct Grounded {
    /// The calls, in the order in which they are needed.
    pub(super) calls: Vec<usize>,
    /// Whether a number of the passages measures the same as the result.
    pub(super) measures_an_input: bool,
}

/// The search for what one figure stands on. Each number of a source counts as often as it stands there, and each result once: what
/// is used again can cancel itself out, and `4/4 + 4/4` makes any number of one 4. So no call is looked at twice.
pub(super) struct Grounding<'s> {
    stretch: &'s Stretch<'s>,
    tried: Vec<bool>,
    calls: Vec<usize>,
    held: Vec<Figure>,
    asked: Vec<Figure>,
    /// Inputs looked at.
    pub(super) steps: usize,
}

impl<'s> Grounding<'s> {
    pub(super) fn new(stretch: &'s Stretch<'s>) -> Self {
        let tried = vec![false; stretch.verifier.computed.len()];
        Self { stretch, tried, calls: Vec::new(), held: Vec::new(), asked: Vec::new(), steps: 0 }
    }

    /// What a call stands on, if it does.
    pub(super) fn root(mut self, call: usize) -> Option<Grounded> {
        if !self.ground(call) {
            return None;
        }
        let computed = &self.stretch.verifier.computed;
        let of_result = computed[call].results().first()?.dimension();
        // pi/tau is a half from nowhere.
        let constants = self.calls.iter().map(|call| computed[*call].constants());
        let (named, circles) =
            constants.fold((0, 0), |sum, constants| (sum.0 + constants.named, sum.1 + constants.circles));
        if named > 1 || (named > 0 && circles > 0) {
            return None;
        }
        // What was asked with is no fact: not even after a detour over another measure.
        if self.asked.iter().any(|asked| asked.dimension() == of_result && of_result != Dimension::NUMBER) {
            return None;
        }
        let measures_an_input = self.held.iter().any(|held| held.dimension() == of_result);
        Some(Grounded { calls: self.calls, measures_an_input })
    }

    /// Whether each input of a call is in the sources and one of them in a passage; takes note of them.
    pub(super) fn ground(&mut self, call: usize) -> bool {
        if std::mem::replace(&mut self.tried[call], true) {
            return false;
        }
        let before = (self.calls.len(), self.held.len(), self.asked.len());
        let computed = &self.stretch.verifier.computed[call];
        let mut is_held = false;
        let is_grounded = !computed.results().iter().any(|result| result.is_trivial())
            && computed.inputs().iter().all(|input| {
                self.steps += 1;
                if self.is_in_passages(*input) {
                    self.held.push(*input);
                    is_held = true;
                    return true;
                }
                let is_asked = !computed.adds() && self.is_in_question(*input);
                if is_asked {
                    self.asked.push(*input);
                }
                is_asked || {
                    let is_result = self.is_result(call, *input);
                    is_held |= is_result;
                    is_result
                }
            });
        if is_grounded && is_held {
            self.calls.push(call);
            return true;
        }
        self.calls.truncate(before.0);
        self.held.truncate(before.1);
        self.asked.truncate(before.2);
        false
    }

    fn is_in_passages(&self, input: Figure) -> bool {
        let used = self.held.iter().filter(|held| **held == input).count();
        !is_plain_zero(input) && used < self.stretch.count(input)
    }

    fn is_in_question(&self, input: Figure) -> bool {
        let used = self.asked.iter().filter(|asked| **asked == input).count();
        let seen = self.stretch.verifier.question_figures.iter();
        !is_plain_zero(input) && used < seen.filter(|seen| seen.meanings == [input]).count()
    }

    /// Whether it is the result of a call before: two calls cannot vouch for each other.
    fn is_result(&mut self, call: usize, input: Figure) -> bool {
        (0..call).any(|earlier| {
            let results = self.stretch.verifier.computed[earlier].results();
            results.iter().any(|result| input.repeats(*result)) && self.ground(earlier)
        })
    }
}

/// Whatever is multiplied with it no longer matters.
fn is_plain_zero(figure: Figure) -> bool {
    figure.dimension() == Dimension::NUMBER && figure.is_zero()
}
