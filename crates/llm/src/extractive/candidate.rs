//! The units of the given passages, weighed against a question.

use std::collections::HashMap;

use super::{
    question::{Asks, Question, same_as},
    shape,
};
use crate::{
    model::PromptPassage,
    text::{Terms, Unit, UnitKind, cells, headers, terms, units},
};

/// How much of a word counts that stands beside the unit instead of in it.
const IN_SYNONYM: f32 = 0.85;
const IN_LEAD: f32 = 0.7;
const IN_COLUMNS: f32 = 0.7;
const IN_HEADING: f32 = 0.6;
const IN_NAME: f32 = 0.4;

/// A passage cut into units.
pub(super) struct Source<'p> {
    pub(super) passage: &'p PromptPassage,
    pub(super) units: Vec<Unit>,
    pub(super) unit_terms: Vec<Terms>,
    /// What the headings say.
    pub(super) heading: Terms,
    /// What the document's name says.
    pub(super) name: Terms,
    /// The row that names the columns, of each row that has one in this passage.
    pub(super) headers: Vec<Option<usize>>,
    /// The row that names the columns of a table that goes on here, from the passage in which it begins.
    begun: Option<&'p str>,
    /// How retrieval ranks it, 0.75 to 1.
    prior: f32,
}

impl<'p> Source<'p> {
    pub(super) fn read(passages: &'p [PromptPassage]) -> Vec<Self> {
        let best = passages.iter().map(|passage| passage.score).fold(f32::EPSILON, f32::max);
        let mut sources: Vec<Self> = passages
            .iter()
            .map(|passage| {
                let mut units = units(&passage.text);
                shape::tell_titles(&passage.text, &mut units, &passage.heading_path);
                let unit_terms: Vec<Terms> = units.iter().map(|unit| terms(unit.of(&passage.text))).collect();
                Self {
                    passage,
                    headers: headers(&passage.text, &units),
                    unit_terms,
                    units,
                    heading: terms(&passage.heading_path.join(" ")),
                    name: terms(&passage.document_name.replace(['_', '.'], " ")),
                    begun: None,
                    prior: 0.75 + 0.25 * (passage.score / best).clamp(0.0, 1.0),
                }
            })
            .collect();
        let begun: Vec<_> = sources.iter().map(|source| source.beginning(&sources)).collect();
        for (source, begun) in sources.iter_mut().zip(begun) {
            source.begun = begun;
        }
        sources
    }

    /// Where a passage begins with rows that nothing names: the header of the same table in another passage.
    fn beginning(&self, others: &[Self]) -> Option<&'p str> {
        let width = cells(self.text(self.rows_that_go_on()?)).len();
        others
            .iter()
            .filter(|other| {
                other.passage.document_name == self.passage.document_name
                    && other.passage.heading_path == self.passage.heading_path
            })
            .flat_map(|other| other.headers.iter().flatten().map(|header| other.text(*header)))
            .find(|header| cells(header).len() == width)
    }

    /// The header that came with the passage, which begins in the middle of its table.
    pub(super) fn own_header(&self) -> Option<&'p str> {
        self.passage.table_header.as_deref()
    }

    /// Whether a unit is among the rows with which the passage begins. A blank line begins another table.
    pub(super) fn goes_on(&self, unit: usize) -> bool {
        self.units[..=unit].iter().all(|before| before.kind == UnitKind::Row)
            && !self.passage.text[..self.units[unit].start].contains("\n\n")
    }

    /// The first unit, if it is a row without a header.
    fn rows_that_go_on(&self) -> Option<usize> {
        let first = self.units.first()?;
        (first.kind == UnitKind::Row && !self.is_header(0)).then_some(0)
    }

    pub(super) fn is_header(&self, unit: usize) -> bool {
        self.headers.contains(&Some(unit)) && !(self.own_header().is_some() && self.goes_on(unit))
    }

    /// The row that names the columns of a row, also where it stands in another passage.
    fn columns(&self, unit: usize) -> Option<&'p str> {
        if self.goes_on(unit) && self.own_header().is_some() {
            return self.own_header();
        }
        match self.headers[unit] {
            Some(header) => Some(self.text(header)),
            None => self.begun.filter(|_| self.goes_on(unit)),
        }
    }

    pub(super) fn text(&self, unit: usize) -> &'p str {
        self.units[unit].of(&self.passage.text)
    }

    /// Whether the passage, its headings or its document's name hold a name, however it is spaced.
    fn mentions(&self, name: &str) -> bool {
        let (plain, wanted) = (shape::letters_and_digits, shape::letters_and_digits(name));
        [self.passage.text.as_str(), self.passage.document_name.as_str()]
            .into_iter()
            .chain(self.passage.heading_path.iter().map(String::as_str))
            .any(|text| plain(text).contains(&wanted))
    }

    /// Whether a row is that of the thing of this name: its first cell names what a row is about.
    fn row_is_of(&self, unit: usize, name: &str) -> bool {
        self.units[unit].kind == UnitKind::Row
            && self.unit_terms[unit].codes.contains(name)
            && cells(self.text(unit)).first().is_some_and(|cell| terms(cell).codes.contains(name))
    }

    /// The headings inside the passage and the introduction above a unit.
    pub(super) fn lead(&self, unit: usize) -> Terms {
        let mut lead = Terms::default();
        for before in (0..unit).rev() {
            let text = self.text(before);
            let is_heading = self.units[before].kind == UnitKind::Heading;
            if is_heading || text.ends_with([':', '?']) {
                lead.extend(&self.unit_terms[before]);
            }
            if is_heading {
                break;
            }
        }
        lead
    }
}

/// What the words of a question weigh in these passages.
pub(super) struct Weights {
    weights: Vec<(String, f32)>,
    total: f32,
}

impl Weights {
    pub(super) fn of(question: &Question, sources: &[Source<'_>]) -> Self {
        let mut found: HashMap<&str, f32> = HashMap::new();
        let mut count = 0.0_f32;
        for source in sources {
            for terms in &source.unit_terms {
                count += 1.0;
                for key in &question.keys {
                    if same_as(key).any(|other| terms.has_key(other)) {
                        *found.entry(key).or_default() += 1.0;
                    }
                }
            }
        }
        let weight = |key: &str| (1.0 + count / (1.0 + found.get(key).copied().unwrap_or_default())).ln();
        let weights: Vec<_> = question.keys.iter().map(|key| (key.clone(), weight(key))).collect();
        let total = weights.iter().map(|(_, weight)| weight).sum();
        Self { weights, total }
    }

    /// Share of the question's weight found, each word by the best of `places` (terms, worth).
    pub(super) fn coverage(&self, places: &[(&Terms, f32)]) -> f32 {
        if self.total == 0.0 {
            return 0.0;
        }
        let found: f32 = self
            .weights
            .iter()
            .map(|(key, weight)| {
                let worth = places
                    .iter()
                    .map(|(terms, worth)| {
                        if terms.has_key(key) {
                            *worth
                        } else if same_as(key).skip(1).any(|other| terms.has_key(other)) {
                            worth * IN_SYNONYM
                        } else {
                            0.0
                        }
                    })
                    .fold(0.0, f32::max);
                weight * worth
            })
            .sum();
        found / self.total
    }
}

/// Less of the question's weight than this, and a text is about something else, whatever its form.
const MIN_COVERAGE: f32 = 0.5;

/// What a row gains that is of the thing asked about, in a table with a column asked about.
const OF_THE_THING: f32 = 1.25;

/// A form above this is more than usual: the figure of the right kind, the word explained.
const MARKED_FORM: f32 = 1.2;

/// A unit and how well it answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) source: usize,
    pub(super) unit: usize,
    pub(super) score: f32,
    /// Whether it has the very form that the question asks for.
    pub(super) has_form: bool,
}

/// All units that might answer, best first.
pub(super) fn candidates(question: &Question, sources: &[Source<'_>], weights: &Weights) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    // A table is no answer about a thing that nothing here names.
    let is_known = question.names.iter().all(|name| sources.iter().any(|source| source.mentions(name)));
    for (at, source) in sources.iter().enumerate() {
        let is_named = |unit: usize| question.names.iter().any(|name| source.row_is_of(unit, name));
        let mut of_document =
            sources.iter().filter(|other| other.passage.document_name == source.passage.document_name);
        // Where a row of the document is that of the thing asked about, its other rows are about others.
        let has_row = of_document.any(|other| {
            (0..other.units.len()).any(|unit| question.names.iter().any(|name| other.row_is_of(unit, name)))
        });
        for unit in 0..source.units.len() {
            if source.units[unit].kind == UnitKind::Row && (!is_known || (has_row && !is_named(unit))) {
                continue;
            }
            if let Some((score, form)) = score(question, source, weights, unit) {
                candidates.push(Candidate { source: at, unit, score, has_form: form > MARKED_FORM });
            }
        }
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.source.cmp(&b.source)).then(a.unit.cmp(&b.unit)));
    candidates
}

fn score(question: &Question, source: &Source<'_>, weights: &Weights, unit: usize) -> Option<(f32, f32)> {
    let (text, own) = (source.text(unit), &source.unit_terms[unit]);
    let kind = source.units[unit].kind;
    if kind == UnitKind::Heading || source.is_header(unit) || own.is_empty() || text.ends_with('?') {
        return None;
    }
    let columns = if kind == UnitKind::Row { source.columns(unit) } else { None };
    let form = match columns {
        Some(columns) => question.form(text, &shape::with_units_of(columns, text, own)),
        None => question.form(text, own),
    };
    let columns = columns.map(terms).unwrap_or_default();
    let is_asked = question.names.iter().any(|name| source.row_is_of(unit, name))
        && question.keys.iter().any(|key| same_as(key).any(|key| columns.words.contains(key)));
    let row = if is_asked { OF_THE_THING } else { 1.0 };
    let direct = weights.coverage(&[(own, 1.0)]);
    // Without a word of the question in it, a unit must at least have the form of the answer.
    if direct == 0.0 && form <= MARKED_FORM {
        return None;
    }
    let lead = source.lead(unit);
    let near = weights.coverage(&[
        (own, 1.0),
        (&lead, IN_LEAD),
        (&columns, IN_COLUMNS),
        (&source.heading, IN_HEADING),
        (&source.name, IN_NAME),
    ]);
    if near < MIN_COVERAGE {
        return None;
    }
    let words = text.split_whitespace().count() as f32;
    let length = if words < 3.0 { 0.6 } else { 1.0 / (1.0 + (words - 40.0).max(0.0) / 60.0) };
    // An introduction announces the answer and does not give it.
    let opening = if text.ends_with(':') && question.asks != Asks::Steps { 0.7 } else { 1.0 };
    Some(((0.35 * direct + 0.65 * near) * form * length * opening * row * prose(text) * source.prior, form))
}

/// Program text, settings and fragments seldom answer a question asked in words.
fn prose(text: &str) -> f32 {
    let signs =
        text.chars().filter(|c| matches!(c, '{' | '}' | '[' | ']' | '=' | '<' | '>' | '_' | '$' | ';' | '\\')).count();
    let is_block = text.matches('\n').count() >= 2 && !text.ends_with(['.', '!', ':']);
    // A page or chunk may begin in the middle of a sentence, and dots lead to a page number.
    let is_fragment = text.starts_with(char::is_lowercase) || text.contains(" … ") || text.contains("....");
    if is_block || is_fragment || signs * 14 > text.len() { 0.5 } else { 1.0 }
}
