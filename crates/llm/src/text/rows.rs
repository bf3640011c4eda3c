//! Rows of tables: their cells, and which of them name the columns of others.

use super::{Unit, UnitKind, terms};

/// For each unit the row above it that names its columns.
pub fn headers(text: &str, units: &[Unit]) -> Vec<Option<usize>> {
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

/// The cells of a row, without the bars between them.
pub fn cells(row: &str) -> Vec<&str> {
    row.trim().trim_matches('|').split('|').map(str::trim).collect()
}
