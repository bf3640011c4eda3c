//! Laws of chunks and windows, for any text.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests may fail a test")]

use millwright_documents::{
    Block, BlockKind, Chunk, ChunkSettings, Format, Limits, Page, chunk, parse, sentences, windows,
};
use proptest::prelude::*;

/// Counts words and punctuation, linear, additive over pieces cut at white space.
fn count(text: &str) -> usize {
    let mut tokens = 0;
    let mut in_word = false;
    for c in text.chars() {
        let word = c.is_alphanumeric();
        tokens += usize::from((word && !in_word) || (!word && !c.is_whitespace()));
        in_word = word;
    }
    tokens
}

fn pages_of(format: Format, source: &str) -> Vec<Page> {
    let mut pages = Vec::new();
    let _ = parse(format, source.as_bytes(), &Limits::default(), |page| {
        pages.push(page);
        Ok(())
    });
    pages
}

fn check(pages: &[Page], chunks: &[Chunk], settings: &ChunkSettings) {
    let texts: Vec<Vec<char>> = pages.iter().map(|page| page.text.chars().collect()).collect();
    let mut covered: Vec<Vec<bool>> = pages.iter().map(|page| vec![false; page.text.chars().count()]).collect();
    for (at, chunk) in chunks.iter().enumerate() {
        assert_eq!(chunk.ordinal as usize, at);
        let index = pages.iter().position(|page| page.number == chunk.page_number).expect("page");
        let slice: String = texts[index][chunk.char_start..chunk.char_end].iter().collect();
        assert_eq!(slice, chunk.text, "a chunk is exactly its span");
        assert_eq!(chunk.token_count, count(&chunk.text));
        assert!(chunk.token_count <= settings.size_tokens, "{} > {}", chunk.token_count, settings.size_tokens);
        covered[index][chunk.char_start..chunk.char_end].fill(true);
    }
    for (page, covered) in pages.iter().zip(covered) {
        for (c, covered) in page.text.chars().zip(covered) {
            assert!(covered || c.is_whitespace(), "lost {c:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_markdown_is_cut_without_loss(
        parts in prop::collection::vec("(#{1,4} [A-Z][a-z ]{0,12}\n\n|[a-zü]{1,9}( [a-z0-9.,]{1,9}){0,30}[.!]\n\n|- [a-z ]{1,30}\n|\\| [a-z]{1,5} \\| [0-9]{1,4} \\|\n|```\n[a-z \n]{0,60}\n```\n\n)", 0..30),
        size in 1usize..80,
        overlap in 0usize..40,
    ) {
        let pages = pages_of(Format::Markdown, &parts.concat());
        let settings = ChunkSettings { size_tokens: size, overlap_tokens: overlap };
        check(&pages, &chunk(&pages, &settings, &count), &settings);
    }

    #[test]
    fn any_blocks_whatsoever_are_cut_without_loss(
        text in "[a-zA-Z0-9 .!?\n\u{fc}|-]{0,400}",
        spans in prop::collection::vec((0usize..450, 0usize..450, 0u8..6), 0..12),
        size in 1usize..60,
    ) {
        let blocks = spans.into_iter().map(|(start, end, kind)| Block {
            kind: match kind {
                0 => BlockKind::Heading { level: 1 },
                1 => BlockKind::Heading { level: 2 },
                2 => BlockKind::ListItem,
                3 => BlockKind::TableRow { header: false },
                4 => BlockKind::Code,
                _ => BlockKind::Paragraph,
            },
            start,
            end,
        }).collect();
        let pages = [Page { number: 1, text, blocks, recognized: false, layout: None }];
        let settings = ChunkSettings { size_tokens: size, overlap_tokens: 10 };
        check(&pages, &chunk(&pages, &settings, &count), &settings);
    }

    #[test]
    fn windows_fit_and_cover(text in "\\PC{0,300}", max in 1u32..40) {
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        for (start, end) in windows(&text, max, &count) {
            prop_assert!(chars[at..start].iter().all(|c| c.is_whitespace()));
            let piece: String = chars[start..end].iter().collect();
            prop_assert!(count(&piece) <= max as usize);
            at = end;
        }
        prop_assert!(chars[at..].iter().all(|c| c.is_whitespace()));
    }
}

const MANUAL: &str = "# Pump\n\nIntro words here.\n\n## Torque\n\nTighten the coupling bolts to 45 Nm. Use a wrench.\n\n\
    | Bolt | Torque |\n|---|---|\n| M8 | 25 Nm |\n| M10 | 49 Nm |\n| M12 | 85 Nm |\n| M16 | 210 Nm |\n\n## Grease\n\nEvery 2000 h.\n";

#[test]
fn chunks_never_cross_headings_and_know_their_path() {
    let pages = pages_of(Format::Markdown, MANUAL);
    let chunks = chunk(&pages, &ChunkSettings { size_tokens: 60, overlap_tokens: 10 }, &count);
    let torque = chunks.iter().find(|chunk| chunk.text.contains("45 Nm")).expect("a chunk");
    assert_eq!(torque.heading_path, ["Pump", "Torque"]);
    assert!(torque.text.starts_with("Torque\n\nTighten"));
    assert!(!torque.text.contains("2000 h"));
}

#[test]
fn rows_cut_from_their_table_name_its_header() {
    let pages = pages_of(Format::Markdown, MANUAL);
    let chunks = chunk(&pages, &ChunkSettings { size_tokens: 14, overlap_tokens: 5 }, &count);
    let row = chunks.iter().find(|chunk| chunk.text.contains("M16")).expect("a chunk");
    assert_eq!(row.table_header.as_deref(), Some("Bolt | Torque"));
    for chunk in &chunks {
        for line in chunk.text.lines().filter(|line| line.starts_with('M')) {
            assert!(line.contains(" | "), "a row was cut: {line}");
        }
    }
}

#[test]
fn neighbours_in_a_section_overlap_by_whole_sentences() {
    let sentence = |n: usize| format!("Sentence number {n} says that the pump needs care.");
    let source = (0..40).map(sentence).collect::<Vec<_>>().join(" ");
    let pages = pages_of(Format::Text, &source);
    let chunks = chunk(&pages, &ChunkSettings { size_tokens: 100, overlap_tokens: 25 }, &count);
    assert!(chunks.len() > 3);
    for pair in chunks.windows(2) {
        assert!(pair[1].char_start < pair[0].char_end, "overlap");
        assert!(pair[1].text.starts_with("Sentence number"), "whole sentences");
    }
}

#[test]
fn small_sections_share_a_chunk_and_keep_their_headings() {
    let source = "# A\n\n## One\n\nFirst words.\n\n## Two\n\nSecond words.\n\n# B\n\nOther.\n";
    let pages = pages_of(Format::Markdown, source);
    let chunks = chunk(&pages, &ChunkSettings::default(), &count);
    let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
    assert_eq!(texts, ["A\n\nOne\n\nFirst words.\n\nTwo\n\nSecond words.", "B\n\nOther."]);
    assert_eq!(chunks[0].heading_path, ["A"]);
}

/// A heading of a megabyte above ten thousand sections, and a header row of one above as many rows: what stands above a
/// chunk is cut, or a document of two megabytes would take twenty thousand.
#[test]
fn a_long_heading_or_header_row_is_not_repeated_whole_over_every_chunk() {
    let long = "Spindle ".repeat(125_000);
    let section = |n: usize| format!("## Part {n}\n\nTighten it to {n} Nm.\n\n");
    let sections = (0..10_000).map(section).collect::<Vec<_>>().concat();
    let pages = pages_of(Format::Markdown, &format!("# {long}\n\n{sections}"));
    let settings = ChunkSettings { size_tokens: 12, overlap_tokens: 2 };
    let chunks = chunk(&pages, &settings, &count);
    check(&pages, &chunks, &settings);
    assert!(chunks.len() > 10_000);
    let above: usize = chunks.iter().flat_map(|chunk| &chunk.heading_path).map(String::len).sum();
    assert!(above < 10_000_000, "{above} bytes of headings");

    let rows = (0..10_000).map(|n| format!("Bolt {n};{n} Nm\n")).collect::<Vec<_>>().concat();
    let pages = pages_of(Format::Csv, &format!("{long};Torque\n{rows}"));
    let chunks = chunk(&pages, &settings, &count);
    let above: usize = chunks.iter().flat_map(|chunk| &chunk.table_header).map(String::len).sum();
    assert!(above < 10_000_000, "{above} bytes of header rows");
}

#[test]
fn a_line_of_a_megabyte_takes_linear_time() {
    for text in
        ["lorem ipsum dolor ".repeat(60_000), "x".repeat(1_000_000), "e.g. ".repeat(200_000), "a.b".repeat(330_000)]
    {
        let pages = [Page { number: 1, text: text.clone(), blocks: Vec::new(), recognized: false, layout: None }];
        let settings = ChunkSettings::default();
        let started = std::time::Instant::now();
        let chunks = chunk(&pages, &settings, &count);
        assert!(!windows(&text, 254, &count).is_empty());
        assert!(!sentences(&text).is_empty());
        // Unoptimised code on a busy machine; an optimised build takes a small part of it.
        assert!(started.elapsed().as_secs() < 10, "{:.20}: {:?}", text, started.elapsed());
        check(&pages, &chunks, &settings);
    }
}
