//! Where two documents that hold at the same time give other figures for the same thing.
//!
//! Two sentences (or items, or rows) of different documents conflict when they say nearly the same words about the same parts
//! and their measures have the same units and other numbers: 25 Nm here and 30 Nm there. Both documents must be about the
//! same subject, as far as their names and headings tell: manuals of two machines may well give two torques. Nothing is
//! said about which one is right: that is for a person, who sees both.

use std::collections::{BTreeSet, HashMap};

use millwright_llm::text::{Terms, Unit, UnitKind, terms, units};
use millwright_retrieval::search::Passage;

/// Of the words of both sentences, the share that they have in common.
const LIKENESS: f32 = 0.75;
/// Fewer words in common say too little.
const LEAST_WORDS: usize = 3;
/// Letters before the number of a part or machine.
const MOST_PREFIX: usize = 3;
/// Words in names of documents that say nothing about their subject. Stems.
const NAMES: &[&str] = &[
    "manual",
    "handbook",
    "guid",
    "instruct",
    "mainten",
    "oper",
    "servic",
    "user",
    "datasheet",
    "sheet",
    "bulletin",
    "revis",
    "rev",
    "version",
    "copi",
    "draft",
    "final",
    "new",
    "old",
    "updat",
    "document",
    "procedur",
    "specif",
    "pdf",
    "docx",
    "txt",
    "md",
    "html",
    "xlsx",
    "anleitung",
    "betriebsanleitung",
    "wartung",
    "handbuch",
    "en",
    "de",
];

/// A stretch of a passage, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Index of the passage.
    pub passage: usize,
    /// First byte in its text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// All conflicts among the passages, each once, in their order. Some milliseconds for eight passages: not on a thread that
/// others wait for.
pub fn conflicts(passages: &[Passage]) -> Vec<[Stretch; 2]> {
    let read: Vec<Read> = passages.iter().map(Read::of).collect();
    let mut comparable: HashMap<Kind<'_>, Vec<(Stretch, &Terms)>> = HashMap::new();
    for (passage, read) in read.iter().enumerate() {
        for (unit, says) in &read.claims {
            let stretch = Stretch { passage, start: unit.start, end: unit.end };
            comparable.entry(Kind::of(says)).or_default().push((stretch, says));
        }
    }
    let mut found = Vec::new();
    for alike in comparable.values() {
        for (place, (one, says)) in alike.iter().enumerate() {
            let others = alike[place + 1..].iter().filter(|(other, says_other)| {
                passages[one.passage].document_id != passages[other.passage].document_id
                    && read[one.passage].has_the_subject_of(&read[other.passage])
                    && contradict(says, says_other)
            });
            found.extend(others.map(|(other, _)| [*one, *other]));
        }
    }
    found.sort_unstable_by_key(|pair| pair.map(|stretch| (stretch.passage, stretch.start)));
    found
}

/// What two sentences must have in common to be compared at all.
#[derive(PartialEq, Eq, Hash)]
struct Kind<'t> {
    codes: &'t BTreeSet<String>,
    negated: bool,
    /// Of all measures.
    units: Vec<&'t str>,
    /// Numbers without a unit: that of a step or a figure is no measure.
    bare: Vec<&'t str>,
}

impl<'t> Kind<'t> {
    fn of(terms: &'t Terms) -> Self {
        let mut units: Vec<&str> = terms.measures.iter().map(|measure| measure.unit).collect();
        units.sort_unstable();
        let bare = terms.measures.iter().filter(|measure| measure.unit.is_empty());
        let bare = bare.map(|measure| measure.number.as_str()).collect();
        Self { codes: &terms.codes, negated: terms.negated, units, bare }
    }
}

/// A passage as it is compared.
struct Read {
    /// Sentences, items and rows that give a measure.
    claims: Vec<(Unit, Terms)>,
    /// Names of parts and machines in the document's name and the headings.
    codes: BTreeSet<String>,
    /// What the document's name and the headings are about.
    subject: BTreeSet<String>,
}

impl Read {
    fn of(passage: &Passage) -> Self {
        // What looks like an instruction contradicts nothing.
        let quarantined = passage.instructions();
        let claims = units(&passage.text)
            .into_iter()
            .filter(|unit| {
                unit.kind != UnitKind::Heading
                    && !quarantined.iter().any(|span| span.start < unit.end && unit.start < span.end)
            })
            .map(|unit| (unit, terms(unit.of(&passage.text))))
            .filter(|(_, terms)| terms.measures.iter().any(|measure| !measure.unit.is_empty()))
            .collect();
        let context = format!("{} {}", passage.document_name, passage.heading_path.join(" "));
        // Names join with signs what are words of their own.
        let mut subject = terms(&context.replace(|c: char| !c.is_alphanumeric(), " ")).words;
        subject.retain(|word| !NAMES.contains(&word.as_str()));
        Self { claims, codes: codes(&context), subject }
    }

    fn has_the_subject_of(&self, other: &Self) -> bool {
        let meet = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.is_empty() || b.is_empty() || !a.is_disjoint(b);
        meet(&self.codes, &other.codes) && meet(&self.subject, &other.subject)
    }
}

/// Names of parts and machines, however they are joined: `p101` for `P-101` and `pump_p101.pdf`. No revisions.
fn codes(text: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for run in text.split(|c: char| !(c.is_alphanumeric() || c == '-')) {
        let words: Vec<String> = run.split('-').map(str::to_lowercase).collect();
        let joined = words.windows(2).filter(|pair| is_prefix(&pair[0]) && is_number(&pair[1])).map(<[String]>::concat);
        let whole =
            words.iter().filter(|word| word.chars().any(char::is_alphabetic) && word.chars().any(char::is_numeric));
        codes.extend(joined.chain(whole.cloned()).filter(|code| !is_revision(code)));
    }
    codes
}

fn is_prefix(word: &str) -> bool {
    (1..=MOST_PREFIX).contains(&word.chars().count()) && word.chars().all(char::is_alphabetic)
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit())
}

/// `v2`, `rev3`.
fn is_revision(code: &str) -> bool {
    let word = code.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    matches!(word, "v" | "r" | "rev" | "ver" | "version" | "ed" | "issue")
}

/// Whether two of one kind say the same of something, and give other numbers.
fn contradict(one: &Terms, other: &Terms) -> bool {
    let shared = one.words.intersection(&other.words).count();
    let all = one.words.len() + other.words.len() - shared;
    one.measures != other.measures && shared >= LEAST_WORDS && shared as f32 >= LIKENESS * all as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::tests::passage;

    fn of(name: &str, heading: &str, text: &str, number: u128) -> Passage {
        let mut passage = passage(text, heading, 0);
        passage.document_id = uuid::Uuid::from_u128(number).into();
        name.clone_into(&mut passage.document_name);
        passage.heading_path = vec![heading.to_owned()];
        passage
    }

    fn found(one: (&str, &str, &str), other: (&str, &str, &str)) -> Vec<(String, String)> {
        let passages = [of(one.0, one.1, one.2, 1), of(other.0, other.1, other.2, 2)];
        let text = |stretch: &Stretch| passages[stretch.passage].text[stretch.start..stretch.end].to_owned();
        conflicts(&passages).iter().map(|[one, other]| (text(one), text(other))).collect()
    }

    const MANUAL: (&str, &str, &str) =
        ("pump-manual.pdf", "Coupling", "Check the shaft. Tighten the coupling bolts to 25 Nm. Refit the guard.");

    #[test]
    fn another_torque_for_the_same_bolts_is_a_conflict() {
        let bulletin = ("Bulletin pump.md", "Coupling", "From now on: tighten the coupling bolts to 30 Nm.");
        let pair = |one: &str, other: &str| vec![(one.to_owned(), other.to_owned())];
        assert_eq!(found(MANUAL, bulletin), pair("Tighten the coupling bolts to 25 Nm.", bulletin.2));
        let row = ("pump-data-v2.pdf", "Torques", "Bolt | Torque\nCoupling bolts, pump side | 30 Nm");
        let other = ("pump-data-v3.pdf", "Torques", "Bolt | Torque\nCoupling bolts, pump side | 35 Nm");
        assert_eq!(found(row, other).len(), 1);
    }

    #[test]
    fn the_same_figure_another_machine_and_another_step_are_none() {
        let none = |other: (&str, &str, &str)| assert!(found(MANUAL, other).is_empty(), "{other:?}");
        none(("Bulletin pump.md", "Coupling", "Tighten the coupling bolts to 25 Nm."));
        none(("press-manual.pdf", "Drive", "Tighten the coupling bolts to 30 Nm."));
        none(("Bulletin pump.md", "Coupling", "Tighten the coupling bolts M8x20 to 30 Nm."));
        none(("Bulletin pump.md", "Coupling", "Never tighten the coupling bolts to 30 Nm."));
        none(("Bulletin pump.md", "Coupling", "Tighten the coupling bolts to 18 lbf ft."));
        none(("Bulletin pump.md", "Coupling", "The pump runs at 30 Nm."));
        let p_101 = ("pump_p101-manual.pdf", "Coupling", MANUAL.2);
        assert!(found(p_101, ("P-102 manual.pdf", "Coupling", "Tighten the coupling bolts to 30 Nm.")).is_empty());
    }

    #[test]
    fn what_looks_like_an_instruction_contradicts_nothing() {
        let mut passages = [of(MANUAL.0, MANUAL.1, MANUAL.2, 1), of("Bulletin pump.md", MANUAL.1, MANUAL.2, 2)];
        passages[1].text = passages[1].text.replace("25", "30");
        assert_eq!(conflicts(&passages).len(), 1);
        passages[1].quarantined = vec![(17, 51)];
        assert!(conflicts(&passages).is_empty());
    }

    #[test]
    fn a_document_does_not_contradict_itself() {
        let passages =
            [of(MANUAL.0, MANUAL.1, MANUAL.2, 1), of(MANUAL.0, MANUAL.1, "Tighten the coupling bolts to 30 Nm.", 1)];
        assert!(conflicts(&passages).is_empty());
    }
}
