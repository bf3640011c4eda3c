use std::collections::HashMap;

use super::glyphs::{Segment, Word};
use crate::markup::plain::list_marker;
use crate::placed::PlacedText;

/// Text of a line between two wide gaps.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) text: PlacedText,
    pub(super) x0: f64,
    pub(super) x1: f64,
}

/// One line of text in reading order.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) cells: Vec<Cell>,
    pub(super) y: f64,
    pub(super) size: f64,
    pub(super) bold: bool,
    /// Stands for a table drawn with rules.
    pub(super) table: Option<usize>,
}

impl Line {
    pub(super) fn x0(&self) -> f64 {
        self.cells.first().map_or(0.0, |cell| cell.x0)
    }

    pub(super) fn x1(&self) -> f64 {
        self.cells.last().map_or(0.0, |cell| cell.x1)
    }

    pub(super) fn text(&self) -> String {
        self.cells.iter().map(|cell| &*cell.text).collect::<Vec<_>>().join(" ")
    }

    /// The same with the places of its words.
    pub(super) fn placed(&self) -> PlacedText {
        let mut cells = self.cells.iter();
        let mut text = cells.next().map(|cell| cell.text.clone()).unwrap_or_default();
        cells.for_each(|cell| text.append(" ", &cell.text));
        text
    }
}

/// More segments than this are a drawing or a map; they are read from top to bottom.
const MAX_SEGMENTS: usize = 3_000;

/// Parts a page into its columns and gives the lines of each, in reading order.
pub(super) fn regions(segments: Vec<Segment>) -> Vec<Vec<Line>> {
    let mut groups = Vec::new();
    split(segments, 0, &mut groups);
    groups.into_iter().map(lines).filter(|lines| !lines.is_empty()).collect()
}

/// Splits at a gutter where text of two columns runs beside each other; else keeps all together.
fn split(mut segments: Vec<Segment>, depth: u32, out: &mut Vec<Vec<Segment>>) {
    segments.sort_by(|a, b| a.y.total_cmp(&b.y));
    let gutter = if depth < 3 && (12..MAX_SEGMENTS).contains(&segments.len()) { gutter(&segments) } else { None };
    let Some(gutter) = gutter else {
        out.push(segments);
        return;
    };
    let mut plain: Vec<Segment> = Vec::new();
    let mut band: Vec<Segment> = Vec::new();
    for segment in segments {
        if segment.x0() < gutter - 1.0 && segment.x1() > gutter + 1.0 {
            end_band(&mut band, &mut plain, gutter, depth, out);
            plain.push(segment);
        } else {
            band.push(segment);
        }
    }
    end_band(&mut band, &mut plain, gutter, depth, out);
    if !plain.is_empty() {
        out.push(plain);
    }
}

/// A band between lines that cross the gutter: two columns, or plain text after all.
fn end_band(band: &mut Vec<Segment>, plain: &mut Vec<Segment>, gutter: f64, depth: u32, out: &mut Vec<Vec<Segment>>) {
    let (left, right): (Vec<Segment>, Vec<Segment>) = band.drain(..).partition(|segment| segment.x1() <= gutter + 1.0);
    if is_column(&left) && is_column(&right) {
        if !plain.is_empty() {
            out.push(std::mem::take(plain));
        }
        split(left, depth + 1, out);
        split(right, depth + 1, out);
    } else {
        plain.extend(left);
        plain.extend(right);
    }
}

/// Lines that mostly fill their width: running text, not the cells of a table.
fn is_column(segments: &[Segment]) -> bool {
    if segments.len() < 5 {
        return false;
    }
    let from = segments.iter().map(Segment::x0).fold(f64::INFINITY, f64::min);
    let to = segments.iter().map(Segment::x1).fold(f64::NEG_INFINITY, f64::max);
    let full = segments.iter().filter(|segment| segment.x1() - segment.x0() > 0.7 * (to - from)).count();
    to - from > 90.0 && full * 2 >= segments.len()
}

/// The place across the page where most neighbours on a line have a gap between them.
fn gutter(segments: &[Segment]) -> Option<f64> {
    const BIN: f64 = 3.0;
    let mut votes: HashMap<i32, u32> = HashMap::new();
    for (at, left) in segments.iter().enumerate() {
        // Sorted by baseline: neighbours on a line are near in the list.
        let near = segments[at.saturating_sub(40)..segments.len().min(at + 40)].iter();
        let right = near
            .filter(|right| right.x0() > left.x1() && right.top() < left.bottom() && left.top() < right.bottom())
            .min_by(|a, b| a.x0().total_cmp(&b.x0()));
        let Some(right) = right.filter(|right| right.x0() - left.x1() < 90.0) else { continue };
        for bin in (left.x1() / BIN).ceil() as i32..=(right.x0() / BIN).floor() as i32 {
            *votes.entry(bin).or_default() += 1;
        }
    }
    let most = votes.values().copied().max().filter(|&most| most >= 5)?;
    let mut best: Vec<i32> = votes.into_iter().filter(|&(_, count)| count == most).map(|(bin, _)| bin).collect();
    best.sort_unstable();
    best.get(best.len() / 2).map(|&bin| f64::from(bin) * BIN)
}

/// Joins segments that stand on one line; within it by place.
fn lines(mut segments: Vec<Segment>) -> Vec<Line> {
    segments.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut rows: Vec<Vec<Segment>> = Vec::new();
    for segment in segments {
        match rows.last_mut() {
            Some(row) if row.last().is_some_and(|last| same_line(last, &segment)) => row.push(segment),
            _ => rows.push(vec![segment]),
        }
    }
    rows.into_iter().map(line).collect()
}

fn same_line(a: &Segment, b: &Segment) -> bool {
    let overlap = a.bottom().min(b.bottom()) - a.top().max(b.top());
    a.table.is_none() && b.table.is_none() && overlap > 0.55 * (a.size.min(b.size))
}

fn line(mut row: Vec<Segment>) -> Line {
    row.sort_by(|a, b| a.x0().total_cmp(&b.x0()));
    let size = row.iter().map(|segment| segment.size).fold(0.0, f64::max);
    let y = row.iter().find(|segment| segment.size >= size * 0.99).map_or(0.0, |segment| segment.y);
    let bold = row.iter().all(|segment| segment.bold);
    let table = row.iter().find_map(|segment| segment.table);
    let mut cells: Vec<Cell> = Vec::new();
    for segment in row {
        let text = words_text(&segment.words);
        let (x0, x1) = (segment.x0(), segment.x1());
        match cells.last_mut() {
            // A bullet or number before its item, and parts that are not a cell apart.
            Some(last) if x0 - last.x1 < size * 1.15 || list_marker(&format!("{} x", &*last.text)) => {
                last.text.append(if x0 - last.x1 > size * 0.17 { " " } else { "" }, &text);
                last.x1 = last.x1.max(x1);
            }
            _ => cells.push(Cell { text, x0, x1 }),
        }
    }
    Line { cells, y, size, bold, table }
}

/// Words with spaces between them.
pub(super) fn words_text<'w>(words: impl IntoIterator<Item = &'w Word>) -> PlacedText {
    let mut text = PlacedText::default();
    for word in words {
        text.append(if text.is_empty() { "" } else { " " }, &PlacedText::word(&word.text, word.place));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str, x0: f64, x1: f64, y: f64) -> Segment {
        let words = vec![Word::new(text, x0, x1)];
        Segment { words, y, size: 10.0, bold: false, table: None }
    }

    #[test]
    fn columns_are_read_one_after_the_other() {
        let mut page = vec![segment("title", 50.0, 500.0, 40.0)];
        for line in 0..8 {
            let y = 60.0 + f64::from(line) * 12.0;
            page.push(segment(&format!("l{line}"), 50.0, 260.0, y));
            page.push(segment(&format!("r{line}"), 290.0, 500.0, y));
        }
        let text: Vec<String> = regions(page).iter().flatten().map(Line::text).collect();
        assert_eq!(text[..3], ["title", "l0", "l1"]);
        assert_eq!(text[8..11], ["l7", "r0", "r1"]);
    }

    #[test]
    fn short_cells_are_not_columns() {
        let mut page = Vec::new();
        for line in 0..8 {
            let y = 60.0 + f64::from(line) * 12.0;
            page.push(segment(&format!("l{line}"), 50.0, 80.0 + f64::from(line % 3) * 40.0, y));
            page.push(segment(&format!("r{line}"), 290.0, 320.0 + f64::from(line % 2) * 80.0, y));
        }
        let regions = regions(page);
        assert_eq!(regions.len(), 1);
        assert_eq!(regions[0][1].cells.len(), 2);
    }
}
