use crate::builder::{PageBuilder, check_characters, row_text};
use crate::{BlockKind, DocumentError, Limits};

/// Reads plain text. Blank lines part paragraphs; the headings, lists, tables and listings of
/// AsciiDoc are understood, since many manuals are written in it.
///
/// # Errors
/// `LimitExceeded` when the text grows beyond the limit.
pub(crate) fn read(source: &str, limits: &Limits, page: &mut PageBuilder) -> Result<(), DocumentError> {
    let asciidoc = is_asciidoc(source);
    let mut reader = Reader { page, paragraph: Vec::new(), fence: None, table: None, asciidoc };
    for line in source.split(['\n', '\u{c}']) {
        reader.line(line.trim_end());
        check_characters(reader.page.length() as u64, limits)?;
    }
    reader.end_table();
    reader.end_fence();
    reader.end_paragraph();
    Ok(())
}

/// At least one heading of AsciiDoc, and none of its marks used otherwise would be worse.
fn is_asciidoc(source: &str) -> bool {
    source.lines().take(2000).any(|line| adoc_heading(line).is_some())
}

struct Reader<'p> {
    page: &'p mut PageBuilder,
    paragraph: Vec<String>,
    /// The closing line of an open listing, and its lines.
    fence: Option<(String, Vec<String>)>,
    table: Option<Table>,
    asciidoc: bool,
}

#[derive(Default)]
struct Table {
    columns: usize,
    cells: Vec<String>,
    rows: usize,
    close: String,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) {
        if let Some((close, lines)) = &mut self.fence {
            if line == close.as_str() {
                self.end_fence();
            } else {
                lines.push(line.to_owned());
            }
            return;
        }
        if self.table.is_some() {
            self.table_line(line);
            return;
        }
        if line.trim().is_empty() {
            self.end_paragraph();
            return;
        }
        let without_index = if self.asciidoc { without_index_terms(line) } else { None };
        let line = without_index.as_deref().unwrap_or(line);
        if self.asciidoc && self.adoc_line(line) {
            return;
        }
        if is_underline(line) && self.paragraph.len() == 1 && !self.paragraph[0].starts_with([' ', '\t']) {
            let level = if line.starts_with('=') { 1 } else { 2 };
            let heading = std::mem::take(&mut self.paragraph);
            self.page.push(BlockKind::Heading { level }, &heading[0]);
            return;
        }
        if list_marker(line) {
            self.end_paragraph();
        }
        self.paragraph.push(line.to_owned());
    }

    /// Handles a line that means something in AsciiDoc; false leaves it to plain text.
    fn adoc_line(&mut self, line: &str) -> bool {
        if let Some((level, title)) = adoc_heading(line) {
            self.end_paragraph();
            self.page.push(BlockKind::Heading { level }, title);
        } else if is_delimiter(line, "-=.*_") {
            self.end_paragraph();
            if line.starts_with(['-', '.']) {
                self.fence = Some((line.to_owned(), Vec::new()));
            }
        } else if line.starts_with("|===") || line.starts_with(",===") {
            self.end_paragraph();
            self.table = Some(Table { close: line.to_owned(), ..Table::default() });
        } else if let Some(caption) = line.strip_prefix('.').filter(|rest| rest.starts_with(char::is_uppercase)) {
            self.end_paragraph();
            self.page.push(BlockKind::Paragraph, caption);
        } else {
            // Attributes, comments, anchors and macros that say nothing to a reader.
            return is_adoc_directive(line);
        }
        true
    }

    fn table_line(&mut self, line: &str) {
        let Some(table) = &mut self.table else { return };
        if line == table.close {
            self.end_table();
            return;
        }
        let cells = split_cells(line);
        if cells.is_empty() {
            if let (Some(last), false) = (table.cells.last_mut(), line.trim().is_empty()) {
                last.push(' ');
                last.push_str(line.trim());
            }
            return;
        }
        if table.columns == 0 && cells.len() > 1 {
            table.columns = cells.len();
        }
        // One cell a line: rows are as long as the first group of cells, which a blank line ends.
        let starts_row = cells.len() > 1 || table.columns <= 1 || table.cells.len() >= table.columns;
        if starts_row {
            self.end_row();
        }
        if let Some(table) = &mut self.table {
            table.cells.extend(cells);
        }
    }

    fn end_row(&mut self) {
        let Some(table) = &mut self.table else { return };
        let text = row_text(table.cells.iter().map(String::as_str));
        table.cells.clear();
        if !text.is_empty() {
            let header = table.rows == 0 && table.columns > 1;
            table.rows += 1;
            self.page.push(BlockKind::TableRow { header }, &text);
        }
    }

    fn end_table(&mut self) {
        self.end_row();
        self.table = None;
    }

    fn end_fence(&mut self) {
        if let Some((_, lines)) = self.fence.take() {
            self.page.push(BlockKind::Code, &lines.join("\n"));
        }
    }

    fn end_paragraph(&mut self) {
        let lines = std::mem::take(&mut self.paragraph);
        let Some(first) = lines.first() else { return };
        if let [only] = lines.as_slice()
            && let Some(level) = plain_heading(only)
        {
            self.page.push(BlockKind::Heading { level }, only);
        } else if list_marker(first) {
            let item = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
            self.page.push(BlockKind::ListItem, &item);
        } else if lines.iter().any(|line| is_preformatted(line)) {
            self.page.push(BlockKind::Code, &lines.join("\n"));
        } else {
            self.page.push(BlockKind::Paragraph, &lines.join(" "));
        }
    }
}

/// A line without index entries such as `(((spindle, speed)))`; `None` when it has none.
fn without_index_terms(line: &str) -> Option<String> {
    if !line.contains("(((") {
        return None;
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, entry)) = rest.split_once("(((") {
        let Some((_, after)) = entry.split_once(")))") else { break };
        out.push_str(before);
        rest = after;
    }
    out.push_str(rest);
    Some(out.trim_end().to_owned())
}

/// Columns made with spaces or tabs must keep their line breaks.
fn is_preformatted(line: &str) -> bool {
    line.starts_with("    ") || line.contains('\t') || line.trim().contains("   ")
}

fn adoc_heading(line: &str) -> Option<(u8, &str)> {
    let marks = line.bytes().take_while(|&byte| byte == b'=').count();
    let title = line.get(marks..)?.strip_prefix(' ')?.trim();
    (1..=6).contains(&marks).then_some(())?;
    (!title.is_empty() && !title.starts_with('=')).then_some((marks as u8, title))
}

/// Four or more of one of `marks` and nothing else.
fn is_delimiter(line: &str, marks: &str) -> bool {
    let mut chars = line.chars();
    chars.next().is_some_and(|first| marks.contains(first) && line.len() >= 4 && chars.all(|c| c == first))
}

fn is_underline(line: &str) -> bool {
    line.len() >= 3 && (line.bytes().all(|byte| byte == b'=') || line.bytes().all(|byte| byte == b'-'))
}

fn is_adoc_directive(line: &str) -> bool {
    let attribute = line.strip_prefix(':').is_some_and(|rest| {
        let name = rest.split(':').next().unwrap_or_default();
        rest.len() > name.len() && !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_!".contains(c))
    });
    let bracketed = line.starts_with('[') && line.ends_with(']') && !line.contains(' ')
        || line.starts_with("[[") && line.ends_with("]]")
        || (line.starts_with('[') && line.ends_with(']') && (line.contains('=') || line.contains(',')));
    let comment = line.starts_with("//");
    let macros = ["image::", "include::", "ifdef::", "ifndef::", "endif::", "toc::"];
    attribute || bracketed || comment || macros.iter().any(|name| line.starts_with(name))
}

/// Cells of a row in AsciiDoc: each starts with `|`, before which a format such as `2+` may stand.
fn split_cells(line: &str) -> Vec<String> {
    let mut parts = line.split('|');
    let before = parts.next().unwrap_or_default().trim();
    let is_format = before.len() <= 6 && before.chars().all(|c| c.is_ascii_digit() || "+.^<>*aehmlsv".contains(c));
    if !is_format {
        return Vec::new();
    }
    parts.map(|cell| cell.trim().to_owned()).collect()
}

/// `* `, `- `, `• `, `. `, `1. `, `2) `, `a) ` at the start of a line.
pub(crate) fn list_marker(line: &str) -> bool {
    let line = line.trim_start();
    let Some((marker, rest)) = line.split_once([' ', '\t']) else { return false };
    if rest.trim().is_empty() {
        return false;
    }
    let repeated = marker.len() <= 5 && ["*", ".", "-"].iter().any(|mark| marker.replace(mark, "").is_empty());
    repeated || matches!(marker, "•" | "–" | "▪" | "◦" | "‣" | "●" | "■" | "+") || is_number_marker(marker)
}

fn is_number_marker(marker: &str) -> bool {
    let Some(body) = marker.strip_suffix(['.', ')']) else { return false };
    let body = body.strip_prefix('(').unwrap_or(body);
    let digits = !body.is_empty() && body.len() <= 3 && body.bytes().all(|byte| byte.is_ascii_digit());
    let letter = marker.ends_with(')') && body.len() == 1 && body.bytes().all(|byte| byte.is_ascii_lowercase());
    digits || letter
}

/// The level of a line that stands alone and reads like a heading: `3.2 Lubrication` or
/// `SAFETY INSTRUCTIONS`. Kept narrow: a step or a sentence must never become a heading.
pub(crate) fn plain_heading(line: &str) -> Option<u8> {
    let line = line.trim();
    let length = line.chars().count();
    if !(4..=80).contains(&length) || line.ends_with(['.', ';', ',', ':', '!', '?']) {
        return None;
    }
    if let Some(level) = numbered_level(line).filter(|&level| level >= 2) {
        return Some(level);
    }
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = !line.chars().any(char::is_lowercase) && letters >= 4 && letters * 2 > length;
    (capitals && line.split_whitespace().count() >= 2 && !line.contains('|')).then_some(1)
}

/// How many numbers stand before a title: 2 for `3.2 Lubrication`. The title starts with a capital.
pub(crate) fn numbered_level(line: &str) -> Option<u8> {
    let (number, title) = line.split_once(char::is_whitespace)?;
    let number = number.strip_suffix('.').unwrap_or(number);
    let parts: Vec<&str> = number.split('.').collect();
    let numbers = parts.iter().all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    let capital = title.trim_start().chars().next().is_some_and(char::is_uppercase);
    (numbers && capital && parts.len() <= 6).then_some(parts.len() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(source: &str) -> Vec<(BlockKind, String)> {
        let mut page = PageBuilder::default();
        read(source, &Limits::default(), &mut page).unwrap();
        let page = page.finish(1);
        let chars: Vec<char> = page.text.chars().collect();
        page.blocks.iter().map(|block| (block.kind, chars[block.start..block.end].iter().collect())).collect()
    }

    #[test]
    fn asciidoc_structure_is_understood() {
        let source = ":lang: en\n\n= Spindle\n\n[[cha:x]]\n== Speed (rpm)\n\n(((spindle)))The spindle turns\nat 3000 rpm.\n\n* one\n* two\n\n.Example\n[source,c]((( x )))\n----\nint x;\n\nx = 1;\n----\n\n|===\n|Pin |Use\n\n|1 |Step\n|2 |Dir\n|===\n";
        let row = |header, text: &str| (BlockKind::TableRow { header }, text.to_owned());
        assert_eq!(
            blocks(source),
            vec![
                (BlockKind::Heading { level: 1 }, "Spindle".to_owned()),
                (BlockKind::Heading { level: 2 }, "Speed (rpm)".to_owned()),
                (BlockKind::Paragraph, "The spindle turns at 3000 rpm.".to_owned()),
                (BlockKind::ListItem, "* one".to_owned()),
                (BlockKind::ListItem, "* two".to_owned()),
                (BlockKind::Paragraph, "Example".to_owned()),
                (BlockKind::Code, "int x;\n\nx = 1;".to_owned()),
                row(true, "Pin | Use"),
                row(false, "1 | Step"),
                row(false, "2 | Dir"),
            ]
        );
    }

    #[test]
    fn only_safe_lines_become_headings() {
        assert_eq!(plain_heading("3.2 Lubrication"), Some(2));
        assert_eq!(plain_heading("SAFETY INSTRUCTIONS"), Some(1));
        for line in ["1. Remove the bolts", "3 Bolts", "Stop the pump.", "3.2 bar", "OK", "E-STOP"] {
            assert_eq!(plain_heading(line), None, "{line}");
        }
    }

    #[test]
    fn plain_columns_keep_their_lines() {
        let source = "Part      Torque\nM8        25 Nm\n\nTitle\n=====\nwords\nmore words\n";
        assert_eq!(
            blocks(source),
            vec![
                (BlockKind::Code, "Part      Torque\nM8        25 Nm".to_owned()),
                (BlockKind::Heading { level: 1 }, "Title".to_owned()),
                (BlockKind::Paragraph, "words more words".to_owned()),
            ]
        );
    }
}
