//! Checks a draft sentence by sentence, while it streams, against the passages it cites.
//!
//! A sentence that states a fact passes in one of two ways:
//! 1. it stands byte for byte in a cited passage, or
//! 2. a run of at most three neighbouring sentences of a cited passage holds every number (with
//!    its unit), part number and code of it, at least [`MIN_COVERAGE`] of its content words,
//!    headings included. Sentences that deny something count only for denials, others only for
//!    statements.
//!
//! A marker that is missing or names a passage that does not support the sentence is replaced
//! when exactly one place does; passages that overlap there are one place. A sentence without a fact passes if it only introduces what
//! follows, and is held until something follows. All else is cut.
//!
//! A sentence that no passage holds may be held in the same way by what a tool of another system returned in this run; then it
//! names tool and minute instead of a passage.
//!
//! Or by what was counted up over the rows of a table, under the rule of `tabled`.
//!
//! A figure that no passage holds may be the result of a call of this run, under the rule of `computed`.

mod computed;
mod gate;
mod support;
mod tabled;

use std::collections::BTreeSet;

use millwright_llm::{
    NOT_IN_DOCUMENTS,
    text::{Terms, item_mark, terms, units},
};
use millwright_retrieval::search::Passage;

use crate::{
    compute::{
        Computed,
        figures::{self, Seen},
        is_mean, is_sum,
    },
    outside::OutsideResult,
};
use computed::Carried;
pub use gate::{Gate, Statement};
pub use support::{Evidence, MIN_COVERAGE, Support};
use tabled::Tabled;

/// For a sentence of hardly any words, those of the question count as said; so much must be held.
const MIN_COVERAGE_WITH_QUESTION: f32 = 0.5;

/// Why a sentence was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CutReason {
    /// It names no passage, and not exactly one passage supports it.
    NoMarker,
    /// It names a passage that was not given.
    UnknownPassage,
    /// The passages it names do not support it.
    NotSupported,
    /// It carries a computed figure, and what that was computed from is neither in the passages it names nor in the question.
    InputsNotFound,
}

/// A sentence after its check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// To be shown, with the stretches it stands on.
    Supported {
        /// White space and list mark before it.
        lead: String,
        /// The sentence.
        text: String,
        /// The passages that it stands on; none where it stands on what another system said, which `workings` names.
        supports: Vec<Support>,
        /// Whether the markers of the draft were replaced.
        relinked: bool,
        /// How the figures that no passage holds were computed: `1.5 bar ≈ 21.76 psi`, `sum of Hours over 3 of 9 rows`; or which tool said it, and when.
        workings: Vec<String>,
    },
    /// To be shown when something supported follows.
    Connective {
        /// White space and list mark before it.
        lead: String,
        /// The sentence.
        text: String,
    },
    /// Not to be shown.
    Cut {
        /// The sentence.
        text: String,
        /// Why.
        reason: CutReason,
    },
    /// The model says that the passages do not hold the answer.
    NotInDocuments,
}

/// Checks statements against the passages of one run.
#[derive(Debug)]
pub struct Verifier {
    evidence: Vec<Evidence>,
    question: Terms,
    question_text: String,
    question_figures: Vec<Seen>,
    computed: Vec<Computed>,
    /// What was counted up over rows.
    tables: Vec<Tabled>,
    /// What other systems said, with how it is named.
    outside: Vec<(Evidence, String)>,
}

impl Verifier {
    /// A verifier for drafts about `question` whose marker `[n]` names `passages[n - 1]`.
    pub fn new(question: &str, passages: &[Passage]) -> Self {
        Self {
            evidence: passages.iter().map(Evidence::of).collect(),
            question: terms(question),
            question_text: question.to_owned(),
            question_figures: figures::read(question, figures::style_of(question)),
            computed: Vec::new(),
            tables: Vec::new(),
            outside: Vec::new(),
        }
    }

    /// With what tools of other systems have returned.
    pub(crate) fn with_outside(mut self, results: &[OutsideResult]) -> Self {
        let read = |result: &OutsideResult| (Evidence::of_text(&result.tool, &result.text), result.source());
        self.outside = results.iter().map(read).collect();
        self
    }

    /// The sentences of a statement, checked.
    pub fn check(&self, statement: &Statement) -> Vec<Checked> {
        let mark = item_mark(&statement.body).unwrap_or(0);
        let (mark, content) = statement.body.split_at(mark);
        if content.contains(NOT_IN_DOCUMENTS) {
            return vec![Checked::NotInDocuments];
        }
        if !content.chars().any(char::is_alphanumeric) {
            return Vec::new();
        }
        let lead = format!("{}{mark}", statement.gap);
        let cited: Vec<usize> = self.cited(statement);
        // A quote may hold points that look like the end of a sentence.
        if let Some(support) = self.exact(content, &cited) {
            return vec![supported(lead, content, vec![support], false)];
        }
        let mut checked = Vec::new();
        let mut lead = Some(lead);
        for unit in units(content) {
            let before = lead.take().unwrap_or_else(|| " ".to_owned());
            checked.push(self.check_sentence(before, unit.of(content), &cited, statement));
        }
        checked
    }

    fn cited(&self, statement: &Statement) -> Vec<usize> {
        let index = |number: &u32| (*number as usize).checked_sub(1).filter(|at| *at < self.evidence.len());
        statement.markers.iter().filter_map(index).collect()
    }

    fn check_sentence(&self, lead: String, text: &str, cited: &[usize], statement: &Statement) -> Checked {
        let claim = terms(text);
        if self.is_connective(text, &claim) {
            return Checked::Connective { lead, text: text.to_owned() };
        }
        if let Some(support) = self.exact(text, cited) {
            return supported(lead, text, vec![support], false);
        }
        let supports = self.claimed(&claim, cited);
        if !supports.is_empty() {
            return supported(lead, text, supports, false);
        }
        let others: Vec<Support> =
            (0..self.evidence.len()).filter_map(|at| self.one_passage(text, &claim, at)).collect();
        if let Some((first, rest)) = others.split_first()
            && rest.iter().all(|other| self.is_one_place(first, other))
        {
            return supported(lead, text, vec![*first], true);
        }
        if let Some((supports, working)) = self.tabled(text) {
            let relinked = !supports.iter().all(|support| cited.contains(&support.passage));
            return Checked::Supported { lead, text: text.to_owned(), supports, relinked, workings: vec![working] };
        }
        if let Some(source) = self.said_outside(text, &claim) {
            let workings = vec![source];
            return Checked::Supported { lead, text: text.to_owned(), supports: Vec::new(), relinked: false, workings };
        }
        let carried = self.carried(text, cited);
        if let Carried::Held(supports, workings) = carried {
            return Checked::Supported { lead, text: text.to_owned(), supports, relinked: false, workings };
        }
        let reason = if statement.markers.is_empty() {
            CutReason::NoMarker
        } else if matches!(carried, Carried::InputsNotFound) {
            CutReason::InputsNotFound
        } else if cited.is_empty() {
            CutReason::UnknownPassage
        } else {
            CutReason::NotSupported
        };
        Checked::Cut { text: text.to_owned(), reason }
    }

    fn is_one_place(&self, one: &Support, other: &Support) -> bool {
        self.evidence[one.passage].meets((one.start, one.end), &self.evidence[other.passage], (other.start, other.end))
    }

    fn exact(&self, text: &str, cited: &[usize]) -> Option<Support> {
        cited.iter().find_map(|at| {
            let (start, end) = self.evidence[*at].find_exact(text)?;
            Some(Support { passage: *at, start, end })
        })
    }

    /// What supports a claim that is not a quote: one cited passage, or all of them together.
    fn claimed(&self, claim: &Terms, cited: &[usize]) -> Vec<Support> {
        if let Some(support) = cited.iter().find_map(|at| self.window(claim, *at)) {
            return vec![support];
        }
        // Each of several passages may hold its part: figures and words split between them.
        if cited.len() < 2 {
            return Vec::new();
        }
        let parts: Vec<(Support, Terms)> = cited.iter().filter_map(|at| self.best_part(claim, *at)).collect();
        let mut held = Terms::default();
        for (_, part) in &parts {
            held.extend(part);
        }
        let found = claim.words.iter().filter(|word| held.words.contains(*word)).count() as f32;
        let enough = found >= MIN_COVERAGE * claim.words.len() as f32 && !claim.is_empty();
        let of_rows = parts.iter().any(|(support, _)| self.evidence[support.passage].is_row(*support));
        let is_total = |word: &String| (is_sum(word) || is_mean(word)) && !held.words.contains(word);
        if of_rows && claim.words.iter().any(is_total) {
            return Vec::new();
        }
        if parts.len() == cited.len() && enough && held.holds_figures_of(claim) && held.negated == claim.negated {
            parts.into_iter().map(|(support, _)| support).collect()
        } else {
            Vec::new()
        }
    }

    /// What another system said that holds the claim; of several the newest.
    fn said_outside(&self, text: &str, claim: &Terms) -> Option<String> {
        let holds =
            |evidence: &Evidence| evidence.find_exact(text).or_else(|| self.window_of(evidence, claim)).is_some();
        self.outside.iter().rev().find(|(evidence, _)| holds(evidence)).map(|(_, source)| source.clone())
    }

    fn window(&self, claim: &Terms, at: usize) -> Option<Support> {
        let found = self.window_of(&self.evidence[at], claim);
        found.map(|(start, end)| Support { passage: at, start, end })
    }

    fn window_of(&self, evidence: &Evidence, claim: &Terms) -> Option<(usize, usize)> {
        let few = claim.words.len() + claim.codes.len() < 2;
        if few {
            let mut whole = claim.clone();
            whole.words.extend(self.question.words.iter().cloned());
            whole.codes.extend(self.question.codes.iter().cloned());
            evidence.find_claim(&whole, &claim.words, MIN_COVERAGE_WITH_QUESTION)
        } else {
            evidence.find_claim(claim, &BTreeSet::new(), MIN_COVERAGE)
        }
    }

    /// The sentence of a passage that shares most with a claim.
    fn best_part(&self, claim: &Terms, at: usize) -> Option<(Support, Terms)> {
        let evidence = &self.evidence[at];
        let (unit, shared) = evidence
            .sentences()
            .map(|(unit, terms)| (unit, claim.keys().filter(|key| terms.has_key(key)).count()))
            .max_by(|a, b| a.1.cmp(&b.1).then(b.0.start.cmp(&a.0.start)))?;
        (shared >= 2).then(|| (Support { passage: at, start: unit.start, end: unit.end }, evidence.terms_of(unit)))
    }

    fn one_passage(&self, text: &str, claim: &Terms, at: usize) -> Option<Support> {
        self.exact(text, &[at]).or_else(|| self.window(claim, at))
    }

    /// A sentence that says nothing of its own: only words about documents and of the question,
    /// no figures, nothing denied.
    fn is_connective(&self, text: &str, claim: &Terms) -> bool {
        let is_about_text = |word: &str| ABOUT_TEXT.contains(&word);
        let opens = text.trim_end().ends_with(':');
        let known = |word: &String| is_about_text(word) || (opens && self.question.words.contains(word));
        !claim.negated
            && claim.measures.is_empty()
            && claim.codes.iter().all(|code| opens && self.question.codes.contains(code))
            && claim.words.iter().all(known)
    }
}

fn supported(lead: String, text: &str, supports: Vec<Support>, relinked: bool) -> Checked {
    Checked::Supported { lead, text: text.to_owned(), supports, relinked, workings: Vec::new() }
}

/// Stems of words with which an answer speaks of itself and of documents.
const ABOUT_TEXT: &[&str] = &[
    "accord", "answer", "base", "below", "describ", "detail", "document", "excerpt", "explain", "follow", "given",
    "guid", "instruct", "list", "manual", "mention", "note", "overview", "passag", "point", "procedur", "provid",
    "say", "section", "sequenc", "sourc", "state", "step", "summari", "summar", "text",
];

#[cfg(test)]
pub(crate) mod tests;
