use std::collections::{HashMap, HashSet};

use hayro_syntax::Pdf;
use hayro_syntax::object::{Dict, String as PdfString};

/// The most entries of an outline that are read.
const MAX_ENTRIES: usize = 5_000;

/// Titles of a document's outline (its bookmarks) with their level from 1, in a form in which
/// lines can be compared with them.
pub(super) fn titles(pdf: &Pdf) -> HashMap<String, u8> {
    let mut out = HashMap::new();
    let Some(catalog) = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id()) else { return out };
    let Some(outlines) = catalog.get::<Dict<'_>>(b"Outlines".as_slice()) else { return out };
    let mut seen = HashSet::new();
    let mut rest: Vec<(Dict<'_>, u8)> =
        outlines.get::<Dict<'_>>(b"First".as_slice()).map(|first| (first, 1)).into_iter().collect();
    while let Some((entry, level)) = rest.pop() {
        // Bookmarks of damaged files may form circles.
        if seen.len() > MAX_ENTRIES || entry.obj_id().is_some_and(|id| !seen.insert(id)) {
            continue;
        }
        if let Some(title) = entry.get::<PdfString<'_>>(b"Title".as_slice()) {
            let key = key(&text_string(title.as_bytes()));
            if key.chars().count() >= 3 {
                out.entry(key).or_insert(level);
            }
        }
        if entry.obj_id().is_none() {
            continue;
        }
        rest.extend(entry.get::<Dict<'_>>(b"Next".as_slice()).map(|next| (next, level)));
        if level < 6 {
            rest.extend(entry.get::<Dict<'_>>(b"First".as_slice()).map(|first| (first, level + 1)));
        }
    }
    out
}

/// Letters and digits only, lower case.
pub(super) fn key(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A text string of a PDF: UTF-16 or UTF-8 with a byte order mark, else Latin.
pub(super) fn text_string(bytes: &[u8]) -> String {
    let text = if bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xef\xbb\xbf")
    {
        encoding_rs::UTF_8.decode(bytes).0
    } else {
        encoding_rs::WINDOWS_1252.decode(bytes).0
    };
    text.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect()
}
