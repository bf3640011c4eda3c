//! The figures of a text: numbers with their units, dates and weekdays, and where they stand.

use chrono::{NaiveDate, Weekday};
use millwright_llm::text::is_unit as is_unit_word;

use super::{
    Figure, Value,
    number::{self, Decimal, Meaning},
    unit::{DAY, EURO, INCH, MONTH, Unit, WEEK, YEAR},
};

pub(crate) use super::number::Style;

/// A figure and its bytes in the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What it can mean: two things where `1,000` shows no style.
    pub(crate) meanings: Vec<Figure>,
}

/// Words between a number and its unit that only say which kind.
const KINDS: &[&str] =
    &["operating ", "running ", "service ", "calendar ", "full ", "consecutive ", "more ", "further "];

/// The style of writing numbers, where a text shows one and no other.
pub(crate) fn style_of(text: &str) -> Option<Style> {
    let mut styles = Vec::new();
    scan(text, None, |_, meaning| {
        if let Meaning::Sure(_, Some(style)) = meaning {
            styles.push(style);
        }
    });
    let first = *styles.first()?;
    styles.iter().all(|style| *style == first).then_some(first)
}

/// The figures of a text, in order. Without a style, a number that can mean two has both meanings.
pub(crate) fn read(text: &str, style: Option<Style>) -> Vec<Seen> {
    let mut found = Vec::new();
    scan(text, style, |seen, _| found.push(seen));
    found
}

/// Goes through a text; tells of each figure, and how its number was written.
fn scan(text: &str, style: Option<Style>, mut tell: impl FnMut(Seen, Meaning)) {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_ascii_digit() {
            if let Some((day, length)) = date(rest) {
                let meanings = vec![Figure::Date(day)];
                tell(Seen { start: at, end: at + length, meanings }, Meaning::None);
                at += length;
            } else {
                at += quantity(text, at, style, &mut tell);
            }
        } else if c.is_alphabetic() {
            at += word(text, at, &mut tell);
        } else {
            at += c.len_utf8();
        }
    }
}

/// A number with its unit at `at`; returns how far to go on.
fn quantity(text: &str, at: usize, style: Option<Style>, tell: &mut impl FnMut(Seen, Meaning)) -> usize {
    let rest = &text[at..];
    let (meaning, length) = number::number(rest);
    let after = &rest[length..];
    let (unit, mut end) = unit_after(after).map_or((None, length), |(unit, below)| (Some(unit), length + below));
    // The `4` of `m^4` is no figure.
    if text[..at].ends_with('^') || is_of_unknown_unit(after, unit, &rest[end..]) {
        return end.max(1);
    }
    let next = rest[end..].chars().next();
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '–' | '_' | '×');
    let before_digit = |text: &str| text.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    let mut unit = unit;
    if unit.is_none() && next.is_some_and(joins) {
        // `2–3 bar` is twice bar; `6205-2RS` and `1/2` are no figures.
        let is_range = matches!(next, Some('-' | '–')) && before_digit(after);
        let upper = after.trim_start_matches(['-', '–']);
        let of_range = if is_range { unit_after(&upper[number::number(upper).1..]) } else { None };
        match of_range {
            Some((of_both, _)) => unit = Some(of_both),
            None if next.is_some_and(|c| c.is_alphanumeric() || before_digit(after) || c == '_') => {
                return length + code_length(after);
            }
            None => {}
        }
    }
    let (mut start, before) = (at, text[..at].trim_end());
    if unit.is_none() && (before.ends_with('€') || before.ends_with("EUR")) {
        unit = Some(EURO);
    }
    // A minus, not a dash between words or a range.
    let is_negative = ['-', '−'].into_iter().find(|sign| text[..at].ends_with(*sign)).filter(|sign| {
        let outer = text[..at - sign.len_utf8()].chars().next_back();
        outer.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '|' | '='))
    });
    if let Some(sign) = is_negative {
        start -= sign.len_utf8();
    }
    let figure = |number: Decimal| {
        let number = if is_negative.is_some() { number.negated() } else { number };
        Figure::Quantity(Value { number, unit })
    };
    let meanings = match (meaning, style) {
        (Meaning::Sure(number, _), _) => vec![figure(number)],
        (Meaning::Either { point, .. }, Some(Style::Point)) => vec![figure(point)],
        (Meaning::Either { comma, .. }, Some(Style::Comma)) => vec![figure(comma)],
        (Meaning::Either { point, comma }, None) => vec![figure(point), figure(comma)],
        (Meaning::None, _) => Vec::new(),
    };
    if !meanings.is_empty() {
        // The point of an abbreviated unit or the end of the sentence stays.
        end = end.max(length);
        tell(Seen { start, end: at + end, meanings }, meaning);
    }
    end.max(1)
}

/// The unit that follows a number, at once or after a space and a word for its kind, and how far it reaches.
fn unit_after(after: &str) -> Option<(Unit, usize)> {
    let gap = after.len() - after.trim_start_matches([' ', '\u{a0}', '\u{202f}']).len();
    // `-` joins in `25-mm`, and is a range before a digit.
    let gap = if gap == 0 && after.starts_with('-') { 1 } else { gap };
    let rest = &after[gap..];
    let direct = Unit::read(rest).map(|(unit, length)| (unit, gap + length));
    let (unit, length) = direct.or_else(|| {
        let kind = KINDS.iter().find(|kind| rest.starts_with(**kind))?.len();
        Unit::read(&rest[kind..]).map(|(unit, length)| (unit, gap + kind + length))
    })?;
    // `25 in the housing`
    let is_preposition = unit == INCH
        && after[..length].ends_with("in")
        && after[length..].trim_start().starts_with(char::is_alphabetic);
    (!is_preposition).then_some((unit, length))
}

/// Whether a number has a unit that is none of ours, or is ours only at its beginning: it is not known what it means.
fn is_of_unknown_unit(after: &str, unit: Option<Unit>, rest: &str) -> bool {
    if unit.is_some() {
        // `mg/Nm³`, `kW·h`, `m^4`; but not `1.5 bar/21 psi`.
        let mut further = rest.chars();
        return match further.next() {
            Some('^') => true,
            Some('/' | '·' | '⋅' | '*') => further.next().is_some_and(char::is_alphabetic),
            _ => false,
        };
    }
    let gap = after.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let gap = gap.strip_prefix('-').filter(|_| gap.len() == after.len()).unwrap_or(gap);
    if gap.starts_with(['$', '£', '¥', '‰', '‱', '\'', '′', 'µ', 'μ', '^']) {
        return true;
    }
    let length = gap.find(|c: char| !c.is_alphabetic()).unwrap_or(gap.len());
    let word = &gap[..length];
    let is_joined = gap[length..].starts_with(['/', '·', '⋅', '^', '²', '³', '⁻']);
    let is_power = word.starts_with(char::is_lowercase) && gap[length..].starts_with(|c: char| c.is_ascii_digit());
    let lower = word.to_lowercase();
    let vowels = ['a', 'e', 'i', 'o', 'u', 'y', 'ä', 'ö', 'ü'];
    let is_short = (1..=4).contains(&word.chars().count());
    // `dB`, `cSt`, `kVA`, `ppm`, `lx`: no words.
    let is_no_word = (is_short && !lower.contains(vowels))
        || (word.chars().count() <= 5 && word.chars().skip(1).any(char::is_uppercase));
    let is_known = is_unit_word(word) || OTHER_UNITS.contains(&lower.as_str());
    // `4 M8 screws`, `2 V-belts`
    let is_code = gap[length..].starts_with(|c: char| c.is_ascii_digit() || c == '-');
    !word.is_empty() && (is_joined || (is_power && is_short) || ((is_no_word || is_known) && !is_code))
}

/// Units that look like words and are not computed with.
const OTHER_UNITS: &[&str] = &[
    "acre", "acres", "atm", "byte", "bytes", "cal", "candela", "decibel", "dollar", "dollars", "franken", "gal",
    "gallon", "gallons", "gauss", "ha", "hectare", "kilo", "kcal", "knots", "lumen", "lux", "mil", "mile", "miles",
    "mils", "mol", "mole", "ounce", "ounces", "oz", "phon", "pint", "pints", "poise", "quart", "quarts", "rad",
    "radian", "radians", "rev", "sone", "stokes", "tesla", "ton", "tons", "torr", "usd", "var", "yard", "yards", "yd",
    "zentner", "permille", "promille", "hp", "ps",
];

/// The rest of a part number.
fn code_length(after: &str) -> usize {
    after.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '–' | '/' | '_' | '.'))).unwrap_or(after.len())
}

/// A word at `at`: a number, a weekday, an interval, a month with its day, or none; returns how far to go on.
fn word(text: &str, at: usize, tell: &mut impl FnMut(Seen, Meaning)) -> usize {
    let rest = &text[at..];
    let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    // `P-101` and `M8x1.25` are names.
    let code = length + code_length(&rest[length..]);
    let is_code = rest[..code].chars().any(|c| c.is_ascii_digit());
    let mut seen = |end: usize, figure| {
        tell(Seen { start: at, end: at + end, meanings: vec![figure] }, Meaning::None);
        end
    };
    if let Some((day, end)) = month_first(rest) {
        return seen(end, Figure::Date(day));
    }
    if is_code {
        return code;
    }
    let lower = rest[..length].to_lowercase();
    if let Some(weekday) = weekday(&lower) {
        return seen(length, Figure::Weekday(weekday));
    }
    let one = |number: u32, unit| Figure::Quantity(Value { number: Decimal::from(number), unit: Some(unit) });
    if let Some((number, unit)) = interval(&lower) {
        return seen(length, one(number, unit));
    }
    if matches!(lower.as_str(), "a" | "per" | "each" | "every" | "pro" | "je" | "jede" | "jeden" | "jedes") {
        let after = rest[length..].trim_start();
        let gap = rest[length..].len() - after.len();
        if let Some((unit, below)) = Unit::read(after)
            && gap > 0
            && [DAY, WEEK, MONTH, YEAR].contains(&unit)
            && below > 1
        {
            return seen(length + gap + below, one(1, unit));
        }
        return length;
    }
    let Some(number) = number_word(&lower) else { return length.max(1) };
    let (unit, end) = unit_after(&rest[length..]).map_or((None, length), |(unit, below)| (Some(unit), length + below));
    if is_of_unknown_unit(&rest[length..], unit, &rest[end..]) {
        return end;
    }
    seen(end, Figure::Quantity(Value { number: Decimal::from(number), unit }))
}

fn number_word(word: &str) -> Option<u32> {
    Some(match word {
        "two" | "both" | "twice" | "zwei" | "beide" | "beiden" => 2,
        "three" | "drei" => 3,
        "four" | "vier" => 4,
        "five" | "fünf" => 5,
        "six" | "sechs" => 6,
        "seven" | "sieben" => 7,
        "eight" | "acht" => 8,
        "nine" | "neun" => 9,
        "ten" | "zehn" => 10,
        "eleven" | "elf" => 11,
        "twelve" | "zwölf" => 12,
        _ => return None,
    })
}

fn interval(word: &str) -> Option<(u32, Unit)> {
    Some(match word {
        "daily" | "täglich" => (1, DAY),
        "weekly" | "wöchentlich" => (1, WEEK),
        "monthly" | "monatlich" => (1, MONTH),
        "quarterly" | "vierteljährlich" => (3, MONTH),
        "halbjährlich" => (6, MONTH),
        "yearly" | "annual" | "annually" | "jährlich" => (1, YEAR),
        _ => return None,
    })
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "montag" => Weekday::Mon,
        "tuesday" | "dienstag" => Weekday::Tue,
        "wednesday" | "mittwoch" => Weekday::Wed,
        "thursday" | "donnerstag" => Weekday::Thu,
        "friday" | "freitag" => Weekday::Fri,
        "saturday" | "samstag" | "sonnabend" => Weekday::Sat,
        "sunday" | "sonntag" => Weekday::Sun,
        _ => return None,
    })
}

fn month(word: &str) -> Option<u32> {
    const MONTHS: [&[&str]; 12] = [
        &["january", "januar", "jänner", "jan"],
        &["february", "februar", "feb"],
        &["march", "märz", "mar"],
        &["april", "apr"],
        &["may", "mai"],
        &["june", "juni", "jun"],
        &["july", "juli", "jul"],
        &["august", "aug"],
        &["september", "sep", "sept"],
        &["october", "oktober", "oct", "okt"],
        &["november", "nov"],
        &["december", "dezember", "dec", "dez"],
    ];
    let lower = word.to_lowercase();
    MONTHS.iter().position(|names| names.contains(&lower.as_str())).and_then(|at| u32::try_from(at + 1).ok())
}

/// The date that a text begins with, and its length: `2026-03-31`, `31.03.2026`, `31. März 2026`, `31 March 2026`. `03/04/2026`
/// means two days, and none here.
pub(crate) fn date(text: &str) -> Option<(NaiveDate, usize)> {
    let (first, at) = digits(text, 0)?;
    let ends = |end: usize| !text[end..].starts_with(|c: char| c.is_alphanumeric() || c == '-');
    if first.len() == 4 {
        let (month, at) = digits(text, after(text, at, &["-"])?)?;
        let (day, end) = digits(text, after(text, at, &["-"])?)?;
        let is_whole = month.len() == 2 && day.len() == 2 && ends(end);
        return is_whole.then(|| day_of(first, month.parse().ok()?, day)).flatten().map(|day| (day, end));
    }
    if first.len() > 2 {
        return None;
    }
    let dotted = after(text, at, &["."]).and_then(|at| {
        let (month, at) = digits(text, at)?;
        let (year, end) = digits(text, after(text, at, &["."])?)?;
        let is_whole = month.len() <= 2 && year.len() == 4 && ends(end);
        is_whole.then(|| day_of(year, month.parse().ok()?, first)).flatten().map(|day| (day, end))
    });
    dotted.or_else(|| {
        let at = after(text, at, &[". ", ".\u{a0}", " ", "\u{a0}", "st ", "nd ", "rd ", "th "])?;
        let length = text[at..].find(|c: char| !c.is_alphabetic()).unwrap_or(text.len() - at);
        let month = month(&text[at..at + length])?;
        let (year, end) = digits(text, after(text, at + length, &[" ", "\u{a0}", ", ", ". "])?)?;
        let is_whole = year.len() == 4 && ends(end);
        is_whole.then(|| day_of(year, month, first)).flatten().map(|day| (day, end))
    })
}

/// `March 31, 2026`
fn month_first(text: &str) -> Option<(NaiveDate, usize)> {
    let length = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    if length > 9 {
        return None;
    }
    let month = month(&text[..length])?;
    let (day, at) = digits(text, after(text, length, &[" ", "\u{a0}", ". "])?)?;
    let (year, end) = digits(text, after(text, at, &[", ", " ", "st, ", "nd, ", "rd, ", "th, "])?)?;
    let is_whole = day.len() <= 2 && year.len() == 4 && !text[end..].starts_with(char::is_alphanumeric);
    is_whole.then(|| day_of(year, month, day)).flatten().map(|day| (day, end))
}

fn day_of(year: &str, month: u32, day: &str) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year.parse().ok()?, month, day.parse().ok()?)
}

fn digits(text: &str, at: usize) -> Option<(&str, usize)> {
    let length = text[at..].bytes().take_while(u8::is_ascii_digit).count();
    (1..=4).contains(&length).then(|| (&text[at..at + length], at + length))
}

fn after(text: &str, at: usize, signs: &[&str]) -> Option<usize> {
    signs.iter().find(|sign| text[at..].starts_with(**sign)).map(|sign| at + sign.len())
}
