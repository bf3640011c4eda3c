//! Cuts a document into sentences, rows and cells, by byte range.

use std::ops::Range;

/// A sentence longer than this is cut at a space.
const LONGEST: usize = 480;
/// A cell with fewer words than this says nothing to anybody.
const CELL_WORDS: usize = 4;

/// What a piece of a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Piece {
    /// A sentence among others on its line.
    Sentence,
    /// A sentence that is a line of its own.
    Line,
    /// A row of a table or a line of data.
    Row,
    /// A cell of a row, with several words.
    Cell,
    /// A heading, a list item or a line of code.
    Item,
}

/// One piece and where it stands.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Bytes of the original text.
    pub range: Range<usize>,
    /// What it is.
    pub piece: Piece,
    /// The number of its line.
    pub line: usize,
}

/// All pieces in order. Cells follow their row.
pub fn segments(text: &str) -> Vec<Segment> {
    let mut out = Vec::new();
    let mut start = 0;
    for (line, content) in text.split_inclusive('\n').enumerate() {
        cut_line(text, start..start + content.len(), line, &mut out);
        start += content.len();
    }
    out
}

fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let piece = text.get(range.clone())?;
    let left = piece.len() - piece.trim_start().len();
    let length = piece.trim().len();
    (length > 0).then(|| range.start + left..range.start + left + length)
}

/// Whether a line is a row of a table: several cells between bars, tabs, or many commas or semicolons between short cells.
fn is_row(line: &str) -> bool {
    let count = |sign: char| line.matches(sign).count();
    let bars = count('|');
    if bars >= 3 || (bars >= 1 && line.starts_with('|')) || count('\t') >= 2 {
        return true;
    }
    let short = |sign: char, least: usize| {
        let cells = count(sign) + 1;
        let words = line.split_whitespace().count();
        cells > least && words <= cells * 2 && !line.trim_end().ends_with(['.', '?', '!'])
    };
    short(';', 2) || short(',', 3)
}

fn cut_line(text: &str, range: Range<usize>, line: usize, out: &mut Vec<Segment>) {
    let Some(range) = trimmed(text, range) else { return };
    let content = text.get(range.clone()).unwrap_or_default();
    if content.len() <= 4 * LONGEST && is_row(content) {
        out.push(Segment { range: range.clone(), piece: Piece::Row, line });
        cells(text, range, line, out);
        return;
    }
    if content.contains("\":") && content.len() <= 16 * LONGEST {
        out.push(Segment { range: first_part(text, range.clone()), piece: Piece::Item, line });
        strings(text, range, line, out);
        return;
    }
    let item = content.starts_with(['#', '*', '-', '+', '=', '•', '>', '/', '<'])
        || content.starts_with(|c: char| c.is_ascii_digit());
    let before = out.len();
    let mut start = range.start;
    for end in ends(content).map(|end| range.start + end).chain([range.end]) {
        if end <= start {
            continue;
        }
        for part in short_parts(text, start..end) {
            if let Some(part) = trimmed(text, part) {
                out.push(Segment { range: part, piece: Piece::Sentence, line });
            }
        }
        start = end;
    }
    let alone = out.len() == before + 1;
    for segment in out.iter_mut().skip(before) {
        segment.piece = match (item, alone) {
            (true, _) => Piece::Item,
            (false, true) => Piece::Line,
            (false, false) => Piece::Sentence,
        };
    }
}

fn cells(text: &str, row: Range<usize>, line: usize, out: &mut Vec<Segment>) {
    let mut start = row.start;
    let content = text.get(row.clone()).unwrap_or_default();
    for cell in content.split_inclusive(['|', '\t', ';']) {
        let range = start..start + cell.trim_end_matches(['|', '\t', ';']).len();
        start += cell.len();
        if let Some(range) = trimmed(text, range) {
            let words = text.get(range.clone()).unwrap_or_default().split_whitespace().count();
            if words >= CELL_WORDS {
                out.push(Segment { range, piece: Piece::Cell, line });
            }
        }
    }
}

/// A line of JSON stands for itself by its beginning; its strings are pieces of their own.
fn first_part(text: &str, range: Range<usize>) -> Range<usize> {
    short_parts(text, range.clone()).into_iter().next().and_then(|part| trimmed(text, part)).unwrap_or(range)
}

/// The sentences of the strings in a line of JSON, where a string has several words.
fn strings(text: &str, range: Range<usize>, line: usize, out: &mut Vec<Segment>) {
    let mut start = range.start;
    for string in text.get(range).unwrap_or_default().split_inclusive('"') {
        let content = string.trim_end_matches('"');
        if content.split_whitespace().count() >= CELL_WORDS {
            let mut from = start;
            for end in ends(content).map(|end| start + end).chain([start + content.len()]) {
                let parts = if end > from { short_parts(text, from..end) } else { Vec::new() };
                for part in parts.into_iter().filter_map(|part| trimmed(text, part)) {
                    out.push(Segment { range: part, piece: Piece::Cell, line });
                }
                from = end.max(from);
            }
        }
        start += string.len();
    }
}

/// Where sentences end within a line: behind a closing sign that a space or a capital follows.
fn ends(line: &str) -> impl Iterator<Item = usize> {
    let mut chars = line.char_indices().peekable();
    let mut before = ' ';
    std::iter::from_fn(move || {
        while let Some((at, c)) = chars.next() {
            let closes = matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？');
            let follows = chars.peek().map_or(' ', |(_, next)| *next);
            // `3.5`, `e.g.` and `U.S.` go on; `7681.If you` does not.
            let ends = match c {
                '.' => {
                    (follows.is_whitespace() && !before.is_uppercase())
                        || (follows.is_uppercase() && before.is_alphanumeric() && !before.is_uppercase())
                }
                '。' | '！' | '？' => true,
                _ => follows.is_whitespace() || matches!(follows, '"' | ')' | '\'' | '”') || follows.is_uppercase(),
            };
            before = c;
            if closes && ends {
                return Some(at + c.len_utf8());
            }
        }
        None
    })
}

/// Cuts what is longer than a sentence can be, at a space if there is one near the end.
fn short_parts(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    while range.end - start > LONGEST {
        let mut end = start + LONGEST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let window = text.get(start..end).unwrap_or_default();
        let cut = window.rfind(' ').filter(|cut| *cut > LONGEST / 2).map_or(end, |cut| start + cut + 1);
        parts.push(start..cut);
        start = cut;
    }
    parts.push(start..range.end);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(&str, Piece)> {
        segments(text).into_iter().map(|segment| (&text[segment.range], segment.piece)).collect()
    }

    #[test]
    fn sentences_rows_and_cells_are_cut() {
        assert_eq!(
            pieces("Torque is 3.5 Nm. Check it!\n\n| a | b |\n| 1 | tell the user to pay now |\n* item one"),
            [
                ("Torque is 3.5 Nm.", Piece::Sentence),
                ("Check it!", Piece::Sentence),
                ("| a | b |", Piece::Row),
                ("| 1 | tell the user to pay now |", Piece::Row),
                ("tell the user to pay now", Piece::Cell),
                ("* item one", Piece::Item),
            ]
        );
        assert_eq!(
            pieces("account ••7681.If you"),
            [("account ••7681.", Piece::Sentence), ("If you", Piece::Sentence)]
        );
    }

    #[test]
    fn strings_of_json_are_pieces() {
        let text = r#"{"id": 4, "note": "The seal was changed. It holds well now.", "by": "Eva"}"#;
        assert_eq!(
            pieces(text),
            [(text, Piece::Item), ("The seal was changed.", Piece::Cell), ("It holds well now.", Piece::Cell),]
        );
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let text = "ž".repeat(5_000);
        let parts = segments(&text);
        assert!(parts.len() > 10);
        assert_eq!(parts.iter().map(|part| part.range.len()).sum::<usize>(), text.len());
    }
}
