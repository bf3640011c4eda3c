//! Whole documents: the samples that ship with the product, fixtures of other projects, and
//! documents made to do harm.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests may fail a test")]

use std::io::Write;
use std::path::{Path, PathBuf};

use millwright_documents::{
    Block, BlockKind, ChunkSettings, DocumentError, Format, Limits, Page, Summary, chunk, detect, parse,
};
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn read(format: Format, bytes: &[u8]) -> (Vec<Page>, Result<Summary, DocumentError>) {
    let mut pages = Vec::new();
    let result = parse(format, bytes, &Limits::default(), |page| {
        pages.push(page);
        Ok(())
    });
    (pages, result)
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read_file(path: &Path) -> (Vec<Page>, Result<Summary, DocumentError>) {
    let bytes = std::fs::read(path).expect("file");
    match detect(&bytes, &path.to_string_lossy()) {
        Ok(format) => read(format, &bytes),
        Err(error) => (Vec::new(), Err(error)),
    }
}

fn text_of(page: &Page, block: &Block) -> String {
    page.text.chars().skip(block.start).take(block.end - block.start).collect()
}

fn blocks(pages: &[Page], wanted: impl Fn(BlockKind) -> bool) -> Vec<String> {
    let of_page = |page: &Page| {
        page.blocks.iter().filter(|block| wanted(block.kind)).map(|block| text_of(page, block)).collect::<Vec<_>>()
    };
    pages.iter().flat_map(of_page).collect()
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[test]
fn the_pump_manual_is_read_with_headings_tables_and_steps() {
    let (pages, result) = read_file(&root("../../samples/pump-manual.pdf"));
    let summary = result.expect("summary");
    assert_eq!((summary.format, summary.page_count, summary.paged), (Format::Pdf, 12, true));
    assert_eq!(summary.title.as_deref(), Some("HP-CX 80-250 Operating and Maintenance Manual"));
    assert!(summary.pages_without_text.is_empty());
    let headings = blocks(&pages, |kind| matches!(kind, BlockKind::Heading { .. }));
    for heading in
        ["6 Maintenance", "6.2 Relubricating the pump bearings", "7.1 Bolts of the pump set", "9.1 Parts list"]
    {
        assert_eq!(headings.iter().filter(|title| *title == heading).count(), 1, "{heading}: {headings:?}");
    }
    let rows = blocks(&pages, |kind| matches!(kind, BlockKind::TableRow { .. }));
    for row in ["Coupling bolts | M10 | 10.9 | 49 Nm", "10 | Deep groove ball bearing, impeller side | 6205-2RS | 1"] {
        assert!(rows.iter().any(|text| text == row), "{row}: {rows:?}");
    }
    let items = blocks(&pages, |kind| kind == BlockKind::ListItem);
    assert!(items.contains(&"1. Clean the grease nipples on the bearing bracket.".to_owned()), "{items:?}");
    let all: String = pages.iter().map(|page| page.text.as_str()).collect();
    assert!(
        all.contains("The pump bearings must be relubricated every 2000 operating hours, and at least once a year.")
    );
    assert!(pages.iter().skip(1).all(|page| !page.text.contains("HP-CX-OM-EN Rev. 4")), "footers are left out");
}

#[test]
fn chunks_of_the_manual_know_where_they_stand() {
    let (pages, _) = read_file(&root("../../samples/pump-manual.pdf"));
    let chunks = chunk(&pages, &ChunkSettings { size_tokens: 60, overlap_tokens: 10 }, &words);
    let torque = chunks.iter().find(|chunk| chunk.text.contains("Motor feet | M16")).expect("chunk");
    assert_eq!(
        (torque.page_number, torque.heading_path.last().map(String::as_str)),
        (10, Some("7.1 Bolts of the pump set"))
    );
    assert!(torque.heading_path.contains(&"7 Tightening torques".to_owned()), "{:?}", torque.heading_path);
    let named = torque.text.contains("Connection | Thread")
        || torque.table_header.as_deref() == Some("Connection | Thread | Class | Torque");
    assert!(named, "a row is never without its columns' names");
}

#[test]
fn the_other_samples_are_read() {
    let (pages, result) = read_file(&root("../../samples/lockout-procedure.docx"));
    assert_eq!(result.expect("summary").title.as_deref(), Some("Lockout-tagout procedure LOTO-017, filling line 3"));
    let text = &pages[0].text;
    assert!(text.contains("H1 | Glue, 170 °C | Glue unit heater switch S7 | Glue unit GU-31 | Blue padlock"));
    assert!(text.contains("\n4. Close shut-off valve V12"), "{text}");
    let (pages, result) = read_file(&root("../../samples/downtime-report.md"));
    assert_eq!(result.expect("summary").format, Format::Markdown);
    assert!(pages[0].text.contains("| 215 min | Carton erector KE-31 |"));
}

#[test]
fn fixtures_end_as_they_should() {
    let fixture = |name: &str| read_file(&root("tests/fixtures").join(name));
    let text = |name: &str| {
        let (pages, result) = fixture(name);
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
        pages[0].text.clone()
    };
    assert_eq!(text("helloworld-bad.pdf"), "Hello, world!");
    assert_eq!(text("footnotes.docx"), "Ouch.\n\nNote: A tachyon walks into a bar.\n\nNote: Fin.");
    assert_eq!(text("tables.docx"), "Above\n\nTop left | Top right\nBottom left | Bottom right\n\nBelow");
    assert_eq!(text("simple-list.docx"), "• Apple\n• Banana");
    assert_eq!(text("text-box.docx"), "Datum plane");
    assert_eq!(text("strict-format.docx"), "Test");
    assert!(text("blk-paras-and-tables.docx").contains("\n\nText before Table; Between; Text after\n\n"));
    assert!(matches!(fixture("issue6010_1.pdf").1, Err(DocumentError::Encrypted { .. })));
    assert!(matches!(fixture("bitmap-halftone.pdf").1, Err(DocumentError::NeedsOcr { pages, .. }) if pages == [1]));
    assert!(fixture("GHOSTSCRIPT-698804-1-fuzzed.pdf").1.is_err());
}

fn docx(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let types = ("[Content_Types].xml", "<Types/>");
    for (name, xml) in std::iter::once(&types).chain(parts) {
        archive.start_file(*name, SimpleFileOptions::default()).expect("part");
        archive.write_all(xml.as_bytes()).expect("part");
    }
    archive.finish().expect("archive").into_inner()
}

fn document(body: &str) -> String {
    format!("<?xml version='1.0'?><w:document xmlns:w='w' xmlns:mc='mc'><w:body>{body}</w:body></w:document>")
}

#[test]
fn word_documents_leave_out_what_was_removed_and_fetch_nothing() {
    let body = "<w:p><w:pPr><w:pStyle w:val='Heading1'/></w:pPr><w:r><w:t>Pump</w:t></w:r></w:p>\
        <w:p><w:r><w:t xml:space='preserve'>Tighten to </w:t></w:r><w:del><w:r><w:delText>30</w:delText><w:t>30</w:t></w:r></w:del>\
        <w:ins><w:r><w:t>45 N&#183;m &amp; wait</w:t></w:r></w:ins></w:p>\
        <mc:AlternateContent><mc:Choice><w:p><w:r><w:t>once</w:t></w:r></w:p></mc:Choice>\
        <mc:Fallback><w:p><w:r><w:t>once</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>";
    let rels = "<Relationships><Relationship Id='1' Type='x/officeDocument' Target='word/document.xml'/>\
        <Relationship Id='2' Type='x/image' TargetMode='External' Target='http://192.0.2.1/x'/></Relationships>";
    let bytes = docx(&[("_rels/.rels", rels), ("word/document.xml", &document(body))]);
    assert_eq!(detect(&bytes, "a.pdf"), Ok(Format::Docx));
    let (pages, result) = read(Format::Docx, &bytes);
    result.expect("summary");
    assert_eq!(pages[0].text, "Pump\n\nTighten to 45 N·m & wait\n\nonce");
    assert_eq!(pages[0].blocks[0].kind, BlockKind::Heading { level: 1 });
}

#[test]
fn bombs_are_refused() {
    let limit = |bytes: &[u8]| matches!(read(Format::Docx, bytes).1, Err(DocumentError::LimitExceeded { .. }));
    let spaces = document(&" ".repeat(40_000_000));
    assert!(limit(&docx(&[("word/document.xml", &spaces)])), "expansion");
    assert!(limit(&docx(&[("word/document.xml", &document(&"<w:p>".repeat(5_000)))])), "depth");
    let names: Vec<String> = (0..12_000).map(|at| format!("word/{at}.xml")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert!(limit(&docx(&many)), "entries");
    let entities = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]>".to_owned()
        + &document("<w:p><w:r><w:t>x&b;y</w:t></w:r></w:p>");
    let (pages, result) = read(Format::Docx, &docx(&[("word/document.xml", &entities)]));
    result.expect("summary");
    assert_eq!(pages[0].text, "xy", "entities are never expanded");
}

#[test]
fn truncated_files_are_unreadable() {
    let manual = std::fs::read(root("../../samples/pump-manual.pdf")).expect("sample");
    let (_, result) = read(Format::Pdf, &manual[..200]);
    assert!(matches!(result, Err(DocumentError::Unreadable { .. })), "{result:?}");
    let procedure = std::fs::read(root("../../samples/lockout-procedure.docx")).expect("sample");
    assert!(matches!(detect(&procedure[..20_000], "a.docx"), Err(DocumentError::Unreadable { .. })));
    assert!(matches!(read(Format::Docx, &procedure[..20_000]).1, Err(DocumentError::Unreadable { .. })));
}

/// Spans lie in order within the text, and outside of them is only white space.
fn check_spans(pages: &[Page]) {
    for page in pages {
        let chars: Vec<char> = page.text.chars().collect();
        let mut at = 0;
        for block in &page.blocks {
            assert!(at <= block.start && block.start < block.end && block.end <= chars.len(), "{block:?}");
            assert!(chars[at..block.start].iter().all(|c| c.is_whitespace()));
            at = block.end;
        }
        assert_eq!(at, chars.len());
    }
}

#[test]
fn spans_hold_for_all_samples_and_fixtures() {
    for folder in ["../../samples", "../../samples/evals/plant/documents", "tests/fixtures"] {
        let entries = std::fs::read_dir(root(folder)).expect("folder").map(|entry| entry.expect("entry").path());
        for file in entries.filter(|path| path.is_file()) {
            check_spans(&read_file(&file).0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), head in 0usize..4) {
        let heads: [&[u8]; 4] = [b"", b"%PDF-1.7\n1 0 obj<<", b"PK\x03\x04", b"<!doctype html>"];
        let bytes = [heads[head], &bytes].concat();
        let _ = detect(&bytes, "x.docx");
        for format in Format::ALL {
            check_spans(&read(format, &bytes).0);
        }
    }

    #[test]
    fn no_damage_to_a_file_makes_a_parser_panic(at in 0usize..30_000, byte: u8, cut in 0usize..40_000) {
        for (format, name) in [(Format::Pdf, "pump-manual.pdf"), (Format::Docx, "lockout-procedure.docx")] {
            let mut bytes = std::fs::read(root("../../samples").join(name)).expect("sample");
            let place = at % bytes.len();
            bytes[place] = byte;
            bytes.truncate(cut.max(1000));
            check_spans(&read(format, &bytes).0);
        }
    }

    #[test]
    fn any_text_is_read_in_any_text_format(text in "\\PC{0,200}", mark in "[#=|*`<>-]{0,6}") {
        let source = format!("{mark} {text}\n\n{text} {mark}\n| a | b |\n");
        for format in [Format::Text, Format::Markdown, Format::Html] {
            check_spans(&read(format, source.as_bytes()).0);
        }
    }
}
