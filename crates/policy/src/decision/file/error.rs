use std::fmt;

use super::super::yaml::YamlError;

/// What is wrong in the file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyFileError {
    /// For example `resource_sandbox.domains.allow[2]`; empty for the whole file.
    pub path: String,
    /// Line, from 1, where it is known.
    pub line: Option<usize>,
    /// Column, from 1, where it is known.
    pub column: Option<usize>,
    /// What is wrong, in plain words.
    pub message: String,
}

impl PolicyFileError {
    /// At this path, with a line as soon as it is [located](locate).
    pub fn at(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, column: None, message: message.into() }
    }
}

impl From<YamlError> for PolicyFileError {
    fn from(fault: YamlError) -> Self {
        Self { path: fault.path, line: fault.line, column: fault.column, message: fault.message }
    }
}

impl fmt::Display for PolicyFileError {
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

/// Adds lines to errors that know only their path, as far as keys written in block style lead: the line of the last key
/// on the path that stands on a line of its own.
pub fn locate(text: &str, errors: &mut [PolicyFileError]) {
    for error in errors.iter_mut().filter(|error| error.line.is_none() && !error.path.is_empty()) {
        if let Some((line, column)) = find(text, &error.path) {
            error.line = Some(line);
            error.column = Some(column);
        }
    }
}

fn find(text: &str, path: &str) -> Option<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = None;
    // The lines among which the next step lies, and how far its parent is indented.
    let (mut from, mut indent) = (0, None);
    for step in steps(path) {
        let at = match step {
            Step::Key(key) => key_line(&lines, from, indent, key),
            Step::Item(number) => item_line(&lines, from, indent, number),
        };
        let Some(at) = at else { break };
        let line = lines.get(at)?;
        let column = line.len() - line.trim_start().len();
        found = Some((at + 1, column + 1));
        // An item's keys may begin on its own line.
        from = if matches!(step, Step::Item(_)) { at } else { at + 1 };
        indent = Some(column);
    }
    found
}

enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    path.split(['.', '[']).filter(|part| !part.is_empty()).map(|part| {
        match part.strip_suffix(']').and_then(|number| number.parse().ok()) {
            Some(number) => Step::Item(number),
            None => Step::Key(part),
        }
    })
}

/// Lines that hold something, from one on, until the indentation falls back to that of the parent.
fn inner<'a>(
    lines: &'a [&'a str],
    from: usize,
    indent: Option<usize>,
) -> impl Iterator<Item = (usize, usize, &'a str)> {
    lines
        .iter()
        .enumerate()
        .skip(from)
        .map(|(at, line)| (at, line.len() - line.trim_start().len(), line.trim_start()))
        .filter(|(_, _, rest)| !rest.is_empty() && !rest.starts_with('#'))
        .take_while(move |(at, column, _)| *at == from || indent.is_none_or(|parent| *column > parent))
}

fn key_line(lines: &[&str], from: usize, indent: Option<usize>, key: &str) -> Option<usize> {
    let mut own = None;
    inner(lines, from, indent)
        .find(|(_, column, rest)| {
            let rest = rest.trim_start_matches("- ");
            let level = *own.get_or_insert(*column);
            (*column == level || indent.is_some()) && rest.strip_prefix(key).is_some_and(|after| after.starts_with(':'))
        })
        .map(|(at, ..)| at)
}

fn item_line(lines: &[&str], from: usize, indent: Option<usize>, number: usize) -> Option<usize> {
    let mut own = None;
    inner(lines, from, indent)
        .filter(|(_, column, rest)| rest.starts_with('-') && *column == *own.get_or_insert(*column))
        .nth(number)
        .map(|(at, ..)| at)
}
