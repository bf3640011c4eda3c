//! Prompt injection: scored, quarantined, and kept from leaving.
//!
//! [`check`] scores a text and names the sentences; [`quarantine`] takes them out; [`output`] looks at what a model says.
//! A score is no proof: it lowers the number of attacks that arrive, and what may happen is decided by code elsewhere.
//!
//! # Model card
//!
//! **Method.** Disguises are taken off (look-alikes, invisible and tag characters, letters set apart, figures for letters,
//! base64, hexadecimal, URL and HTML escapes, rot13, reversed text). Two linear models over 2^18 hashed features, a byte a
//! weight: words and pairs, classes of words in six languages and their order, pieces of words, form, disguises. In content
//! each sentence, row and cell is scored by itself with features of its surroundings (kind of document, place, vocabulary
//! shared with the rest), and the highest score counts. The target word of one contest in the sample is masked.
//!
//! **Data.** About 44,000 texts from a grammar of our own (attacks and harmless texts that share their words; English and
//! German, some French, Spanish, Czech and Polish), technical prose and examination questions, and a sample of 1,753
//! labelled texts. Trained by `xtask train injection` from a seed; the same data give the same bytes.
//!
//! **Figures.** Each source of the sample scored by a model trained without it, thresholds as shipped, Wilson intervals at
//! 95 %; the command prints them all.
//!
//! | channel | recall | false positives | recall at 1 % | area under the curve |
//! | --- | --- | --- | --- | --- |
//! | user | 0.919 [0.897, 0.937] | 0.009 [0.003, 0.034] | 0.920 | 0.992 |
//! | content | 0.996 [0.975, 0.999] | 0.007 [0.003, 0.018] | 0.996 | 1.000 |
//! | user, no row of the sample in training | 0.949 [0.930, 0.962] | 0.009 [0.003, 0.034] | 0.953 | 0.993 |
//! | content, no row of the sample in training | 0.991 [0.968, 0.998] | 0.007 [0.003, 0.018] | 0.991 | 0.999 |
//!
//! The last two rows are at thresholds of their own. Recall by source: hackaprompt 0.927 (0.963 of the texts without the
//! contest's word), jailbreakhub 0.908, garak system prompt extraction 1.000 of 18, injecguard 0.778 of 18, bipia e-mail
//! 0.987, bipia table 1.000. False positives: Klipper manual 0.004 of 250, work orders 0 of 140, questions to databases
//! 0.007 of 147, MT-Bench 0.025 of 40, examination prompts 0 of 915, 128 harmless questions with the words of attacks
//! 0.008, and 50 more 0 (0.080 [0.032, 0.188] before lines of that kind were added to the grammar). Processor time a
//! kilobyte, measured on a busy machine: content 165 to 190 µs, users' harmless texts 160 µs, users' texts of which three
//! quarters are attacks 205 to 220 µs, as the strongest sentence of a hit is looked for. 524 kB.
//!
//! **Read them with care.** The grammar was written by people who had read the sample, and lines were added after looking
//! at its mistakes, so the figures flatter: on sources that nobody here has seen expect less. The thresholds were chosen on
//! the same held-out scores, so the false positives of the sample are near 1 % by construction. The attacks of the two
//! `bipia` sources are of few kinds, and some stand in both. Harmless texts of users are few (213), so a rate of 1 % is two of them.
//!
//! **Weak where** the attack is a plain request that a user may well make (`Suggest a weekend trip` typed by a user is none
//! to this model); where a role-play is harmless but long; in quotations of attacks in security texts; in questions that
//! are a document's own topic or its only sentence; in languages other than the six, unless disguised; in attacks spread
//! over many innocent sentences.

mod confusables;
mod content;
mod decode;
pub mod eval;
pub mod features;
mod lexicon;
mod model;
mod normalise;
pub mod output;
mod reasons;
mod segment;
mod tokens;

use std::{ops::Range, sync::LazyLock};

pub use content::{Sentence, sentences};
pub use model::{Head, Model};
pub use normalise::{Marks, Plain, normalise};
pub use segment::{Piece, Segment, segments};

/// What replaces a sentence that looks like an instruction.
pub const REMOVED: &str = "[removed: looks like an instruction]";

/// How the assistant came by a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// A user typed it. Requests are expected; overriding the rules is not.
    User,
    /// The assistant reads it in a document, an e-mail, a table or the result of a tool. No request to the assistant is
    /// expected in it, however polite.
    Content,
}

/// What is thought of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// From 0, harmless, to 1.
    pub score: f32,
    /// A score at or above it is a hit.
    pub threshold: f32,
    /// Whether the score reaches the threshold.
    pub is_hit: bool,
    /// Bytes of the text. In content: every sentence at or above the threshold. From a user: the strongest sentence, if it is a hit.
    pub spans: Vec<Range<usize>>,
    /// Why, in words that may be shown. Empty unless it is a hit.
    pub reasons: Vec<&'static str>,
}

/// The least score of a text from a user that was made unreadable on purpose.
const CONCEALED: f32 = 0.995;
/// A longer text of a user is scored in windows of this many bytes as well as at its beginning.
const WINDOW: usize = 3_000;

static MODEL: LazyLock<Option<Model>> =
    LazyLock::new(|| Model::from_bytes(include_bytes!("../../models/injection.bin")));

/// Scores a text with the model that ships with this crate, at its threshold.
pub fn check(channel: Channel, text: &str) -> Verdict {
    let threshold = MODEL.as_ref().map_or(0.0, |model| model.head(channel).threshold);
    check_with_threshold(channel, text, threshold)
}

/// The same at another threshold. A model that cannot be read refuses everything.
pub fn check_with_threshold(channel: Channel, text: &str, threshold: f32) -> Verdict {
    if let Some(model) = MODEL.as_ref() {
        return check_with(model.head(channel), channel, text, threshold);
    }
    let spans = std::iter::once(0..text.len()).collect();
    Verdict { score: 1.0, threshold, is_hit: true, spans, reasons: vec!["no model"] }
}

/// The same with other weights.
pub fn check_with(head: &Head, channel: Channel, text: &str, threshold: f32) -> Verdict {
    let (score, spans, hides) = match channel {
        Channel::User => user(head, text, threshold),
        Channel::Content => read(head, text, threshold),
    };
    let is_hit = score >= threshold;
    let reasons = if is_hit { reasons::reasons(text, &spans, hides) } else { Vec::new() };
    Verdict { score, threshold, is_hit, spans: if is_hit { spans } else { Vec::new() }, reasons }
}

/// The pieces in which a text of a user is scored.
pub fn windows(text: &str) -> Vec<&str> {
    let mut windows = Vec::new();
    let mut rest = text;
    while rest.len() > WINDOW + WINDOW / 2 {
        let mut end = WINDOW;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (window, after) = rest.split_at(end);
        windows.push(window);
        rest = after;
    }
    windows.push(rest);
    windows
}

fn user(head: &Head, text: &str, threshold: f32) -> (f32, Vec<Range<usize>>, bool) {
    let mut score = 0.0_f32;
    let mut hides = false;
    for window in windows(text) {
        let plain = normalise(window);
        hides |= plain.marks.hides();
        score = score.max(head.score(&features::user(&plain)));
        if plain.marks.conceals() {
            score = score.max(CONCEALED);
        }
        for view in &plain.views {
            score = score.max(head.score(&features::user(&normalise(view))));
        }
    }
    if score < threshold {
        return (score, Vec::new(), hides);
    }
    let segments = segments(text);
    if let [only] = segments.as_slice() {
        return (score, std::iter::once(only.range.clone()).collect(), hides);
    }
    let sentences = segments.into_iter().take(MOST_SENTENCES);
    let strongest = sentences
        .map(|segment| {
            (head.score(&features::rough(text.get(segment.range.clone()).unwrap_or_default())), segment.range)
        })
        .max_by(|one, other| one.0.total_cmp(&other.0));
    (score, strongest.into_iter().map(|(_, range)| range).collect(), hides)
}

/// Of a hit by a user only the first sentences are compared for the strongest.
const MOST_SENTENCES: usize = 40;

fn read(head: &Head, text: &str, threshold: f32) -> (f32, Vec<Range<usize>>, bool) {
    let mut score = 0.0_f32;
    let mut hides = false;
    let mut spans: Vec<Range<usize>> = Vec::new();
    for sentence in sentences(text) {
        let own = head.score(&sentence.features);
        score = score.max(own);
        hides |= sentence.hides;
        if own >= threshold {
            // A cell lies within its row, a string within its line of JSON: the narrower span is kept.
            if sentence.segment.piece == Piece::Cell
                && spans.last().is_some_and(|row| row.end >= sentence.segment.range.end)
            {
                spans.pop();
            }
            spans.push(sentence.segment.range);
        }
    }
    (score, spans, hides)
}

/// Replaces these byte ranges of the text by [`REMOVED`]. Ranges that overlap are one; a range that cuts a character is
/// widened to hold it.
pub fn quarantine(text: &str, spans: &[Range<usize>]) -> String {
    output::replace(text, spans, |_| REMOVED.to_owned())
}
