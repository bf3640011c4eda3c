//! Rows: what a service sent of an entity, typed by its metadata.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Scalar, json::Json, wire};
use crate::metadata::{Service, StructuredType, Version};

/// So many rows may stand in each other.
const MAX_DEPTH: usize = 8;

/// What stands in a row under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing, said so.
    Null,
    /// One value.
    Scalar(Scalar),
    /// Many values.
    List(Vec<Cell>),
    /// A structure, or the row that a navigation leads to.
    Row(Box<Row>),
    /// The rows that a navigation leads to.
    Rows(Vec<Row>),
}

impl Cell {
    /// For readers.
    pub fn plain(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Scalar(value) => value.plain(),
            Self::List(cells) => Value::Array(cells.iter().map(Self::plain).collect()),
            Self::Row(row) => row.plain(),
            Self::Rows(rows) => Value::Array(rows.iter().map(Row::plain).collect()),
        }
    }
}

/// An entity or a structure, with the properties that were sent and that its type declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// What a change of it is made conditional on.
    pub etag: Option<String>,
    /// By name.
    pub cells: BTreeMap<String, Cell>,
}

impl Row {
    /// For readers: an object of JSON, without the ETag.
    pub fn plain(&self) -> Value {
        let entries = self.cells.iter().map(|(name, cell)| (name.clone(), cell.plain()));
        Value::Object(entries.collect::<Map<_, _>>())
    }

    /// The one value under a name.
    pub fn scalar(&self, name: &str) -> Option<&Scalar> {
        match self.cells.get(name)? {
            Cell::Scalar(value) => Some(value),
            _ => None,
        }
    }
}

/// Reads an entity.
///
/// # Errors
/// The path of the property that is not of its type.
pub(crate) fn read_row(service: &Service, ty: &StructuredType, sent: &Json, depth: usize) -> Result<Row, String> {
    let Json::Object(entries) = sent else { return Err(String::new()) };
    if depth > MAX_DEPTH {
        return Err(String::new());
    }
    let mut row = Row { etag: etag(service.version, sent), cells: BTreeMap::new() };
    for (name, value) in entries {
        let cell = if let Some(property) = ty.property(name) {
            wire::read_cell(service, property, value, depth).ok_or_else(|| name.clone())?
        } else if let Some(navigation) = ty.navigation(name).filter(|_| !is_deferred(value)) {
            let Some(target) = service.types.get(&navigation.target) else { continue };
            let within = |path: String| if path.is_empty() { name.clone() } else { format!("{name}/{path}") };
            let read = |item| read_row(service, target, item, depth + 1).map_err(within);
            match value {
                Json::Null => Cell::Null,
                _ if navigation.many => {
                    let items = value.list().or_else(|| value.get("results")?.list()).ok_or_else(|| name.clone())?;
                    Cell::Rows(items.iter().map(read).collect::<Result<_, _>>()?)
                }
                _ => Cell::Row(Box::new(read(value)?)),
            }
        } else {
            continue;
        };
        row.cells.insert(name.clone(), cell);
    }
    Ok(row)
}

/// V2 says where a navigation leads, where it is not expanded.
fn is_deferred(value: &Json) -> bool {
    value.get("__deferred").is_some()
}

fn etag(version: Version, sent: &Json) -> Option<String> {
    let said = match version {
        Version::V2 => sent.get("__metadata").and_then(|metadata| metadata.get("etag")),
        Version::V4 => sent.get("@odata.etag").or_else(|| sent.get("@etag")),
    };
    said.and_then(Json::text).filter(|etag| is_etag(etag)).map(str::to_owned)
}

/// Whether a text can stand in `If-Match`: `"…"` or `W/"…"`, or `*`.
pub(crate) fn is_etag(text: &str) -> bool {
    let inner = text.strip_prefix("W/").unwrap_or(text);
    let inner = inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    text == "*"
        || (text.len() <= 1_000 && inner.is_some_and(|inner| inner.bytes().all(|b| b >= 0x20 && b != b'"' && b < 0x7f)))
}
