use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

/// Arguments that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the arguments do not fit the tool's schema")]
pub struct ArgumentsError;

/// A validator of a schema that a stranger wrote: it looks nothing up, and its patterns take linear time.
pub(crate) fn validator(schema: &Value) -> Option<Validator> {
    let options = jsonschema::options().with_draft(Draft::Draft202012).with_pattern_options(PatternOptions::regex());
    options.build(schema).ok()
}

/// Whether a value is of the form that a schema declares. Nothing is of a form that cannot be read.
pub(crate) fn fits(schema: &Value, value: &Value) -> bool {
    validator(schema).is_some_and(|validator| validator.is_valid(value))
}

/// Holds arguments against a tool's input schema.
///
/// # Errors
/// When they do not fit.
pub fn check_arguments(input_schema: &Value, arguments: &Map<String, Value>) -> Result<(), ArgumentsError> {
    if fits(input_schema, &Value::Object(arguments.clone())) { Ok(()) } else { Err(ArgumentsError) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_refers_elsewhere_or_is_no_schema_lets_nothing_through() {
        for schema in [
            json!({ "$ref": "https://example.com/schema.json" }),
            json!({ "$ref": "file:///etc/passwd" }),
            json!({ "type": "objekt" }),
            json!({ "type": "object", "properties": { "a": { "pattern": "(?=x)" } } }),
            json!(7),
        ] {
            assert!(!fits(&schema, &json!({})), "{schema}");
        }
        let schema = json!({
            "type": "object", "properties": { "machine": { "type": "string", "pattern": "^(a+)+$" } },
            "required": ["machine"], "additionalProperties": false,
        });
        assert!(fits(&schema, &json!({ "machine": "aaa" })));
        assert!(!fits(&schema, &json!({ "machine": format!("{}!", "a".repeat(50_000)) })));
        assert!(!fits(&schema, &json!({ "machine": "a", "more": 1 })));
        let arguments = json!({ "machine": 7 }).as_object().cloned().unwrap_or_default();
        assert_eq!(check_arguments(&schema, &arguments), Err(ArgumentsError));
    }
}
