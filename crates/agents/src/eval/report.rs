//! All answers together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CaseReport, Comparison};

/// A part of a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// The part.
    pub count: usize,
    /// The whole.
    pub of: usize,
}

impl Share {
    /// From 0 to 1; none of nothing.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }
}

impl Serialize for Share {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Share", 3)?;
        fields.serialize_field("count", &self.count)?;
        fields.serialize_field("of", &self.of)?;
        fields.serialize_field("share", &self.value())?;
        fields.end()
    }
}

/// Sums over cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// How many.
    pub cases: usize,
    /// Runs that came to no end of their own.
    pub failed: usize,
    /// Right, whether answered or abstained.
    pub right: Share,
    /// Of the answerable: every fact shown, nothing forbidden.
    pub answers: Share,
    /// Of the sentences shown: on a quote that is stored so, with its figures.
    pub groundedness: Share,
    /// Of the citations of answerable cases: of a place that was expected.
    pub citation_precision: Share,
    /// Of the places that were expected: cited.
    pub citation_recall: Share,
    /// Of those abstained: unanswerable.
    pub abstention_precision: Share,
    /// Of the unanswerable: abstained.
    pub abstention_recall: Share,
    /// Of the tools that were expected of models that can call tools: called.
    pub tools: Share,
    /// Right, by kind of case.
    pub by_kind: BTreeMap<String, Share>,
    /// Steps of all runs.
    pub steps: u64,
    /// Tokens that models read.
    pub input_tokens: u64,
    /// Tokens that models wrote.
    pub output_tokens: u64,
    /// Millionths of the installation's currency.
    pub cost_micros: u64,
    /// Half of the answers took no longer, milliseconds.
    pub p50_ms: u64,
    /// 95 of 100 answers took no longer, milliseconds.
    pub p95_ms: u64,
}

/// A measure of quality: its name, as reports write it, and where it stands in the sums.
pub type Measure = (&'static str, fn(&Totals) -> Share);

/// What may not get worse. Steps, tokens, cost and time are shown beside them and fail no comparison.
pub const MEASURES: [Measure; 8] = [
    ("right", |totals| totals.right),
    ("answers", |totals| totals.answers),
    ("groundedness", |totals| totals.groundedness),
    ("citation_precision", |totals| totals.citation_precision),
    ("citation_recall", |totals| totals.citation_recall),
    ("abstention_precision", |totals| totals.abstention_precision),
    ("abstention_recall", |totals| totals.abstention_recall),
    ("tools", |totals| totals.tools),
];

impl Totals {
    /// Sums over these.
    pub fn of<'c>(cases: impl IntoIterator<Item = &'c CaseReport>) -> Self {
        let cases: Vec<&CaseReport> = cases.into_iter().collect();
        let share = |of: &dyn Fn(&CaseReport) -> bool, part: &dyn Fn(&CaseReport) -> bool| Share {
            count: cases.iter().filter(|case| of(case) && part(case)).count(),
            of: cases.iter().filter(|case| of(case)).count(),
        };
        let answerable: Vec<&CaseReport> = cases.iter().copied().filter(|case| !case.unanswerable).collect();
        let sums = |cases: &[&CaseReport], part: fn(&CaseReport) -> usize, of: fn(&CaseReport) -> usize| Share {
            count: cases.iter().map(|case| part(case)).sum(),
            of: cases.iter().map(|case| of(case)).sum(),
        };
        let spent = |of: fn(&CaseReport) -> u64| cases.iter().map(|case| of(case)).sum();
        let kinds: BTreeSet<&str> =
            cases.iter().map(|case| case.kind.as_str()).filter(|kind| !kind.is_empty()).collect();
        let mut durations: Vec<u64> = cases.iter().map(|case| case.spent.duration_ms).collect();
        durations.sort_unstable();
        Self {
            cases: cases.len(),
            failed: cases.iter().filter(|case| case.failure.is_some()).count(),
            right: share(&|_| true, &|case| case.right),
            answers: share(&|case| !case.unanswerable, &|case| case.right),
            groundedness: sums(&cases, |case| case.grounded, |case| case.sentences),
            citation_precision: sums(&answerable, |case| case.citations_expected, |case| case.citations),
            citation_recall: sums(&answerable, |case| case.places_cited, |case| case.places),
            abstention_precision: share(&|case| case.abstained, &|case| case.unanswerable),
            abstention_recall: share(&|case| case.unanswerable, &|case| case.abstained),
            tools: sums(&cases, |case| case.tools_called, |case| case.tools),
            by_kind: kinds
                .into_iter()
                .map(|kind| (kind.to_owned(), share(&|case| case.kind == kind, &|case| case.right)))
                .collect(),
            steps: spent(|case| case.spent.steps),
            input_tokens: spent(|case| case.spent.input_tokens),
            output_tokens: spent(|case| case.spent.output_tokens),
            cost_micros: spent(|case| case.spent.cost_micros),
            p50_ms: percentile(&durations, 0.50),
            p95_ms: percentile(&durations, 0.95),
        }
    }
}

/// The smallest of `sorted` that so large a share is not above; 0 of none.
fn percentile(sorted: &[u64], share: f64) -> u64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// What is printed as JSON, and read again to be compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The suite's folder, as it was given.
    pub suite: String,
    /// Who wrote the answers.
    pub models: BTreeSet<String>,
    /// In what its costs are.
    pub currency: String,
    /// Sums. Not read: they follow from the cases.
    #[serde(skip_deserializing)]
    pub totals: Option<Totals>,
    /// One by one.
    pub cases: Vec<CaseReport>,
    /// Against an earlier report. Not read.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

impl Report {
    /// Of these cases.
    pub fn of(suite: String, currency: String, cases: Vec<CaseReport>) -> Self {
        let models = cases.iter().map(|case| case.model.clone()).collect();
        Self { suite, models, currency, totals: Some(Totals::of(&cases)), cases, comparison: None }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::eval::Spent;

    pub(crate) fn case(id: &str, unanswerable: bool, right: bool) -> CaseReport {
        CaseReport {
            id: id.to_owned(),
            kind: if unanswerable { "near miss" } else { "table" }.to_owned(),
            unanswerable,
            right,
            abstained: unanswerable == right,
            missing: Vec::new(),
            forbidden: Vec::new(),
            sentences: 2,
            grounded: 1 + usize::from(right),
            citations: 2,
            citations_expected: usize::from(!unanswerable && right),
            places: usize::from(!unanswerable),
            places_cited: usize::from(!unanswerable && right),
            tools: 0,
            tools_called: 0,
            model: "extractive".to_owned(),
            spent: Spent { steps: 3, duration_ms: id.parse().unwrap_or_default(), ..Spent::default() },
            failure: None,
            shown: String::new(),
        }
    }

    #[test]
    fn shares_have_their_parts_and_their_wholes() {
        // Two answerable of which one is right and one abstained; three unanswerable of which one is answered.
        let cases = [
            case("1", false, true),
            case("2", false, false),
            case("3", true, true),
            case("4", true, true),
            case("5", true, false),
        ];
        let totals = Totals::of(&cases);
        let share = |count, of| Share { count, of };
        assert_eq!((totals.right, totals.answers), (share(3, 5), share(1, 2)));
        assert_eq!((totals.abstention_precision, totals.abstention_recall), (share(2, 3), share(2, 3)));
        assert_eq!((totals.citation_precision, totals.citation_recall), (share(1, 4), share(1, 2)));
        assert_eq!(totals.groundedness, share(8, 10));
        assert_eq!(totals.by_kind["near miss"], share(2, 3));
        assert_eq!((totals.steps, totals.p50_ms, totals.p95_ms), (15, 3, 5));
        assert_eq!(totals.tools.value(), None);
        let written = serde_json::to_value(totals.answers).unwrap();
        assert_eq!(written, serde_json::json!({ "count": 1, "of": 2, "share": 0.5 }));
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = Report::of("plant".into(), "EUR".into(), vec![case("1", false, true)]);
        let read: Report = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!((&read.cases, &read.models), (&report.cases, &report.models));
    }
}
