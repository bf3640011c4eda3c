use millwright_core::{
    Label,
    id::{ChunkId, DocumentId},
};
use millwright_llm::text::item_mark;
use millwright_retrieval::search::Passage;
use serde::Serialize;

/// A quote longer than this is not extended; the next sentence gets a citation of its own.
const MAX_QUOTE_CHARS: usize = 2_000;

/// What a marker `[number]` in an answer stands for: a stretch of a page's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Citation {
    /// The `n` of the markers `[n]`.
    pub number: u32,
    /// The chunk it lies in.
    pub chunk_id: ChunkId,
    /// The document.
    pub document_id: DocumentId,
    /// The document's name.
    pub document_name: String,
    /// Number of the version.
    pub version: i32,
    /// The page, for formats that have pages.
    pub page: Option<i32>,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Byte for byte what stands at `[char_start, char_end)` of the page's text.
    pub quote: String,
    /// First code point in the page's text.
    pub char_start: i32,
    /// One past the last code point.
    pub char_end: i32,
    /// The document's label.
    #[serde(flatten)]
    pub label: Label,
}

/// What came of citing a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cited {
    /// A citation was added at this index.
    Added(usize),
    /// The citation at this index now reaches further.
    Extended(usize),
    /// The citation at this index holds the stretch already.
    Known(usize),
}

impl Cited {
    /// Index in the list, from 0.
    pub fn index(self) -> usize {
        match self {
            Self::Added(index) | Self::Extended(index) | Self::Known(index) => index,
        }
    }
}

/// The citations of one answer, in the order of their first marker.
#[derive(Debug, Clone, Default)]
pub struct Citations {
    list: Vec<Citation>,
    /// Byte spans in the passage's text, beside `list`.
    spans: Vec<(usize, usize)>,
}

impl Citations {
    /// All so far.
    pub fn list(&self) -> &[Citation] {
        &self.list
    }

    /// Cites the bytes `[start, end)` of a passage's text. Sentences that follow one another in
    /// a passage share a citation: the steps of a procedure are one quote.
    pub fn cite(&mut self, passage: &Passage, start: usize, end: usize) -> Cited {
        let known = (0..self.list.len()).find(|at| {
            self.list[*at].chunk_id == passage.chunk_id && self.spans[*at].0 <= start && end <= self.spans[*at].1
        });
        if let Some(index) = known {
            return Cited::Known(index);
        }
        if let (Some(last), Some(span)) = (self.list.last(), self.spans.last().copied())
            && last.chunk_id == passage.chunk_id
            && span.1 <= start
            && is_nothing(&passage.text[span.1..start])
            && last.quote.len() + (end - span.1) <= MAX_QUOTE_CHARS
        {
            let index = self.list.len() - 1;
            let number = last.number;
            self.spans[index].1 = end;
            self.list[index] = citation(passage, number, span.0, end);
            return Cited::Extended(index);
        }
        let number = u32::try_from(self.list.len() + 1).unwrap_or(u32::MAX);
        self.list.push(citation(passage, number, start, end));
        self.spans.push((start, end));
        Cited::Added(self.list.len() - 1)
    }
}

/// White space and at most the mark of the next item.
fn is_nothing(between: &str) -> bool {
    let mark = between.trim();
    mark.is_empty() || item_mark(&format!("{mark} x")) == Some(mark.len() + 1)
}

fn citation(passage: &Passage, number: u32, start: usize, end: usize) -> Citation {
    let chars = |bytes: &str| i32::try_from(bytes.chars().count()).unwrap_or(i32::MAX);
    let char_start = passage.char_start + chars(&passage.text[..start]);
    let quote = passage.text[start..end].to_owned();
    Citation {
        number,
        chunk_id: passage.chunk_id,
        document_id: passage.document_id,
        document_name: passage.document_name.clone(),
        version: passage.version,
        page: passage.page(),
        heading_path: passage.heading_path.clone(),
        char_end: char_start + chars(&quote),
        char_start,
        quote,
        label: passage.label.clone(),
    }
}
