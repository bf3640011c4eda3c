use crate::placed::PlacedText;
use crate::{Block, BlockKind, DocumentError, Limits, Page, PageLayout, WordBox};

/// Builds one page's text out of blocks and keeps count of its code points.
#[derive(Debug, Default)]
pub(crate) struct PageBuilder {
    text: String,
    length: usize,
    blocks: Vec<Block>,
    words: Vec<WordBox>,
}

impl PageBuilder {
    /// Adds a block. White space at its ends is dropped; an empty block is not kept.
    pub(crate) fn push(&mut self, kind: BlockKind, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let gap = match (self.blocks.last().map(|block| block.kind), kind) {
            (None, _) => "",
            (Some(BlockKind::ListItem), BlockKind::ListItem)
            | (Some(BlockKind::TableRow { .. }), BlockKind::TableRow { header: false }) => "\n",
            _ => "\n\n",
        };
        self.text.push_str(gap);
        let start = self.length + gap.len();
        let mut end = start;
        for c in text.chars() {
            self.text.push(c);
            end += 1;
        }
        self.length = end;
        self.blocks.push(Block { kind, start, end });
    }

    /// The same for text whose words have places.
    pub(crate) fn push_placed(&mut self, kind: BlockKind, text: &PlacedText) {
        let text = text.trimmed();
        let before = self.blocks.len();
        self.push(kind, &text);
        if let Some(block) = self.blocks.get(before) {
            let start = block.start;
            let word = |(range, place): (std::ops::Range<usize>, _)| {
                WordBox::new(start + range.start..start + range.end, place)
            };
            self.words.extend(text.places().into_iter().map(word));
        }
    }

    /// Code points so far.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn finish(self, number: u32) -> Page {
        Page { number, text: self.text, blocks: self.blocks, recognized: false, layout: None }
    }

    /// A page that is printed, with its width and height in points.
    pub(crate) fn finish_printed(mut self, number: u32, (width, height): (f32, f32)) -> Page {
        let words = std::mem::take(&mut self.words);
        Page { layout: Some(PageLayout::new(width, height, words)), ..self.finish(number) }
    }
}

/// Refuses a text that grows beyond the limit.
pub(crate) fn check_characters(characters: u64, limits: &Limits) -> Result<(), DocumentError> {
    if characters > limits.max_characters {
        return Err(DocumentError::limit(format!("more than {} characters of text", limits.max_characters)));
    }
    Ok(())
}

/// One space for every run of white space, none at the ends.
pub(crate) fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// A table row's text: cells on one line, separated by ` | `, bars inside cells replaced.
pub(crate) fn row_text<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(collapse).collect();
    let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    cells[..used].join(" | ").trim().to_owned()
}
