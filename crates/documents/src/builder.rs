use crate::{Block, BlockKind, DocumentError, Limits, Page};

/// Builds one page's text out of blocks and keeps count of its code points.
#[derive(Debug, Default)]
pub(crate) struct PageBuilder {
    text: String,
    length: usize,
    blocks: Vec<Block>,
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

    /// Code points so far.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn finish(self, number: u32) -> Page {
        Page { number, text: self.text, blocks: self.blocks }
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
