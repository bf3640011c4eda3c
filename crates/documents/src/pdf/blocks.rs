use super::layout::Line;
use super::profile::Profile;
use super::unruled;
use crate::BlockKind;
use crate::builder::PageBuilder;
use crate::markup::plain::{list_marker, numbered_level};
use crate::placed::PlacedText;

/// A heading that runs over more characters than this is a paragraph in large type.
const LONGEST_HEADING: usize = 200;

/// Makes blocks of the lines of a region and its tables.
pub(super) fn of_region(lines: &[Line], tables: &[Vec<Vec<PlacedText>>], profile: &Profile, page: &mut PageBuilder) {
    let mut writer = Writer { profile, page, open: None, right: lines.iter().map(Line::x1).fold(0.0, f64::max) };
    let mut at = 0;
    while at < lines.len() {
        if let Some(table) = lines[at].table.and_then(|index| tables.get(index)) {
            writer.table(table);
            at += 1;
            continue;
        }
        if let Some((rows, next)) = unruled::table(lines, at) {
            writer.table(&rows);
            at = next;
            continue;
        }
        writer.line(&lines[at]);
        at += 1;
    }
    writer.flush();
}

struct Writer<'w> {
    profile: &'w Profile,
    page: &'w mut PageBuilder,
    open: Option<Open>,
    /// Where lines of the region end at the most.
    right: f64,
}

struct Open {
    kind: BlockKind,
    text: PlacedText,
    x0: f64,
    last: Line,
    lines: usize,
}

impl Writer<'_> {
    fn table(&mut self, rows: &[Vec<PlacedText>]) {
        self.flush();
        for (at, row) in rows.iter().enumerate() {
            let header = at == 0 && rows.len() > 1 && row.iter().filter(|cell| !cell.is_empty()).count() > 1;
            // Columns that a merged cell covers are left out.
            let used = row.iter().enumerate().filter(|(column, cell)| {
                !cell.is_empty()
                    || rows.iter().filter(|other| !other[(*column).min(other.len() - 1)].is_empty()).count() * 3
                        > rows.len()
            });
            self.page.push_placed(BlockKind::TableRow { header }, &row_text(used.map(|(_, cell)| cell.trimmed())));
        }
    }

    fn line(&mut self, line: &Line) {
        let text = line.placed();
        if let Some(entry) = contents_entry(&text) {
            self.flush();
            self.page.push_placed(BlockKind::ListItem, &entry);
            return;
        }
        let kind = match self.heading_level(line, &text) {
            Some(level) => BlockKind::Heading { level },
            None if list_marker(&text) => BlockKind::ListItem,
            None => BlockKind::Paragraph,
        };
        if let Some(open) = &mut self.open
            && continues(open, line, kind, self.profile, self.right)
        {
            join(&mut open.text, &text);
            open.last = line.clone();
            open.lines += 1;
            return;
        }
        self.flush();
        self.open = Some(Open { kind, text, x0: line.x0(), last: line.clone(), lines: 1 });
    }

    fn heading_level(&self, line: &Line, text: &str) -> Option<u8> {
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        if letters < 2 || text.chars().count() > LONGEST_HEADING || line.table.is_some() {
            return None;
        }
        // Titles in a list of contents look like the body; headings do not.
        let stands_out = line.bold || line.size >= self.profile.body * 1.04;
        if let Some(level) = self.profile.level_of_title(text).filter(|_| stands_out) {
            return Some(level);
        }
        let numbered = numbered_level(text);
        if line.size >= self.profile.body * 1.12
            && let Some(level) = self.profile.level_of_size(line.size)
        {
            return Some(numbered.unwrap_or(level));
        }
        let title = line.bold && line.size >= self.profile.body * 0.97 && !text.ends_with(['.', ':', ';', ',']);
        numbered.filter(|_| title && text.chars().count() <= 90)
    }

    fn flush(&mut self) {
        let Some(open) = self.open.take() else { return };
        let heading = matches!(open.kind, BlockKind::Heading { .. });
        let too_long = heading && (open.lines > 3 || open.text.chars().count() > LONGEST_HEADING);
        self.page.push_placed(if too_long { BlockKind::Paragraph } else { open.kind }, &open.text);
    }
}

/// Whether a line goes on with the block above it.
fn continues(open: &Open, line: &Line, kind: BlockKind, profile: &Profile, right: f64) -> bool {
    let size = open.last.size.max(line.size);
    let step = line.y - open.last.y;
    let near = step > 0.0 && step <= size * (profile.leading * 1.28).clamp(1.25, 2.4);
    let same_size = (open.last.size - line.size).abs() <= size * 0.12;
    if !near || !same_size {
        return false;
    }
    match (open.kind, kind) {
        (BlockKind::Heading { .. }, BlockKind::Heading { .. }) => {
            (open.last.size - line.size).abs() < 0.6 && numbered_level(&line.text()).is_none()
        }
        (BlockKind::Paragraph, BlockKind::Paragraph) => {
            let indented = line.x0() > open.last.x0() + size * 0.9;
            let ended = open.text.ends_with(['.', ':', '!', '?']) && open.last.x1() < right - size * 6.0;
            let moved = line.x0() > open.x0 + size * 6.0 || line.x0() < open.x0 - size * 6.0;
            let new_paragraph = (indented && open.text.ends_with('.'))
                || moved
                || (ended && step > size * profile.leading * 1.12)
                || open.last.bold != line.bold;
            !new_paragraph
        }
        (BlockKind::ListItem, BlockKind::Paragraph) => {
            line.x0() > open.x0 + 2.0 || (line.x0() > open.x0 - 2.0 && open.last.x1() > right - size * 8.0)
        }
        _ => false,
    }
}

/// Appends the next line. A word divided at the end of a line is made whole; a part number keeps
/// its hyphen.
fn join(text: &mut PlacedText, next: &PlacedText) {
    let mut before = text.chars().rev();
    let hyphen = before.next() == Some('-');
    let divided = hyphen && before.next().is_some_and(char::is_lowercase);
    let first = next.chars().next().unwrap_or(' ');
    if divided && first.is_lowercase() {
        text.pop();
        text.append("", next);
    } else if hyphen && first.is_alphanumeric() && !text.ends_with(" -") {
        text.append("", next);
    } else {
        text.append(" ", next);
    }
}

/// A table row's text: cells on one line, separated by ` | `, empty ones at the end left out.
fn row_text(cells: impl IntoIterator<Item = PlacedText>) -> PlacedText {
    let cells: Vec<PlacedText> = cells.into_iter().collect();
    let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    let mut text = cells.first().cloned().unwrap_or_default();
    cells[..used].iter().skip(1).for_each(|cell| text.append(" | ", cell));
    text
}

/// A line of a table of contents, with its leader dots made short.
fn contents_entry(text: &PlacedText) -> Option<PlacedText> {
    let start = text.find(".....").or_else(|| text.find(". . . . ")).or_else(|| text.find("……"))?;
    let rest = text[start..].trim_start_matches(['.', ' ', '…']);
    let mut entry = text.part(0..text[..start].trim_end().len());
    entry.append(" … ", &text.part(text.len() - rest.len()..text.len()));
    (rest.chars().count() <= 12).then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divided_words_are_made_whole_and_part_numbers_kept() {
        let joined = |a: &str, b: &str| {
            let mut text = PlacedText::from(a);
            join(&mut text, &b.into());
            text
        };
        assert_eq!(joined("the lubri-", "cation"), "the lubrication");
        assert_eq!(joined("bearing 6205-", "2RS"), "bearing 6205-2RS");
        assert_eq!(joined("SKF-", "Bearing"), "SKF-Bearing");
        assert_eq!(joined("one", "two"), "one two");
    }

    #[test]
    fn contents_are_told_from_text() {
        assert_eq!(contents_entry(&"1.1 About ........ 7".into()).as_deref(), Some("1.1 About … 7"));
        assert_eq!(contents_entry(&"wait ..... and then go on with the next step".into()), None);
    }
}
