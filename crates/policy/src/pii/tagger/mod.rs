//! Finds names, addresses, organisations and places by their words and context, where no fixed pattern can.
//!
//! # Model card
//! **Method.** A linear-chain conditional random field over 30 hashed features a token (word, ending, shape, classes of a
//! lexicon, two neighbours on either side, how the line and the paragraph begin), 196,608 rows of 8-bit weights, 14 labels.
//! Plain words among plain words are not scored at all. A span's score is the least probability of its labels; spans below
//! the least score of their kind are dropped.
//!
//! **Data.** `cargo run --release -p millwright-xtask -- train pii` fits it, the same bytes each time: 743 labelled records
//! (Presidio research, made-up values) and the same with other values; sentences from templates with made-up values in
//! `crates/xtask/data`; questions in English whose only names are in the lists; manuals, work orders and abstracts without
//! names. Names are in part made of random syllables and words are hidden at random, so that it learns context rather than
//! names.
//!
//! **Figures.** F1 on the records, a span counting as found when half of the longer one overlaps; "new templates" never
//! saw the template in training, "new values" did:
//!
//! | kind | new templates (exact) | new values (exact) |
//! |---|---|---|
//! | person | 0.92 (0.91) | 0.97 (0.97) |
//! | street address | 0.83 (0.67) | 0.91 (0.83) |
//! | organisation | 0.74 (0.68) | 0.91 (0.88) |
//! | place | 0.83 (0.82) | 0.92 (0.92) |
//! | title | 0.75 | 0.85 |
//! | nationality | 0.81 | 0.95 |
//! | age | 0.92 | 1.00 |
//! | postal code | 0.63 | 0.80 |
//!
//! In manuals and work orders that it did not learn from: 162 spans in 638,966 words; some 70 of them are real names of
//! people, bodies and places, which leaves 0.6 false ones in 4,000 words. 62 sentences written by hand and by nobody's
//! generator are in `handwritten.txt`. Model 3.5 MB; some 12 MB/s on one core that others use too.
//!
//! **Weak.** Names in text all in lower case; names of organisations without a legal form or a telling context; places
//! in unusual contexts; scripts other than Latin, Greek and Cyrillic; languages other than English and German, for which
//! there are only some templates. Where an address ends, and whether number, street and unit are one span or several, is a
//! matter of convention, and the model follows that of the records. In source code it takes unknown capitalised words for
//! names now and then. The templates were improved while looking at errors in the records, so the figures are a little kind.

pub mod features;
pub mod label;
pub mod lexicon;
pub mod model;
pub mod token;

use std::sync::LazyLock;

pub use label::TaggedKind;
use label::{LABELS, OUTSIDE, kind_of};
use lexicon::class;
use model::{Model, Scores};
use token::{Token, shape};

static MODEL: LazyLock<Option<Model<'static>>> =
    LazyLock::new(|| Model::parse(include_bytes!("../../../models/pii-tagger.bin")));

/// Text that is cut at once, at most. Longer texts are cut at line ends, so that memory is bounded.
const BLOCK_BYTES: usize = 16 * 1024;

/// Tokens that are labelled together, at most; cut at line ends where there are some.
const WINDOW_TOKENS: usize = 256;

/// A score of a label, in units of the model, that context cannot make up for.
const HOPELESS: i16 = 120;

/// The score of "outside" for a token that is not looked at.
const PLAIN_SCORE: i16 = 200;

/// A span of personal data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tagged {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// What it is.
    pub kind: TaggedKind,
    /// How likely, from 0 to 1: the least likely of its tokens.
    pub score: f32,
}

/// The spans in this text, in order, none overlapping another. Linear in time, bounded in memory beside the result.
pub fn tag(text: &str) -> Vec<Tagged> {
    MODEL.as_ref().map(|model| tag_with(model, text)).unwrap_or_default()
}

/// [`tag`] with another model.
pub fn tag_with(model: &Model<'_>, text: &str) -> Vec<Tagged> {
    let mut work = Work::default();
    let mut found = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let rest = text.get(start..).unwrap_or_default();
        let length = block_length(rest);
        let block = rest.get(..length).unwrap_or_default();
        token::tokenise(block, model.lexicon(), &mut work.tokens);
        work.tag_block(model, block, start, &mut found);
        start += length;
    }
    found
}

/// Where to cut: after the last blank line, else the last line end, else the last space of a block.
fn block_length(text: &str) -> usize {
    if text.len() <= BLOCK_BYTES {
        return text.len();
    }
    let block = text.get(..text.floor_char_boundary(BLOCK_BYTES)).unwrap_or(text);
    let late = |at: &usize| *at > BLOCK_BYTES / 4;
    block
        .rfind("\n\n")
        .map(|at| at + 2)
        .filter(late)
        .or_else(|| block.rfind('\n').map(|at| at + 1).filter(late))
        .or_else(|| block.rfind(' ').map(|at| at + 1).filter(late))
        .unwrap_or(block.len())
}

#[derive(Default)]
struct Work {
    tokens: Vec<Token>,
    emissions: Vec<Scores>,
    labels: Vec<u8>,
}

impl Work {
    fn tag_block(&mut self, model: &Model<'_>, block: &str, offset: usize, found: &mut Vec<Tagged>) {
        self.score(model);
        let mut start = 0;
        while start < self.tokens.len() {
            let end = window_end(&self.tokens, start);
            self.tag_window(model, start..end, block, offset, found);
            start = end;
        }
    }

    /// Scores every token that may be in a span or beside one; the others, plain words among plain words, are outside.
    fn score(&mut self, model: &Model<'_>) {
        self.emissions.clear();
        let mut scored_until = 0;
        let mut plain = [0; model::WIDTH];
        plain[OUTSIDE] = PLAIN_SCORE;
        for (at, token) in self.tokens.iter().enumerate() {
            if !is_candidate(token) {
                continue;
            }
            let from = at.saturating_sub(features::REACH).max(scored_until);
            let to = (at + 1 + features::REACH).min(self.tokens.len());
            self.emissions.resize(from, plain);
            self.emissions.extend((from..to).map(|at| model.emission(&self.tokens, at)));
            scored_until = to;
        }
        self.emissions.resize(self.tokens.len(), plain);
    }

    fn tag_window(
        &mut self,
        model: &Model<'_>,
        window: std::ops::Range<usize>,
        block: &str,
        offset: usize,
        found: &mut Vec<Tagged>,
    ) {
        let emissions = self.emissions.get(window.clone()).unwrap_or_default();
        let tokens = self.tokens.get(window).unwrap_or_default();
        if emissions.iter().all(is_hopeless) {
            return;
        }
        model.best_labels(emissions, &mut self.labels);
        if self.labels.iter().all(|&label| usize::from(label) == OUTSIDE) {
            return;
        }
        let marginals = model.marginals(emissions);
        for (from, to, kind) in spans_of(&self.labels) {
            let score = self.labels.iter().zip(&marginals).take(to).skip(from);
            let score = score.map(|(&label, row)| row.get(usize::from(label)).copied().unwrap_or(0.0));
            let score = score.fold(1.0, f32::min);
            let mut words = tokens.iter().take(to).skip(from).filter(|token| !is_line_end(token));
            let Some(first) = words.next() else { continue };
            let last = words.next_back().unwrap_or(first);
            let (start, end) = (first.start as usize, last.end as usize);
            let path = kind == TaggedKind::StreetAddress && block.get(start..end).is_some_and(is_path);
            if score >= model.threshold(kind.index()) && !path {
                found.push(Tagged { start: offset + start, end: offset + end, kind, score });
            }
        }
    }
}

/// Whether a span may hold only tokens around this one: a word with a capital, an unknown word, a name, a number.
fn is_candidate(token: &Token) -> bool {
    match token.shape {
        shape::LOWER => token.lexicon != class::PLAIN,
        shape::IDENTIFIER | shape::LETTERS_THEN_DIGITS => false,
        shape => shape < shape::NEWLINE,
    }
}

/// Whether it is rather the name of a file or a part than an address: `parts/a-014`.
fn is_path(value: &str) -> bool {
    value.contains(['/', '_']) && value.contains(char::is_alphabetic) && !value.contains(char::is_whitespace)
}

fn is_line_end(token: &Token) -> bool {
    matches!(token.shape, shape::NEWLINE | shape::BLANK_LINE)
}

/// Whether nothing but "outside" is likely whatever stands beside it.
fn is_hopeless(scores: &Scores) -> bool {
    let best = scores.iter().take(LABELS).skip(1).copied().max().unwrap_or(0);
    scores[OUTSIDE] - best > HOPELESS
}

fn window_end(tokens: &[Token], start: usize) -> usize {
    let most = (start + WINDOW_TOKENS).min(tokens.len());
    if most == tokens.len() {
        return most;
    }
    let line_end = |shape_wanted: u8| {
        let window = tokens.get(start..most).unwrap_or_default();
        window.iter().rposition(|token| token.shape == shape_wanted).map(|at| start + at + 1)
    };
    line_end(shape::BLANK_LINE).or_else(|| line_end(shape::NEWLINE)).unwrap_or(most)
}

/// Runs of labels: first token, token after the last, kind.
pub fn spans_of(labels: &[u8]) -> Vec<(usize, usize, TaggedKind)> {
    let mut spans: Vec<(usize, usize, TaggedKind)> = Vec::new();
    for (at, &label) in labels.iter().enumerate() {
        match (kind_of(usize::from(label)), spans.last_mut()) {
            (Some((kind, false)), Some(span)) if span.1 == at && span.2 == kind => span.1 = at + 1,
            (Some((kind, _)), _) => spans.push((at, at + 1, kind)),
            (None, _) => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests;
