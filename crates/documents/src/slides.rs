//! Presentations (PowerPoint, Office Open XML): a page a slide, its title as heading, lists, tables, and the speaker's notes.

use crate::builder::{PageBuilder, check_characters, collapse, row_text};
use crate::ooxml::{Attributes, Package, Token, Xml, text_of_first};
use crate::{BlockKind, DocumentError, Format, Limits, PARSER, Page, Summary, Unrecognized};

/// Placeholders that repeat on every slide.
const FURNITURE: [&str; 4] = ["sldNum", "dt", "ftr", "hdr"];
/// Content that stands twice in the file, for programs of other ages.
const SECOND_FORM: &str = "Fallback";

/// Reads a presentation slide by slide, in the order in which it is shown.
///
/// # Errors
/// `Unreadable`, `Encrypted` or `LimitExceeded`.
pub(crate) fn read(
    bytes: &[u8],
    limits: &Limits,
    on_page: &mut impl FnMut(Page) -> Result<(), DocumentError>,
) -> Result<Summary, DocumentError> {
    let mut package = Package::open(bytes, limits)?;
    let main = package.main_part("ppt/presentation.xml")?;
    let slides = slides(&mut package, &main, limits)?;
    if slides.len() > limits.max_pages as usize {
        return Err(DocumentError::limit(format!("more than {} slides", limits.max_pages)));
    }
    let title = package.part("docProps/core.xml")?.and_then(|xml| text_of_first(&xml, "title", limits));
    let (mut characters, mut without_text, mut number) = (0, Vec::new(), 0);
    for slide in slides {
        number += 1;
        let page = read_slide(&mut package, &slide, limits, number)?;
        characters += page.blocks.last().map_or(0, |block| block.end as u64);
        check_characters(characters, limits)?;
        if page.blocks.is_empty() {
            without_text.push(number);
        }
        on_page(page)?;
    }
    if number == 0 {
        return Err(DocumentError::unreadable("there is no slide in it"));
    }
    if without_text.len() == number as usize {
        return Err(DocumentError::needs_ocr(without_text, Unrecognized::NotTried));
    }
    let format = Format::Pptx;
    Ok(Summary {
        format,
        page_count: number,
        paged: true,
        characters,
        title,
        pages_without_text: without_text,
        pages_recognized: Vec::new(),
        pages_out_of_time: Vec::new(),
        parser: PARSER.to_owned(),
        recognition: None,
    })
}

/// The slides' parts in order.
fn slides(package: &mut Package<'_>, main: &str, limits: &Limits) -> Result<Vec<String>, DocumentError> {
    let source = package.part(main)?.ok_or_else(|| DocumentError::unreadable("its main part is missing"))?;
    let relations = package.relations(main)?;
    let mut xml = Xml::new(&source, limits);
    let mut slides = Vec::new();
    while let Some(token) = xml.next()? {
        let Token::Open { name: "sldId", attributes } = token else { continue };
        let id = attributes.relation();
        let relation = relations.iter().find(|relation| Some(&relation.id) == id.as_ref());
        slides.extend(relation.filter(|relation| relation.kind == "slide").map(|relation| relation.target.clone()));
    }
    Ok(slides)
}

fn read_slide(package: &mut Package<'_>, part: &str, limits: &Limits, number: u32) -> Result<Page, DocumentError> {
    let mut page = PageBuilder::default();
    if let Some(source) = package.part(part)? {
        let mut blocks = Shapes::default().read(&source, limits)?;
        // The title is read first wherever it stands among the shapes.
        blocks.sort_by_key(|(kind, _)| !matches!(kind, BlockKind::Heading { .. }));
        for (kind, text) in blocks {
            page.push(kind, &text);
        }
    }
    let relations = package.relations(part)?;
    if let Some(notes) = relations.iter().find(|relation| relation.kind == "notesSlide")
        && let Some(source) = package.part(&notes.target)?
    {
        for (_, text) in Shapes::default().read(&source, limits)? {
            page.push(BlockKind::Paragraph, &format!("Note: {text}"));
        }
    }
    Ok(page.finish(number))
}

/// What of a slide has been read so far.
#[derive(Default)]
struct Shapes {
    blocks: Vec<(BlockKind, String)>,
    /// The placeholder that the open shape fills; empty for one of the author's own.
    placeholder: Option<String>,
    paragraph: String,
    in_text: bool,
    skipped: u32,
    /// The cells of the open row, of the outermost table.
    cells: Option<Vec<String>>,
    rows: usize,
}

impl Shapes {
    fn read(mut self, source: &str, limits: &Limits) -> Result<Vec<(BlockKind, String)>, DocumentError> {
        let mut xml = Xml::new(source, limits);
        while let Some(token) = xml.next()? {
            match token {
                Token::Open { name, attributes } => self.open(name, &attributes),
                Token::Close { name } => self.close(name),
                Token::Text(text) if self.in_text && self.skipped == 0 => self.paragraph.push_str(&text),
                Token::Text(_) => {}
            }
        }
        Ok(self.blocks)
    }

    fn open(&mut self, name: &str, attributes: &Attributes<'_>) {
        match name {
            SECOND_FORM => self.skipped += 1,
            "sp" | "graphicFrame" | "pic" => self.placeholder = None,
            "ph" => self.placeholder = Some(attributes.get("type").unwrap_or_else(|| "body".to_owned())),
            "tbl" => self.rows = 0,
            "tr" => self.cells = Some(Vec::new()),
            "tc" => self.cells.iter_mut().for_each(|cells| cells.push(String::new())),
            "p" => self.paragraph.clear(),
            "br" => self.paragraph.push('\n'),
            "t" => self.in_text = true,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            SECOND_FORM => self.skipped = self.skipped.saturating_sub(1),
            "t" => self.in_text = false,
            "p" => self.end_paragraph(),
            "tr" => self.end_row(),
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let text = std::mem::take(&mut self.paragraph);
        if let Some(cell) = self.cells.as_mut().and_then(|cells| cells.last_mut()) {
            cell.push(' ');
            cell.push_str(&text);
            return;
        }
        let text = text.lines().map(collapse).collect::<Vec<_>>().join("\n");
        let kind = match self.placeholder.as_deref() {
            Some(kind) if FURNITURE.contains(&kind) => return,
            Some("title" | "ctrTitle") => BlockKind::Heading { level: 1 },
            Some("body" | "obj") => BlockKind::ListItem,
            _ => BlockKind::Paragraph,
        };
        if !text.trim().is_empty() {
            self.blocks.push((kind, text));
        }
    }

    fn end_row(&mut self) {
        let cells = self.cells.take().unwrap_or_default();
        let header = self.rows == 0 && cells.len() > 1;
        self.rows += 1;
        self.blocks.push((BlockKind::TableRow { header }, row_text(cells.iter().map(String::as_str))));
    }
}
