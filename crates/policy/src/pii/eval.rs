//! Scores the detectors against labelled text.
//!
//! A labelled span counts as found when a finding of the same type overlaps it by at least half of the longer of the two;
//! each span and each finding is used once. `exact_f1` asks for the same start and end. A type appears in the report when
//! the data label it: a type that the data do not know cannot be judged by them.
//!
//! Our types are finer than those of the data in three places, so a birthday counts as DATE_TIME, a driving licence as
//! US_DRIVER_LICENSE, and a web address as DOMAIN_NAME where the data label one (they label whole addresses) and as
//! nothing elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Detector, Finding};

/// A labelled text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The text.
    pub text: String,
    /// What stands in it.
    pub spans: Vec<Span>,
}

/// A labelled piece. Offsets are Unicode characters, the end exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The type, in the words of [`super::PiiType`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it starts.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// How well each type is found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// By type.
    pub by_type: BTreeMap<String, Score>,
}

/// How well one type is found.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Score {
    /// The share of findings that are right.
    pub precision: f64,
    /// The share of labelled spans that are found.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// The same, if start and end must be those of the label.
    pub exact_f1: f64,
    /// How many spans are labelled.
    pub n: u32,
}

/// Scores all detectors at once, whatever their modes.
pub fn score(records: impl Iterator<Item = Record>) -> Report {
    let detector = Detector::default();
    score_with(records, |text| detector.detect_all(text))
}

/// Scores any finder.
pub fn score_with(records: impl Iterator<Item = Record>, find: impl Fn(&str) -> Vec<Finding>) -> Report {
    let mut counts = BTreeMap::<String, Counts>::new();
    for record in records {
        let found = predictions(&record, &find(&record.text));
        for span in &record.spans {
            counts.entry(span.kind.clone()).or_default().labelled += 1;
        }
        for span in &found {
            counts.entry(span.kind.clone()).or_default().found += 1;
        }
        for (kind, exact) in matches(&record.spans, &found) {
            let counts = counts.entry(kind).or_default();
            counts.right += 1;
            counts.exact += u32::from(exact);
        }
    }
    let labelled = counts.into_iter().filter(|(_, counts)| counts.labelled > 0);
    Report { by_type: labelled.map(|(kind, counts)| (kind, counts.score())).collect() }
}

#[derive(Default)]
struct Counts {
    labelled: u32,
    found: u32,
    right: u32,
    exact: u32,
}

impl Counts {
    fn score(&self) -> Score {
        let share = |part: u32, whole: u32| if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) };
        Score {
            precision: share(self.right, self.found),
            recall: share(self.right, self.labelled),
            f1: share(2 * self.right, self.found + self.labelled),
            exact_f1: share(2 * self.exact, self.found + self.labelled),
            n: self.labelled,
        }
    }
}

/// The findings as spans of characters, in the words of the data.
fn predictions(record: &Record, findings: &[Finding]) -> Vec<Span> {
    let offsets: BTreeMap<usize, usize> = record
        .text
        .char_indices()
        .map(|(byte, _)| byte)
        .chain([record.text.len()])
        .enumerate()
        .map(|(n, byte)| (byte, n))
        .collect();
    let spans = findings.iter().filter_map(|finding| {
        let (start, end) = (*offsets.get(&finding.start)?, *offsets.get(&finding.end)?);
        let kind = match finding.kind.as_str() {
            "DATE_OF_BIRTH" => "DATE_TIME",
            "DRIVER_LICENSE" => "US_DRIVER_LICENSE",
            "URL" => {
                let labelled = |span: &&Span| span.kind == "DOMAIN_NAME" && span.start < end && start < span.end;
                record.spans.iter().find(labelled)?;
                "DOMAIN_NAME"
            }
            kind => kind,
        };
        Some(Span { kind: kind.into(), start, end })
    });
    spans.collect()
}

/// The pairs of label and finding, as type and whether they are the same to the character.
fn matches(labels: &[Span], found: &[Span]) -> Vec<(String, bool)> {
    let mut used = vec![false; found.len()];
    let mut pairs = Vec::new();
    for label in labels {
        let candidates = found.iter().enumerate().filter(|(at, span)| span.kind == label.kind && !used[*at]);
        let best = candidates.map(|(at, span)| (overlap(label, span), at)).filter(|(share, _)| *share >= 0.5);
        if let Some((share, at)) = best.max_by(|a, b| a.0.total_cmp(&b.0)) {
            used[at] = true;
            pairs.push((label.kind.clone(), share >= 1.0));
        }
    }
    pairs
}

/// The share of the longer span that both cover.
fn overlap(a: &Span, b: &Span) -> f64 {
    let common = a.end.min(b.end).saturating_sub(a.start.max(b.start));
    let longer = (a.end.saturating_sub(a.start)).max(b.end.saturating_sub(b.start)).max(1);
    common as f64 / longer as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::PiiType;

    fn record(text: &str, spans: &[(&str, usize, usize)]) -> Record {
        let spans =
            spans.iter().map(|(kind, start, end)| Span { kind: (*kind).into(), start: *start, end: *end }).collect();
        Record { text: text.into(), spans }
    }

    #[test]
    fn offsets_are_characters_and_halves_count() {
        // The finder is made up: bytes 3..9 of "éé abcdef" are the characters 1..7.
        let find = |_: &str| vec![Finding::new(5, 11, PiiType::Person, 1.0)];
        let report = |start, end| score_with([record("éé abcdef", &[("PERSON", start, end)])].into_iter(), find);
        assert_eq!(report(3, 9).by_type["PERSON"], Score { precision: 1.0, recall: 1.0, f1: 1.0, exact_f1: 1.0, n: 1 });
        assert_eq!(report(3, 6).by_type["PERSON"], Score { precision: 1.0, recall: 1.0, f1: 1.0, exact_f1: 0.0, n: 1 });
        assert!(report(3, 5).by_type["PERSON"].f1 < 0.5, "a third is too little");
    }

    #[test]
    fn false_findings_count_only_where_the_data_label_the_type() {
        let find = |_: &str| {
            vec![
                Finding::new(0, 4, PiiType::Person, 1.0),
                Finding::new(5, 8, PiiType::Person, 1.0),
                Finding::new(9, 12, PiiType::Url, 1.0),
            ]
        };
        let report = score_with([record("John and foo", &[("PERSON", 0, 4), ("AGE", 9, 12)])].into_iter(), find);
        assert!((report.by_type["PERSON"].precision - 0.5).abs() < 1e-9);
        assert!(report.by_type["AGE"].f1 < 1e-9 && !report.by_type.contains_key("URL"));
        assert!(serde_json::to_string(&report).unwrap().starts_with(r#"{"by_type":{"AGE":{"precision":0.0,"#));
    }

    #[test]
    fn the_real_detectors_are_scored() {
        let text = "Mail ada@example.org";
        let report = score([record(text, &[("EMAIL_ADDRESS", 5, 20)])].into_iter());
        assert!((report.by_type["EMAIL_ADDRESS"].exact_f1 - 1.0).abs() < 1e-9);
    }
}
