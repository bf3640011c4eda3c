use super::atoms::{self, Atom, Slices};
use super::{Chunk, ChunkSettings, CountTokens, LONGEST_CONTEXT, Section};
use crate::BlockKind;

/// Packs one section into chunks.
pub(super) fn section(
    page_number: u32,
    text: &Slices<'_>,
    section: &Section,
    settings: &ChunkSettings,
    count_tokens: &CountTokens<'_>,
    out: &mut Vec<Chunk>,
) {
    let mut parts = Vec::new();
    for block in &section.blocks {
        atoms::of_block(text, *block, settings.size_tokens, count_tokens, &mut parts);
    }
    let mut from = 0;
    while from < parts.len() {
        let mut to = best_cut(&parts, from, fill(&parts, from, settings.size_tokens));
        let mut token_count = count_tokens(text.slice(parts[from].start, parts[to - 1].end));
        // Counts need not add up exactly; what is stored must fit.
        while token_count > settings.size_tokens && to - from > 1 {
            to -= 1;
            token_count = count_tokens(text.slice(parts[from].start, parts[to - 1].end));
        }
        let (char_start, char_end) = (parts[from].start, parts[to - 1].end);
        out.push(Chunk {
            ordinal: 0,
            page_number,
            char_start,
            char_end,
            heading_path: section.path.clone(),
            table_header: table_header(text, &parts, from),
            token_count,
            text: text.slice(char_start, char_end).to_owned(),
        });
        if to >= parts.len() {
            break;
        }
        from = overlap_start(&parts, from, to, settings);
    }
}

/// One past the last atom that fits, at least one atom.
fn fill(parts: &[Atom], from: usize, size: usize) -> usize {
    let mut sum = 0;
    let mut to = from;
    while let Some(part) = parts.get(to) {
        sum += part.tokens;
        if sum > size && to > from {
            break;
        }
        to += 1;
    }
    to
}

/// The last beginning of a block in the second half of what fits; else all that fits. A heading
/// line, and a table's header row, are not left behind at the end.
fn best_cut(parts: &[Atom], from: usize, full: usize) -> usize {
    if full >= parts.len() {
        return full;
    }
    let tokens = |to: usize| parts[from..to].iter().map(|part| part.tokens).sum::<usize>();
    let enough = tokens(full) / 2;
    let mut cut = full;
    while cut > from + 1 && !parts[cut].begins_block {
        cut -= 1;
    }
    let mut cut = if cut > from + 1 && tokens(cut) >= enough { cut } else { full };
    let leads_on = |part: &Atom| matches!(part.kind, BlockKind::Heading { .. } | BlockKind::TableRow { header: true });
    while cut > from + 1 && leads_on(&parts[cut - 1]) {
        cut -= 1;
    }
    if leads_on(&parts[cut - 1]) { full } else { cut }
}

/// Where the next chunk starts: as many whole sentences back as the overlap allows, always past
/// the start of the chunk before. Rows, headings and code are not repeated.
fn overlap_start(parts: &[Atom], from: usize, to: usize, settings: &ChunkSettings) -> usize {
    let repeats = |part: &Atom| matches!(part.kind, BlockKind::Paragraph | BlockKind::ListItem);
    let mut start = to;
    let mut sum = 0;
    if !repeats(&parts[to]) {
        return to;
    }
    while start > from + 1 && repeats(&parts[start - 1]) {
        sum += parts[start - 1].tokens;
        if sum > settings.overlap_tokens || sum + parts[to].tokens > settings.size_tokens {
            break;
        }
        start -= 1;
    }
    start
}

/// The nearest header row above, when the chunk starts inside a table below it.
fn table_header(text: &Slices<'_>, parts: &[Atom], from: usize) -> Option<String> {
    if parts[from].kind != (BlockKind::TableRow { header: false }) {
        return None;
    }
    let above = parts[..from].iter().rev().take_while(|part| matches!(part.kind, BlockKind::TableRow { .. }));
    let mut rows = above.skip_while(|part| part.kind != (BlockKind::TableRow { header: true }));
    let row = rows.next().filter(|part| part.end - part.start <= LONGEST_CONTEXT)?;
    Some(text.slice(row.start, row.end).to_owned())
}
