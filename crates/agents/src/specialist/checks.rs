//! What an agent asks of its answers beside that passages hold them: counted in code, the same each time.

use std::collections::BTreeSet;

use millwright_llm::text::terms;
use millwright_retrieval::search::Passage;
use serde::Serialize;

use super::Checks;
use crate::citation::Citation;

/// With which a warning begins.
const WARNINGS: [&str; 7] = ["warning", "caution", "danger", "warnung", "vorsicht", "gefahr", "achtung"];
/// So much of a warning's words an answer has to have.
const REPEATED: f32 = 0.6;

/// A demand, and whether the answer meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Its name in the definition.
    pub(crate) check: &'static str,
    /// How many there should be.
    pub(crate) wanted: usize,
    /// How many there are.
    pub(crate) found: usize,
    /// Whether that is enough.
    pub(crate) met: bool,
}

/// Looks at an answer. `passages` as they may be told: without what looks like an instruction.
pub(crate) fn look(checks: Checks, answer: &str, citations: &[Citation], passages: &[Passage]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tell = |check, wanted: usize, found: usize| {
        findings.push(Finding { check, wanted, found, met: found >= wanted });
    };
    if let Some(wanted) = checks.cites_at_least {
        let chunks: BTreeSet<_> = citations.iter().map(|citation| citation.chunk_id).collect();
        tell("cites_at_least", wanted.into(), chunks.len());
    }
    if let Some(wanted) = checks.cites_documents {
        let documents: BTreeSet<_> = citations.iter().map(|citation| citation.document_id).collect();
        tell("cites_documents", wanted.into(), documents.len());
    }
    if checks.mentions_unit {
        let figures = terms(answer).measures.into_iter().filter(|measure| !measure.unit.is_empty());
        tell("mentions_unit", 1, figures.count());
    }
    if checks.repeats_warnings {
        let cited = passages.iter().filter(|passage| citations.iter().any(|cited| cited.chunk_id == passage.chunk_id));
        let warnings: BTreeSet<String> = cited.flat_map(|passage| warnings(&passage.text)).collect();
        let said = terms(answer).words;
        let repeated = warnings.iter().filter(|warning| {
            let words = terms(warning).words;
            let known = words.iter().filter(|word| said.contains(*word)).count();
            known as f32 >= REPEATED * words.len() as f32
        });
        tell("repeats_warnings", warnings.len(), repeated.count());
    }
    findings
}

/// The warnings of a text, each without the word that it begins with.
fn warnings(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_announced = false;
    for line in text.lines() {
        let line = line.trim_start_matches(|c: char| !c.is_alphanumeric()).trim();
        if line.is_empty() {
            continue;
        }
        let word: String = line.chars().take_while(|c| c.is_alphabetic()).collect();
        let is_warning = WARNINGS.contains(&word.to_lowercase().as_str());
        let rest = if is_warning { &line[word.len()..] } else { line };
        let says_something = rest.contains(char::is_alphanumeric);
        // `Warning signs are yellow` speaks of warnings and is none.
        let is_marked = is_warning && !rest.starts_with(|c: char| c.is_whitespace());
        if (is_marked || is_announced) && says_something {
            found.push(rest.trim_start_matches(|c: char| !c.is_alphanumeric()).to_owned());
        }
        is_announced = is_warning && !says_something;
    }
    found
}

/// What is still missing, for the model, in our own words.
pub(crate) fn missing(findings: &[Finding]) -> String {
    let told = findings.iter().filter(|finding| !finding.met).map(|finding| {
        let Finding { wanted, found, .. } = finding;
        match finding.check {
            "cites_at_least" => format!("it rests on {found} passages and should rest on at least {wanted}"),
            "cites_documents" => format!("it rests on {found} documents and should rest on at least {wanted}"),
            "mentions_unit" => "it names no figure with its unit".to_owned(),
            _ => format!("it repeats {found} of the {wanted} warnings that stand in the passages it cites"),
        }
    });
    told.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_lines_that_are_marked_as_such() {
        let text = "# Care\nWARNING: Isolate the motor.\n> **Caution!** Hot surface\nWarning signs are yellow.\nGefahr\n\nAnlage spannungsfrei schalten.\nGrease it.";
        assert_eq!(warnings(text), ["Isolate the motor.", "Hot surface", "Anlage spannungsfrei schalten."]);
        assert_eq!(warnings("DANGER"), [""; 0]);
    }

    #[test]
    fn a_figure_counts_with_its_unit() {
        let checks = Checks { mentions_unit: true, ..Checks::default() };
        let met = |answer| look(checks, answer, &[], &[])[0].met;
        assert!(met("It takes 25 g of grease. [1]") && !met("See section 4. [1]"));
    }

    #[test]
    fn what_is_missing_is_said_in_words() {
        let finding = Finding { check: "cites_at_least", wanted: 2, found: 1, met: false };
        assert_eq!(missing(&[finding]), "it rests on 1 passages and should rest on at least 2");
    }
}
