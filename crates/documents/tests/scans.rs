//! Pages that are pictures, read by the tesseract of this machine. Where there is none, each test says that it was skipped.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests may fail a test")]

mod scanner;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use millwright_documents::{
    DocumentError, Format, Limits, Page, ParserProcess, Recognizer, RecognizerMissing, Summary, Unrecognized, WordBox,
    parse,
};
use scanner::{Scan, pdf_of, scans_of};

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

fn recognizer() -> Option<Recognizer> {
    let found = Recognizer::find(&["deu", "eng"]);
    if let Err(missing) = &found {
        println!("SKIPPED: no text recognition here: {missing}");
    }
    found.ok()
}

fn manual() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/pump-manual.pdf")).expect("sample")
}

async fn read(recognizer: Recognizer, limits: Limits, bytes: &[u8]) -> (Vec<Page>, Result<Summary, DocumentError>) {
    let mut pages = Vec::new();
    let process = ParserProcess::new(worker(), Vec::<String>::new(), limits).with_recognizer(Some(recognizer));
    let result = process.parse(Format::Pdf, bytes, |page| {
        pages.push(page);
        Ok(())
    });
    let result = result.await;
    (pages, result)
}

fn text_of(page: &Page, word: &WordBox) -> String {
    page.text.chars().skip(word.start as usize).take((word.end - word.start) as usize).collect()
}

#[tokio::test]
async fn a_scan_says_what_its_pages_say_and_where() {
    let Some(recognizer) = recognizer() else { return };
    let mut printed = Vec::new();
    parse(Format::Pdf, &manual(), &Limits::default(), |page| {
        printed.push(page);
        Ok(())
    })
    .unwrap();
    let started = Instant::now();
    let (pages, result) = read(recognizer, Limits::default(), &pdf_of(&scans_of(&manual(), &[2, 4]))).await;
    let summary = result.unwrap();
    println!("2 pages in {:?}", started.elapsed());
    assert_eq!((summary.pages_recognized, summary.pages_without_text), (vec![1, 2], vec![]));
    assert!(summary.recognition.unwrap().engine.starts_with("tesseract "));
    for (scan, printed) in pages.iter().zip([&printed[2], &printed[4]]) {
        assert!(scan.recognized && !printed.recognized);
        // Word for word, in any order: recognition may part a table otherwise.
        let (read, layout) = (scan.layout.as_ref().unwrap(), printed.layout.as_ref().unwrap());
        let near = |a: u32, b: u32| a.abs_diff(b) < 60;
        let found = layout.words.iter().filter(|word| {
            let text = text_of(printed, word);
            read.words
                .iter()
                .any(|other| text_of(scan, other) == text && near(word.left, other.left) && near(word.top, other.top))
        });
        let (found, all) = (found.count(), layout.words.len());
        println!("{found} of {all} words in their places");
        assert!(found * 100 >= all * 90, "{found} of {all}:\n{}", scan.text);
        assert!(near(read.width, layout.width) && near(read.height, layout.height));
    }
    assert!(pages[0].text.contains("Technical data"), "{}", pages[0].text);
}

#[tokio::test]
async fn pages_with_text_are_left_alone_and_pages_with_a_stamp_are_read() {
    let Some(recognizer) = recognizer() else { return };
    let scan = Scan { stamp: Some("Page 3 of 12"), ..scans_of(&manual(), &[2]).remove(0) };
    let (pages, result) = read(recognizer.clone(), Limits::default(), &pdf_of(&[scan])).await;
    assert_eq!(result.unwrap().pages_recognized, [1]);
    assert!(pages[0].text.contains("Technical data"), "{}", pages[0].text);
    let (_, result) = read(recognizer, Limits::default(), &manual()).await;
    assert_eq!(result.unwrap().pages_recognized, Vec::<u32>::new());
}

#[tokio::test]
async fn without_recognition_or_without_letters_a_scan_needs_ocr() {
    let scan = scans_of(&manual(), &[2]);
    let result = parse(Format::Pdf, &pdf_of(&scan), &Limits::default(), |_| Ok(()));
    assert_eq!(result.unwrap_err(), DocumentError::NeedsOcr { pages: vec![1], cause: Unrecognized::NotTried });
    let Some(recognizer) = recognizer() else { return };
    let blank = Scan { bits: vec![0xff; scan[0].bits.len()], ..scan[0].clone() };
    let noise = Scan {
        bits: scan[0].bits.iter().enumerate().map(|(at, _)| (at * at % 251) as u8).collect(),
        ..scan[0].clone()
    };
    let (_, result) = read(recognizer.clone(), Limits::default(), &pdf_of(&[blank, noise.clone()])).await;
    assert_eq!(result.unwrap_err(), DocumentError::NeedsOcr { pages: vec![1, 2], cause: Unrecognized::NothingFound });
    // Beside a page that can be read, they are named.
    let (_, result) = read(recognizer, Limits::default(), &pdf_of(&[scan[0].clone(), noise])).await;
    assert_eq!(result.unwrap().pages_without_text, [2]);
}

#[tokio::test]
async fn time_that_is_up_leaves_pages_unread_instead_of_hanging() {
    let Some(recognizer) = recognizer() else { return };
    let scan = pdf_of(&scans_of(&manual(), &[2]));
    for limits in [Limits { ocr_page_seconds: 0, ..Limits::default() }, Limits { ocr_seconds: 0, ..Limits::default() }]
    {
        let (_, result) = read(recognizer.clone(), limits, &scan).await;
        assert_eq!(result.unwrap_err(), DocumentError::NeedsOcr { pages: vec![1], cause: Unrecognized::OutOfTime });
    }
}

#[tokio::test]
async fn absurd_pages_end_in_time_with_a_reason() {
    let Some(recognizer) = recognizer() else { return };
    let scan = scans_of(&manual(), &[2]).remove(0);
    for (width, height) in [(1e9, 1e9), (14_400.0, 14_400.0), (1e-9, 5.0), (200_000.0, 1.0), (-5.0, 0.0)] {
        let started = Instant::now();
        let absurd = Scan { width, height, ..scan.clone() };
        let (_, result) = read(recognizer.clone(), Limits::default(), &pdf_of(&[absurd])).await;
        println!("{width} by {height}: {:?} in {:?}", result.as_ref().map(|_| "read"), started.elapsed());
        assert!(result.as_ref().err().is_none_or(|error| !error.is_transient()), "{result:?}");
        assert!(started.elapsed() < Duration::from_mins(1));
    }
    // A picture that claims to have more pixels than bytes.
    let liar = Scan { pixels: (100_000, 100_000), ..scan };
    let (_, result) = read(recognizer, Limits::default(), &pdf_of(&[liar])).await;
    assert!(result.as_ref().err().is_none_or(|error| !error.is_transient()), "{result:?}");
}

/// The processes whose parent is `parent`, from the kernel's table.
fn children(parent: u32) -> Vec<u32> {
    let stat = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    let pids = std::fs::read_dir("/proc").expect("proc").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // pid (name) state parent …
    let is_child = |text: &str| {
        text.rsplit_once(") ").is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(&parent.to_string()))
    };
    pids.filter(|&pid| stat(pid).is_some_and(|text| is_child(&text))).collect()
}

#[test]
fn recognition_dies_with_the_parser() {
    let Some(recognizer) = recognizer() else { return };
    let scan = pdf_of(&scans_of(&manual(), &[2, 3, 4]));
    let request = serde_json::json!({
        "format": "pdf", "limits": Limits::default(), "length": scan.len(), "recognizer": recognizer,
    });
    let mut parser = Command::new(worker())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("worker");
    let mut stdin = parser.stdin.take().expect("stdin");
    std::io::Write::write_all(&mut stdin, format!("{request}\n").as_bytes()).expect("request");
    std::io::Write::write_all(&mut stdin, &scan).expect("bytes");
    let started = Instant::now();
    let running = loop {
        let running = children(parser.id());
        let is_tesseract = |pid: &u32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "tesseract")
        };
        if let Some(pid) = running.into_iter().find(is_tesseract) {
            break pid;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "tesseract was never started");
        std::thread::sleep(Duration::from_millis(5));
    };
    let environment = std::fs::read(format!("/proc/{running}/environ")).expect("environment");
    assert_eq!(String::from_utf8_lossy(&environment).trim_end_matches('\0'), "OMP_THREAD_LIMIT=1");
    parser.kill().expect("kill");
    parser.wait().expect("wait");
    let ended = Instant::now();
    while Path::new(&format!("/proc/{running}")).exists() && ended.elapsed() < Duration::from_secs(5) {
        let stat = std::fs::read_to_string(format!("/proc/{running}/stat")).unwrap_or_default();
        if stat.contains(") Z") {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(ended.elapsed() < Duration::from_secs(1), "tesseract outlives the parser");
}

#[test]
fn what_is_missing_is_said() {
    if recognizer().is_none() {
        return;
    }
    let missing = Recognizer::find(&["xyz"]).unwrap_err();
    assert!(
        matches!(&missing, RecognizerMissing::Languages { wanted, installed } if wanted == "xyz" && installed.contains("eng"))
    );
    let some = Recognizer::find(&["xyz", "eng"]).unwrap();
    assert_eq!(some.languages(), "eng");
    assert!(some.version().starts_with("tesseract "), "{}", some.version());
}
