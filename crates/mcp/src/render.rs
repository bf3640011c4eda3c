//! What a tool returned as lines that sentences can stand on: an object of plain values is a line.

use std::fmt::Write as _;

use serde_json::Value;

/// A name is cut off behind this: each line of a list begins with it.
const MAX_NAME_CHARS: usize = 200;

/// What is written out is longer than was to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// JSON as lines of `name: value`; names as words. Stops as soon as there are more than so many bytes.
pub(crate) fn lines(value: &Value, most: usize) -> Result<String, TooLong> {
    let mut out = String::new();
    write(&mut out, most, "", value)?;
    Ok(out.trim_end().to_owned())
}

/// The same for a text that is JSON; other texts stay as they are.
pub(crate) fn text(text: &str, most: usize) -> Result<String, TooLong> {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => lines(&value, most),
        _ => Ok(text.trim().to_owned()),
    }
}

fn write(out: &mut String, most: usize, name: &str, value: &Value) -> Result<(), TooLong> {
    if out.len() > most {
        return Err(TooLong);
    }
    match value {
        Value::Object(fields) => {
            let plain = fields.iter().filter_map(|(key, value)| Some(format!("{}: {}", words(key), plain(value)?)));
            let plain = plain.collect::<Vec<_>>().join("; ");
            if !plain.is_empty() {
                push(out, name, &plain);
            }
            for (key, value) in fields.iter().filter(|(_, value)| value.is_object() || value.is_array()) {
                let name = if name.is_empty() { words(key) } else { format!("{name} {}", words(key)) };
                let name: String = name.chars().take(MAX_NAME_CHARS).collect();
                write(out, most, &name, value)?;
            }
        }
        Value::Array(items) => items.iter().try_for_each(|item| write(out, most, name, item))?,
        other => push(out, name, &plain(other).unwrap_or_default()),
    }
    Ok(())
}

fn push(out: &mut String, name: &str, line: &str) {
    let gap = if name.is_empty() { "" } else { ": " };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{name}{gap}{line}");
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(if *is { "yes" } else { "no" }.to_owned()),
        Value::Null => Some("nothing".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// `spindleSpeed_rpm` as `spindle speed rpm`.
fn words(key: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for c in key.chars() {
        if c == '_' || c == '-' || c.is_whitespace() {
            words.push(' ');
        } else {
            if c.is_uppercase() && before.is_lowercase() {
                words.push(' ');
            }
            words.extend(c.to_lowercase());
        }
        before = c;
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_of_plain_values_is_a_line() {
        let value = json!({
            "machine": "Mill M-7", "spindleSpeed": "1450 rpm", "is_running": true,
            "alarms": [{ "code": "E12", "text": "Oil  low" }, { "code": "E13", "text": null }],
            "shift": { "leader": "A" },
        });
        assert_eq!(
            text(&value.to_string(), 1_000).unwrap(),
            "machine: Mill M-7; spindle speed: 1450 rpm; is running: yes\nalarms: code: E12; text: Oil low\n\
             alarms: code: E13; text: nothing\nshift: leader: A"
        );
        assert_eq!(text(" The mill runs. ", 99).unwrap(), "The mill runs.");
        assert_eq!(lines(&json!([1, 2]), 99).unwrap(), "1\n2");
        assert_eq!(text("7", 99).unwrap(), "7");
    }

    #[test]
    fn a_long_name_over_a_long_list_does_not_fill_the_memory() {
        let value = json!({ "x".repeat(400_000): vec![1; 200_000] });
        assert_eq!(lines(&value, 48_000), Err(TooLong));
        let line = lines(&json!({ "x".repeat(400): [1] }), 48_000).unwrap();
        assert_eq!(line.len(), MAX_NAME_CHARS + ": 1".len());
    }
}
