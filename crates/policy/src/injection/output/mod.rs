//! What a model says, checked before it leaves.

mod canary;
mod links;
mod secrets;

use std::ops::Range;

use regex::Regex;

pub use canary::{Canary, CanaryWatch};
pub use links::{defuse_links, external_links};
pub use secrets::secrets;

/// Compiles the patterns of this module; a test sees that they all compile. Word boundaries are those of ASCII: with
/// those of Unicode a search leaves the fast engine as soon as a text has another letter.
fn patterns(sources: &[&str]) -> Vec<Regex> {
    sources.iter().filter_map(|source| compile(source)).collect()
}

fn compile(source: &str) -> Option<Regex> {
    let compiled = Regex::new(&source.replace(r"\b", r"(?-u:\b)"));
    debug_assert!(compiled.is_ok(), "{compiled:?}");
    compiled.ok()
}

/// Ranges in order, those that overlap made one.
fn union(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut out: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// Replaces byte ranges of a text. Ranges that overlap or touch are one.
pub(super) fn replace(text: &str, spans: &[Range<usize>], with: impl Fn(&str) -> String) -> String {
    let spans = union(spans.iter().map(|span| widen(text, span)).filter(|span| !span.is_empty()).collect());
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        out.push_str(text.get(done..span.start).unwrap_or_default());
        out.push_str(&with(text.get(span.clone()).unwrap_or_default()));
        done = span.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

fn widen(text: &str, span: &Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (span.start.min(text.len()), span.end.min(text.len()));
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end.max(start)
}
