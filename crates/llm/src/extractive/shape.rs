//! What in a passage only names what stands below: titles, and the rows that name columns.

use crate::text::{Terms, Unit, UnitKind, terms};

/// Marks as headings the lines that are one though they hold a digit: those that the passage's own headings repeat, and
/// those that begin with the number of a section.
pub(super) fn tell_titles(text: &str, units: &mut [Unit], headings: &[String]) {
    for at in 0..units.len() {
        let (unit, content) = (units[at], units[at].of(text));
        let is_alone = units.iter().filter(|other| other.block == unit.block).count() == 1;
        let is_title = headings.iter().any(|heading| letters_and_digits(heading) == letters_and_digits(content))
            || (at + 1 < units.len() && is_numbered_title(content));
        if matches!(unit.kind, UnitKind::Sentence | UnitKind::Item) && is_alone && is_title {
            units[at].kind = UnitKind::Heading;
        }
    }
}

/// `4.2 Name of a section`: a number, a capital letter, no figure with a unit and no end.
fn is_numbered_title(line: &str) -> bool {
    let name = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let is_numbered = name.len() < line.len() && line.starts_with(|c: char| c.is_ascii_digit());
    let name = name.strip_prefix(' ').unwrap_or_default();
    is_numbered
        && name.starts_with(char::is_uppercase)
        && name.split_whitespace().count() <= 10
        && !line.contains([':', '\n'])
        && !line.ends_with(['.', '!', '?', ';', ','])
        && terms(line).measures.iter().all(|measure| measure.unit.is_empty())
}

/// For each unit the row above it that names its columns.
pub(super) fn headers(text: &str, units: &[Unit]) -> Vec<Option<usize>> {
    let mut headers = vec![None; units.len()];
    let mut first = 0;
    while first < units.len() {
        let rows = units[first..].iter().take_while(|unit| unit.kind == UnitKind::Row).count();
        // A blank line begins another table: rows of one stand on lines that follow each other.
        let follows = |at: &usize| !text[units[at - 1].end..units[*at].start].trim_matches(' ').contains("\n\n");
        let end = first + rows.min(1) + (first + 1..first + rows).take_while(follows).count();
        if end > first + 1 && names_columns(text, &units[first..end]) {
            headers[first + 1..end].fill(Some(first));
        }
        first = end.max(first + 1);
    }
    headers
}

/// Whether the first of these rows names the columns of the others: it states no figure and no code, and most of the
/// others do, or each says more than it.
fn names_columns(text: &str, rows: &[Unit]) -> bool {
    let width = |row: &Unit| cells(row.of(text)).len();
    let (header, below) = (rows[0], &rows[1..]);
    let with_figures = below.iter().filter(|row| has_figures(row.of(text))).count();
    !has_figures(header.of(text))
        && below.iter().any(|row| width(row) == width(&header))
        && (with_figures * 2 > below.len() || below.iter().all(|row| row.of(text).len() > header.of(text).len()))
}

/// Whether a row states something in figures. The number in `Week 9` only tells one column from another, and no unit
/// follows it in the next cell.
fn has_figures(row: &str) -> bool {
    cells(row).into_iter().any(|cell| {
        let said = terms(cell);
        !said.codes.is_empty()
            || said.measures.iter().any(|measure| !measure.unit.is_empty())
            || cell.trim_start_matches(['-', '+', '±']).starts_with(|c: char| c.is_ascii_digit())
    })
}

/// A row's terms, with its bare figures in the units that the names of their columns end with: `Mass kg`, `Length (mm)`.
pub(super) fn with_units_of(columns: &str, row: &str, own: &Terms) -> Terms {
    let mut all = own.clone();
    for (column, cell) in cells(columns).iter().zip(cells(row)) {
        if let Some(unit) = column.split_whitespace().next_back()
            && cell.starts_with(|c: char| c.is_ascii_digit())
        {
            all.measures.extend(terms(&format!("{cell} {unit}")).measures);
        }
    }
    all
}

pub(super) fn cells(row: &str) -> Vec<&str> {
    row.trim().trim_matches('|').split('|').map(str::trim).collect()
}

/// What is left of a text when spaces, signs and capitals mean nothing.
pub(super) fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
