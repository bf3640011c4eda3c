use std::{fmt, str::FromStr};

use chrono::{DateTime, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A place in a list ordered by time and id, newest first. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Time of the last item seen, whole microseconds.
    pub at: DateTime<Utc>,
    /// Id of the last item seen, to order equal times.
    pub id: Uuid,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.at.timestamp_micros(), self.id.as_simple())
    }
}

/// A cursor that this server did not make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a `next_cursor` from an earlier answer")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (micros, id) = text.split_once('-').ok_or(InvalidCursor)?;
        let micros = i64::from_str_radix(micros, 16).map_err(|_| InvalidCursor)?;
        let at = Utc.timestamp_micros(micros).single().ok_or(InvalidCursor)?;
        let id = Uuid::try_parse(id).map_err(|_| InvalidCursor)?;
        Ok(Self { at, id })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    /// At most this many items, 1 to 200.
    pub limit: u32,
    /// Items after this place; `None` starts with the newest.
    pub after: Option<Cursor>,
}

impl PageRequest {
    /// The most items one answer carries.
    pub const MAX_LIMIT: u32 = 200;
}

/// One part of a list, and where the next part begins.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// `None` when nothing follows.
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page from up to `limit + 1` rows; the extra row only tells that more follow.
    pub fn from_rows(mut rows: Vec<T>, limit: u32, place: impl Fn(&T) -> Cursor) -> Self {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = if more { rows.last().map(place) } else { None };
        Self { items: rows, next_cursor }
    }

    /// The same page with each item turned into another.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}
