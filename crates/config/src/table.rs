//! Tables of files that are read by hand, so that all that is wrong is told at once.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// A table that is taken apart key by key; what is left is not known.
pub(crate) struct Entry<'p> {
    pub(crate) place: String,
    pub(crate) table: Table,
    pub(crate) problems: &'p mut Vec<String>,
}

impl Entry<'_> {
    pub(crate) fn needed(&mut self, key: &str) -> String {
        let present = self.table.contains_key(key);
        let text = self.text(key);
        if !present {
            self.problem(&format!("`{key}` is needed"));
        }
        text.unwrap_or_default()
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.table.remove(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            _ => {
                self.problem(&format!("`{key}` must be a text that is not empty"));
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.table.remove(key)?;
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        let texts = texts.filter(|texts| !texts.is_empty());
        if texts.is_none() {
            self.problem(&format!("`{key}` must be a list of texts"));
        }
        texts
    }

    pub(crate) fn yes_or_no(&mut self, key: &str) -> Option<bool> {
        let value = self.table.remove(key)?.as_bool();
        if value.is_none() {
            self.problem(&format!("`{key}` must be `true` or `false`"));
        }
        value
    }

    pub(crate) fn map(&mut self, key: &str) -> BTreeMap<String, String> {
        let Some(value) = self.table.remove(key) else { return BTreeMap::new() };
        let texts = value.as_table().and_then(|table| {
            let entry = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
            table.iter().map(entry).collect::<Option<BTreeMap<_, _>>>()
        });
        texts.unwrap_or_else(|| {
            self.problem(&format!("`{key}` must be a table of texts"));
            BTreeMap::new()
        })
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            self.problem(&format!("`{key}` is `{text}`, accepted is one of {}", words.join(", ")));
        }
        found
    }

    /// A whole number within a range.
    pub(crate) fn number(&mut self, key: &str, least: u32, most: u32) -> Option<u32> {
        let number = self.table.remove(key)?.as_integer().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.problem(&format!("`{key}` must be a whole number from {least} to {most}"));
        }
        number
    }

    /// The tables of a list, each with its place: its name where it has one, else its number.
    pub(crate) fn list(&mut self, key: &str, what: &str) -> Vec<(String, Table)> {
        let Some(value) = self.table.remove(key) else { return Vec::new() };
        let Value::Array(items) = value else {
            self.problem(&format!("`{key}` must be a list"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let number = format!("{what} {}", index + 1);
            let Value::Table(table) = item else {
                self.problem(&format!("{number} is no table"));
                continue;
            };
            let name = table.get("name").and_then(Value::as_str).filter(|name| name.len() <= 128);
            tables.push((name.map_or(number, |name| format!("{what} `{name}`")), table));
        }
        tables
    }

    pub(crate) fn part(&mut self, key: &str) -> Option<Entry<'_>> {
        let table = if let Value::Table(table) = self.table.remove(key)? {
            table
        } else {
            self.problem(&format!("`{key}` must be a table"));
            Table::new()
        };
        Some(Entry { place: format!("{}: `{key}`", self.place), table, problems: self.problems })
    }

    pub(crate) fn problem(&mut self, message: &str) {
        self.problems.push(format!("{}: {message}", self.place));
    }

    pub(crate) fn refuse_the_rest(&mut self) {
        for key in std::mem::take(&mut self.table).keys() {
            // Somebody who writes the secret itself there must learn the right way, and not see it in a log.
            let hint = match key.as_str() {
                "client_secret" => "; give its file as `client_secret_file`",
                "api_key" => "; give its file as `api_key_file`, or the name of a variable as `api_key_env`",
                _ => "",
            };
            self.problem(&format!("`{key}` is not known{hint}"));
        }
    }
}
