//! What the model sees of a sentence in a document: the sentence itself, and how it differs from what stands around it.
//!
//! `Write a poem about cats.` is harmless where a person types it. In the middle of an invoice it is addressed to whoever
//! reads the invoice for the user. So the features cross the form of a sentence with its surroundings: what kind of
//! document this is, whether the sentence shares words with the rest of it, whether it stands alone, and where.

use std::collections::HashMap;

use super::{
    features::{self, Collector, Features},
    lexicon::Tag,
    normalise::{self, Plain},
    segment::{self, Piece, Segment},
    tokens::{self, Class, Tokens},
};

const WORDS: f32 = 1.0;
const CLASSES: f32 = 1.3;
const CONTEXT: f32 = 1.6;

/// A piece of a document with its features.
pub struct Sentence {
    /// The piece.
    pub segment: Segment,
    /// What the model sees of it.
    pub features: Features,
    /// Whether it hides something.
    pub hides: bool,
}

struct Read {
    plain: Plain,
    tokens: Tokens,
}

/// What kind of document this is, by its lines.
struct Document {
    kind: u64,
    size: u64,
    lines: usize,
    stems: HashMap<u64, u32>,
}

/// All pieces of a document with their features.
pub fn sentences(text: &str) -> Vec<Sentence> {
    let segments = segment::segments(text);
    let read: Vec<Read> = segments
        .iter()
        .map(|segment| {
            let mut plain = normalise::normalise(text.get(segment.range.clone()).unwrap_or_default());
            // What is hidden in the sentence is part of what it says.
            for view in std::mem::take(&mut plain.views) {
                plain.text.push('\n');
                plain.text.push_str(&view);
            }
            let tokens = tokens::tokens(&plain.text);
            Read { plain, tokens }
        })
        .collect();
    let document = document(&segments, &read);
    let count = segments.len();
    let neighbours: Vec<Option<u64>> = (0..count).map(|at| outline(segments.get(at), read.get(at))).collect();
    segments
        .into_iter()
        .zip(&read)
        .enumerate()
        .map(|(at, (segment, read))| {
            let before = at.checked_sub(1).and_then(|at| neighbours.get(at).copied().flatten()).unwrap_or(0);
            let after = neighbours.get(at + 1).copied().flatten().unwrap_or(0);
            let features = sentence(&segment, read, &document, (at, count), (before, after));
            Sentence { segment, features, hides: read.plain.marks.hides() }
        })
        .collect()
}

/// A rough shape of a piece, for its neighbours.
fn outline(segment: Option<&Segment>, read: Option<&Read>) -> Option<u64> {
    let (segment, read) = (segment?, read?);
    let last = read.tokens.list.last().map_or(0, |token| token.class);
    let ends = match last {
        tokens::QUESTION_MARK => 2,
        tokens::FULL_STOP => 1,
        _ => 0,
    };
    Some(1 + segment.piece as u64 * 4 + ends)
}

fn stems(read: &Read) -> impl Iterator<Item = u64> {
    read.tokens.list.iter().filter(|token| token.class == tokens::OTHER && token.end - token.start >= 4).map(|token| {
        let word = read.tokens.word(token).as_bytes();
        tokens::hash(word.get(..word.len().min(5)).unwrap_or(word))
    })
}

fn document(segments: &[Segment], read: &[Read]) -> Document {
    let of = |piece: Piece| segments.iter().filter(|segment| segment.piece == piece).count();
    let pieces = segments.iter().filter(|segment| segment.piece != Piece::Cell).count();
    let (rows, items, lines) = (of(Piece::Row), of(Piece::Item), of(Piece::Line));
    let letter = read.iter().take(400).any(|read| {
        read.tokens.list.first().is_some_and(|first| {
            matches!(
                read.tokens.word(first),
                "subject" | "from" | "hi" | "dear" | "hello" | "hallo" | "betreff" | "received"
            )
        })
    });
    let lines_in_all = segments.last().map_or(0, |last| last.line + 1);
    let kind = if pieces <= 1 {
        0
    } else if rows * 2 > pieces {
        1
    } else if letter {
        2
    } else if items * 2 > pieces {
        3
    } else if lines * 2 > pieces {
        4
    } else {
        5
    };
    let mut counts = HashMap::new();
    for (segment, read) in segments.iter().zip(read) {
        if segment.piece == Piece::Cell {
            continue;
        }
        let mut own: Vec<u64> = stems(read).collect();
        own.sort_unstable();
        own.dedup();
        for stem in own {
            *counts.entry(stem).or_insert(0) += 1;
        }
    }
    let size = match pieces {
        0..=1 => 0,
        2..=4 => 1,
        5..=15 => 2,
        _ => 3,
    };
    Document { kind, size, lines: lines_in_all, stems: counts }
}

/// The form of a sentence: how it begins, how it ends, whom it addresses.
struct Form {
    start: u64,
    start_words: [u64; 2],
    end: u64,
    length: u64,
    addresses: u64,
    numbers: u64,
}

fn form(tokens: &Tokens) -> Form {
    let has = |class: Class| tokens.list.iter().any(|token| token.class == class);
    let mut words = tokens.list.iter().filter(|token| token.is_word() || token.class == tokens::NUMBER);
    let polite = |class: Class| class == tokens::of(Tag::Courtesy) || class == tokens::of(Tag::Must);
    let first = words.by_ref().find(|token| !polite(token.class));
    let second = words.next();
    let end = tokens.list.last().map_or(0, |token| match token.class {
        tokens::QUESTION_MARK => 1,
        tokens::FULL_STOP => 2,
        tokens::EXCLAMATION => 3,
        tokens::COLON => 4,
        _ => 0,
    });
    let addresses = u64::from(has(tokens::of(Tag::You)))
        | u64::from(has(tokens::of(Tag::Your))) << 1
        | u64::from(has(tokens::of(Tag::Human))) << 2
        | u64::from(has(tokens::of(Tag::Reply))) << 3
        | u64::from(has(tokens::of(Tag::User))) << 4;
    let numbers = tokens.list.iter().filter(|token| token.class == tokens::NUMBER).count();
    Form {
        start: first.map_or(255, |token| u64::from(token.class)),
        start_words: [first.map_or(0, |token| token.hash), second.map_or(0, |token| token.hash)],
        end,
        length: magnitude(tokens.list.iter().filter(|token| token.is_word()).count()),
        addresses,
        numbers: numbers.min(3) as u64,
    }
}

fn magnitude(count: usize) -> u64 {
    u64::from((count + 1).ilog2())
}

/// How many of its words other sentences of the document use too, in four steps; 4 when it has no words to share.
fn overlap(read: &Read, document: &Document) -> u64 {
    let (mut all, mut shared) = (0, 0);
    for stem in stems(read) {
        all += 1;
        shared += usize::from(document.stems.get(&stem).is_some_and(|count| *count > 1));
    }
    match (all, shared * 4) {
        (0, _) => 4,
        (_, 0) => 0,
        (all, quarters) if quarters <= all => 1,
        (all, quarters) if quarters <= 2 * all => 2,
        _ => 3,
    }
}

fn sentence(
    segment: &Segment,
    read: &Read,
    document: &Document,
    (at, count): (usize, usize),
    (before, after): (u64, u64),
) -> Features {
    let mut collector = Collector::default();
    features::words(&read.tokens, &mut collector);
    collector.end_group(WORDS);
    features::classes(&read.tokens.list, &mut collector);
    features::marks(read.plain.marks, &mut collector);
    collector.end_group(CLASSES);

    let form = form(&read.tokens);
    let piece = segment.piece as u64;
    let overlap = overlap(read, document);
    let place = match (at, count - at) {
        (_, 1) => 2,
        (0, _) => 0,
        _ => 1,
    };
    let edge = match (segment.line, document.lines) {
        (_, 0..=1) => 3,
        (0, _) => 0,
        (line, lines) if line + 1 == lines => 2,
        _ => 1,
    };
    let lonely = piece * 16 + place * 4 + edge;
    for (kind, parts) in [
        (50, &[document.kind, document.size][..]),
        (51, &[document.kind, piece]),
        (52, &[document.kind, lonely]),
        (53, &[document.kind, overlap, document.size]),
        (54, &[form.start, form.end]),
        (55, &[form.start, document.kind]),
        (56, &[form.start, overlap, document.size]),
        (57, &[form.start, form.end, piece, document.kind]),
        (58, &[form.start_words[0]]),
        (59, &[form.start_words[0], form.start_words[1]]),
        (60, &[form.start_words[0], form.end]),
        (61, &[form.length, form.end]),
        (62, &[form.addresses]),
        (63, &[form.addresses, form.start]),
        (64, &[form.numbers, form.end]),
        (65, &[piece, before]),
        (66, &[piece, after]),
        (67, &[form.start, piece, before, after]),
        (68, &[form.end, piece, document.kind, overlap]),
        (69, &[form.start, form.end, overlap]),
        (70, &[form.length, piece, document.kind]),
    ] {
        collector.add(kind, parts);
    }
    collector.end_group(CONTEXT);
    collector.finish()
}
