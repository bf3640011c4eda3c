//! What in a passage only names what stands below: titles.

use crate::text::{Terms, Unit, UnitKind, cells, terms};

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

/// What is left of a text when spaces, signs and capitals mean nothing.
pub(super) fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
