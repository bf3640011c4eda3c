//! JSON with its numbers as they were written: nothing passes through a floating-point number.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// So many levels in each other are read.
const MAX_DEPTH: usize = 32;
/// So many values are read: in memory each is some 30 times as large as the shortest are in text.
const MAX_VALUES: usize = 1_500_000;

/// A value of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As it was written, by JSON's grammar.
    Number(String),
    Text(String),
    List(Vec<Json>),
    /// Of two values for a name, the last.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Nothing where it is no JSON, too deep, or of too many values.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // Commas in texts count too: there are fewer values than this, never more.
        if bytes.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() > MAX_VALUES {
            return None;
        }
        Self::of(serde_json::from_slice(bytes).ok()?, 0)
    }

    fn of(raw: &RawValue, depth: usize) -> Option<Self> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let text = raw.get();
        Some(match text.as_bytes().first()? {
            b'n' => Self::Null,
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            b'"' => Self::Text(serde_json::from_str(text).ok()?),
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::List(items.into_iter().map(|item| Self::of(item, depth + 1)).collect::<Option<_>>()?)
            }
            b'{' => {
                let entries: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
                let read = |(name, value)| Some((name, Self::of(value, depth + 1)?));
                Self::Object(entries.into_iter().map(read).collect::<Option<_>>()?)
            }
            _ => Self::Number(text.to_owned()),
        })
    }

    /// What stands under a name of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries.get(name),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a text or a number.
    pub(crate) fn text_or_number(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_as_they_were_written() {
        let json =
            Json::parse(br#"{"a":[12345678901234567890123456789.50,1e3,-0,"x\u00e9"],"b":null,"c":true}"#).unwrap();
        let a = json.get("a").and_then(Json::list).unwrap();
        assert_eq!(a[0], Json::Number("12345678901234567890123456789.50".into()));
        assert_eq!(a[1], Json::Number("1e3".into()));
        assert_eq!(a[2], Json::Number("-0".into()));
        assert_eq!(a[3].text(), Some("xé"));
        assert_eq!((json.get("b"), json.get("c")), (Some(&Json::Null), Some(&Json::Bool(true))));
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_nothing() {
        for text in ["", "{", "{\"a\":", "[1,]", "01", "nul", "{} x"] {
            assert_eq!(Json::parse(text.as_bytes()), None, "{text}");
        }
        assert!(Json::parse(format!("[{}0]", "0,".repeat(MAX_VALUES)).as_bytes()).is_none());
        assert!(Json::parse("[".repeat(31).as_bytes()).is_none());
        assert!(Json::parse(format!("{}{}", "[".repeat(31), "]".repeat(31)).as_bytes()).is_some());
        assert!(Json::parse(format!("{}{}", "[".repeat(500_000), "]".repeat(500_000)).as_bytes()).is_none());
    }
}
