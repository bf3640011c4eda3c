//! Bytes in, typed pages and chunks out, in a process of its own.
//!
//! [`detect`] tells formats apart by content. [`parse`] reads a document into [`Page`]s of plain
//! text with typed [`Block`]s. [`chunk`] cuts pages into passages along headings, paragraphs,
//! sentences and table rows; [`windows`] cuts a passage into pieces that a model with a short
//! input reads whole; [`sentences`] finds sentences for quotes. [`ParserProcess`] runs the parser
//! in another process ([`worker::serve`]) with limits on memory, time and output, so that no
//! document can take the server down. A [`Recognizer`] reads scanned pages by a program of the
//! system, within the same limits.
//!
//! It is not a store, computes no embeddings and opens no file or connection: relations of a
//! document to the outside are never followed.
//!
//! Invariants:
//! * Spans count Unicode code points of one page's text, half open. The text of a chunk is
//!   exactly the slice that its span names, so that a quote can be checked byte for byte.
//! * Blocks of a page are in order and do not overlap; only white space lies between them.
//! * Bytes from outside end in pages or in a typed [`DocumentError`]: never in a panic of the
//!   caller, a hang, or more memory than the limits.
//!
//! Each of these places has a fuzz target in `src/fuzz`: `cargo test` reads a fixed set of changed seeds, and
//! `make fuzz TARGET=pdf_files TIME=300` has libFuzzer look for more.
//!
//! ```
//! use millwright_documents::{Format, Limits, detect, parse};
//! let bytes = b"# Pump\n\nTighten the bolts to 45 Nm.\n";
//! let format = detect(bytes, "pump.md").unwrap();
//! assert_eq!(format, Format::Markdown);
//! let mut pages = Vec::new();
//! parse(format, bytes, &Limits::default(), |page| Ok(pages.push(page))).unwrap();
//! assert_eq!(pages[0].text, "Pump\n\nTighten the bolts to 45 Nm.");
//! ```

mod builder;
mod chunk;
mod container;
mod detect;
mod docx;
mod encoding;
mod error;
mod mail;
mod markup;
mod ocr;
mod ooxml;
mod page_layout;
mod parse;
mod pdf;
mod placed;
mod process;
mod receive;
mod sentence;
mod separated;
mod sheets;
mod slides;
mod types;
pub mod worker;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;

pub use chunk::{Chunk, ChunkSettings, CountTokens, chunk, windows};
pub use detect::detect;
pub use error::{DocumentError, Unrecognized};
pub use ocr::{Recognizer, RecognizerMissing};
pub use page_layout::{PageLayout, WordBox};
pub use parse::{parse, parse_with};
pub use process::ParserProcess;
pub use sentence::sentences;
pub use types::{Block, BlockKind, Format, Limits, Page, Recognition, Summary};

/// Name and version of this parser: what a version was read with.
pub const PARSER: &str = concat!("millwright-documents ", env!("CARGO_PKG_VERSION"));
