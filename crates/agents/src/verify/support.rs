//! Whether a sentence stands on a passage.

use std::{collections::BTreeSet, sync::OnceLock};

use millwright_core::id::DocumentId;
use millwright_llm::text::{Terms, Unit, UnitKind, headers, terms, units};
use millwright_retrieval::search::Passage;

use crate::compute::{
    Figure,
    figures::{self, Seen},
    is_mean, is_sum,
};

/// The share of a sentence's content words (stemmed, each counted once) that the supporting
/// stretch and its headings must have, where the sentence is not a quote.
pub const MIN_COVERAGE: f32 = 0.6;
/// A claim rests on at most so many neighbouring sentences of a passage.
const MAX_WINDOW: usize = 3;

/// A stretch of a passage that supports a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// Index of the passage.
    pub passage: usize,
    /// First byte in the passage's text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A passage, read once for all checks.
#[derive(Debug)]
pub struct Evidence {
    text: String,
    units: Vec<Unit>,
    unit_terms: Vec<Terms>,
    /// What names the columns of each row.
    headers: Vec<Header>,
    /// Of the table in whose middle the text begins.
    table_header: Option<Terms>,
    /// Read when a computed figure is first looked for.
    unit_figures: OnceLock<Vec<Vec<Seen>>>,
    /// Headings and name: they say what the text is about.
    context: Terms,
    /// Document, version and page (none of what is no document), and where on the page the text begins, in code points.
    page: Option<(DocumentId, i32, i32)>,
    char_start: usize,
}

impl Evidence {
    /// Reads a passage.
    pub fn of(passage: &Passage) -> Self {
        let units = units(&passage.text);
        let table_header = passage.table_header.as_deref().map(terms);
        let mut context = terms(&passage.heading_path.join(" "));
        context.extend(&terms(&passage.document_name.replace(['_', '.'], " ")));
        context.negated = false;
        Self {
            unit_terms: units.iter().map(|unit| terms(unit.of(&passage.text))).collect(),
            headers: headers_of(&passage.text, &units, table_header.is_some()),
            table_header,
            units,
            unit_figures: OnceLock::new(),
            context,
            page: Some((passage.document_id, passage.version, passage.page_number)),
            char_start: usize::try_from(passage.char_start).unwrap_or_default(),
            text: passage.text.clone(),
        }
    }

    /// Reads what a tool of another system returned; its name says what it is about.
    pub(crate) fn of_text(name: &str, text: &str) -> Self {
        let units = units(text);
        let mut context = terms(&name.replace(['_', '-', ':', '/'], " "));
        context.negated = false;
        Self {
            unit_terms: units.iter().map(|unit| terms(unit.of(text))).collect(),
            headers: headers_of(text, &units, false),
            table_header: None,
            units,
            unit_figures: OnceLock::new(),
            context,
            page: None,
            char_start: 0,
            text: text.to_owned(),
        }
    }

    /// Whether these bytes and those of another passage share a stretch of one page: passages overlap.
    pub fn meets(&self, own: (usize, usize), other: &Self, others: (usize, usize)) -> bool {
        let ([from, to], [other_from, other_to]) = (self.on_page(own), other.on_page(others));
        self.page.is_some() && self.page == other.page && from < other_to && other_from < to
    }

    /// Bytes of the text as code points of the page.
    fn on_page(&self, (start, end): (usize, usize)) -> [usize; 2] {
        [start, end].map(|at| self.char_start + self.text.get(..at).map_or(0, |before| before.chars().count()))
    }

    /// Where `quote` stands byte for byte: not beginning or ending inside a word, not so cut that
    /// a sentence that denies something no longer does, and not a bare figure out of its sentence.
    pub fn find_exact(&self, quote: &str) -> Option<(usize, usize)> {
        let Terms { words, codes, negated, .. } = terms(quote);
        let says_enough = words.len() + codes.len() >= 2;
        self.text.match_indices(quote).map(|(at, _)| (at, at + quote.len())).find(|(start, end)| {
            let mut touched =
                self.units.iter().zip(&self.unit_terms).filter(|(unit, _)| unit.start < *end && *start < unit.end);
            if !negated && touched.any(|(_, terms)| terms.negated) {
                return false;
            }
            let is_whole = |unit: &Unit| unit.start >= *start && unit.end <= *end;
            if !says_enough && !self.units.iter().any(is_whole) {
                return false;
            }
            let before = self.text[..*start].chars().next_back();
            let after = self.text[*end..].chars().next();
            let joins = |outer: Option<char>, inner: Option<char>| {
                outer.is_some_and(char::is_alphanumeric) && inner.is_some_and(char::is_alphanumeric)
            };
            !joins(before, quote.chars().next()) && !joins(after, quote.chars().next_back())
        })
    }

    /// The shortest run of neighbouring units that holds the claim, the best of that length. All
    /// of `own` must be held, at least a share of `least` of the claim.
    pub fn find_claim(&self, claim: &Terms, own: &BTreeSet<String>, least: f32) -> Option<(usize, usize)> {
        (1..=MAX_WINDOW).find_map(|length| {
            (0..(self.units.len() + 1).saturating_sub(length))
                .filter_map(|first| {
                    let coverage = self.coverage(claim, own, first, first + length)?;
                    (coverage >= least).then_some((coverage, first))
                })
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
                .map(|(_, first)| (self.units[first].start, self.units[first + length - 1].end))
        })
    }

    /// Sentences, items and rows, with what they say.
    pub fn sentences(&self) -> impl Iterator<Item = (Unit, &Terms)> {
        self.units.iter().copied().zip(&self.unit_terms).filter(|(unit, _)| unit.kind != UnitKind::Heading)
    }

    /// What a unit and its context say.
    pub fn terms_of(&self, unit: Unit) -> Terms {
        let mut held = terms(unit.of(&self.text));
        held.extend(&self.context);
        held
    }

    /// The figures of each unit.
    fn figures(&self) -> &[Vec<Seen>] {
        self.unit_figures.get_or_init(|| {
            let style = figures::style_of(&self.text);
            self.units.iter().map(|unit| figures::read(unit.of(&self.text), style)).collect()
        })
    }

    /// Whether a sentence, item or row holds a figure, with its unit; one that denies something only for a sentence that does.
    pub(crate) fn has_figure(&self, figure: Figure, negated: bool) -> bool {
        let mut units = self.units.iter().zip(&self.unit_terms).zip(self.figures());
        units.any(|((unit, terms), seen)| {
            let holds = || seen.iter().any(|seen| seen.meanings.contains(&figure));
            unit.kind != UnitKind::Heading && terms.negated == negated && holds()
        })
    }

    /// How often a figure stands within a stretch, in sentences that deny something as `claim` does, and name no part that it does
    /// not where it names one.
    pub(crate) fn count(&self, figure: Figure, stretch: Support, claim: &Terms) -> usize {
        let units = self.units.iter().zip(&self.unit_terms).zip(self.figures());
        let counts = units.filter(|((unit, terms), _)| {
            let is_within = unit.start >= stretch.start && unit.end <= stretch.end;
            let is_of_it = claim.codes.is_empty() || terms.codes.is_subset(&claim.codes);
            unit.kind != UnitKind::Heading && is_within && terms.negated == claim.negated && is_of_it
        });
        // A number that can mean two is none to compute with.
        counts.flat_map(|(_, seen)| seen).filter(|seen| seen.meanings == [figure]).count()
    }

    /// Whether it is a row of a table.
    pub(crate) fn is_row(&self, stretch: Support) -> bool {
        let of_it = |unit: &&Unit| unit.start == stretch.start && unit.end == stretch.end;
        self.units.iter().find(of_it).is_some_and(|unit| unit.kind == UnitKind::Row)
    }

    pub(crate) fn text_of(&self, stretch: Support) -> &str {
        self.text.get(stretch.start..stretch.end).unwrap_or_default()
    }

    /// Share of the claim's words in a window, if the window holds its figures and does not say
    /// the opposite.
    fn coverage(&self, claim: &Terms, own: &BTreeSet<String>, first: usize, end: usize) -> Option<f32> {
        let window = &self.units[first..end];
        let is_row = |unit: &Unit| unit.kind == UnitKind::Row;
        if window.iter().all(|unit| unit.kind == UnitKind::Heading) || (window.len() > 1 && window.iter().any(is_row)) {
            return None;
        }
        let mut held = Terms::default();
        for at in first..end {
            let unit = &self.unit_terms[at];
            // What a text denies supports only denials, and what it states only statements.
            if claim.negated == unit.negated {
                held.extend(unit);
            }
            match (self.headers[at], &self.table_header) {
                (Header::Row(header), _) => held.extend(&self.unit_terms[header]),
                (Header::Above, Some(header)) => held.extend(header),
                (Header::Above, None) | (Header::None, _) => {}
            }
        }
        if held.is_empty() {
            return None;
        }
        held.extend(&self.context);
        if !held.holds_figures_of(claim) || !own.is_subset(&held.words) {
            return None;
        }
        // What a row says of one thing is no total of several.
        let own = if own.is_empty() { &claim.words } else { own };
        if is_row(&window[0]) && own.iter().any(|word| (is_sum(word) || is_mean(word)) && !held.words.contains(word)) {
            return None;
        }
        let shared = claim.words.iter().filter(|word| held.words.contains(*word)).count();
        Some(if claim.words.is_empty() { 1.0 } else { shared as f32 / claim.words.len() as f32 })
    }
}

/// What names the columns of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    None,
    /// A row of the text.
    Row(usize),
    /// A row above the text, which begins in the middle of its table.
    Above,
}

/// Of each unit; of what is no row none. A blank line begins another table. With what row a table begins that begins within the text is known; at its
/// beginning only what looks like a header is one, where `begins_within` does not say that the header stands above it.
fn headers_of(text: &str, units: &[Unit], begins_within: bool) -> Vec<Header> {
    let looks_like_one = headers(text, units);
    let mut found = Vec::new();
    let mut first: Option<usize> = None;
    for (at, unit) in units.iter().enumerate() {
        let follows = at > 0 && !text[units[at - 1].end..unit.start].trim_matches(' ').contains("\n\n");
        first = (unit.kind == UnitKind::Row).then(|| first.filter(|_| follows).unwrap_or(at));
        found.push(match first {
            Some(0) if begins_within => Header::Above,
            Some(0) => looks_like_one[at].map_or(Header::None, Header::Row),
            Some(first) if first < at => Header::Row(first),
            Some(_) | None => Header::None,
        });
    }
    found
}
