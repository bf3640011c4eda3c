use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::Value;

use crate::Kind;

/// One value, without loss. What does not fit the form of its column's kind (`infinity`, `0000-00-00`, an interval) is text, as
/// the database writes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number of up to 64 bits.
    Integer(i64),
    /// A decimal number, digit by digit.
    Decimal(String),
    /// A binary floating-point number.
    Float(f64),
    /// A day.
    Date(NaiveDate),
    /// A time of day.
    Time(NaiveTime),
    /// A day and a time, of no zone that the database knows.
    Timestamp(NaiveDateTime),
    /// A moment.
    Instant(DateTime<Utc>),
    /// Bytes.
    Binary(Vec<u8>),
    /// Text.
    Text(String),
}

impl Cell {
    /// What `text` says in a column of this kind.
    pub(crate) fn of_text(kind: Kind, text: String) -> Self {
        let found = match kind {
            Kind::Integer => {
                text.parse().map(Self::Integer).ok().or_else(|| is_decimal(&text).then(|| Self::Decimal(text.clone())))
            }
            Kind::Decimal => is_decimal(&text).then(|| Self::Decimal(text.clone())),
            Kind::Float => text.parse().map(Self::Float).ok(),
            Kind::Bool => match text.as_str() {
                "1" | "t" | "true" => Some(Self::Bool(true)),
                "0" | "f" | "false" => Some(Self::Bool(false)),
                _ => None,
            },
            Kind::Date => NaiveDate::parse_from_str(&text, "%Y-%m-%d").map(Self::Date).ok(),
            Kind::Time => {
                exact(&text).then(|| NaiveTime::parse_from_str(&text, "%H:%M:%S%.f").map(Self::Time).ok()).flatten()
            }
            Kind::Timestamp => timestamp(&text).map(Self::Timestamp),
            Kind::Instant => timestamp(&text).map(|time| Self::Instant(time.and_utc())),
            Kind::Untyped => number(&text),
            Kind::Uuid => Some(Self::Text(text.to_ascii_lowercase())),
            Kind::Binary | Kind::Text => None,
        };
        found.unwrap_or(Self::Text(text))
    }

    /// How many bytes it counts for.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 1,
            Self::Integer(_) | Self::Float(_) | Self::Date(_) | Self::Time(_) => 8,
            Self::Timestamp(_) | Self::Instant(_) => 12,
            Self::Decimal(text) | Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// For models and people: a number where JSON holds it exactly, else text; times by ISO 8601, moments with `Z`; bytes in base64.
    pub fn to_json(&self) -> Value {
        const EXACT: u64 = 1 << 53;
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(value) if value.unsigned_abs() <= EXACT => Value::from(*value),
            Self::Integer(value) => Value::from(value.to_string()),
            Self::Float(value) => {
                serde_json::Number::from_f64(*value).map_or_else(|| Value::from(value.to_string()), Value::Number)
            }
            Self::Date(date) => Value::from(date.to_string()),
            Self::Time(time) => Value::from(time.to_string()),
            Self::Timestamp(time) => Value::from(time.format("%Y-%m-%dT%H:%M:%S%.f").to_string()),
            Self::Instant(time) => Value::from(time.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string()),
            Self::Binary(bytes) => Value::from(STANDARD.encode(bytes)),
            Self::Decimal(text) | Self::Text(text) => Value::from(text.as_str()),
        }
    }
}

/// A number, where the text is how that number is written and nothing else.
fn number(text: &str) -> Option<Cell> {
    if let Ok(number) = text.parse::<i64>() {
        return (number.to_string() == text).then_some(Cell::Integer(number));
    }
    let number: f64 = text.parse().ok()?;
    (format!("{number:?}") == text).then_some(Cell::Float(number))
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    all(whole) && all(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// Whether a time has no more digits than are kept: nanoseconds.
fn exact(text: &str) -> bool {
    text.rsplit_once('.').is_none_or(|(_, fraction)| fraction.len() <= 9)
}

fn timestamp(text: &str) -> Option<NaiveDateTime> {
    if !exact(text) {
        return None;
    }
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_its_kind_stays_text() {
        let text = |text: &str| Cell::Text(text.to_owned());
        for (kind, value) in [
            (Kind::Date, "0000-00-00"),
            (Kind::Timestamp, "infinity"),
            (Kind::Timestamp, "2026-01-01 00:00:00.1234567891"),
            (Kind::Time, "-838:59:59"),
            (Kind::Decimal, "NaN"),
            (Kind::Decimal, "."),
            (Kind::Integer, "twelve"),
            (Kind::Bool, "yes?"),
            (Kind::Untyped, "007"),
            (Kind::Untyped, "1.10"),
            (Kind::Untyped, "nan"),
        ] {
            assert_eq!(Cell::of_text(kind, value.to_owned()), text(value));
        }
    }

    #[test]
    fn json_holds_every_value_exactly() {
        let json = |kind, text: &str| Cell::of_text(kind, text.to_owned()).to_json();
        assert_eq!(json(Kind::Integer, "9007199254740993"), "9007199254740993");
        assert_eq!(json(Kind::Integer, "-12"), -12);
        assert_eq!(json(Kind::Integer, "18446744073709551615"), "18446744073709551615");
        assert_eq!(json(Kind::Decimal, "-0.10"), "-0.10");
        assert_eq!(json(Kind::Float, "NaN"), "NaN");
        assert_eq!(json(Kind::Untyped, "-7"), -7);
        assert_eq!(json(Kind::Untyped, "12.5"), 12.5);
        assert_eq!(json(Kind::Timestamp, "2026-03-29 02:30:00.000001"), "2026-03-29T02:30:00.000001");
        assert_eq!(json(Kind::Instant, "2026-03-29 02:30:00"), "2026-03-29T02:30:00Z");
        assert_eq!(Cell::Binary(vec![0, 255]).to_json(), "AP8=");
    }
}
