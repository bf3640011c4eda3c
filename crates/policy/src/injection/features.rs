//! What the model sees of a text: hashed words, pairs of words, pieces of words, and the classes of words in their order.

use super::{
    normalise::{Marks, Plain},
    tokens::{self, Class, Token, Tokens},
};

/// The weights of one channel are this many, as a power of two.
pub const BITS: u32 = 18;

/// A sparse vector: where, and how much. A place that stands twice counts twice.
pub type Features = Vec<(u32, f32)>;

/// How much the groups of features weigh against each other. Classes carry over to new wordings best.
const WORDS: f32 = 1.0;
const PIECES: f32 = 0.6;
const CLASSES: f32 = 1.4;
const FORM: f32 = 0.7;
const MARKS: f32 = 0.8;

/// Collects the places of one group at a time.
#[derive(Default)]
pub(super) struct Collector {
    group: Vec<u32>,
    all: Features,
}

impl Collector {
    pub(super) fn add(&mut self, kind: u64, parts: &[u64]) {
        let mut hash = kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x51_7c_c1_b7_27_22_0a_95;
        for part in parts {
            hash = (hash.rotate_left(5) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        self.group.push((hash >> (64 - BITS)) as u32);
    }

    /// Ends a group: whatever its size, it weighs this much in all.
    pub(super) fn end_group(&mut self, weight: f32) {
        self.group.sort_unstable();
        self.group.dedup();
        let each = weight / (self.group.len().max(1) as f32).sqrt();
        self.all.extend(self.group.drain(..).map(|place| (place, each)));
    }

    pub(super) fn finish(self) -> Features {
        self.all
    }
}

/// The features of a text that a user typed.
pub fn user(plain: &Plain) -> Features {
    let tokens = tokens::tokens(&plain.text);
    let mut collector = Collector::default();
    words(&tokens, &mut collector);
    collector.end_group(WORDS);
    pieces(&tokens, &mut collector);
    collector.end_group(PIECES);
    classes(&tokens.list, &mut collector);
    collector.end_group(CLASSES);
    form(&tokens, &mut collector);
    collector.end_group(FORM);
    marks(plain.marks, &mut collector);
    collector.end_group(MARKS);
    collector.finish()
}

/// Enough to tell which of several sentences is the strongest: words and classes.
pub(super) fn rough(text: &str) -> Features {
    let tokens = tokens::tokens(text);
    let mut collector = Collector::default();
    words(&tokens, &mut collector);
    collector.end_group(WORDS);
    classes(&tokens.list, &mut collector);
    collector.end_group(CLASSES);
    collector.finish()
}

/// Words and pairs of words.
pub(super) fn words(tokens: &Tokens, collector: &mut Collector) {
    let mut before = 0;
    for token in &tokens.list {
        if token.is_word() || token.class == tokens::ROLE {
            collector.add(1, &[token.hash]);
        }
        collector.add(2, &[before, token.hash]);
        before = token.hash;
    }
}

/// Four letters in a row within a word: endings, and words that are misspelt.
fn pieces(tokens: &Tokens, collector: &mut Collector) {
    for token in tokens.list.iter().filter(|token| token.is_word()) {
        let word = tokens.word(token);
        let ends: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).take(24).collect();
        for window in ends.windows(5) {
            if let [start, .., end] = window {
                collector.add(3, &[tokens::hash(word.get(*start..*end).unwrap_or_default().as_bytes())]);
            }
        }
    }
}

/// Classes alone, in pairs and threes as they follow each other, and in pairs across a few words.
pub(super) fn classes(list: &[Token], collector: &mut Collector) {
    let mut recent: [(Class, usize); 3] = [(0, 0); 3];
    for (at, token) in list.iter().enumerate() {
        if token.class == tokens::OTHER || token.class == tokens::COMMA {
            continue;
        }
        let class = u64::from(token.class);
        collector.add(4, &[class]);
        let [(first, first_at), (second, second_at), (third, third_at)] = recent;
        if third != 0 && at - third_at <= 6 {
            collector.add(5, &[u64::from(third), class]);
            collector.add(11, &[u64::from(third), class, ((at - third_at).min(3)) as u64]);
            if second != 0 && at - second_at <= 8 {
                collector.add(6, &[u64::from(second), u64::from(third), class]);
                collector.add(7, &[u64::from(second), class]);
                if first != 0 && at - first_at <= 8 {
                    collector.add(7, &[u64::from(first), class]);
                }
            }
        }
        recent = [(second, second_at), (third, third_at), (token.class, at)];
    }
}

fn magnitude(count: usize) -> u64 {
    u64::from((count + 1).ilog2())
}

/// How the text is built, whatever it says.
fn form(tokens: &Tokens, collector: &mut Collector) {
    let list = &tokens.list;
    let count = |class: Class| list.iter().filter(|token| token.class == class).count();
    let of_words = list.iter().filter(|token| token.is_word()).count();
    let known = list.iter().filter(|token| token.is_word() && token.class != tokens::OTHER).count();
    let capitals = list.iter().filter(|token| token.capitals).count();
    collector.add(20, &[magnitude(of_words)]);
    collector.add(21, &[(known * 8 / of_words.max(1)) as u64]);
    collector.add(22, &[(capitals * 8 / of_words.max(1)) as u64]);
    for (kind, class) in [
        tokens::QUOTE,
        tokens::DELIMITER,
        tokens::BRACKET,
        tokens::LINE,
        tokens::QUESTION_MARK,
        tokens::ROLE,
        tokens::EXCLAMATION,
    ]
    .into_iter()
    .enumerate()
    {
        collector.add(23 + kind as u64, &[magnitude(count(class)).min(5)]);
    }
    if let Some(first) = list.first() {
        collector.add(31, &[first.hash]);
        collector.add(32, &[u64::from(first.class)]);
    }
    if let Some(last) = list.last() {
        collector.add(33, &[u64::from(last.class)]);
    }
}

/// Which disguises were taken off.
pub(super) fn marks(marks: Marks, collector: &mut Collector) {
    let counts = [
        marks.invisible,
        marks.tags,
        marks.look_alikes,
        marks.fancy,
        marks.apart,
        marks.leet,
        marks.encoded,
        marks.split,
    ];
    for (kind, count) in counts.into_iter().enumerate() {
        if count > 0 {
            collector.add(40 + kind as u64, &[magnitude(count as usize).min(4)]);
        }
    }
}
