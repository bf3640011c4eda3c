//! Arguments of calls, for servers that want them as an object.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// What a model wrote as arguments, as a JSON object. What is none, because a model once wrote it wrongly, becomes an
/// object that says so: the conversation goes on, and the model sees what it did.
pub(super) fn as_object(text: &str) -> Cow<'_, RawValue> {
    let text = text.trim();
    if text.starts_with('{')
        && let Ok(object) = serde_json::from_str::<&RawValue>(text)
    {
        return Cow::Borrowed(object);
    }
    let object = if text.is_empty() { "{}".to_owned() } else { serde_json::json!({ "not_json": text }).to_string() };
    // What was just written as JSON is JSON.
    Cow::Owned(RawValue::from_string(object).unwrap_or_else(|_| RawValue::NULL.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::as_object;

    #[test]
    fn an_object_is_kept_as_written_and_anything_else_is_wrapped() {
        assert_eq!(as_object(" {\"b\":1.50,\"a\":[]}\n").get(), "{\"b\":1.50,\"a\":[]}");
        assert_eq!(as_object("").get(), "{}");
        assert_eq!(as_object("{\"a\":").get(), "{\"not_json\":\"{\\\"a\\\":\"}");
        assert_eq!(as_object("[1]").get(), "{\"not_json\":\"[1]\"}");
    }
}
