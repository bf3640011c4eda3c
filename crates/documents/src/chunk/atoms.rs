use super::CountTokens;
use crate::sentence::sentences;
use crate::{Block, BlockKind};

/// A text that is sliced by code points in constant time.
pub(super) struct Slices<'t> {
    text: &'t str,
    /// Byte offset of every code point and of the end; empty when all are one byte.
    offsets: Vec<usize>,
    length: usize,
}

impl<'t> Slices<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        if text.is_ascii() {
            return Self { text, offsets: Vec::new(), length: text.len() };
        }
        let mut offsets: Vec<usize> = text.char_indices().map(|(byte, _)| byte).collect();
        let length = offsets.len();
        offsets.push(text.len());
        Self { text, offsets, length }
    }

    /// Code points.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The code points `[start, end)`; offsets past the end are taken as the end.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'t str {
        let byte = |at: usize| {
            let at = at.min(self.length);
            self.offsets.get(at).copied().unwrap_or(at)
        };
        self.text.get(byte(start)..byte(end.max(start))).unwrap_or_default()
    }

    /// The span without white space at its ends; `None` when nothing is left.
    pub(super) fn trim(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let slice = self.slice(start, end);
        let lead = slice.chars().take_while(|c| c.is_whitespace()).count();
        let length = slice.trim().chars().count();
        (length > 0).then_some((start + lead, start + lead + length))
    }
}

/// The blocks, and paragraphs for any text that no block covers. Blocks out of order or out of
/// the text are dropped in favour of such paragraphs.
pub(super) fn covering(text: &Slices<'_>, blocks: &[Block]) -> Vec<Block> {
    let mut out = Vec::with_capacity(blocks.len());
    let mut at = 0;
    let paragraph = |(start, end)| Block { kind: BlockKind::Paragraph, start, end };
    for block in blocks {
        if block.start < at || block.end > text.len() || block.start >= block.end {
            continue;
        }
        out.extend(text.trim(at, block.start).map(paragraph));
        out.extend(text.trim(block.start, block.end).map(|(start, end)| Block { start, end, ..*block }));
        at = block.end;
    }
    out.extend(text.trim(at, text.len()).map(paragraph));
    out
}

/// The smallest part that is put into a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Atom {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) tokens: usize,
    /// Whether it begins a block: a good place to cut.
    pub(super) begins_block: bool,
    pub(super) kind: BlockKind,
}

/// Cuts a block into atoms of at most `size` tokens: sentences, rows, lines; smaller only where
/// one of these is larger than `size`.
pub(super) fn of_block(
    text: &Slices<'_>,
    block: Block,
    size: usize,
    count_tokens: &CountTokens<'_>,
    out: &mut Vec<Atom>,
) {
    let slice = text.slice(block.start, block.end);
    let spans = match block.kind {
        BlockKind::TableRow { .. } | BlockKind::Heading { .. } => vec![(0, block.end - block.start)],
        BlockKind::Code => lines(slice),
        BlockKind::Paragraph | BlockKind::ListItem => sentences(slice),
    };
    let first = out.len();
    for (start, end) in spans {
        let (start, end) = (block.start + start, block.start + end);
        let tokens = count_tokens(text.slice(start, end));
        let mut push =
            |start, end, tokens| out.push(Atom { start, end, tokens, begins_block: false, kind: block.kind });
        if tokens <= size {
            push(start, end, tokens);
        } else {
            for (start, end, tokens) in split_words(text, start, end, size, count_tokens) {
                push(start, end, tokens);
            }
        }
    }
    if let Some(atom) = out.get_mut(first) {
        atom.begins_block = true;
    }
}

fn lines(text: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let length = line.chars().count();
        if !line.trim().is_empty() {
            out.push((at, at + line.trim_end().chars().count()));
        }
        at += length;
    }
    out
}

/// Pieces of at most `size` tokens, cut between words; inside a word only when one alone is
/// larger. Counts each word once.
pub(super) fn split_words(
    text: &Slices<'_>,
    start: usize,
    end: usize,
    size: usize,
    count_tokens: &CountTokens<'_>,
) -> Vec<(usize, usize, usize)> {
    let mut out: Vec<(usize, usize, usize)> = Vec::new();
    let mut open: Option<(usize, usize, usize)> = None;
    for (from, to) in words(text, start, end) {
        for (from, to, tokens) in split_word(text, from, to, size, count_tokens) {
            open = match open {
                Some((begin, _, sum)) if sum + tokens <= size => Some((begin, to, sum + tokens)),
                full => {
                    out.extend(full);
                    Some((from, to, tokens))
                }
            };
        }
    }
    out.extend(open);
    out
}

fn words(text: &Slices<'_>, start: usize, end: usize) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut begin = None;
    for (at, c) in text.slice(start, end).chars().enumerate() {
        match (c.is_whitespace(), begin) {
            (true, Some(from)) => {
                out.push((start + from, start + at));
                begin = None;
            }
            (false, None) => begin = Some(at),
            _ => {}
        }
    }
    out.extend(begin.map(|from| (start + from, end)));
    out
}

/// Halves a word until each part fits; a single code point is never cut.
fn split_word(
    text: &Slices<'_>,
    start: usize,
    end: usize,
    size: usize,
    count_tokens: &CountTokens<'_>,
) -> Vec<(usize, usize, usize)> {
    // A tokenizer may look at a very long word as one; slices of this many code points are
    // enough to be cut further.
    const LONGEST: usize = 256;
    let mut out = Vec::new();
    let mut rest = vec![(start, end)];
    while let Some((from, to)) = rest.pop() {
        let length = to - from;
        if length > LONGEST {
            rest.push((from + LONGEST, to));
            rest.push((from, from + LONGEST));
            continue;
        }
        let tokens = count_tokens(text.slice(from, to));
        if tokens <= size || length == 1 {
            out.push((from, to, tokens));
        } else {
            rest.push((from + length / 2, to));
            rest.push((from, from + length / 2));
        }
    }
    out
}
