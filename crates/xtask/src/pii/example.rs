//! Labelled texts.

use std::{fs, path::Path};

use anyhow::Context;
use millwright_policy::pii::tagger::TaggedKind;
use serde::Deserialize;

/// A span of a text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: TaggedKind,
}

/// A text and what is to be found in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Example {
    pub(crate) text: String,
    pub(crate) spans: Vec<Span>,
}

/// A record of the shared sample.
pub(crate) struct Record {
    pub(crate) example: Example,
    pub(crate) template: u64,
    /// Its place in the file.
    pub(crate) number: u64,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    spans: Vec<LineSpan>,
    template_id: u64,
}

#[derive(Deserialize)]
struct LineSpan {
    r#type: String,
    start: usize,
    end: usize,
}

/// Reads records whose spans count characters.
pub(crate) fn read_records(path: &Path) -> anyhow::Result<Vec<Record>> {
    let lines = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    (0..).zip(lines.lines()).map(|(number, line)| Ok(record(number, serde_json::from_str(line)?))).collect()
}

fn record(number: u64, line: Line) -> Record {
    let at: Vec<usize> = line.text.char_indices().map(|(at, _)| at).chain([line.text.len()]).collect();
    let mut example = Example { text: line.text, spans: Vec::new() };
    for span in line.spans {
        let (start, end) = (at[span.start], at[span.end]);
        if let Some(kind) = kind(&span.r#type) {
            example.spans.push(Span { start, end, kind });
        }
    }
    example.spans.sort_by_key(|span| span.start);
    Record { example, template: line.template_id, number }
}

fn kind(name: &str) -> Option<TaggedKind> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

impl Example {
    /// Appends plain text.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends a value and labels it.
    pub(crate) fn push_value(&mut self, value: &str, kind: TaggedKind) {
        let start = self.text.len();
        self.text.push_str(value);
        self.spans.push(Span { start, end: self.text.len(), kind });
    }

    /// The same with every piece of text changed by `change`, spans kept.
    pub(crate) fn map(&self, change: impl Fn(&str) -> String) -> Self {
        let mut result = Self::default();
        let mut at = 0;
        for span in &self.spans {
            result.push(&change(&self.text[at..span.start]));
            result.push_value(&change(&self.text[span.start..span.end]), span.kind);
            at = span.end;
        }
        result.push(&change(&self.text[at..]));
        result
    }
}
