//! A suite as people write it for their own documents: a name and cases, in YAML. The cases are those of `cases.jsonl`.

use std::collections::BTreeMap;

use millwright_core::Classification;
use millwright_policy::decision::{PolicyFileError, locate, read_declaration};
use serde::Deserialize;

use super::{Case, suite::check_form};
use crate::MAX_MESSAGE_CHARS;

/// The longest suite.
pub const MAX_SUITE_BYTES: usize = 256 << 10;
/// The most cases of one.
pub const MOST_CASES: usize = 500;
const MAX_NAME_CHARS: usize = 100;
const MAX_ID_CHARS: usize = 100;
/// Phrasings of a fact, facts of a case, and whatever else is a list.
const MOST_ITEMS: usize = 50;

/// A suite as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenSuite {
    /// For people.
    pub name: String,
    /// In the order in which they are asked.
    pub cases: Vec<Case>,
}

impl WrittenSuite {
    /// Reads a suite.
    ///
    /// # Errors
    /// Everything that is wrong with it, with its line; of one that is not of the form at all only the first.
    pub fn read(text: &str) -> Result<Self, Vec<PolicyFileError>> {
        let fault = |why: String| vec![PolicyFileError::at("", why)];
        if text.len() > MAX_SUITE_BYTES {
            return Err(fault(format!("expected at most {} KiB", MAX_SUITE_BYTES >> 10)));
        }
        if text.contains('\0') {
            return Err(fault("expected text without U+0000".to_owned()));
        }
        let Self { name, cases } = read_declaration(text).map_err(|fault| vec![fault])?;
        let suite = Self { name: name.trim().to_owned(), cases };
        let mut faults = Vec::new();
        if !(1..=MAX_NAME_CHARS).contains(&suite.name.chars().count()) {
            faults.push(PolicyFileError::at("name", format!("expected 1 to {MAX_NAME_CHARS} characters")));
        }
        if !(1..=MOST_CASES).contains(&suite.cases.len()) {
            let why = format!("expected 1 to {MOST_CASES} cases, and there are {}", suite.cases.len());
            faults.push(PolicyFileError::at("cases", why));
        }
        let mut ids = BTreeMap::new();
        for (at, case) in suite.cases.iter().enumerate() {
            let checked = match ids.insert(case.id.as_str(), at) {
                Some(first) => Err(format!("expected another `id` than `{}`, which cases[{first}] has", case.id)),
                None => check_form(case).and_then(|()| bounded(case)),
            };
            faults.extend(checked.err().map(|why| PolicyFileError::at(&format!("cases[{at}]"), why)));
        }
        locate(text, &mut faults);
        if faults.is_empty() { Ok(suite) } else { Err(faults) }
    }

    /// Up to where somebody has to be cleared to ask all of it.
    pub fn clearance(&self) -> Classification {
        self.cases.iter().map(|case| case.clearance).max().unwrap_or(Classification::Internal)
    }

    /// The documents that its cases name, each once.
    pub fn documents(&self) -> std::collections::BTreeSet<&str> {
        self.cases.iter().flat_map(|case| &case.documents).map(String::as_str).collect()
    }
}

fn bounded(case: &Case) -> Result<(), String> {
    if case.id.chars().count() > MAX_ID_CHARS || case.kind.chars().count() > MAX_ID_CHARS {
        return Err(format!("expected at most {MAX_ID_CHARS} characters in `id` and in `kind`"));
    }
    let said = case.before.iter().map(|said| &said.content).chain([&case.question]);
    if said.into_iter().any(|text| text.chars().count() > MAX_MESSAGE_CHARS) {
        return Err(format!("expected at most {MAX_MESSAGE_CHARS} characters in `question` and in each of `before`"));
    }
    let lists = [case.before.len(), case.documents.len(), case.facts.len(), case.forbidden.len(), case.cites.len()];
    let lists = lists.into_iter().chain([case.tools.len()]).chain(case.facts.iter().map(Vec::len));
    if lists.into_iter().any(|count| count > MOST_ITEMS) {
        return Err(format!("expected at most {MOST_ITEMS} of each of its lists"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        WrittenSuite::read(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_suite_has_a_name_and_the_cases_of_the_files() {
        let text = "name: Fan\ncases:\n  - id: belt\n    question: To which frequency?\n    documents: [fan.md]\n    facts: [[65 Hz]]\n\
                    \x20 - {id: price, question: What does it cost?, abstain: true, clearance: CONFIDENTIAL}\n";
        let suite = WrittenSuite::read(text).unwrap();
        assert_eq!(
            (suite.name.as_str(), suite.cases.len(), suite.clearance()),
            ("Fan", 2, Classification::Confidential)
        );
        assert_eq!(suite.documents().into_iter().collect::<Vec<_>>(), ["fan.md"]);
        let line =
            r#"{"id": "belt", "question": "To which frequency?", "documents": ["fan.md"], "facts": [["65 Hz"]]}"#;
        assert_eq!(suite.cases[0], serde_json::from_str(line).unwrap());
        let kept = serde_json::to_value(&suite.cases[0]).unwrap();
        assert_eq!(serde_json::from_value::<Case>(kept).unwrap(), suite.cases[0], "as it is stored");
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_line() {
        let wrong = told(
            "name: ''\ncases:\n  - id: a\n    question: How?\n  - id: a\n    question: What?\n    abstain: true\n",
        );
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong[0].starts_with("1:1: name: expected 1 to 100"), "{wrong:?}");
        assert!(
            wrong[1].starts_with("3:") && wrong[1].contains("cases[0]: expected `facts` and `documents`"),
            "{wrong:?}"
        );
        assert!(
            wrong[2].starts_with("5:") && wrong[2].contains("another `id` than `a`, which cases[0] has"),
            "{wrong:?}"
        );
        assert!(told("name: x\ncases: []\n")[0].contains("expected 1 to 500 cases"));
        let unknown = told("name: x\ncases:\n  - id: a\n    question: How?\n    abstain: true\n    fact: []\n");
        assert!(unknown[0].starts_with("6:") && unknown[0].contains("fact"), "{unknown:?}");
        assert!(told(&format!("name: {}", "x".repeat(MAX_SUITE_BYTES)))[0].contains("at most 256 KiB"));
    }
}
