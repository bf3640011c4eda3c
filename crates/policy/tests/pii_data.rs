//! Measures the detectors on public data, where they are at hand: `../shared/data` beside the repository.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that reads files and prints what it measured")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use millwright_policy::pii::{
    Detector, PiiType,
    eval::{self, Record},
};

fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {name} is not there");
    None
}

fn texts(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            texts(&path, into);
        } else if let Ok(text) = fs::read_to_string(&path) {
            into.push(text);
        }
    }
}

#[test]
fn structured_types_are_found_in_the_synthetic_texts() {
    let Some(path) = data("pii-presidio-synth/records.jsonl") else { return };
    let lines = fs::read_to_string(path).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str::<Record>(line).unwrap());
    let report = eval::score(records);
    for (kind, score) in &report.by_type {
        println!(
            "{kind:18} n={:3}  precision {:.3}  recall {:.3}  F1 {:.3}  exact F1 {:.3}",
            score.n, score.precision, score.recall, score.f1, score.exact_f1
        );
    }
    for kind in
        ["EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "DOMAIN_NAME", "US_DRIVER_LICENSE"]
    {
        assert!(report.by_type[kind].f1 >= 0.97, "{kind}");
    }
    assert!(report.by_type["PHONE_NUMBER"].f1 >= 0.90);
}

/// Types that technical texts really hold, or that say nothing about a person.
const EXPECTED: &[PiiType] = &[PiiType::Url, PiiType::IpAddress, PiiType::DomainName, PiiType::EmailAddress];
/// Types of the learned tagger, which has its own measure.
const TAGGED: &[PiiType] = &[PiiType::Person, PiiType::StreetAddress, PiiType::Organization];
/// Places, peoples and forms of address: a country in a manual is a country.
const WORDS: &[PiiType] = &[PiiType::Gpe, PiiType::Nrp, PiiType::Title];

#[test]
fn industrial_texts_hold_few_false_hits() {
    let detector = Detector::default();
    let mut all = Vec::new();
    for folder in ["klipper-md", "linuxcnc-adoc", "4diac-adoc"] {
        let Some(path) = data(&format!("industrial-documents/{folder}")) else { return };
        texts(&path, &mut all);
    }
    let Some(path) = data("industrial-records/nist-excavator-work-orders.csv") else { return };
    all.push(fs::read_to_string(path).unwrap());
    let words: usize = all.iter().map(|text| text.split_whitespace().count()).sum();
    let mut counts = BTreeMap::<String, Vec<String>>::new();
    for text in &all {
        for finding in detector.detect_all(text) {
            let piece = text.get(finding.start..finding.end).unwrap();
            counts.entry(finding.kind.to_string()).or_default().push(piece.into());
        }
    }
    let mut dates = 0;
    let mut hits = 0;
    for (kind, found) in &counts {
        let unique: std::collections::BTreeSet<_> = found.iter().collect();
        println!("{kind:18} {:5}  {:?}", found.len(), unique.iter().take(25).collect::<Vec<_>>());
        let parsed = kind.parse().unwrap();
        match parsed {
            PiiType::DateTime => dates = found.len(),
            kind if [EXPECTED, TAGGED, WORDS].concat().contains(&kind) => {}
            _ => hits += found.len(),
        }
    }
    println!("{words} words, {hits} hits that name a person (1 in {} words), {dates} dates", words / hits.max(1));
    assert!(hits * 2_000 < words, "{hits} in {words} words");
}
