//! One answer, held against what its case expects.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Case, ExpectedCitation, Library, ShownCitation,
    facts::{Statements, tokens},
    grounds::grounded,
};

/// What a run came to, as the reader was shown it.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// The text with its markers.
    pub shown: String,
    /// What the markers stand for.
    pub citations: Vec<ShownCitation>,
    /// False where the run said that the documents do not hold the answer; none where it did not come so far.
    pub answered: Option<bool>,
    /// Code and words of a run that failed.
    pub failure: Option<String>,
    /// Who wrote it.
    pub model: String,
    /// The tools that the model called; none where it cannot call any.
    pub tools: Option<Vec<String>>,
    /// What it took.
    pub spent: Spent,
}

/// What an answer took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Steps of the run.
    pub steps: u64,
    /// Tokens that models read.
    pub input_tokens: u64,
    /// Tokens that models wrote.
    pub output_tokens: u64,
    /// Millionths of the installation's currency.
    pub cost_micros: u64,
    /// From the question to the last event, milliseconds.
    pub duration_ms: u64,
}

/// How one case went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseReport {
    /// Of the case.
    pub id: String,
    /// Of the case.
    pub kind: String,
    /// Whether the documents hold no answer.
    pub unanswerable: bool,
    /// Answerable: every fact was shown, and nothing forbidden. Unanswerable: the run said so, and showed nothing forbidden.
    pub right: bool,
    /// Whether the run said that the documents do not hold it.
    pub abstained: bool,
    /// The first phrasing of each fact that was not shown.
    pub missing: Vec<String>,
    /// What was shown and is forbidden.
    pub forbidden: Vec<String>,
    /// Sentences that claim something.
    pub sentences: usize,
    /// Of these, those that stand on what they cite.
    pub grounded: usize,
    /// Citations.
    pub citations: usize,
    /// Of these, those of a place that the case expects.
    pub citations_expected: usize,
    /// Places that the case expects.
    pub places: usize,
    /// Of these, those that were cited.
    pub places_cited: usize,
    /// Tools that the case expects; none where the model cannot call any.
    pub tools: usize,
    /// Of these, those that were called.
    pub tools_called: usize,
    /// Who wrote the answer.
    pub model: String,
    /// What it took.
    pub spent: Spent,
    /// Why the run failed.
    pub failure: Option<String>,
    /// What was shown.
    pub shown: String,
}

/// Scores an answer.
pub fn judge(case: &Case, answered: &Answered, library: &Library) -> CaseReport {
    let statements = Statements::of(&answered.shown);
    let said = |fact: &&Vec<String>| fact.iter().any(|phrasing| statements.say(phrasing));
    let missing: Vec<String> =
        case.facts.iter().filter(|fact| !said(fact)).filter_map(|fact| fact.first().cloned()).collect();
    let forbidden: Vec<String> = case.forbidden.iter().filter(|claim| statements.say(claim)).cloned().collect();
    let abstained = answered.failure.is_none() && answered.answered == Some(false);
    let complete = answered.failure.is_none() && answered.answered == Some(true);
    let right = forbidden.is_empty() && if case.abstain { abstained } else { complete && missing.is_empty() };
    // That there is no answer is no claim about the documents.
    let shown = if abstained { "" } else { answered.shown.as_str() };
    let (sentences, grounded) = grounded(shown, &answered.citations, library);
    let places = case.expected_citations();
    let cites = |place: &ExpectedCitation, citation: &ShownCitation| is_of(place, citation, library);
    // A document that holds the answer too may be cited, wherever.
    let may_cite = |file: &str| {
        case.documents.iter().any(|document| document == file) && places.iter().all(|place| place.document != file)
    };
    let expected = |citation: &&ShownCitation| {
        places.iter().any(|place| cites(place, citation)) || library.file_of(citation).is_some_and(may_cite)
    };
    let cited = |place: &&ExpectedCitation| answered.citations.iter().any(|citation| cites(place, citation));
    let called: BTreeSet<&str> = answered.tools.iter().flatten().map(String::as_str).collect();
    let tools = if answered.tools.is_some() { case.tools.as_slice() } else { &[] };
    CaseReport {
        id: case.id.clone(),
        kind: case.kind.clone(),
        unanswerable: case.abstain,
        right,
        abstained,
        missing,
        forbidden,
        sentences,
        grounded,
        citations: answered.citations.len(),
        citations_expected: answered.citations.iter().filter(expected).count(),
        places: places.len(),
        places_cited: places.iter().filter(cited).count(),
        tools: tools.len(),
        tools_called: tools.iter().filter(|tool| called.contains(tool.as_str())).count(),
        model: answered.model.clone(),
        spent: answered.spent,
        failure: answered.failure.clone(),
        shown: answered.shown.clone(),
    }
}

fn is_of(place: &ExpectedCitation, citation: &ShownCitation, library: &Library) -> bool {
    let under = |heading: &String| {
        let wanted = tokens(heading);
        let mut above = library.headings_of(citation).into_iter().map(|above| tokens(&above));
        above.any(|above| above.windows(wanted.len()).any(|words| words == wanted))
    };
    library.file_of(citation) == Some(place.document.as_str())
        && (place.page.is_none() || place.page == citation.page)
        && place.heading.as_ref().is_none_or(under)
}

#[cfg(test)]
mod tests {
    use super::{
        super::grounds::tests::{citation, library},
        *,
    };

    fn case(json: &str) -> Case {
        serde_json::from_str(json).unwrap()
    }

    fn torque() -> Case {
        case(
            r#"{"id": "1", "question": "?", "documents": ["a.md"], "facts": [["49 Nm"], ["torque wrench", "a wrench"]],
                "forbidden": ["50 Nm"], "tools": ["search_documents"]}"#,
        )
    }

    fn answered(shown: &str, citations: Vec<ShownCitation>) -> Answered {
        Answered { shown: shown.to_owned(), citations, answered: Some(true), ..Answered::default() }
    }

    #[test]
    fn an_answer_is_right_with_every_fact_and_nothing_forbidden() {
        let cited = || vec![citation(1, "Use a wrench – always. Tighten to 49 Nm.")];
        let report = judge(&torque(), &answered("Use a wrench. Tighten to 49 Nm. [1]", cited()), &library());
        assert!(report.right && !report.abstained && report.missing.is_empty());
        assert_eq!((report.sentences, report.grounded), (2, 2));
        assert_eq!((report.citations, report.citations_expected, report.places, report.places_cited), (1, 1, 1, 1));
        assert_eq!(report.tools, 0, "a model that cannot call tools is not asked to");

        let half = judge(&torque(), &answered("Tighten to 49 Nm. [1]", cited()), &library());
        assert!(!half.right);
        assert_eq!(half.missing, ["torque wrench"]);
        let both = judge(&torque(), &answered("Use a wrench. 49 Nm, not 50 Nm. [1]", cited()), &library());
        assert!(!both.right && both.missing.is_empty());
        assert_eq!(both.forbidden, ["50 Nm"]);
        let failed = Answered { failure: Some("timeout".into()), ..answered("A wrench, 49 Nm. [1]", cited()) };
        assert!(!judge(&torque(), &failed, &library()).right, "half an answer is none");
        let called = Answered { tools: Some(vec!["search_documents".into()]), ..answered("", vec![]) };
        let report = judge(&torque(), &called, &library());
        assert_eq!((report.tools, report.tools_called), (1, 1));
    }

    #[test]
    fn to_abstain_is_right_where_nothing_is_to_be_said() {
        let none = case(r#"{"id": "2", "question": "?", "abstain": true, "forbidden": ["7 bar"]}"#);
        let abstained = Answered { answered: Some(false), ..answered("The documents do not hold it.", vec![]) };
        let report = judge(&none, &abstained, &library());
        assert!(report.right && report.abstained && report.sentences == 0);
        assert!(!judge(&torque(), &abstained, &library()).right);
        assert!(!judge(&none, &answered("It is 49 Nm. [1]", vec![]), &library()).right);
        let failed = Answered { failure: Some("down".into()), answered: None, ..Answered::default() };
        let report = judge(&none, &failed, &library());
        assert!(!report.right && !report.abstained, "a failure is no finding");
    }

    #[test]
    fn a_citation_is_expected_by_document_page_and_heading() {
        let of = |cites: &str, cited: ShownCitation| {
            let json = format!(
                r#"{{"id": "3", "question": "?", "documents": ["a.md", "b.md"], "facts": [["x"]], "cites": {cites}}}"#
            );
            let report = judge(&case(&json), &answered("x [1]", vec![cited]), &library());
            (report.citations_expected, report.places_cited, report.places)
        };
        let cited = citation(1, "Tighten to 49 Nm.");
        assert_eq!(of(r#"[{"document": "a.md"}, {"document": "b.md"}]"#, cited.clone()), (1, 1, 2));
        assert_eq!(of(r#"[{"document": "b.md"}]"#, cited.clone()), (1, 0, 1), "it holds the answer too");
        assert_eq!(of(r#"[{"document": "a.md", "heading": "torques"}]"#, cited.clone()), (1, 1, 1));
        assert_eq!(of(r#"[{"document": "a.md", "heading": "Table 3"}]"#, cited.clone()), (0, 0, 1));
        assert_eq!(
            of(r#"[{"document": "a.md", "page": 2}]"#, ShownCitation { page: Some(2), ..cited.clone() }),
            (1, 1, 1)
        );
        assert_eq!(of(r#"[{"document": "a.md", "page": 2}]"#, ShownCitation { page: Some(1), ..cited }), (0, 0, 1));
    }
}
