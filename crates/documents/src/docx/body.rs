use std::collections::HashMap;

use super::numbering::Numbering;
use super::styles::{Styles, level};
use crate::builder::{PageBuilder, check_characters, collapse, row_text};
use crate::ooxml::{Attributes, Token, Xml};
use crate::{BlockKind, DocumentError, Limits};

/// Elements whose content is no text of the document: removed and moved text, the second form
/// of the same drawing, field codes.
const SKIPPED: &[&str] =
    &["del", "moveFrom", "Fallback", "instrText", "delText", "delInstrText", "rPrChange", "pPrChange"];

/// What the body refers to.
pub(super) struct Context<'c> {
    pub(super) styles: &'c Styles,
    pub(super) notes: &'c Notes,
}

/// Texts of footnotes and endnotes by kind and id.
#[derive(Debug, Default)]
pub(super) struct Notes(HashMap<(String, String), String>);

impl Notes {
    pub(super) fn read(&mut self, source: &str, element: &str, limits: &Limits) -> Result<(), DocumentError> {
        let mut xml = Xml::new(source, limits);
        let mut id = None;
        let (mut text, mut in_text) = (String::new(), false);
        while let Some(token) = xml.next()? {
            match token {
                Token::Open { name, attributes } if name == element => {
                    // Separators between text and notes are notes with a type.
                    id = if attributes.get("type").is_some_and(|kind| kind != "normal") {
                        None
                    } else {
                        attributes.get("id")
                    };
                    text.clear();
                }
                Token::Open { name: "t", .. } => in_text = true,
                Token::Close { name: "t" } => in_text = false,
                Token::Close { name: "p" } => text.push(' '),
                Token::Close { name } if name == element => {
                    if let Some(id) = id.take() {
                        self.0.insert((element.to_owned(), id), collapse(&text));
                    }
                }
                Token::Text(part) if in_text => text.push_str(&part),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Reads the main part into blocks.
pub(super) fn read(
    source: &str,
    limits: &Limits,
    context: &Context<'_>,
    numbering: Numbering,
    page: &mut PageBuilder,
) -> Result<(), DocumentError> {
    let mut body = Body {
        page,
        context,
        numbering,
        paragraphs: Vec::new(),
        tables: Vec::new(),
        notes: Vec::new(),
        in_text: false,
    };
    let mut xml = Xml::new(source, limits);
    let mut skipped = 0_u32;
    while let Some(token) = xml.next()? {
        match token {
            Token::Open { name, .. } if skipped > 0 || SKIPPED.contains(&name) => skipped += 1,
            Token::Close { .. } if skipped > 0 => skipped -= 1,
            Token::Open { name, attributes } => body.open(name, &attributes),
            Token::Close { name } => body.close(name),
            Token::Text(text) if skipped == 0 && body.in_text => body.text(&text),
            Token::Text(_) => {}
        }
        check_characters(body.page.length() as u64, limits)?;
    }
    Ok(())
}

#[derive(Default)]
struct Paragraph {
    text: String,
    style: Option<String>,
    outline: Option<u8>,
    numbering: Option<String>,
    number_level: usize,
}

#[derive(Default)]
struct Table {
    cells: Vec<String>,
    rows: usize,
    header: bool,
}

struct Body<'b, 'c> {
    page: &'b mut PageBuilder,
    context: &'b Context<'c>,
    numbering: Numbering,
    /// Open paragraphs: a text box stands inside the paragraph that anchors it.
    paragraphs: Vec<Paragraph>,
    /// Open tables, innermost last.
    tables: Vec<Table>,
    notes: Vec<String>,
    in_text: bool,
}

impl Body<'_, '_> {
    fn open(&mut self, name: &str, attributes: &Attributes<'_>) {
        match name {
            "p" => self.paragraphs.push(Paragraph::default()),
            "tbl" => self.tables.push(Table::default()),
            "tc" => {
                if let Some(table) = self.tables.last_mut() {
                    table.cells.push(String::new());
                }
            }
            "tblHeader" => {
                if let Some(table) = self.tables.last_mut() {
                    table.header = attributes.is_on();
                }
            }
            "t" => self.in_text = true,
            "tab" | "ptab" => self.text("\t"),
            "br" | "cr" => self.text("\n"),
            "noBreakHyphen" => self.text("\u{2011}"),
            "sym" => self.symbol(attributes),
            "footnoteReference" => self.note("footnote", attributes),
            "endnoteReference" => self.note("endnote", attributes),
            _ => self.property(name, attributes),
        }
    }

    fn property(&mut self, name: &str, attributes: &Attributes<'_>) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        match name {
            "pStyle" => paragraph.style = attributes.get("val"),
            "outlineLvl" => paragraph.outline = level(attributes.get("val")),
            "numId" => paragraph.numbering = attributes.get("val"),
            "ilvl" => paragraph.number_level = attributes.get("val").and_then(|val| val.parse().ok()).unwrap_or(0),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "p" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.end_paragraph(&paragraph);
                }
            }
            "tr" => self.end_row(),
            "tbl" => {
                self.tables.pop();
                self.flush_notes();
            }
            _ => {}
        }
    }

    /// Text belongs to the innermost open paragraph; tabs of a style's properties to none.
    fn text(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    /// Characters of the Wingdings and Symbol fonts that manuals use as marks.
    fn symbol(&mut self, attributes: &Attributes<'_>) {
        let code = attributes.get("char").and_then(|code| u32::from_str_radix(&code, 16).ok());
        let text = match code {
            Some(0xf0fc | 0xf0fe) => "✓",
            Some(0xf0a8 | 0xf06f | 0xf0a3) => "☐",
            Some(0xf0e0) => "→",
            Some(0xf0b0) => "°",
            Some(0xf0b1) => "±",
            Some(0xf06d) => "µ",
            Some(0xf057) => "Ω",
            _ => "•",
        };
        self.text(text);
    }

    fn note(&mut self, kind: &str, attributes: &Attributes<'_>) {
        let Some(id) = attributes.get("id") else { return };
        if let Some(note) = self.context.notes.0.get(&(kind.to_owned(), id)).filter(|note| !note.is_empty()) {
            self.notes.push(note.clone());
        }
    }

    fn end_paragraph(&mut self, paragraph: &Paragraph) {
        let styles = self.context.styles;
        let style = paragraph.style.as_deref();
        let numbering = match paragraph.numbering.as_deref() {
            // Id 0 takes the style's numbering away.
            Some("0") => None,
            Some(id) => Some((id.to_owned(), paragraph.number_level)),
            None => style.and_then(|id| styles.numbering(id)),
        };
        let code = style.is_some_and(|id| styles.is_code(id));
        let text = if code { paragraph.text.clone() } else { tidy(&paragraph.text) };
        if text.trim().is_empty() {
            self.flush_notes();
            return;
        }
        let number = numbering.as_ref().and_then(|(id, level)| self.numbering.next(id, *level));
        let heading = paragraph.outline.or_else(|| style.and_then(|id| styles.heading(id)));
        let numbered = number.map_or_else(|| text.clone(), |number| format!("{number} {text}"));
        if let Some(table) = self.tables.last_mut() {
            if let Some(cell) = table.cells.last_mut() {
                cell.push(' ');
                cell.push_str(&numbered);
            }
            return;
        }
        let kind = match heading {
            Some(level) => BlockKind::Heading { level },
            None if code => BlockKind::Code,
            None if numbering.is_some() || style.is_some_and(|id| styles.is_list(id)) => BlockKind::ListItem,
            None => BlockKind::Paragraph,
        };
        self.page.push(kind, &numbered);
        self.flush_notes();
    }

    fn flush_notes(&mut self) {
        if self.tables.is_empty() {
            for note in std::mem::take(&mut self.notes) {
                self.page.push(BlockKind::Paragraph, &format!("Note: {note}"));
            }
        }
    }

    fn end_row(&mut self) {
        let nested = self.tables.len() > 1;
        let Some(table) = self.tables.last_mut() else { return };
        let text = row_text(table.cells.iter().map(String::as_str));
        let header = table.header || (table.rows == 0 && table.cells.len() > 1);
        table.cells.clear();
        table.header = false;
        table.rows += 1;
        if !nested {
            self.page.push(BlockKind::TableRow { header }, &text);
        } else if let Some(cell) = self.tables.iter_mut().rev().nth(1).and_then(|outer| outer.cells.last_mut()) {
            cell.push(' ');
            cell.push_str(&text.replace(" | ", ", "));
            cell.push(';');
        }
    }
}

/// Collapses spaces line by line, so that line breaks of the author stay.
fn tidy(text: &str) -> String {
    text.lines().map(collapse).collect::<Vec<_>>().join("\n")
}
