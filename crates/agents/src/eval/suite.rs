use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use millwright_core::Classification;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::facts;
use crate::History;

/// The file that names the documents.
const DOCUMENTS: &str = "documents.jsonl";
/// The file that holds the cases.
const CASES: &str = "cases.jsonl";

/// A folder that is no suite.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not of the expected form.
    #[error("{}, line {line}: {expected}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What would be accepted.
        expected: String,
    },
    /// A file says nothing.
    #[error("{} has no line: expected at least one JSON object", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
}

/// A document that the questions are about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteDocument {
    /// Its name, which is that of the file in `documents/`.
    pub file: String,
    /// How confidential it is.
    #[serde(default = "internal")]
    pub classification: Classification,
    /// The document of an earlier line whose place it takes.
    #[serde(default)]
    pub supersedes: Option<String>,
}

/// Who said something before the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// Whoever asks.
    User,
    /// Who answers.
    Assistant,
}

/// Something that was said before the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// By whom.
    pub role: Speaker,
    /// The words.
    pub content: String,
}

/// Where an answer must come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCitation {
    /// The document.
    pub document: String,
    /// The page, for formats that have pages.
    #[serde(default)]
    pub page: Option<i32>,
    /// A heading above the passage, or words of it.
    #[serde(default)]
    pub heading: Option<String>,
}

/// A question, and what a right answer to it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in the suite.
    pub id: String,
    /// What it tries, for sums: `table`, `german`, … May be empty.
    #[serde(default)]
    pub kind: String,
    /// Plain text.
    pub question: String,
    /// What was said before, oldest first: the user begins, the assistant has the last word.
    #[serde(default)]
    pub before: Vec<Said>,
    /// The documents that hold the answer, each of them or all together.
    #[serde(default)]
    pub documents: Vec<String>,
    /// Each a list of phrasings, of which one sentence of the answer must hold one. Parts with ` ... ` between must stand in one
    /// sentence, in any order. Figures count with their unit, however it is written.
    #[serde(default)]
    pub facts: Vec<Vec<String>>,
    /// What no sentence of the answer may hold, in the same form.
    #[serde(default)]
    pub forbidden: Vec<String>,
    /// The right answer is that the documents do not hold it.
    #[serde(default)]
    pub abstain: bool,
    /// The places of which each must be cited; without any, each of `documents`. Other places of these documents are wrong.
    #[serde(default)]
    pub cites: Vec<ExpectedCitation>,
    /// The tools that a model which can call tools must have called.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Up to where whoever asks may read.
    #[serde(default = "internal")]
    pub clearance: Classification,
}

const fn internal() -> Classification {
    Classification::Internal
}

impl Case {
    /// What was said before the question, as a program brings it.
    pub fn history(&self) -> Vec<History> {
        let said = |said: &Said| History { by_assistant: said.role == Speaker::Assistant, text: said.content.clone() };
        self.before.iter().map(said).collect()
    }

    /// The places that an answer must cite.
    pub fn expected_citations(&self) -> Vec<ExpectedCitation> {
        if !self.cites.is_empty() {
            return self.cites.clone();
        }
        let whole = |document: &String| ExpectedCitation { document: document.clone(), page: None, heading: None };
        self.documents.iter().map(whole).collect()
    }
}

/// A folder with documents and questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Where the documents lie.
    pub folder: PathBuf,
    /// In the order in which they are taken in.
    pub documents: Vec<SuiteDocument>,
    /// In the order in which they are asked.
    pub cases: Vec<Case>,
}

impl Suite {
    /// Reads a suite. Every document that is named is there, and every case can be asked and judged.
    pub fn read(folder: &Path) -> Result<Self, SuiteError> {
        let (documents_file, cases_file) = (folder.join(DOCUMENTS), folder.join(CASES));
        let documents: Vec<(usize, SuiteDocument)> =
            json_lines(&documents_file, "a document with `file`, and at will `classification` and `supersedes`")?;
        let files = files(&folder.join("documents"))?;
        let mut known: BTreeMap<String, Classification> = BTreeMap::new();
        for (line, document) in &documents {
            check_document(document, &files, &known).map_err(|expected| SuiteError::Malformed {
                path: documents_file.clone(),
                line: *line,
                expected,
            })?;
            known.insert(document.file.clone(), document.classification);
        }
        let cases: Vec<(usize, Case)> =
            json_lines(&cases_file, "a case with `id`, `question`, and either `facts` with `documents`, or `abstain`")?;
        let mut ids = BTreeMap::new();
        for (line, case) in &cases {
            let checked = match ids.insert(case.id.as_str(), *line) {
                Some(first) => Err(format!("expected another `id` than `{}`, which line {first} has", case.id)),
                None => check_case(case, &known),
            };
            checked.map_err(|expected| SuiteError::Malformed { path: cases_file.clone(), line: *line, expected })?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            documents: documents.into_iter().map(|(_, document)| document).collect(),
            cases: cases.into_iter().map(|(_, case)| case).collect(),
        })
    }

    /// Where the bytes of a document lie.
    pub fn path_of(&self, document: &SuiteDocument) -> PathBuf {
        self.folder.join("documents").join(&document.file)
    }
}

fn json_lines<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<Vec<(usize, T)>, SuiteError> {
    let text = fs::read_to_string(path).map_err(|source| SuiteError::Unreadable { path: path.to_owned(), source })?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let objects: Vec<(usize, T)> = lines
        .map(|(line, json)| {
            serde_json::from_str(json).map(|object| (line, object)).map_err(|error| {
                let said = error.to_string();
                // Each line is a document of its own to the parser: its number of lines is always one.
                let said = said.split(" at line ").next().unwrap_or_default();
                let expected = format!("expected {expected}, as one JSON object: {said}, column {}", error.column());
                SuiteError::Malformed { path: path.to_owned(), line, expected }
            })
        })
        .collect::<Result<_, _>>()?;
    if objects.is_empty() { Err(SuiteError::Empty { path: path.to_owned() }) } else { Ok(objects) }
}

/// The names in a folder.
fn files(folder: &Path) -> Result<BTreeSet<String>, SuiteError> {
    let unreadable = |source| SuiteError::Unreadable { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        // Follows links: where it leads nowhere, there is no document.
        if entry.path().is_file() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    Ok(names)
}

fn check_document(
    document: &SuiteDocument,
    files: &BTreeSet<String>,
    before: &BTreeMap<String, Classification>,
) -> Result<(), String> {
    let file = &document.file;
    if !files.contains(file) {
        let there: Vec<&str> = files.iter().map(String::as_str).collect();
        return Err(format!(
            "expected a file in `documents`, and there is no `{file}`: there are {}",
            there.join(", ")
        ));
    }
    if before.contains_key(file) {
        return Err(format!("expected each document once, and `{file}` is in an earlier line"));
    }
    match &document.supersedes {
        Some(older) if !before.contains_key(older) => {
            Err(format!("expected `supersedes` to name a document of an earlier line, and `{older}` is in none"))
        }
        _ => Ok(()),
    }
}

fn check_case(case: &Case, documents: &BTreeMap<String, Classification>) -> Result<(), String> {
    for document in case.documents.iter().chain(case.cites.iter().map(|cited| &cited.document)) {
        let Some(classification) = documents.get(document) else {
            return Err(format!("expected documents of {DOCUMENTS}, and `{document}` is in none of its lines"));
        };
        if *classification > case.clearance {
            let (needed, has) = (classification.as_str(), case.clearance.as_str());
            return Err(format!("expected `clearance` to reach `{document}`, which is {needed}, and it is {has}"));
        }
    }
    check_form(case)
}

/// Whether a case can be asked and judged, whatever documents there are.
pub(crate) fn check_form(case: &Case) -> Result<(), String> {
    if case.id.trim().is_empty() || case.question.trim().is_empty() {
        return Err("expected an `id` and a `question` with something in them".to_owned());
    }
    if let Some(cited) = case.cites.iter().find(|cited| !case.documents.contains(&cited.document)) {
        return Err(format!("expected `{}` of `cites` among `documents` too", cited.document));
    }
    let has_answer = !case.facts.is_empty() && !case.documents.is_empty();
    let has_part = !case.facts.is_empty() || !case.documents.is_empty() || !case.tools.is_empty();
    if case.abstain && has_part {
        return Err("expected no `facts`, `documents` and `tools` where the right answer is to abstain".to_owned());
    }
    if !case.abstain && !has_answer {
        return Err("expected `facts` and `documents` that hold them, or `\"abstain\": true`".to_owned());
    }
    if case.facts.iter().any(Vec::is_empty) {
        return Err("expected at least one phrasing for each of `facts`".to_owned());
    }
    for phrasing in case.facts.iter().flatten().chain(&case.forbidden) {
        if !facts::is_phrasing(phrasing) {
            return Err(format!("expected words or figures in `{phrasing}`, and in each part between ` ... `"));
        }
    }
    let roles: Vec<Speaker> = case.before.iter().map(|said| said.role).collect();
    let alternate = roles.chunks(2).all(|pair| pair == [Speaker::User, Speaker::Assistant]);
    if !alternate || case.before.iter().any(|said| said.content.trim().is_empty()) {
        return Err("expected `before` to go from `user` to `assistant` by turns, and each to say something".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(documents: &str, cases: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("documents")).unwrap();
        for name in ["a.md", "b.md"] {
            fs::write(folder.path().join("documents").join(name), "# Text\n").unwrap();
        }
        fs::write(folder.path().join(DOCUMENTS), documents).unwrap();
        fs::write(folder.path().join(CASES), cases).unwrap();
        folder
    }

    const GOOD: &str = r#"{"file": "a.md"}"#;

    fn says(documents: &str, cases: &str) -> String {
        Suite::read(folder(documents, cases).path()).unwrap_err().to_string()
    }

    #[test]
    fn a_suite_is_read_with_its_defaults() {
        let documents =
            format!("{GOOD}\n\n{}", r#"{"file": "b.md", "classification": "RESTRICTED", "supersedes": "a.md"}"#);
        let cases = r#"{"id": "1", "question": "How?", "documents": ["a.md"], "facts": [["49 Nm"]]}
{"id": "2", "question": "And the other?", "abstain": true, "clearance": "PUBLIC",
"#;
        let cases = format!(
            "{}{}",
            cases.trim_end(),
            r#" "before": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}]}"#
        );
        let suite = Suite::read(folder(&documents, &cases).path()).unwrap();
        assert_eq!((suite.documents.len(), suite.cases.len()), (2, 2));
        assert_eq!(suite.documents[1].supersedes.as_deref(), Some("a.md"));
        assert_eq!(suite.cases[0].clearance, Classification::Internal);
        assert_eq!(suite.cases[0].expected_citations()[0].document, "a.md");
        assert_eq!(suite.cases[1].before[1].role, Speaker::Assistant);
    }

    #[test]
    fn what_is_no_suite_is_named_with_its_line_and_what_would_be_accepted() {
        let case = r#"{"id": "1", "question": "How?", "abstain": true}"#;
        for (documents, cases, expected) in [
            ("", case, "documents.jsonl has no line"),
            (r#"{"name": "a.md"}"#, case, "documents.jsonl, line 1: expected a document with `file`"),
            (r#"{"file": "c.md"}"#, case, "there is no `c.md`: there are a.md, b.md"),
            ("{\"file\": \"a.md\"}\n{\"file\": \"a.md\"}", case, "line 2: expected each document once"),
            (r#"{"file": "a.md", "supersedes": "b.md"}"#, case, "a document of an earlier line, and `b.md` is in none"),
            (GOOD, "\n{\"id\": 1}", "cases.jsonl, line 2: expected a case with `id`"),
            (GOOD, r#"{"id": "1", "question": "How?", "abstain": true, "fact": []}"#, "unknown field `fact`"),
            (GOOD, r#"{"id": "1", "question": "How?"}"#, "line 1: expected `facts` and `documents`"),
            (GOOD, r#"{"id": "1", "question": " ", "abstain": true}"#, "something in them"),
            (GOOD, r#"{"id": "1", "question": "How?", "abstain": true, "facts": [["x"]]}"#, "expected no `facts`"),
            (GOOD, r#"{"id": "1", "question": "How?", "documents": ["b.md"], "facts": [["x"]]}"#, "`b.md` is in none"),
            (GOOD, r#"{"id": "1", "question": "How?", "documents": ["a.md"], "facts": [[]]}"#, "at least one phrasing"),
            (
                GOOD,
                r#"{"id": "1", "question": "How?", "documents": ["a.md"], "facts": [["x ... "]]}"#,
                "words or figures",
            ),
            (
                r#"{"file": "a.md", "classification": "RESTRICTED"}"#,
                r#"{"id": "1", "question": "How?", "documents": ["a.md"], "facts": [["x"]]}"#,
                "expected `clearance` to reach `a.md`, which is RESTRICTED, and it is INTERNAL",
            ),
            (
                GOOD,
                r#"{"id": "1", "question": "How?", "abstain": true, "before": [{"role": "user", "content": "How?"}]}"#,
                "by turns",
            ),
        ] {
            let said = says(documents, cases);
            assert!(said.contains(expected), "{said}\n{expected}");
        }
        let twice = format!("{case}\n{case}");
        assert!(says(GOOD, &twice).contains("line 2: expected another `id` than `1`, which line 1 has"));
        let nothing = tempfile::tempdir().unwrap();
        assert!(Suite::read(nothing.path()).unwrap_err().to_string().contains("cannot read"));
    }
}
