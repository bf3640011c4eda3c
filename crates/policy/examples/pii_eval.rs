//! Scores the detectors on labelled texts: `cargo run --example pii_eval -- RECORDS.jsonl [TYPE]`.
//!
//! Prints the report as JSON; with a type, what of it was missed or found wrongly.

use std::fs;

use millwright_policy::pii::{
    Detector,
    eval::{self, Record},
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(text) = arguments.next().and_then(|path| fs::read_to_string(path).ok()) else {
        say("give a file of labelled records");
        return;
    };
    let records: Vec<Record> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if let Some(kind) = arguments.next() {
        for record in &records {
            differences(record, &kind);
        }
    }
    let report = eval::score(records.into_iter());
    say(&serde_json::to_string_pretty(&report).unwrap_or_default());
}

fn differences(record: &Record, kind: &str) {
    let found = Detector::default().detect_all(&record.text);
    let characters: Vec<char> = record.text.chars().collect();
    let labelled: Vec<String> = record
        .spans
        .iter()
        .filter(|span| span.kind == kind)
        .filter_map(|span| Some(characters.get(span.start..span.end)?.iter().collect()))
        .collect();
    let found: Vec<&str> = found
        .iter()
        .filter(|finding| finding.kind.as_str() == kind)
        .filter_map(|finding| record.text.get(finding.start..finding.end))
        .collect();
    if labelled != found {
        say(&format!("labelled {labelled:?}, found {found:?} in {:?}", record.text));
    }
}

#[expect(clippy::print_stdout, reason = "it is a program for the terminal")]
fn say(line: &str) {
    println!("{line}");
}
