//! The parser in its own process: real processes, real limits.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests may fail a test")]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use millwright_documents::{DocumentError, Format, Limits, Page, ParserProcess, Summary};

/// The example that the tests start; built with the tests of the whole package.
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

async fn read(limits: Limits, format: Format, bytes: &[u8]) -> (Vec<Page>, Result<Summary, DocumentError>) {
    let mut pages = Vec::new();
    let process = ParserProcess::new(worker(), Vec::<String>::new(), limits);
    let result = process
        .parse(format, bytes, |page| {
            pages.push(page);
            Ok(())
        })
        .await;
    (pages, result)
}

async fn read_with(program: &str, args: &[&str], limits: Limits) -> Result<Summary, DocumentError> {
    ParserProcess::new(program, args.iter().copied(), limits).parse(Format::Text, b"words", |_| Ok(())).await
}

/// A PDF whose forms draw each other ten times, ten levels deep: ten thousand million drawings.
fn form_bomb() -> Vec<u8> {
    let mut pdf = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
        3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 10 0 R/Resources<</XObject<</X 11 0 R>>>>>>endobj\n\
        10 0 obj<</Length 5>>stream\n/X Do\nendstream endobj\n"
        .to_vec();
    let body = "/X Do ".repeat(10);
    for number in 11..21 {
        let next = number + 1;
        pdf.extend(format!("{number} 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 100 100]/Resources<</XObject<</X {next} 0 R>>>>/Length {}>>stream\n{body}\nendstream endobj\n", body.len()).bytes());
    }
    pdf.extend(b"21 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 8>>stream\n0 0 1 1 re f\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF");
    pdf
}

#[tokio::test]
async fn pages_come_out_of_the_other_process() {
    let (pages, result) = read(Limits::default(), Format::Markdown, "# Pumpe\n\nÖl nach 2000 h.".as_bytes()).await;
    let summary = result.unwrap();
    assert_eq!(pages[0].text, "Pumpe\n\nÖl nach 2000 h.");
    assert_eq!((summary.page_count, summary.characters, summary.paged), (1, 22, false));
    let (_, result) = read(Limits::default(), Format::Pdf, b"%PDF-1.7 rubbish").await;
    assert!(matches!(result, Err(DocumentError::Unreadable { .. })), "{result:?}");
}

#[tokio::test]
async fn a_large_document_passes_whole() {
    let source = "Tighten the bolts to 45 Nm. ".repeat(400_000);
    let (pages, result) = read(Limits::default(), Format::Text, source.as_bytes()).await;
    assert_eq!(result.unwrap().characters, pages[0].text.chars().count() as u64);
}

#[tokio::test]
async fn processor_time_ends_a_bomb_of_forms() {
    let limits = Limits { cpu_seconds: 1, ..Limits::default() };
    let started = Instant::now();
    let (_, result) = read(limits, Format::Pdf, &form_bomb()).await;
    assert!(matches!(result, Err(DocumentError::LimitExceeded { .. })), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn memory_ends_a_document_that_needs_too_much() {
    let limits = Limits { memory_bytes: 120 * 1024 * 1024, ..Limits::default() };
    let source = "<p>".repeat(3_000_000);
    let (_, result) = read(limits, Format::Html, source.as_bytes()).await;
    assert!(matches!(result, Err(DocumentError::LimitExceeded { .. })), "{result:?}");
}

#[tokio::test]
async fn ends_of_all_kinds_are_typed() {
    let limits = Limits { wall_seconds: 1, ..Limits::default() };
    let hang = read_with("/bin/sh", &["-c", "sleep 30"], limits).await;
    assert!(matches!(hang, Err(DocumentError::LimitExceeded { .. })), "{hang:?}");
    let limits = Limits::default();
    let killed = read_with("/bin/sh", &["-c", "kill -9 $$"], limits).await;
    assert!(matches!(killed, Err(DocumentError::LimitExceeded { .. })), "{killed:?}");
    let crashed = read_with("/bin/sh", &["-c", "kill -SEGV $$"], limits).await;
    assert!(matches!(crashed, Err(DocumentError::Unreadable { .. })), "{crashed:?}");
    let silent = read_with("/bin/sh", &["-c", "cat > /dev/null & exit 0"], limits).await;
    assert!(matches!(silent, Err(DocumentError::Unreadable { .. })), "{silent:?}");
    let rubbish = read_with("/bin/sh", &["-c", "echo rubbish; exit 1"], limits).await;
    assert!(matches!(rubbish, Err(DocumentError::ParserUnavailable { .. })), "{rubbish:?}");
    let absent = read_with("/nowhere/at/all", &[], limits).await;
    assert!(matches!(absent, Err(DocumentError::ParserUnavailable { .. })), "{absent:?}");
}

#[tokio::test]
async fn a_worker_that_writes_one_line_for_ever_is_too_large() {
    let limits = Limits { max_message_bytes: 1024 * 1024, ..Limits::default() };
    let started = Instant::now();
    let endless = read_with("/bin/sh", &["-c", "yes x | tr -d '\\n'"], limits).await;
    assert!(
        matches!(&endless, Err(DocumentError::LimitExceeded { detail }) if detail.contains("1 MiB")),
        "{endless:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn an_error_of_the_reader_ends_the_process() {
    let process = ParserProcess::new(worker(), Vec::<String>::new(), Limits::default());
    let stop = DocumentError::LimitExceeded { detail: "enough".to_owned() };
    let result = process.parse(Format::Text, b"words", |_| Err(stop.clone())).await;
    assert_eq!(result, Err(stop));
}

#[test]
fn the_worker_ends_with_its_parent() {
    let request = format!(
        "{}\n",
        serde_json::json!({"format": "pdf", "limits": Limits { cpu_seconds: 20, ..Limits::default() }, "length": form_bomb().len()})
    );
    let mut child = Command::new(worker())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("worker");
    let mut stdin = child.stdin.take().expect("stdin");
    stdin.write_all(request.as_bytes()).expect("request");
    stdin.write_all(&form_bomb()).expect("bytes");
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("status").is_none(), "it should still be at work");
    let started = Instant::now();
    // What the kernel does when the parent dies.
    drop(stdin);
    let status = child.wait().expect("status");
    assert_eq!(status.code(), Some(3));
    assert!(started.elapsed() < Duration::from_secs(5));
    let mut rest = String::new();
    child.stdout.take().expect("stdout").read_to_string(&mut rest).expect("output");
    assert!(!rest.contains("done"), "{rest}");
}
