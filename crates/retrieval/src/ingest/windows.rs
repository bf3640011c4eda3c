use millwright_documents::windows;

use crate::embedding::Embedder;

/// Headings that go with each window: a passage that says "tighten to 45 Nm" is found by what it
/// is about, which often only its headings name.
const HEADINGS: usize = 2;
/// The most tokens the headings may take of a window.
const MAX_HEADING_TOKENS: usize = 48;
/// However little a model reads, a window moves on.
const LEAST_TOKENS: usize = 16;
/// The two special tokens around what the model reads.
const SPECIAL_TOKENS: usize = 2;

/// The texts to be embedded for a chunk: the innermost headings and a part of the text each, so
/// that the model in process reads every one to its end. Pure computing.
pub fn texts_to_embed(embedder: &Embedder, heading_path: &[String], text: &str) -> Vec<String> {
    texts_within(embedder, embedder.max_tokens(), heading_path, text)
}

/// The same for a model that reads so many tokens, counted by the model in process.
pub(crate) fn texts_within(embedder: &Embedder, max_tokens: usize, heading_path: &[String], text: &str) -> Vec<String> {
    let count = |text: &str| embedder.count_text_tokens(text);
    let innermost = heading_path.iter().skip(heading_path.len().saturating_sub(HEADINGS));
    let heading = innermost.map(String::as_str).collect::<Vec<_>>().join(" > ");
    let heading = if count(&heading) <= MAX_HEADING_TOKENS { heading } else { String::new() };
    let budget = max_tokens.saturating_sub(SPECIAL_TOKENS + count(&heading)).max(LEAST_TOKENS);
    let starts: Vec<usize> = text.char_indices().map(|(index, _)| index).chain([text.len()]).collect();
    let mut spans = windows(text, u32::try_from(budget).unwrap_or(u32::MAX), &count);
    if spans.is_empty() {
        // Nothing to read; but a chunk without any vector would be embedded again and again.
        spans.push((0, 0));
    }
    spans
        .into_iter()
        .map(|(start, end)| {
            let part = &text[starts[start]..starts[end]];
            if heading.is_empty() { part.to_owned() } else { format!("{heading}\n{part}") }
        })
        .collect()
}
