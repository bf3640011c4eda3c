//! Parts of addresses.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::ArgumentError;
use crate::{
    metadata::{Property, Service},
    value::scalar,
};

/// Everything but letters, digits and `-._~` of ASCII is percent-encoded, so that nothing in a value can end it.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A literal in a path, percent-encoded. One that holds `/../` is refused: a proxy that decodes before it tidies paths up would
/// leave the service by it.
pub(super) fn in_path(literal: &str, place: &str) -> Result<String, ArgumentError> {
    if literal.split(['/', '\\']).any(|step| matches!(step, "." | "..")) {
        return Err(ArgumentError::new(place, "text without `/./` and `/../`"));
    }
    Ok(encode(literal))
}

/// `('4500000001')` or `(PurchaseOrder='4500000001',PurchaseOrderItem='10')`, percent-encoded.
pub(super) fn key_predicate<'p>(
    service: &Service,
    key: impl Iterator<Item = &'p Property>,
    said: &Map<String, Value>,
    place: &str,
) -> Result<String, ArgumentError> {
    let key: Vec<&Property> = key.collect();
    let wanted: Vec<&str> = key.iter().map(|property| property.name.as_str()).collect();
    if key.is_empty() || said.len() != key.len() || !wanted.iter().all(|name| said.contains_key(*name)) {
        return Err(ArgumentError::new(place, format!("an object with exactly `{}`", wanted.join("`, `"))));
    }
    let is_single = key.len() == 1;
    let mut parts = Vec::new();
    for property in key {
        let value = said.get(&property.name).unwrap_or(&Value::Null);
        let value = scalar(service, property, value);
        let value = value.map_err(|expected| ArgumentError::new(format!("{place}.{}", property.name), expected))?;
        let literal = in_path(&value.literal(service.version), &format!("{place}.{}", property.name))?;
        parts.push(if is_single { literal } else { format!("{}={literal}", property.name) });
    }
    Ok(format!("({})", parts.join(",")))
}
