use crate::builder::PageBuilder;
use crate::markup::{html, markdown, plain};
use crate::ocr::{PictureReader, Recognizer};
use crate::{
    DocumentError, Format, Limits, PARSER, Page, Summary, docx, encoding, mail, pdf, separated, sheets, slides,
};

/// Reads a document page by page. `on_page` is called in order of pages and may end the reading
/// with an error of its own. Runs in the caller's process: for bytes from outside use
/// [`ParserProcess`](crate::ParserProcess), whose limits on memory and time hold.
///
/// # Errors
/// Any [`DocumentError`] but `ParserUnavailable`; pages may have been handed over before it.
pub fn parse(
    format: Format,
    bytes: &[u8],
    limits: &Limits,
    on_page: impl FnMut(Page) -> Result<(), DocumentError>,
) -> Result<Summary, DocumentError> {
    parse_with(format, bytes, limits, None, on_page)
}

/// The same, with scanned pages of PDFs read by text recognition.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    format: Format,
    bytes: &[u8],
    limits: &Limits,
    recognizer: Option<&Recognizer>,
    mut on_page: impl FnMut(Page) -> Result<(), DocumentError>,
) -> Result<Summary, DocumentError> {
    let reader = recognizer.map(|recognizer| PictureReader::new(recognizer, limits));
    let summary = parse_at(format, bytes, &Way { limits, recognition: reader.as_ref(), depth: 0 }, &mut on_page)?;
    Ok(Summary { recognition: reader.and_then(|reader| reader.used()), ..summary })
}

/// How a document is read: the same for all that lies in it, but for the depth.
#[derive(Clone, Copy)]
pub(crate) struct Way<'w> {
    pub(crate) limits: &'w Limits,
    pub(crate) recognition: Option<&'w PictureReader<'w>>,
    /// How many messages deep it lies.
    pub(crate) depth: u32,
}

/// The same for a document that may lie in another.
pub(crate) fn parse_at(
    format: Format,
    bytes: &[u8],
    way: &Way<'_>,
    on_page: &mut dyn FnMut(Page) -> Result<(), DocumentError>,
) -> Result<Summary, DocumentError> {
    let limits = way.limits;
    let mut builder = PageBuilder::default();
    let mut title = None;
    match format {
        Format::Pdf => return pdf::read(bytes, limits, way.recognition, &mut |page| on_page(page)),
        Format::Pptx => return slides::read(bytes, limits, &mut |page| on_page(page)),
        Format::Docx => title = docx::read(bytes, limits, &mut builder)?,
        Format::Xlsx => sheets::read(bytes, limits, &mut builder)?,
        Format::Csv => separated::read(&text_of(bytes)?, limits, &mut builder)?,
        Format::Html => title = html::read(&text_of(bytes)?, limits, &mut builder)?,
        Format::Markdown => markdown::read(&text_of(bytes)?, limits, &mut builder)?,
        Format::Text => plain::read(&text_of(bytes)?, limits, &mut builder)?,
        Format::Eml => title = mail::read(bytes, way, &mut builder)?,
    }
    let page = builder.finish(1);
    if page.blocks.is_empty() {
        return Err(DocumentError::unreadable("there is no text in it"));
    }
    let characters = page.blocks.last().map_or(0, |block| block.end as u64);
    on_page(page)?;
    Ok(Summary {
        format,
        page_count: 1,
        paged: false,
        characters,
        title,
        pages_without_text: Vec::new(),
        pages_recognized: Vec::new(),
        pages_out_of_time: Vec::new(),
        parser: PARSER.to_owned(),
        recognition: None,
    })
}

fn text_of(bytes: &[u8]) -> Result<String, DocumentError> {
    encoding::decode(bytes).ok_or_else(|| DocumentError::unreadable("it holds binary data instead of text"))
}
