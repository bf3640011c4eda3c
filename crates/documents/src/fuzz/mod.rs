//! Fuzz targets, one for each place where bytes from outside are read.
//!
//! As tests they read each seed and some hundred small changes of it, the same ones on every machine. `make fuzz` has
//! libFuzzer drive the same functions (`crates/documents/fuzz`), which looks for inputs that lead to new places in the
//! code. Seeds are the files of `tests/seeds`, `tests/fixtures` and the samples with a target's endings.
//!
//! What a fuzzer finds becomes a test that is named after the symptom; the input, where it is short, becomes a seed.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a law that is broken ends the test")]

mod bundle;
mod laws;
#[cfg(test)]
mod mutate;
#[cfg(test)]
mod replay;

use crate::worker::read_request;
use crate::{Format, PageLayout, detect, ocr, pdf};

/// A fuzz target: its seeds' endings, words that its format knows, how many changes the test reads, and what reads them.
macro_rules! target {
    ($name:ident: $endings:expr, $words:expr, $changes:expr, $read:expr) => {
        #[doc = concat!("The fuzz target `", stringify!($name), "`.")]
        pub fn $name(bytes: &[u8]) {
            let read: fn(&[u8]) = $read;
            read(bytes);
        }

        #[cfg(test)]
        mod $name {
            #[test]
            fn holds_of_changed_seeds() {
                super::replay::replay(&$endings, &$words, $changes, super::$name);
            }
        }
    };
}

target!(detecting: ["pdf", "docx", "xlsx", "eml", "html", "csv", "md", "adoc"], [
    "%PDF-", "PK\u{3}\u{4}", "From: a\n", "<html",
], 600, |bytes| {
    for name in ["a", "a.md", "a.docx", "a.html", "a.csv"] {
        if let Err(error) = detect(bytes, name) {
            laws::holds_of_refusal(&error);
        }
    }
});

target!(pdf_files: ["pdf"], [
    "<<", ">>", "[", "]", " obj\n", "endobj\n", "stream\n", "endstream\n", "/Kids", "/Parent 2 0 R", " 0 R", "BT ",
    " ET", " Tj", " Do", " cm", " Tf", "q ", " Q",
], 250, |bytes| {
    laws::read_as_worker(Format::Pdf, bytes);
});

target!(docx_parts: ["docx-parts"], [
    "<w:p>", "</w:p>", "<w:tbl>", "<w:tr>", "<w:tc>", "<w:numId w:val=\"1\"/>", "<w:ilvl w:val=\"9\"/>",
    "<w:footnoteReference w:id=\"2\"/>", "<mc:Fallback>", "&#0;", "&amp;", "<![CDATA[",
], 600, |bytes| {
    laws::read_as_worker(Format::Docx, &bundle::packed(bytes));
});

target!(pptx_parts: ["pptx-parts"], [
    "<a:p>", "</a:p>", "<a:t>", "<a:tbl>", "<a:tr>", "<a:tc>", "<p:sp>", "<p:ph type=\"title\"/>", "<mc:Fallback>",
    "&#x10FFFF;",
], 600, |bytes| {
    laws::read_as_worker(Format::Pptx, &bundle::packed(bytes));
});

target!(xlsx_parts: ["xlsx-parts"], [
    "<row r=\"1\">", "</row>", "<c r=\"A1\" t=\"s\">", "<v>", "</v>", "<f>", "<mergeCell ref=\"A1:B2\"/>",
    "XFD1048576", "1e300",
], 600, |bytes| {
    laws::read_as_worker(Format::Xlsx, &bundle::packed(bytes));
});

target!(packed_files: ["docx", "pptx", "xlsx"], [
    "PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "word/", "../",
], 150, |bytes| {
    for format in [Format::Docx, Format::Pptx, Format::Xlsx] {
        laws::read_as_worker(format, bytes);
    }
});

target!(csv_files: ["csv"], [
    "\"", "\"\"", ";", ",", "\t", "|", "\n",
], 800, |bytes| {
    laws::read_as_worker(Format::Csv, bytes);
});

target!(html_files: ["html"], [
    "<table>", "</table>", "<tr>", "<td>", "<ul>", "<li>", "<pre>", "<h1>", "</h1>", "<p>", "<title>", "<template>",
    "<svg>", "<select>", "<!--", "&nbsp;",
], 600, |bytes| {
    laws::read_as_worker(Format::Html, bytes);
});

target!(markdown_files: ["md"], [
    "# ", "- ", "1. ", "> ", "| ", "|---|", "```\n", "[^1]", "[^1]: ", "---\n", "<br>", "**",
], 600, |bytes| {
    laws::read_as_worker(Format::Markdown, bytes);
});

target!(text_files: ["adoc", "txt"], [
    "= ", "== ", "|===\n", "----\n", "(((", ")))", "[[a]]", "* ", "1. ", "\u{c}", "2+| ",
], 800, |bytes| {
    laws::read_as_worker(Format::Text, bytes);
});

target!(messages: ["eml"], [
    "--b\n", "Content-Type: ", "multipart/mixed; boundary=\"b\"\n", "message/rfc822\n", "text/html\n",
    "Content-Transfer-Encoding: base64\n", "=?utf-8?Q?=C3?=", "Subject: ",
], 600, |bytes| {
    laws::read_as_worker(Format::Eml, bytes);
});

target!(recognised_lines: ["tsv"], [
    "5\t1\t1\t1\t1\t1\t", "\t", "96.5", "NaN", "inf", "-1\t",
], 600, |bytes| {
    laws::holds_of_chunks(&[pdf::page_of_lines(ocr::lines(&String::from_utf8_lossy(bytes)))]);
});

// What a parser says that a stranger's document has taken over.
target!(worker_messages: ["jsonl"], [
    "{\"page\":", "{\"done\":", "{\"error\":", "\"blocks\":[", "\"start\":", "\"end\":", "\"layout\":{", "\\u0000",
    "\"recognized\":true", "\"pages_out_of_time\":[", "\"parser\":", "\"recognition\":null", "\n",
], 800, |bytes| {
    let mut pages = Vec::new();
    match laws::heard_from(bytes, &laws::request_for_scans(), &mut pages) {
        Ok(Some(summary)) => laws::holds_of_summary(&summary, &pages),
        Ok(None) => {}
        Err(error) => laws::holds_of_refusal(&error),
    }
    laws::holds_of_chunks(&pages);
});

target!(parent_requests: ["request"], [
    "\"format\":\"pdf\"", "\"limits\":{", "\"length\":", "\"recognizer\":{", "null",
], 400, |bytes| {
    let mut input = bytes;
    let _ = read_request(&mut input);
});

target!(stored_places: ["places"], [
    "\u{1}",
], 800, |bytes| {
    if let Some(layout) = PageLayout::from_bytes(bytes) {
        assert_eq!(PageLayout::from_bytes(&layout.to_bytes()), Some(layout.clone()));
        let _ = layout.words_within(0..7);
    }
});
