use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::builder::{PageBuilder, check_characters, row_text};
use crate::{BlockKind, DocumentError, Limits};

/// Reads CommonMark with tables, footnotes and front matter into blocks. Markup is dropped,
/// link targets too.
///
/// # Errors
/// `LimitExceeded` when the text grows beyond the limit.
pub(crate) fn read(source: &str, limits: &Limits, page: &mut PageBuilder) -> Result<(), DocumentError> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut reader = Reader {
        page,
        text: String::new(),
        kinds: Vec::new(),
        lists: Vec::new(),
        cells: Vec::new(),
        skip: 0,
        depth: 0,
    };
    for event in Parser::new_ext(source, options) {
        reader.event(event, limits)?;
        check_characters(reader.page.length() as u64, limits)?;
    }
    reader.flush(BlockKind::Paragraph);
    Ok(())
}

struct Reader<'p> {
    page: &'p mut PageBuilder,
    text: String,
    /// What the text being gathered will become, innermost last.
    kinds: Vec<BlockKind>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    cells: Vec<String>,
    skip: usize,
    depth: u32,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, limits: &Limits) -> Result<(), DocumentError> {
        match event {
            Event::Start(tag) => {
                self.depth += 1;
                if self.depth > limits.max_depth {
                    return Err(DocumentError::limit(format!(
                        "lists and quotes nested deeper than {}",
                        limits.max_depth
                    )));
                }
                self.start(&tag);
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                self.end(tag);
            }
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text)
                if self.skip == 0 =>
            {
                self.text.push_str(&text);
            }
            Event::SoftBreak if self.skip == 0 => self.text.push(' '),
            Event::HardBreak if self.skip == 0 => self.text.push('\n'),
            Event::InlineHtml(tag) if tag.starts_with("<br") => self.text.push('\n'),
            Event::Html(html) if self.skip == 0 => self.text.push_str(&without_tags(&html)),
            Event::TaskListMarker(done) => self.text.push_str(if done { "[x] " } else { "[ ] " }),
            Event::Rule => self.flush(BlockKind::Paragraph),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.open(BlockKind::Heading { level: *level as u8 }),
            Tag::Paragraph | Tag::HtmlBlock | Tag::DefinitionListTitle | Tag::DefinitionListDefinition => {
                if !matches!(self.kinds.last(), Some(BlockKind::ListItem)) {
                    self.open(BlockKind::Paragraph);
                } else if !self.text.trim().is_empty() && !is_marker(&self.text) {
                    self.text.push('\n');
                }
            }
            Tag::CodeBlock(_) => {
                self.flush_open();
                self.kinds.push(BlockKind::Code);
            }
            Tag::List(first) => {
                self.flush_open();
                self.lists.push(*first);
            }
            Tag::Item => {
                self.open(BlockKind::ListItem);
                let marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "• ".to_owned(),
                };
                self.text.push_str(&marker);
            }
            Tag::FootnoteDefinition(label) => {
                self.flush_open();
                self.text.push_str("Note ");
                self.text.push_str(label);
                self.text.push_str(": ");
            }
            Tag::TableHead | Tag::TableRow => self.cells.clear(),
            Tag::TableCell => self.text.clear(),
            Tag::Table(_) => self.flush_open(),
            Tag::MetadataBlock(_) => self.skip += 1,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Item => self.close(),
            TagEnd::Paragraph | TagEnd::HtmlBlock | TagEnd::DefinitionListTitle | TagEnd::DefinitionListDefinition
                if !matches!(self.kinds.last(), Some(BlockKind::ListItem)) =>
            {
                self.close();
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::TableCell => self.cells.push(std::mem::take(&mut self.text)),
            TagEnd::TableHead => self.row(true),
            TagEnd::TableRow => self.row(false),
            TagEnd::MetadataBlock(_) => self.skip = self.skip.saturating_sub(1),
            _ => {}
        }
    }

    fn row(&mut self, header: bool) {
        let text = row_text(self.cells.iter().map(String::as_str));
        self.page.push(BlockKind::TableRow { header }, &text);
        self.cells.clear();
    }

    /// Ends the text of the block outside and begins a new block.
    fn open(&mut self, kind: BlockKind) {
        self.flush_open();
        self.kinds.push(kind);
    }

    fn flush_open(&mut self) {
        let kind = self.kinds.last().copied().unwrap_or(BlockKind::Paragraph);
        self.flush(kind);
    }

    fn close(&mut self) {
        self.flush_open();
        self.kinds.pop();
    }

    fn flush(&mut self, kind: BlockKind) {
        if !is_marker(&self.text) {
            self.page.push(kind, &self.text);
        }
        self.text.clear();
    }
}

/// A bullet or number that no text followed.
fn is_marker(text: &str) -> bool {
    let text = text.trim();
    text == "•" || (text.ends_with('.') && text[..text.len() - 1].bytes().all(|b| b.is_ascii_digit()) && text.len() > 1)
}

/// Text between tags of a piece of raw HTML.
fn without_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            _ if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(source: &str) -> Vec<(BlockKind, String)> {
        let mut page = PageBuilder::default();
        read(source, &Limits::default(), &mut page).unwrap();
        let page = page.finish(1);
        let chars: Vec<char> = page.text.chars().collect();
        page.blocks.iter().map(|block| (block.kind, chars[block.start..block.end].iter().collect())).collect()
    }

    #[test]
    fn structure_is_kept_and_markup_is_not() {
        let source = "---\ntitle: x\n---\n# Pump *P-101*\n\nTighten to **45 Nm**\nat once.\n\n1. Stop\n2. Lock\n   - tag\n3. Test\n\n| Part | No |\n|---|---|\n| Bearing | 6205-2RS |\n\n```\nG1 X0\n```\n";
        assert_eq!(
            blocks(source),
            vec![
                (BlockKind::Heading { level: 1 }, "Pump P-101".to_owned()),
                (BlockKind::Paragraph, "Tighten to 45 Nm at once.".to_owned()),
                (BlockKind::ListItem, "1. Stop".to_owned()),
                (BlockKind::ListItem, "2. Lock".to_owned()),
                (BlockKind::ListItem, "• tag".to_owned()),
                (BlockKind::ListItem, "3. Test".to_owned()),
                (BlockKind::TableRow { header: true }, "Part | No".to_owned()),
                (BlockKind::TableRow { header: false }, "Bearing | 6205-2RS".to_owned()),
                (BlockKind::Code, "G1 X0".to_owned()),
            ]
        );
    }

    #[test]
    fn deep_nesting_is_refused() {
        let source = "> ".repeat(3000) + "x";
        let mut page = PageBuilder::default();
        assert!(matches!(read(&source, &Limits::default(), &mut page), Err(DocumentError::LimitExceeded { .. })));
    }
}
