//! Cuts pages into passages.

mod atoms;
mod pack;
mod windows;

use serde::{Deserialize, Serialize};

pub use windows::windows;

use crate::{Block, BlockKind, Page};
use atoms::Slices;

/// Counts the tokens of a text as the embedding model would, without its special tokens. Must
/// take linear time; it is called about twice for each part of a document.
pub type CountTokens<'c> = dyn Fn(&str) -> usize + 'c;

/// How large passages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkSettings {
    /// The most tokens of one chunk, at least 1.
    pub size_tokens: usize,
    /// About how many tokens of the chunk before are repeated, in whole sentences.
    pub overlap_tokens: usize,
}

impl Default for ChunkSettings {
    fn default() -> Self {
        Self { size_tokens: 512, overlap_tokens: 50 }
    }
}

/// A passage: exactly `[char_start, char_end)` of its page's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its place in the document, from 0.
    pub ordinal: u32,
    /// The page it stands on, from 1.
    pub page_number: u32,
    /// First code point within the page's text.
    pub char_start: usize,
    /// One past the last code point.
    pub char_end: usize,
    /// Headings above it, outermost first, its own included.
    pub heading_path: Vec<String>,
    /// The header row of the table in whose middle it starts; not part of `text`. Give it to a
    /// model together with the text, since rows without column names say little.
    pub table_header: Option<String>,
    /// Tokens of `text`.
    pub token_count: usize,
    /// The slice of the page's text.
    pub text: String,
}

/// Part of a page under one heading.
struct Section {
    blocks: Vec<Block>,
    path: Vec<String>,
    /// Level of its heading; 0 before the first one.
    level: u8,
}

/// Cuts pages into chunks: along headings and pages always, along blocks where they fit, within
/// blocks at sentences, then words. Table rows are cut only when one alone exceeds the size.
/// Small neighbouring sections under the same parent share a chunk, each with its heading line.
/// Nothing but white space is lost. Spans of blocks must be in order, as [`parse`](crate::parse)
/// gives them; text outside of blocks is taken as paragraphs.
pub fn chunk(pages: &[Page], settings: &ChunkSettings, count_tokens: &CountTokens<'_>) -> Vec<Chunk> {
    let settings = ChunkSettings { size_tokens: settings.size_tokens.max(1), ..*settings };
    let mut chunks = Vec::new();
    let mut headings: Vec<(u8, String)> = Vec::new();
    for page in pages {
        let text = Slices::new(&page.text);
        let sections = sections(&text, &page.blocks, &mut headings);
        for section in merge_small(sections, &text, &settings, count_tokens) {
            pack::section(page.number, &text, &section, &settings, count_tokens, &mut chunks);
        }
    }
    for (ordinal, chunk) in chunks.iter_mut().enumerate() {
        chunk.ordinal = ordinal as u32;
    }
    chunks
}

/// Headings and header rows stand above every chunk below them: longer ones would make a small document a large one.
const LONGEST_CONTEXT: usize = 300;

/// A heading as it stands above chunks, cut where it is longer than headings are.
fn title(heading: &str) -> String {
    let line = |c: char| if c == '\n' { ' ' } else { c };
    heading.chars().take(LONGEST_CONTEXT).map(line).collect()
}

/// Parts a page at its headings. `headings` is the path so far, which goes on over pages.
fn sections(text: &Slices<'_>, blocks: &[Block], headings: &mut Vec<(u8, String)>) -> Vec<Section> {
    let path = |headings: &[(u8, String)]| headings.iter().map(|(_, title)| title.clone()).collect::<Vec<_>>();
    let mut out: Vec<Section> = Vec::new();
    for block in atoms::covering(text, blocks) {
        if let BlockKind::Heading { level } = block.kind {
            headings.retain(|&(above, _)| above < level);
            headings.push((level, title(text.slice(block.start, block.end))));
            out.push(Section { blocks: vec![block], path: path(headings), level });
            continue;
        }
        match out.last_mut() {
            Some(section) => section.blocks.push(block),
            None => out.push(Section { blocks: vec![block], path: path(headings), level: 0 }),
        }
    }
    out
}

/// Joins a heading that has no text with the sections under it, and small sections with the next
/// one of the same parent. Heading lines stay in the text.
fn merge_small(
    sections: Vec<Section>,
    text: &Slices<'_>,
    settings: &ChunkSettings,
    count_tokens: &CountTokens<'_>,
) -> Vec<Section> {
    let small = settings.size_tokens / 6;
    let mut out: Vec<(Section, usize)> = Vec::new();
    for section in sections {
        let tokens = match (section.blocks.first(), section.blocks.last()) {
            (Some(first), Some(last)) => count_tokens(text.slice(first.start, last.end)),
            _ => 0,
        };
        if let Some((before, before_tokens)) = out.last_mut() {
            let bare = before.blocks.iter().all(|block| matches!(block.kind, BlockKind::Heading { .. }));
            let under = bare && before.level > 0 && section.level > before.level;
            let parent = |path: &[String]| path[..path.len().saturating_sub(1)].to_vec();
            let siblings =
                section.level == before.level && section.level > 0 && parent(&before.path) == parent(&section.path);
            let fits = *before_tokens + tokens <= settings.size_tokens;
            if under && (fits || tokens > settings.size_tokens) {
                before.blocks.extend(section.blocks);
                before.path = section.path;
                before.level = section.level;
                *before_tokens += tokens;
                continue;
            }
            if siblings && fits && (*before_tokens < small && tokens < small) {
                before.blocks.extend(section.blocks);
                before.path = parent(&before.path);
                before.path.shrink_to_fit();
                // What is merged keeps its level, so that more siblings can follow.
                before.path.push(String::new());
                *before_tokens += tokens;
                continue;
            }
        }
        out.push((section, tokens));
    }
    out.into_iter()
        .map(|(mut section, _)| {
            section.path.retain(|title| !title.is_empty());
            section
        })
        .collect()
}
