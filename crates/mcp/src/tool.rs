use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::schema;

/// So many tools of a server are looked at.
pub const MAX_TOOLS: usize = 100;
/// The longest name of a tool that is called here: with its server's it has to be a name that models can call.
const MAX_NAME_CHARS: usize = 40;
const MAX_DESCRIPTION_CHARS: usize = 2_000;
const MAX_SCHEMA_BYTES: usize = 16 << 10;

/// A tool as its server declares it. All of it is text of a stranger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferedTool {
    /// By which it is called.
    pub name: String,
    /// For readers.
    pub title: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    pub input_schema: Value,
    /// JSON Schema of its structured result, where it declares one.
    pub output_schema: Option<Value>,
    /// What it says of itself: `readOnlyHint` and others.
    pub annotations: Option<Value>,
}

/// Why a tool cannot be enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It does not say that it only reads.
    Writes,
    /// Models could not call it by its name.
    Name,
    /// It says too much.
    TooLong,
    /// Its arguments are no object of a schema that can be read here.
    InputSchema,
    /// The same of its result.
    OutputSchema,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writes => f.write_str(
                "it does not declare `readOnlyHint: true`; tools that change something need approvals, which there are not yet",
            ),
            Self::Name => write!(f, "its name is not of 1 to {MAX_NAME_CHARS} letters, figures, `_` and `-`"),
            Self::TooLong => write!(
                f,
                "its description has more than {MAX_DESCRIPTION_CHARS} characters, or a schema more than {MAX_SCHEMA_BYTES} bytes"
            ),
            Self::InputSchema => f.write_str(
                "its input schema is no JSON Schema (2020-12) of an object that stands by itself, is small with its references written out, and has patterns in linear time and words as names",
            ),
            Self::OutputSchema => f.write_str(
                "its output schema is no JSON Schema (2020-12) of an object that stands by itself, is small with its references written out, and has patterns in linear time and words as names",
            ),
        }
    }
}

impl OfferedTool {
    pub(crate) fn of(tool: &rmcp::model::Tool) -> Self {
        let object = |schema: &rmcp::model::JsonObject| Value::Object(schema.clone());
        let annotations = tool.annotations.as_ref().and_then(|known| serde_json::to_value(known).ok());
        Self {
            name: tool.name.to_string(),
            title: tool.title.clone(),
            description: tool.description.as_ref().map(ToString::to_string),
            input_schema: object(&tool.input_schema),
            output_schema: tool.output_schema.as_ref().map(|schema| object(schema)),
            annotations,
        }
    }

    /// SHA-256 of its canonical JSON (RFC 8785): of all that a model or a person is told of it. `None` for what has none.
    pub fn digest(&self) -> Option<[u8; 32]> {
        serde_json_canonicalizer::to_vec(self).ok().map(|bytes| Sha256::digest(bytes).into())
    }

    /// Whether it says that it changes nothing.
    pub fn says_it_reads_only(&self) -> bool {
        self.annotations.as_ref().is_some_and(|annotations| annotations["readOnlyHint"] == Value::Bool(true))
    }

    /// All that it says in words, a paragraph each.
    pub fn words(&self) -> String {
        let mut words: Vec<&str> = [self.title.as_deref(), self.description.as_deref()].into_iter().flatten().collect();
        let title = self.annotations.as_ref().and_then(|annotations| annotations["title"].as_str());
        words.extend(title);
        collect(&self.input_schema, &mut words);
        words.join("\n\n")
    }

    /// Why it cannot be enabled; nothing where it can.
    pub fn unusable(&self) -> Vec<Unusable> {
        let mut found = Vec::new();
        if !self.says_it_reads_only() {
            found.push(Unusable::Writes);
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !(1..=MAX_NAME_CHARS).contains(&self.name.len()) || !self.name.chars().all(is_word) {
            found.push(Unusable::Name);
        }
        let is_long = |schema: &Value| schema.to_string().len() > MAX_SCHEMA_BYTES;
        let description = self.description.as_deref().unwrap_or_default();
        if description.chars().count() > MAX_DESCRIPTION_CHARS
            || is_long(&self.input_schema)
            || self.output_schema.as_ref().is_some_and(is_long)
        {
            found.push(Unusable::TooLong);
        }
        // What is too long is not looked at further: it could be made to take long.
        if found.contains(&Unusable::TooLong) {
            return found;
        }
        let is_usable = |schema: &Value| schema["type"] == "object" && schema::validator(schema).is_some();
        if !is_usable(&self.input_schema) {
            found.push(Unusable::InputSchema);
        }
        if self.output_schema.as_ref().is_some_and(|schema| !is_usable(schema)) {
            found.push(Unusable::OutputSchema);
        }
        found
    }
}

/// Every text of a schema but the words of JSON Schema itself: descriptions, names, examples.
fn collect<'v>(value: &'v Value, words: &mut Vec<&'v str>) {
    match value {
        Value::String(text) if text.contains(char::is_whitespace) => words.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if name.contains(char::is_whitespace) {
                    words.push(name);
                }
                collect(value, words);
            }
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool() -> OfferedTool {
        OfferedTool {
            name: "machine_status".into(),
            title: None,
            description: Some("What a machine does now.".into()),
            input_schema: json!({ "type": "object", "properties": { "machine": { "type": "string", "description": "Such as M-7" } } }),
            output_schema: None,
            annotations: Some(json!({ "readOnlyHint": true })),
        }
    }

    #[test]
    fn only_what_says_that_it_reads_and_can_be_checked_is_usable() {
        assert_eq!(tool().unusable(), []);
        let with = |change: fn(&mut OfferedTool)| {
            let mut tool = tool();
            change(&mut tool);
            tool.unusable()
        };
        assert_eq!(with(|tool| tool.annotations = None), [Unusable::Writes]);
        assert_eq!(with(|tool| tool.annotations = Some(json!({ "readOnlyHint": "true" }))), [Unusable::Writes]);
        assert_eq!(with(|tool| tool.name = "a b".into()), [Unusable::Name]);
        assert_eq!(with(|tool| tool.name = "x".repeat(41)), [Unusable::Name]);
        assert_eq!(with(|tool| tool.description = Some("x".repeat(2_001))), [Unusable::TooLong]);
        assert_eq!(with(|tool| tool.input_schema = json!({ "type": "array" })), [Unusable::InputSchema]);
        let away =
            |tool: &mut OfferedTool| tool.output_schema = Some(json!({ "type": "object", "$ref": "http://x/y" }));
        assert_eq!(with(away), [Unusable::OutputSchema]);
    }

    #[test]
    fn a_digest_is_of_everything_that_is_told_and_of_nothing_else() {
        let digest = tool().digest();
        assert!(digest.is_some());
        let mut other = tool();
        other.input_schema = json!({ "properties": { "machine": { "description": "Such as M-7", "type": "string" } }, "type": "object" });
        assert_eq!(other.digest(), digest, "the order of fields is nothing");
        other.input_schema["properties"]["machine"]["description"] = json!("Such as M-8");
        assert_ne!(other.digest(), digest);
        let mut other = tool();
        other.annotations = Some(json!({ "readOnlyHint": true, "title": "x" }));
        assert_ne!(other.digest(), digest);
        assert_eq!(tool().words(), "What a machine does now.\n\nSuch as M-7");
    }
}
