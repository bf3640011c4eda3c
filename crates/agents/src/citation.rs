use millwright_core::{
    Classification, Clearance, ExportControl, Group, Label,
    id::{ChunkId, DocumentId},
};
use millwright_llm::text::item_mark;
use millwright_retrieval::search::Passage;
use serde::{Deserialize, Serialize};

/// A quote longer than this is not extended; the next sentence gets a citation of its own.
const MAX_QUOTE_CHARS: usize = 2_000;

/// What a marker `[number]` in an answer stands for: a stretch of a page's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Why it could be given to whoever asked.
    pub admitted_by: Admission,
    /// Numbers of citations of other documents that give other figures for the same.
    pub disputed_by: Vec<u32>,
}

/// The rule that admitted a passage: the clearance of the person, held against the document's label when the search was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// Up to where the person was cleared.
    pub clearance: Classification,
    /// The export regimes of the label, for all of which the person was authorised.
    pub export_control: Vec<ExportControl>,
    /// The groups of the label, in all of which the person was.
    pub groups: Vec<Group>,
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
#[derive(Debug, Clone)]
pub struct Citations {
    /// Of whom the passages were found for.
    clearance: Clearance,
    list: Vec<Citation>,
    /// Byte spans in the passage's text, beside `list`.
    spans: Vec<(usize, usize)>,
}

impl Citations {
    /// None yet, of passages that somebody with this clearance found.
    pub fn of(clearance: Clearance) -> Self {
        Self { clearance, list: Vec::new(), spans: Vec::new() }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.spans.clear();
    }

    /// Cites the code points `[start, end)` of the page once more as a citation of its own. False when they do not lie in
    /// the passage.
    pub(crate) fn cite_again(&mut self, passage: &Passage, (start, end): (i32, i32), disputed_by: Vec<u32>) -> bool {
        let byte = |at: i32| {
            let at = usize::try_from(at.checked_sub(passage.char_start)?).ok()?;
            let ends = std::iter::once(passage.text.len());
            passage.text.char_indices().map(|(byte, _)| byte).chain(ends).nth(at)
        };
        let (Some(from), Some(to)) = (byte(start), byte(end)) else { return false };
        if from > to {
            return false;
        }
        let number = u32::try_from(self.list.len() + 1).unwrap_or(u32::MAX);
        self.list.push(Citation { disputed_by, ..self.citation(passage, number, from, to) });
        self.spans.push((from, to));
        true
    }

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
            let disputed_by = std::mem::take(&mut self.list[index].disputed_by);
            self.list[index] = Citation { disputed_by, ..self.citation(passage, number, span.0, end) };
            return Cited::Extended(index);
        }
        let number = u32::try_from(self.list.len() + 1).unwrap_or(u32::MAX);
        self.list.push(self.citation(passage, number, start, end));
        self.spans.push((start, end));
        Cited::Added(self.list.len() - 1)
    }

    /// The citation that quotes some of the bytes `[start, end)` of a passage's text, whatever passage it lies in.
    pub fn find(&self, passage: &Passage, start: usize, end: usize) -> Option<usize> {
        let there = self.citation(passage, 0, start, end);
        self.list.iter().position(|known| {
            (known.document_id, known.version, known.page) == (there.document_id, there.version, there.page)
                && known.char_start < there.char_end
                && there.char_start < known.char_end
        })
    }

    /// Notes of two citations that each says otherwise than the other; whether that is new.
    pub fn dispute(&mut self, one: usize, other: usize) -> bool {
        let numbers = [one, other].map(|at| self.list[at].number);
        let mut is_new = false;
        for (at, number) in [(one, numbers[1]), (other, numbers[0])] {
            let disputed_by = &mut self.list[at].disputed_by;
            if !disputed_by.contains(&number) {
                disputed_by.push(number);
                is_new = true;
            }
        }
        is_new
    }

    fn citation(&self, passage: &Passage, number: u32, start: usize, end: usize) -> Citation {
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
            admitted_by: Admission {
                clearance: self.clearance.classification,
                export_control: passage.label.export_control.iter().cloned().collect(),
                groups: passage.label.groups.iter().cloned().collect(),
            },
            disputed_by: Vec::new(),
        }
    }
}

/// White space and at most the mark of the next item.
fn is_nothing(between: &str) -> bool {
    let mark = between.trim();
    mark.is_empty() || item_mark(&format!("{mark} x")) == Some(mark.len() + 1)
}
