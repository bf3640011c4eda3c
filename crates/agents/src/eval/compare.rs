//! A report held against an earlier one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CaseReport, MEASURES, Report, Totals};

/// Two figures of one measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Its name, as reports write it.
    pub measure: &'static str,
    /// In the earlier report; none where there was nothing to measure.
    pub before: Option<f64>,
    /// In this one.
    pub now: Option<f64>,
    /// Whether it is lower by more than the margin.
    pub worse: bool,
}

/// What changed between two reports, over the cases that both have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Cases that both have.
    pub cases: usize,
    /// Cases that only the earlier has.
    pub only_before: Vec<String>,
    /// Cases that only this one has.
    pub only_now: Vec<String>,
    /// By how much a measure of quality may fall.
    pub margin: f64,
    /// The measures of quality.
    pub quality: Vec<Difference>,
    /// Steps, tokens, cost and time, which may change.
    pub spent: Vec<Difference>,
    /// Cases that were right and are no longer.
    pub lost: Vec<String>,
    /// Cases that are right and were not.
    pub won: Vec<String>,
}

/// Above what sums of fractions are off by.
const ROUNDING: f64 = 1e-9;

type Figure = (&'static str, fn(&Totals) -> u64);

const SPENT: [Figure; 6] = [
    ("steps", |totals| totals.steps),
    ("input_tokens", |totals| totals.input_tokens),
    ("output_tokens", |totals| totals.output_tokens),
    ("cost_micros", |totals| totals.cost_micros),
    ("p50_ms", |totals| totals.p50_ms),
    ("p95_ms", |totals| totals.p95_ms),
];

impl Comparison {
    /// Of `now` with `before`. None where they share no case.
    pub fn of(before: &Report, now: &Report, margin: f64) -> Option<Self> {
        let earlier: BTreeMap<&str, &CaseReport> = before.cases.iter().map(|case| (case.id.as_str(), case)).collect();
        let later: BTreeMap<&str, &CaseReport> = now.cases.iter().map(|case| (case.id.as_str(), case)).collect();
        let pairs: Vec<(&CaseReport, &CaseReport)> =
            earlier.iter().filter_map(|(id, before)| Some((*before, *later.get(id)?))).collect();
        if pairs.is_empty() {
            return None;
        }
        let ids = |cases: &BTreeMap<&str, &CaseReport>, others: &BTreeMap<&str, &CaseReport>| {
            cases.keys().filter(|id| !others.contains_key(*id)).map(|id| (*id).to_owned()).collect()
        };
        let turned = |from: bool| {
            let turned = pairs.iter().filter(|(before, now)| before.right == from && now.right != from);
            turned.map(|(before, _)| before.id.clone()).collect()
        };
        let was = Totals::of(pairs.iter().map(|(before, _)| *before));
        let is = Totals::of(pairs.iter().map(|(_, now)| *now));
        let quality = MEASURES.map(|(measure, of)| {
            let (before, now) = (of(&was).value(), of(&is).value());
            // What cannot be measured any more was lost, whatever it was.
            let fell = before.map_or(0.0, |before| now.map_or(f64::INFINITY, |now| before - now));
            Difference { measure, before, now, worse: fell > margin + ROUNDING }
        });
        let spent = SPENT.map(|(measure, of)| {
            let figure = |totals| Some(of(totals) as f64);
            Difference { measure, before: figure(&was), now: figure(&is), worse: false }
        });
        Some(Self {
            cases: pairs.len(),
            only_before: ids(&earlier, &later),
            only_now: ids(&later, &earlier),
            margin,
            quality: quality.into(),
            spent: spent.into(),
            lost: turned(true),
            won: turned(false),
        })
    }

    /// The measures of quality that fell by more than the margin.
    pub fn worse(&self) -> impl Iterator<Item = &Difference> {
        self.quality.iter().filter(|difference| difference.worse)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::report::tests::case, *};

    fn report(cases: Vec<CaseReport>) -> Report {
        Report::of("suite".into(), "EUR".into(), cases)
    }

    #[test]
    fn what_fell_beyond_the_margin_is_worse() {
        let before = report(vec![case("1", false, true), case("2", false, true), case("3", true, true)]);
        let now = report(vec![case("1", false, true), case("2", false, false), case("3", true, true)]);
        let names = |comparison: &Comparison| comparison.worse().map(|worse| worse.measure).collect::<Vec<_>>();
        let strict = Comparison::of(&before, &now, 0.02).unwrap();
        let fallen =
            ["right", "answers", "groundedness", "citation_precision", "citation_recall", "abstention_precision"];
        assert_eq!(names(&strict), fallen);
        assert_eq!((strict.lost.as_slice(), strict.won.len()), (["2".to_owned()].as_slice(), 0));
        assert!(names(&Comparison::of(&before, &now, 0.5).unwrap()).is_empty(), "exactly the margin is allowed");
        let back = Comparison::of(&now, &before, 0.0).unwrap();
        assert!(names(&back).is_empty());
        assert_eq!(back.won, ["2"]);
    }

    #[test]
    fn only_cases_that_both_have_are_compared() {
        let before = report(vec![case("1", false, true), case("2", false, true)]);
        let now = report(vec![case("2", false, true), case("3", false, false)]);
        let comparison = Comparison::of(&before, &now, 0.0).unwrap();
        assert_eq!((comparison.cases, comparison.worse().count()), (1, 0));
        assert_eq!((comparison.only_before, comparison.only_now), (vec!["1".to_owned()], vec!["3".to_owned()]));
        assert!(Comparison::of(&before, &report(vec![case("9", true, true)]), 0.0).is_none());
    }
}
