//! Whether shown sentences stand on what is stored: quotes are cut out of the pages anew, whatever the run says of them.

use std::collections::BTreeMap;

use millwright_core::id::DocumentId;
use millwright_llm::text::{Terms, UnitKind, item_mark, terms, units};
use serde::Deserialize;

use crate::verify::Gate;

/// A citation as the reader was shown it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShownCitation {
    /// The `n` of the markers `[n]`.
    pub number: u32,
    /// The document.
    pub document_id: DocumentId,
    /// Number of the version.
    pub version: i32,
    /// The page, for formats that have pages.
    pub page: Option<i32>,
    /// What it says stands there.
    pub quote: String,
    /// First code point in the page's text.
    pub char_start: usize,
    /// One past the last code point.
    pub char_end: usize,
}

/// A document as it was read and stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// Its name in the suite.
    pub file: String,
    /// Number of the version.
    pub version: i32,
    /// In order.
    pub pages: Vec<StoredPage>,
}

/// A page as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPage {
    /// 1 for the first.
    pub number: i32,
    /// Its text.
    pub text: String,
    /// Its headings, in order: level, 1 for the topmost, and the half-open span in code points.
    pub headings: Vec<(u8, usize, usize)>,
}

/// All that is stored.
#[derive(Debug, Clone, Default)]
pub struct Library(BTreeMap<DocumentId, StoredDocument>);

impl FromIterator<(DocumentId, StoredDocument)> for Library {
    fn from_iter<I: IntoIterator<Item = (DocumentId, StoredDocument)>>(documents: I) -> Self {
        Self(documents.into_iter().collect())
    }
}

impl Library {
    /// The name of a citation's document.
    pub fn file_of(&self, citation: &ShownCitation) -> Option<&str> {
        self.0.get(&citation.document_id).map(|document| document.file.as_str())
    }

    /// The headings that stand above the end of a citation, or in it: as they are stored, for a passage names only what all
    /// of it stands under.
    pub(crate) fn headings_of(&self, citation: &ShownCitation) -> Vec<String> {
        let Some((document, at, _)) = self.place_of(citation) else { return Vec::new() };
        let mut above: Vec<(u8, String)> = Vec::new();
        for (index, page) in document.pages.iter().enumerate().take(at + 1) {
            for (level, start, end) in &page.headings {
                if index < at || *start < citation.char_end {
                    above.retain(|(other, _)| other < level);
                    above.push((*level, page.text.chars().skip(*start).take(end - start).collect()));
                }
            }
        }
        above.into_iter().map(|(_, heading)| heading).collect()
    }

    /// Where a citation's quote stands byte for byte: in which document, on which of its pages, and from which byte.
    fn place_of(&self, citation: &ShownCitation) -> Option<(&StoredDocument, usize, usize)> {
        let document = self.0.get(&citation.document_id).filter(|document| document.version == citation.version)?;
        let pages = document.pages.iter().enumerate();
        pages
            .filter(|(_, page)| citation.page.is_none_or(|number| number == page.number))
            .find_map(|(at, page)| Some((document, at, exact(&page.text, citation)?)))
    }

    /// What a citation holds up: the figures of its quote, of the row that names its columns, of its headings and of the
    /// document's name. `None` where the quote does not stand at its place.
    fn ground_of(&self, citation: &ShownCitation) -> Option<Terms> {
        let (document, at, start) = self.place_of(citation)?;
        let mut ground = terms(&citation.quote);
        ground.extend(&terms(&document.file.replace(['_', '.'], " ")));
        for heading in self.headings_of(citation) {
            ground.extend(&terms(&heading));
        }
        if let Some(header) = header_of(&document.pages[at].text, start) {
            ground.extend(&terms(header));
        }
        Some(ground)
    }
}

/// The byte at which the quote stands, if it stands at its place.
fn exact(page: &str, citation: &ShownCitation) -> Option<usize> {
    let count = citation.char_end.checked_sub(citation.char_start).filter(|count| *count > 0)?;
    let start = page.char_indices().nth(citation.char_start)?.0;
    let there = &page[start..];
    let end = there.char_indices().nth(count).map_or(there.len(), |(end, _)| end);
    (there[..end] == citation.quote && there.chars().count() >= count).then_some(start)
}

/// The row that names the columns of the row at a byte.
fn header_of(page: &str, at: usize) -> Option<&str> {
    let units = units(page);
    let row = units.iter().position(|unit| unit.start <= at && at < unit.end && unit.kind == UnitKind::Row)?;
    let first = (0..=row).rev().take_while(|at| units[*at].kind == UnitKind::Row).last()?;
    (first < row).then(|| units[first].of(page))
}

/// A sentence of an answer.
pub(crate) struct Sentence {
    /// Without list mark and markers.
    pub(crate) text: String,
    /// The numbers of the markers that it shares.
    pub(crate) markers: Vec<u32>,
}

/// The sentences of a shown text.
pub(crate) fn sentences(shown: &str) -> Vec<Sentence> {
    let mut gate = Gate::default();
    let mut statements = gate.push(shown);
    statements.extend(gate.finish());
    let mut sentences = Vec::new();
    for statement in statements {
        for unit in units(&statement.body) {
            let text = unit.of(&statement.body);
            let text = text[item_mark(text).unwrap_or_default()..].to_owned();
            if text.chars().any(char::is_alphanumeric) {
                sentences.push(Sentence { text, markers: statement.markers.clone() });
            }
        }
    }
    sentences
}

/// How many sentences of a shown text claim something, and how many of these stand on what they cite: each of their markers
/// has its citation, each quote stands byte for byte at its place of the stored page, and together they hold every figure.
/// A sentence without marker and figure that only leads to what follows claims nothing.
pub(crate) fn grounded(shown: &str, citations: &[ShownCitation], library: &Library) -> (usize, usize) {
    let (mut all, mut grounded) = (0, 0);
    for sentence in sentences(shown) {
        let said = terms(&sentence.text);
        let leads = sentence.text.trim_end().ends_with(':') && said.measures.is_empty() && said.codes.is_empty();
        if sentence.markers.is_empty() && leads {
            continue;
        }
        all += 1;
        let cited = sentence.markers.iter().map(|number| {
            let citation = citations.iter().find(|citation| citation.number == *number)?;
            library.ground_of(citation)
        });
        let Some(grounds) = cited.collect::<Option<Vec<Terms>>>().filter(|grounds| !grounds.is_empty()) else {
            continue;
        };
        let mut held = Terms::default();
        for ground in &grounds {
            held.extend(ground);
        }
        grounded += usize::from(held.holds_figures_of(&said));
    }
    (all, grounded)
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;

    const PAGE: &str = "Torques\n\nBolts 8\nUse a wrench – always. Tighten to 49 Nm.\nTable 3\nConnection | Week 9\nBolts | 12 Nm\nFeet | 190 Nm\n";

    pub(crate) fn library() -> Library {
        let headings = vec![(1, 0, 7), (2, 9, 16), (2, 58, 65)];
        let page = StoredPage { number: 1, text: PAGE.to_owned(), headings };
        let stored = |file: &str| StoredDocument { file: file.to_owned(), version: 1, pages: vec![page.clone()] };
        [(1_u128, "a.md"), (2, "b.md")]
            .into_iter()
            .map(|(id, file)| (Uuid::from_u128(id).into(), stored(file)))
            .collect()
    }

    pub(crate) fn citation(number: u32, quote: &str) -> ShownCitation {
        let byte = PAGE.find(quote).unwrap();
        let char_start = PAGE[..byte].chars().count();
        ShownCitation {
            number,
            document_id: Uuid::from_u128(1).into(),
            version: 1,
            page: None,
            quote: quote.to_owned(),
            char_start,
            char_end: char_start + quote.chars().count(),
        }
    }

    #[test]
    fn a_sentence_stands_on_an_exact_quote_with_its_figures() {
        let of = |shown: &str, citations: &[ShownCitation]| grounded(shown, citations, &library());
        let torque = citation(1, "Tighten to 49 Nm.");
        let row = citation(2, "Bolts | 12 Nm");
        assert_eq!(of("Tighten to 49 Nm. [1]", std::slice::from_ref(&torque)), (1, 1));
        assert_eq!(of("As follows:\n1. Tighten to 49 Nm [1].", std::slice::from_ref(&torque)), (1, 1));
        assert_eq!(of("Tighten to 50 Nm. [1]", std::slice::from_ref(&torque)), (1, 0), "another figure");
        assert_eq!(of("Tighten to 49 Nm.", std::slice::from_ref(&torque)), (1, 0), "no marker");
        assert_eq!(of("Tighten to 49 Nm. [2]", std::slice::from_ref(&torque)), (1, 0), "no citation");
        assert_eq!(of("In week 9 bolts took 12 Nm [2].", std::slice::from_ref(&row)), (1, 1), "the head of the table");
        assert_eq!(of("Bolts 12 Nm, feet 190 Nm [2].", std::slice::from_ref(&row)), (1, 0), "the row below");
        assert_eq!(of("In table 3, 12 Nm [2].", std::slice::from_ref(&row)), (1, 1), "the heading above");
        assert_eq!(of("In table 3, 49 Nm [1].", std::slice::from_ref(&torque)), (1, 0), "the heading below");
        assert_eq!(of("49 Nm [1]. 12 Nm [2].", &[torque.clone(), row.clone()]), (2, 2));
        assert_eq!(library().headings_of(&torque), ["Torques", "Bolts 8"]);
        assert_eq!(library().headings_of(&row), ["Torques", "Table 3"]);
    }

    #[test]
    fn a_quote_that_does_not_stand_at_its_place_holds_nothing_up() {
        let good = citation(1, "Tighten to 49 Nm.");
        let shown = "Tighten to 49 Nm. [1]";
        for wrong in [
            ShownCitation { char_start: good.char_start + 1, char_end: good.char_end + 1, ..good.clone() },
            ShownCitation { char_end: good.char_end + 1, ..good.clone() },
            ShownCitation { char_end: 100_000, ..good.clone() },
            ShownCitation { page: Some(2), ..good.clone() },
            ShownCitation { version: 2, ..good.clone() },
            ShownCitation { document_id: Uuid::from_u128(3).into(), ..good.clone() },
            ShownCitation { quote: "Tighten to 49 nm.".to_owned(), ..good.clone() },
        ] {
            assert_eq!(grounded(shown, std::slice::from_ref(&wrong), &library()), (1, 0), "{wrong:?}");
        }
        assert_eq!(grounded(shown, &[ShownCitation { page: Some(1), ..good }], &library()), (1, 1));
    }
}
