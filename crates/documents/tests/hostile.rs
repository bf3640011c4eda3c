//! A folder of malformed, odd and hostile documents, each read in a process of its own. The folder
//! lies outside the repository; without it there is nothing to test, and the test says so.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests may fail a test")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use millwright_documents::{Limits, ParserProcess, detect};

fn worker() -> PathBuf {
    let path = std::env::current_exe()
        .expect("this test")
        .parent()
        .and_then(|deps| deps.parent())
        .expect("target")
        .join("examples/parse_worker");
    assert!(path.exists(), "build it first: cargo build -p millwright-documents --example parse_worker");
    path
}

#[expect(clippy::disallowed_methods, reason = "the data folder may be named for this test")]
fn folder() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    std::env::var_os("MILLWRIGHT_TEST_DATA").map_or(beside, PathBuf::from).join("hostile-documents")
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "pdf" || extension == "docx") {
            out.push(path);
        }
    }
}

#[tokio::test]
async fn every_hostile_document_ends_in_text_or_a_typed_error() {
    let mut paths = Vec::new();
    files(&folder(), &mut paths);
    if paths.is_empty() {
        println!("SKIPPED: no folder {} (set MILLWRIGHT_TEST_DATA)", folder().display());
        return;
    }
    let limits = Limits { wall_seconds: 60, cpu_seconds: 50, ..Limits::default() };
    let process = ParserProcess::new(worker(), Vec::<String>::new(), limits);
    let (mut with_text, mut refused, mut slowest) = (0, 0, Duration::ZERO);
    for path in &paths {
        let bytes = std::fs::read(path).expect("file");
        let started = Instant::now();
        let result = match detect(&bytes, &path.to_string_lossy()) {
            Ok(format) => process.parse(format, &bytes, |_| Ok(())).await,
            Err(error) => Err(error),
        };
        slowest = slowest.max(started.elapsed());
        match result {
            Ok(summary) if summary.characters > 0 => with_text += 1,
            Ok(_) => {}
            Err(error) => {
                assert!(!error.is_transient(), "{}: {error}", path.display());
                refused += 1;
            }
        }
    }
    println!("{} files: {with_text} with text, {refused} refused with a reason, slowest {slowest:?}", paths.len());
    // What these parsers reach on the collection of 187 files; a change must not lose any.
    assert!(paths.len() < 187 || with_text >= 117, "only {with_text} with text");
}
