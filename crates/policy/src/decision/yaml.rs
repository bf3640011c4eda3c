use std::fmt;

use serde::de::DeserializeOwned;

/// The most bytes of YAML that are read.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// What is wrong with a YAML text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) struct YamlError {
    /// For example `sinks[2].max_confidentiality`; empty for the whole.
    pub(super) path: String,
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
    pub(super) message: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads one YAML document. Unknown and repeated keys, deep nesting and large texts are refused.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    if text.len() > MAX_BYTES {
        let message = format!("more than {MAX_BYTES} bytes");
        return Err(YamlError { path: String::new(), line: None, column: None, message });
    }
    let mut path = String::new();
    serde_saphyr::with_deserializer_from_str(text, |reader| {
        serde_path_to_error::deserialize(reader).map_err(|fault| {
            path = fault.path().to_string();
            fault.into_inner()
        })
    })
    .map_err(|fault: serde_saphyr::Error| {
        let place = fault.location();
        YamlError {
            path: if path == "." { String::new() } else { path.clone() },
            line: place.map(|place| place.line() as usize),
            column: place.map(|place| place.column() as usize),
            message: message_of(&fault),
        }
    })
}

/// The message alone: its place stands beside it, and a drawing of the line has no place in an error of ours.
fn message_of(fault: &serde_saphyr::Error) -> String {
    let whole = fault.without_snippet().to_string();
    let first = whole.lines().next().unwrap_or_default();
    first.rsplit_once(" at line ").map_or(first, |(message, _)| message).to_owned()
}
