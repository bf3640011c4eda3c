use std::fmt;

use serde::{Deserialize, Serialize};

use crate::PageLayout;

/// A format that is read here, told by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Portable Document Format.
    Pdf,
    /// Office Open XML text (Word).
    Docx,
    /// Office Open XML presentation (PowerPoint).
    Pptx,
    /// Office Open XML workbook (Excel).
    Xlsx,
    /// A table as text: comma-separated values and its kin.
    Csv,
    /// Plain text, AsciiDoc included.
    Text,
    /// CommonMark with tables.
    Markdown,
    /// A web page.
    Html,
    /// An e-mail message with its attachments.
    Eml,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 9] =
        [Self::Pdf, Self::Docx, Self::Pptx, Self::Xlsx, Self::Csv, Self::Text, Self::Markdown, Self::Html, Self::Eml];

    /// The word used on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Pptx => "pptx",
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Eml => "eml",
        }
    }

    /// The media type under which the original bytes are handed back.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv",
            Self::Text => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Html => "text/html",
            Self::Eml => "message/rfc822",
        }
    }

    /// Whether page numbers of this format mean something to a reader.
    pub const fn is_paged(self) -> bool {
        matches!(self, Self::Pdf | Self::Pptx)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a stretch of a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading; level 1 is the topmost.
    Heading {
        /// 1 to 9.
        level: u8,
    },
    /// Running text.
    Paragraph,
    /// One item of a list, its number or bullet included.
    ListItem,
    /// One row of a table, cells separated by ` | `.
    TableRow {
        /// Whether the row names the columns of the rows after it.
        header: bool,
    },
    /// Preformatted text, line breaks kept.
    Code,
}

/// A stretch of a page's text, as a half-open span of Unicode code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    #[serde(flatten)]
    pub kind: BlockKind,
    /// First code point.
    pub start: usize,
    /// One past the last code point.
    pub end: usize,
}

/// One page of extracted text. Formats without pages have the one page 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Counted from 1.
    pub number: u32,
    /// The text in reading order. Spans everywhere count its code points.
    pub text: String,
    /// The parts of `text` in order, without overlap; only white space lies between them.
    pub blocks: Vec<Block>,
    /// Whether the page is a picture whose text was recognised.
    #[serde(default)]
    pub recognized: bool,
    /// Where its words stand, for formats that print.
    #[serde(default)]
    pub layout: Option<PageLayout>,
}

/// What is known once every page was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The format that was read.
    pub format: Format,
    /// How many pages were handed over.
    pub page_count: u32,
    /// Whether page numbers mean something to a reader.
    pub paged: bool,
    /// Code points of text over all pages.
    pub characters: u64,
    /// The document's own title, where it names one.
    pub title: Option<String>,
    /// Pages on which no text was found, for instance scanned ones.
    pub pages_without_text: Vec<u32>,
    /// Pages that are pictures, whose text was recognised.
    #[serde(default)]
    pub pages_recognized: Vec<u32>,
    /// Pages whose picture was not read because the time for recognition was up. Those that have no other text are
    /// among `pages_without_text` too.
    #[serde(default)]
    pub pages_out_of_time: Vec<u32>,
    /// Name and version of the parser.
    pub parser: String,
    /// What recognised text, where any was recognised.
    #[serde(default)]
    pub recognition: Option<Recognition>,
}

/// What recognised the text of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognition {
    /// The program and its version: `tesseract 5.3.0`.
    pub engine: String,
    /// The languages that it read, as it writes them: `deu+eng`.
    pub languages: String,
}

/// What one document may cost. Beyond it parsing ends with
/// [`DocumentError::LimitExceeded`](crate::DocumentError::LimitExceeded).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Pages of a paged document.
    pub max_pages: u32,
    /// Code points of text over all pages.
    pub max_characters: u64,
    /// Bytes of one message of the worker process: a page with its blocks, as JSON.
    pub max_message_bytes: u64,
    /// Bytes that the parts of a packed file may expand to.
    pub max_expanded_bytes: u64,
    /// How many times larger than packed a part may be, counted from 1 MiB on.
    pub max_expansion_ratio: u64,
    /// Entries of a packed file.
    pub max_entries: u32,
    /// Nesting of elements in XML and HTML.
    pub max_depth: u32,
    /// Address space of the worker process, bytes.
    pub memory_bytes: u64,
    /// Processor time of the worker process, seconds.
    pub cpu_seconds: u64,
    /// Time on the wall before the worker process is ended, seconds; where scans are read, `ocr_seconds` more.
    pub wall_seconds: u64,
    /// Time on the wall that recognising the text of one page may take, seconds. Beyond it the page counts as one
    /// without text.
    pub ocr_page_seconds: u64,
    /// The same for all pages of a document together; it begins no further page then.
    pub ocr_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pages: 10_000,
            max_characters: 50_000_000,
            max_message_bytes: 128 * 1024 * 1024,
            max_expanded_bytes: 256 * 1024 * 1024,
            max_expansion_ratio: 200,
            max_entries: 10_000,
            max_depth: 256,
            memory_bytes: 1536 * 1024 * 1024,
            cpu_seconds: 90,
            wall_seconds: 120,
            ocr_page_seconds: 60,
            ocr_seconds: 900,
        }
    }
}
