//! Presentations, workbooks, tables as text, and messages: files made by the programs' own libraries.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests may fail a test")]

use std::io::{Cursor, Write};
use std::path::Path;

use millwright_documents::{Block, BlockKind, DocumentError, Format, Limits, Page, Summary, detect, parse};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).expect("fixture")
}

fn read_bytes(bytes: &[u8], name: &str) -> (Vec<Page>, Result<Summary, DocumentError>) {
    let mut pages = Vec::new();
    let result = detect(bytes, name).and_then(|format| {
        parse(format, bytes, &Limits::default(), |page| {
            pages.push(page);
            Ok(())
        })
    });
    (pages, result)
}

fn read(name: &str) -> (Vec<Page>, Summary) {
    let (pages, result) = read_bytes(&fixture(name), name);
    (pages, result.expect("summary"))
}

fn blocks(page: &Page) -> Vec<(BlockKind, String)> {
    let text = |block: &Block| page.text.chars().skip(block.start).take(block.end - block.start).collect();
    page.blocks.iter().map(|block| (block.kind, text(block))).collect()
}

fn heading(level: u8, text: &str) -> (BlockKind, String) {
    (BlockKind::Heading { level }, text.to_owned())
}

fn row(header: bool, text: &str) -> (BlockKind, String) {
    (BlockKind::TableRow { header }, text.to_owned())
}

#[test]
fn a_presentation_is_read_slide_by_slide_with_tables_and_notes() {
    let (pages, summary) = read("briefing.pptx");
    assert_eq!((summary.format, summary.page_count, summary.paged), (Format::Pptx, 4, true));
    assert_eq!(
        (summary.title.as_deref(), summary.pages_without_text.as_slice()),
        (Some("Shutdown briefing"), &[4][..])
    );
    assert_eq!(blocks(&pages[0])[0], heading(1, "Line 4 shutdown"));
    let item = |text: &str| (BlockKind::ListItem, text.to_owned());
    assert_eq!(
        blocks(&pages[1]),
        [
            heading(1, "Lockout before work"),
            item("Press the E-stop at panel B2"),
            item("Isolate valve V-17 & hang the tag"),
            (BlockKind::Paragraph, "Note: Tell the shift lead before V-17 is closed.".to_owned()),
        ]
    );
    assert_eq!(
        blocks(&pages[2]),
        [
            heading(1, "Torques"),
            row(true, "Joint | Thread | Torque"),
            row(false, "Coupling | M8x1.25 | 25 Nm"),
            row(false, "Bearing cover | M6 | 9 Nm"),
        ]
    );
}

#[test]
fn a_workbook_is_read_sheet_by_sheet_with_its_values_as_a_person_sees_them() {
    let (pages, summary) = read("spares.xlsx");
    assert_eq!((summary.format, summary.page_count, summary.paged), (Format::Xlsx, 1, false));
    assert_eq!(
        blocks(&pages[0]),
        [
            heading(1, "Bearings"),
            (BlockKind::Paragraph, "Spare parts for line 4".to_owned()),
            row(true, "Part | Type | Stock | Ordered"),
            row(false, "Bearing, drive end | 6205-2RS | 4 | 2025-03-14"),
            row(false, "Shaft seal | 45x62x8 | 2.5 | 2025-04-02 13:30:00"),
            row(false, "Coupling |  | TRUE"),
            heading(1, "Orders"),
            row(true, "Order | Supplier"),
            row(false, "4500001234 | Müller GmbH | Co"),
        ]
    );
    assert!(!pages[0].text.contains("never shown"));
}

#[test]
fn a_message_is_read_with_what_is_attached_to_it() {
    let (pages, summary) = read("leak.eml");
    assert_eq!((summary.format, summary.title.as_deref()), (Format::Eml, Some("Leak at pump P-101")));
    let text = &pages[0].text;
    for part in [
        "Leak at pump P-101",
        "From: Jörg Meier <joerg.meier@plant.example>\nTo: maintenance@plant.example\nDate: 2025-03-14T08:12:00+01:00",
        "The shaft seal of P-101 leaks 3 drops a minute at 6\u{a0}bar.",
        "Attachment: readings.csv",
        "08:10 | 5,8",
        "This attachment was not read: unsupported format: a PNG picture.",
        "Alarm 17",
        "Pressure below limit.",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert_eq!(text.matches("shaft seal").count(), 1, "the same text in another form is left out");
}

#[test]
fn messages_within_messages_end() {
    let mut message = b"From: a@x.example\r\nSubject: innermost\r\n\r\nhello\r\n".to_vec();
    for depth in 0..40 {
        let head = format!(
            "From: a@x.example\r\nSubject: level {depth}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b{depth}\r\n\r\n\
             --b{depth}\r\nContent-Type: message/rfc822\r\n\r\n"
        );
        message = [head.into_bytes(), message, format!("\r\n--b{depth}--\r\n").into_bytes()].concat();
    }
    let (pages, result) = read_bytes(&message, "a.eml");
    result.expect("summary");
    assert!(pages[0].text.contains("level 37") && !pages[0].text.contains("innermost"), "{}", pages[0].text);
    assert!(pages[0].text.contains("too many messages deep"));
}

/// The file with one part exchanged.
fn exchanged(name: &str, part: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(fixture(name))).expect("zip");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).expect("entry");
        let name = file.name().expect("name").into_owned();
        writer.start_file(&name, SimpleFileOptions::default()).expect("entry");
        if name == part {
            writer.write_all(content).expect("content");
        } else {
            std::io::copy(&mut file, &mut writer).expect("copy");
        }
    }
    writer.finish().expect("archive").into_inner()
}

/// A sheet of inline texts, by their places.
fn sheet(cells: &[&[(&str, &str)]]) -> Vec<u8> {
    let cell = |(place, text): &(&str, &str)| format!("<c r='{place}' t='inlineStr'><is><t>{text}</t></is></c>");
    let row = |(number, cells): (usize, &&[(&str, &str)])| {
        format!("<row r='{number}'>{}</row>", cells.iter().map(cell).collect::<String>())
    };
    let rows: String = (1..).zip(cells).map(row).collect();
    let head = "<?xml version='1.0'?><worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'>";
    format!("{head}<sheetData>{rows}</sheetData></worksheet>").into_bytes()
}

#[test]
fn no_cell_is_lost_where_rows_begin_in_different_columns() {
    let xml = sheet(&[
        &[("D1", "Torques of line 4")],
        &[("B2", "Joint"), ("C2", "Thread"), ("D2", "Torque")],
        &[("B3", "Coupling"), ("D3", "25 Nm")],
        &[("A4", "new"), ("B4", "Cover"), ("C4", "M6"), ("D4", "9 Nm")],
    ]);
    let (pages, result) = read_bytes(&exchanged("spares.xlsx", "xl/worksheets/sheet1.xml", &xml), "a.xlsx");
    result.expect("summary");
    assert_eq!(
        blocks(&pages[0])[..5],
        [
            heading(1, "Bearings"),
            (BlockKind::Paragraph, "Torques of line 4".to_owned()),
            row(true, "Joint | Thread | Torque"),
            row(false, "Coupling |  | 25 Nm"),
            row(false, "new | Cover | M6 | 9 Nm"),
        ]
    );
    let beyond = sheet(&[&[("A1", "a"), ("ZZZZ1", "b")]]);
    let result = read_bytes(&exchanged("spares.xlsx", "xl/worksheets/sheet1.xml", &beyond), "a.xlsx").1;
    assert!(
        matches!(result, Err(DocumentError::LimitExceeded { .. } | DocumentError::Unreadable { .. })),
        "{result:?}"
    );
}

#[test]
fn attachments_beyond_the_limit_are_named_as_not_read() {
    let part =
        "--b\r\nContent-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nx\r\n";
    let head =
        "From: a@x.example\r\nSubject: many\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    let (pages, result) = read_bytes(format!("{head}{}--b--\r\n", part.repeat(203)).as_bytes(), "a.eml");
    result.expect("summary");
    assert!(pages[0].text.ends_with("3 more attachments were not read."), "{}", pages[0].text);
}

#[test]
fn damaged_and_swollen_office_files_are_refused_and_say_why() {
    for (name, part) in [("briefing.pptx", "ppt/slides/slide2.xml"), ("spares.xlsx", "xl/worksheets/sheet1.xml")] {
        let result = read_bytes(&exchanged(name, part, b"<a><b></a>"), name).1;
        assert!(matches!(result, Err(DocumentError::Unreadable { .. })), "{name}: {result:?}");
        let result = read_bytes(&exchanged(name, part, &vec![b' '; 40_000_000]), name).1;
        assert!(matches!(result, Err(DocumentError::LimitExceeded { .. })), "{name}: {result:?}");
        let bytes = fixture(name);
        let result = read_bytes(&bytes[..bytes.len() / 2], name).1;
        assert!(matches!(result, Err(DocumentError::Unreadable { .. })), "{name}: {result:?}");
    }
}

#[test]
fn a_slide_that_leads_outside_is_not_followed() {
    let rels = br#"<Relationships><Relationship Id="rId1" Type="x/notesSlide" TargetMode="External" Target="http://192.0.2.1/n.xml"/></Relationships>"#;
    let (pages, result) = read_bytes(&exchanged("briefing.pptx", "ppt/slides/_rels/slide2.xml.rels", rels), "a.pptx");
    result.expect("summary");
    assert!(!pages[1].text.contains("Note:"));
}
