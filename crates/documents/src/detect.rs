//! Tells formats apart by content. The file's name only decides between kinds of text.

use crate::container::{self, Container};
use crate::encoding;
use crate::{DocumentError, Format};

/// How far a PDF header may stand from the start (readers accept 1024 bytes of rubbish).
const PDF_HEADER_WINDOW: usize = 1024;

/// The format of `bytes`, told by content. `file_name` is only a tie-breaker between text,
/// Markdown and HTML, and makes messages clearer.
///
/// # Errors
/// `Unreadable` for an empty file, `Encrypted` for an encrypted Office file,
/// `UnsupportedMediaType` for anything else that is not read here.
pub fn detect(bytes: &[u8], file_name: &str) -> Result<Format, DocumentError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(DocumentError::unreadable("it is empty"));
    }
    let head = &bytes[..bytes.len().min(PDF_HEADER_WINDOW)];
    if find(head, b"%PDF-").is_some() {
        return Ok(Format::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return match container::of_zip(bytes) {
            Container::Docx => Ok(Format::Docx),
            Container::Pptx => Ok(Format::Pptx),
            Container::Xlsx => Ok(Format::Xlsx),
            Container::Other(detail) => Err(DocumentError::unsupported(detail)),
            Container::Damaged => Err(damaged_zip(file_name)),
        };
    }
    if bytes.starts_with(container::OLE_MAGIC) {
        return Err(container::of_ole(bytes));
    }
    if let Some(detail) = known_binary(bytes) {
        return Err(DocumentError::unsupported(detail));
    }
    if is_message(bytes) {
        return Ok(Format::Eml);
    }
    let Some(text) = encoding::decode(bytes) else {
        return Err(DocumentError::unsupported("binary data of an unknown kind"));
    };
    Ok(detect_text(&text, extension(file_name).as_deref()))
}

fn damaged_zip(file_name: &str) -> DocumentError {
    if matches!(extension(file_name).as_deref(), Some("docx" | "pptx" | "xlsx" | "xlsm")) {
        DocumentError::unreadable("the Office file is damaged or cut off")
    } else {
        DocumentError::unsupported("a damaged zip archive")
    }
}

fn known_binary(bytes: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"7z\xbc\xaf", "a 7-zip archive"),
        (b"Rar!", "a RAR archive"),
        (b"MZ", "a Windows program"),
        (b"\x7fELF", "a program"),
        (b"{\\rtf", "a Rich Text (RTF) document"),
        (b"%!PS", "a PostScript file"),
        (b"AC10", "an AutoCAD drawing"),
    ];
    KINDS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| *name).filter(|name| {
        // Words such as "MZ" may also open a text.
        *name != "a Windows program" || bytes.contains(&0)
    })
}

fn detect_text(text: &str, extension: Option<&str>) -> Format {
    let head: String = text.trim_start().chars().take(4096).collect();
    let lower = head.to_ascii_lowercase();
    let html_name = matches!(extension, Some("html" | "htm" | "xhtml"));
    let html_start = lower.starts_with("<!doctype html")
        || lower.starts_with("<html")
        || ((lower.starts_with("<?xml") || lower.starts_with("<!--")) && lower.contains("<html"));
    let html_inside = ["<head", "<body", "<table", "<div", "<p>", "<h1"].iter().any(|tag| lower.contains(tag));
    if html_start || (html_inside && (html_name || lower.starts_with('<'))) {
        return Format::Html;
    }
    match extension {
        Some("md" | "markdown" | "mdown") => Format::Markdown,
        Some("csv" | "tsv") => Format::Csv,
        Some("txt" | "adoc" | "asciidoc" | "asc" | "log") => Format::Text,
        _ if looks_like_markdown(text) => Format::Markdown,
        _ => Format::Text,
    }
}

/// How far the headers of a message are looked for.
const MESSAGE_HEADER_WINDOW: usize = 16 * 1024;

/// Headers of an e-mail, at least two that any message has, up to an empty line.
fn is_message(bytes: &[u8]) -> bool {
    const USUAL: [&[u8]; 6] = [b"from", b"to", b"subject", b"date", b"message-id", b"mime-version"];
    let head = &bytes[..bytes.len().min(MESSAGE_HEADER_WINDOW)];
    let mut usual = 0;
    for line in head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end) {
        if line.is_empty() {
            break;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            continue;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { return false };
        let name = line[..colon].to_ascii_lowercase();
        if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
            return false;
        }
        usual += usize::from(USUAL.contains(&name.as_slice()));
    }
    usual >= 2
}

/// Structure that a plain text seldom has: ATX headings, fenced code, tables, inline links.
fn looks_like_markdown(text: &str) -> bool {
    let mut score = 0;
    for line in text.lines().take(400) {
        let trimmed = line.trim_start();
        let hashes = trimmed.bytes().take_while(|&byte| byte == b'#').count();
        let heading = (1..=6).contains(&hashes) && trimmed[hashes..].starts_with(' ');
        if heading || trimmed.starts_with("```") || (trimmed.starts_with('|') && trimmed.contains("---")) {
            score += 2;
        } else if trimmed.contains("](") || trimmed.starts_with("- ") || trimmed.starts_with("* ") {
            score += 1;
        } else if trimmed.starts_with("== ") || trimmed.starts_with("|===") {
            score -= 2;
        }
    }
    score >= 3
}

fn extension(file_name: &str) -> Option<String> {
    let (_, extension) = file_name.rsplit_once('.')?;
    Some(extension.to_ascii_lowercase())
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_not_the_name() {
        assert_eq!(detect(b"%PDF-1.7\n", "a.txt"), Ok(Format::Pdf));
        assert_eq!(detect(b"\n\n%PDF-1.4 x", "a"), Ok(Format::Pdf));
        assert_eq!(detect(b"<!DOCTYPE html><p>x", "a.pdf"), Ok(Format::Html));
        assert_eq!(detect(b"# Pump\n\n- one\n- two\n", "a.docx"), Ok(Format::Markdown));
        assert_eq!(detect("Drehmoment 45 N·m".as_bytes(), "a.docx"), Ok(Format::Text));
        assert!(matches!(detect(b"\x89PNG\r\n\x1a\n\0", "a.pdf"), Err(DocumentError::UnsupportedMediaType { .. })));
        assert!(matches!(detect(b"abc\x00\x01\x02\xff", "a.txt"), Err(DocumentError::UnsupportedMediaType { .. })));
        assert!(matches!(detect(b" \n ", "a.txt"), Err(DocumentError::Unreadable { .. })));
        assert!(matches!(detect(b"PK\x03\x04rubbish", "a.docx"), Err(DocumentError::Unreadable { .. })));
    }

    #[test]
    fn the_name_decides_between_kinds_of_text() {
        assert_eq!(detect(b"plain words", "a.md"), Ok(Format::Markdown));
        assert_eq!(detect(b"# not a heading\n# a shell comment\n", "a.txt"), Ok(Format::Text));
        assert_eq!(detect(b"= Title\n\n== Part\n\nWords.\n", "manual"), Ok(Format::Text));
    }

    #[test]
    fn a_message_is_known_by_its_headers_and_a_note_is_none() {
        let message = b"Received: by x\r\n with y\r\nFrom: a@b.example\r\nSubject: Pump\r\n\r\nIt leaks.\r\n";
        assert_eq!(detect(message, "a.txt"), Ok(Format::Eml));
        assert_eq!(detect(b"To: the shift\nThe pump leaks.\n", "a.txt"), Ok(Format::Text));
        assert_eq!(detect(b"Torque: 45 Nm\nDate: today\n", "a.txt"), Ok(Format::Text));
        assert_eq!(detect(b"a;b\n1;2\n", "parts.csv"), Ok(Format::Csv));
    }

    #[test]
    fn encodings_of_text_are_accepted() {
        assert_eq!(detect(b"\xff\xfeh\0i\0", "a.txt"), Ok(Format::Text));
        assert_eq!(detect(b"\xef\xbb\xbfhi", "a.txt"), Ok(Format::Text));
        assert_eq!(detect(b"K\xfchlung 20 \xb0C", "a.txt"), Ok(Format::Text));
    }
}
