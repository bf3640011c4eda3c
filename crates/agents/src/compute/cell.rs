//! What stands in a cell of a table: a number with its unit, a day, or words.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::{
    figures::{self, Style},
    number::{self, Decimal, Meaning},
    unit::Unit,
};

/// Longer words after a number are no unit.
const MAX_UNIT_CHARS: usize = 12;

/// What a cell says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Empty,
    Number(Decimal, Option<String>),
    Day(NaiveDateTime),
    /// `1,000` where nothing shows which sign separates the decimal places.
    Ambiguous,
    Words,
}

/// A cell before it is known how its column writes numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written {
    Number { meaning: Meaning, negative: bool, unit: Option<String> },
    Other(Cell),
}

impl Written {
    pub(crate) fn read(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() || matches!(text, "-" | "–" | "—") {
            return Self::Other(Cell::Empty);
        }
        if let Some(day) = day(text) {
            return Self::Other(Cell::Day(day));
        }
        quantity(text).unwrap_or(Self::Other(Cell::Words))
    }

    /// What its number shows of the writer's style.
    pub(crate) fn style(&self) -> Option<Style> {
        match self {
            Self::Number { meaning: Meaning::Sure(_, style), .. } => *style,
            _ => None,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Number { .. })
    }

    /// With the style of its column, and the unit that the column's name gives to bare numbers.
    pub(crate) fn cell(self, style: Option<Style>, unit_of_column: Option<&str>) -> Cell {
        let (meaning, negative, unit) = match self {
            Self::Number { meaning, negative, unit } => (meaning, negative, unit),
            Self::Other(cell) => return cell,
        };
        let number = match (meaning, style) {
            (Meaning::Sure(number, _), _) => number,
            (Meaning::Either { point, .. }, Some(Style::Point)) => point,
            (Meaning::Either { comma, .. }, Some(Style::Comma)) => comma,
            (Meaning::Either { .. }, None) => return Cell::Ambiguous,
            (Meaning::None, _) => return Cell::Words,
        };
        let number = if negative { number.negated() } else { number };
        Cell::Number(number, unit.or_else(|| unit_of_column.map(str::to_owned)))
    }
}

/// The style of a column's cells, where they show one and no other.
pub(crate) fn style_of<'w>(written: impl Iterator<Item = &'w Written>) -> Option<Style> {
    let mut styles = written.filter_map(Written::style);
    let first = styles.next()?;
    styles.all(|style| style == first).then_some(first)
}

/// The unit that the name of a column gives to bare numbers below it: `Downtime (h)`, `Pressure [bar]`, `Cost EUR`, `Hours`. `min`
/// may be the least, and one letter a name: both only in brackets.
pub(crate) fn unit_of_column(name: &str) -> Option<String> {
    let name = name.trim();
    let whole =
        |text: &str| Unit::read(text).filter(|(_, length)| *length == text.len()).map(|(unit, _)| unit.to_string());
    let inside = ['(', '['].into_iter().find_map(|open| name.rsplit_once(open));
    if let Some((_, inside)) = inside
        && let Some(inside) = inside.trim_end().strip_suffix([')', ']'])
    {
        return whole(inside.trim().trim_start_matches("in "));
    }
    let last = name.rsplit([' ', ',']).next()?;
    let is_clear = last.chars().count() > 1 && !last.eq_ignore_ascii_case("min") || matches!(last, "%" | "€");
    if is_clear { whole(last) } else { None }
}

/// A number with nothing but its sign, its currency and its unit.
fn quantity(text: &str) -> Option<Written> {
    let (negative, rest) = match text.chars().next()? {
        sign @ ('-' | '−') => (true, text[sign.len_utf8()..].trim_start()),
        '+' => (false, text[1..].trim_start()),
        _ => (false, text),
    };
    let currency = ["€", "EUR ", "$", "£"].into_iter().find_map(|sign| Some((sign, rest.strip_prefix(sign)?)));
    let (currency, rest) = currency.map_or((None, rest), |(sign, rest)| (Some(sign), rest.trim_start()));
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (mut meaning, length) = number::number(rest);
    if meaning == Meaning::None {
        // A spreadsheet writes what it has computed with digits that mean nothing.
        meaning = Meaning::Sure(Decimal::plain(&rest[..length])?.to_spreadsheet(), None);
    }
    let after = rest[length..].trim();
    let unit = match currency {
        Some(sign) if after.is_empty() => Some(if sign.starts_with('E') { "€" } else { sign }),
        Some(_) => return None,
        None => (!after.is_empty()).then_some(after),
    };
    let unit = match unit {
        None => None,
        Some(unit) => Some(unit_named(unit, rest[length..].starts_with(char::is_whitespace) || currency.is_some())?),
    };
    Some(Written::Number { meaning, negative, unit })
}

/// A unit in our spelling; one that is none of ours as it stands, where a space parts it from its number.
fn unit_named(text: &str, stands_apart: bool) -> Option<String> {
    if let Some((unit, length)) = Unit::read(text)
        && length == text.len()
    {
        return Some(unit.to_string());
    }
    let is_word = |c: char| c.is_alphabetic() || matches!(c, '/' | '%' | '‰' | '°' | '²' | '³' | '·' | '.' | '$' | '£');
    (stands_apart && text.chars().count() <= MAX_UNIT_CHARS && text.chars().all(is_word)).then(|| text.to_owned())
}

/// A day, with its time where one stands there.
fn day(text: &str) -> Option<NaiveDateTime> {
    let (day, length) = figures::date(text).or_else(|| {
        // `2026-03-31T06:00`: the day's own end is no end of a word.
        let (date, _) = text.split_once('T')?;
        figures::date(date)
    })?;
    let rest = text[length..].trim_start_matches(['T', ' ', ',']).trim_end_matches(['Z', ' ']);
    if rest.is_empty() {
        return Some(day.and_time(NaiveTime::MIN));
    }
    let time = ["%H:%M:%S%.f", "%H:%M"].into_iter().find_map(|form| NaiveTime::parse_from_str(rest, form).ok())?;
    Some(day.and_time(time))
}

/// From the first moment of a year, a month or a day on, and before the moment that follows it: `2026`, `2026-03`, `2026-03-31`.
pub(crate) fn period(text: &str) -> Option<(NaiveDateTime, NaiveDateTime)> {
    let text = text.trim();
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i32>().ok())
            .flatten()
    };
    let first = |year: i32, month: u32| NaiveDate::from_ymd_opt(year, month, 1).map(|day| day.and_time(NaiveTime::MIN));
    if let Some(year) = number(text, 4) {
        return Some((first(year, 1)?, first(year + 1, 1)?));
    }
    if let Some((year, month)) = text.split_once('-')
        && let (Some(year), Some(month)) =
            (number(year, 4), number(month, 2).and_then(|month| u32::try_from(month).ok()))
    {
        let next = if month == 12 { first(year + 1, 1) } else { first(year, month + 1) };
        return Some((first(year, month)?, next?));
    }
    let (day, length) = figures::date(text)?;
    let midnight = day.and_time(NaiveTime::MIN);
    (length == text.len()).then_some((midnight, day.succ_opt()?.and_time(NaiveTime::MIN)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, style: Option<Style>) -> String {
        match Written::read(text).cell(style, None) {
            Cell::Number(number, unit) => format!("{number} {}", unit.unwrap_or_default()).trim_end().to_owned(),
            Cell::Day(day) => day.format("%Y-%m-%d %H:%M").to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn cells_are_numbers_days_or_words() {
        for (text, expected) in [
            ("12.5 h", "12.5 h"),
            ("12,5h", "12.5 h"),
            ("-3", "-3"),
            ("− 3,25 bar", "-3.25 bar"),
            ("1.234,50 €", "1234.50 EUR"),
            ("€ 12", "12 EUR"),
            ("7 Stunden", "7 h"),
            ("4 pcs", "4 pcs"),
            ("18 %", "18 %"),
            ("0.30000000000000004", "0.3"),
            ("1,000", "Ambiguous"),
            ("2026-03-31", "2026-03-31 00:00"),
            ("31.03.2026 06:30", "2026-03-31 06:30"),
            ("2026-03-31T06:30:00", "2026-03-31 06:30"),
            ("", "Empty"),
            ("–", "Empty"),
            ("n/a", "Words"),
            ("WO-4001", "Words"),
            ("12a", "Words"),
            ("5-10", "Words"),
            ("> 5", "Words"),
            ("07:30", "Words"),
            ("3.2.1", "Words"),
            ("5 bearings of the pump", "Words"),
            ("03/04/2026", "Words"),
        ] {
            assert_eq!(read(text, None), expected, "{text}");
        }
        assert_eq!(read("1,000", Some(Style::Point)), "1000");
        assert_eq!(read("1,000", Some(Style::Comma)), "1.000");
    }

    #[test]
    fn a_column_gives_bare_numbers_their_unit() {
        for (name, unit) in [
            ("Downtime (h)", Some("h")),
            ("Druck [bar]", Some("bar")),
            ("Cost EUR", Some("EUR")),
            ("Hours", Some("h")),
            ("Stillstand (min)", Some("min")),
            ("Pressure min", None),
            ("Line A", None),
            ("Downtime", None),
            ("Remarks (optional)", None),
        ] {
            assert_eq!(unit_of_column(name).as_deref(), unit, "{name}");
        }
    }

    #[test]
    fn periods_end_before_the_next_begins() {
        let shown = |text| period(text).map(|(from, to)| format!("{} {}", from.date(), to.date()));
        assert_eq!(shown("2026").as_deref(), Some("2026-01-01 2027-01-01"));
        assert_eq!(shown("2026-12").as_deref(), Some("2026-12-01 2027-01-01"));
        assert_eq!(shown("31.03.2026").as_deref(), Some("2026-03-31 2026-04-01"));
        assert_eq!(shown("2026-13"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-+−€$0-9.,' TZ:hbar%°]{0,24}|.{0,24}") {
            let _ = Written::read(&text).cell(None, None);
            let _ = (period(&text), unit_of_column(&text));
        }
    }
}
