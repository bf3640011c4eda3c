//! Something that fits a JSON schema, as a model with constrained output would write.

use serde_json::{Map, Value, json};

/// Deeper than this, schemas refer to themselves.
const DEEPEST: usize = 8;

/// The smallest plausible instance. It reads types, properties, items, `enum`, `const`, `anyOf`, `oneOf`, `allOf` and references
/// into `$defs`.
pub(crate) fn instance(schema: &Value) -> Value {
    of(schema, schema, 0)
}

fn of(schema: &Value, whole: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let found = reference.strip_prefix('#').and_then(|pointer| whole.pointer(pointer));
        return found.map_or(Value::Null, |found| of(found, whole, depth + 1));
    }
    if let Some(value) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    if let Some(first) = ["anyOf", "oneOf", "allOf"].iter().find_map(|name| schema[name].get(0)) {
        return of(first, whole, depth + 1);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => object(schema, whole, depth),
        Some("array") => {
            let least = schema["minItems"].as_u64().unwrap_or(1).clamp(1, 8);
            Value::Array((0..least).map(|_| of(&schema["items"], whole, depth + 1)).collect())
        }
        Some("integer") => json!(schema["minimum"].as_i64().unwrap_or(3)),
        Some("number") => json!(schema["minimum"].as_f64().unwrap_or(6.5)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        None if schema["properties"].is_object() => object(schema, whole, depth),
        _ => json!("Hamburg"),
    }
}

fn object(schema: &Value, whole: &Value, depth: usize) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    Value::Object(properties.map(|(name, schema)| (name.clone(), of(schema, whole, depth + 1))).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_what_the_schema_asks_for() {
        let schema = json!({
            "type": "object",
            "properties": {
                "status": { "enum": ["open", "closed"] },
                "items": { "type": "array", "minItems": 2, "items": { "$ref": "#/$defs/item" } },
                "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                "pressure": { "type": ["number", "null"] }
            },
            "$defs": { "item": { "type": "object", "properties": { "count": { "type": "integer", "minimum": 5 } } } }
        });
        assert_eq!(
            instance(&schema),
            json!({ "status": "open", "items": [{ "count": 5 }, { "count": 5 }], "note": "Hamburg", "pressure": 6.5 })
        );
    }

    #[test]
    fn a_schema_that_holds_itself_comes_to_an_end() {
        let schema = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
        assert!(instance(&schema)["next"].is_object());
    }
}
