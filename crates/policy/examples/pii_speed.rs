//! Measures how fast personal data are found, on one core: `cargo run --release --example pii_speed -- FOLDER`.

use std::{fs, hint::black_box, path::Path, time::Instant};

use millwright_policy::pii::{Detector, Mode, PiiSettings, PiiType, Vault};

fn main() {
    let Some(folder) = std::env::args().nth(1) else {
        say("give a folder of text files");
        return;
    };
    let mut texts = Vec::new();
    collect(Path::new(&folder), &mut texts);
    let bytes: usize = texts.iter().map(String::len).sum();
    say(&format!("{} texts, {:.1} MB", texts.len(), bytes as f64 / 1e6));

    let mut structured = PiiSettings::default();
    for kind in [PiiType::Person, PiiType::StreetAddress, PiiType::Organization] {
        structured = structured.with_mode(kind, Mode::Allow);
    }
    let Ok(structured) = Detector::new(&structured) else { return };
    let all = Detector::default();
    measure("structured types", &texts, bytes, |text| structured.detect(text).len());
    measure("default settings, with the tagger", &texts, bytes, |text| all.detect(text).len());
    measure("every type", &texts, bytes, |text| all.detect_all(text).len());
    measure("redact and restore, structured types", &texts, bytes, |text| {
        let mut vault = Vault::default();
        let redacted = vault.redact(&structured, text);
        vault.restore(&redacted.text).len()
    });
}

/// Runs over all texts until at least a second has passed, and prints the rate.
fn measure(what: &str, texts: &[String], bytes: usize, work: impl Fn(&str) -> usize) {
    let start = Instant::now();
    let mut rounds = 0;
    let mut results = 0;
    while rounds == 0 || start.elapsed().as_secs_f64() < 1.0 {
        results = texts.iter().map(|text| black_box(work(black_box(text)))).sum();
        rounds += 1;
    }
    let rate = bytes as f64 * f64::from(rounds) / 1e6 / start.elapsed().as_secs_f64();
    say(&format!("{what:40} {rate:8.1} MB/s  ({results} results)"));
}

fn collect(path: &Path, texts: &mut Vec<String>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| collect(&entry.path(), texts));
    } else if let Ok(text) = fs::read_to_string(path) {
        texts.push(text);
    }
}

#[expect(clippy::print_stdout, reason = "it is a program for the terminal")]
fn say(line: &str) {
    println!("{line}");
}
