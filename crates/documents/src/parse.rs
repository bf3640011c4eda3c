use crate::builder::PageBuilder;
use crate::markup::{html, markdown, plain};
use crate::{DocumentError, Format, Limits, Page, Summary, docx, encoding, pdf};

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
    mut on_page: impl FnMut(Page) -> Result<(), DocumentError>,
) -> Result<Summary, DocumentError> {
    let mut builder = PageBuilder::default();
    let title = match format {
        Format::Pdf => return pdf::read(bytes, limits, &mut on_page),
        Format::Docx => docx::read(bytes, limits, &mut builder)?,
        Format::Html => html::read(&text_of(bytes)?, limits, &mut builder)?,
        Format::Markdown => {
            markdown::read(&text_of(bytes)?, limits, &mut builder)?;
            None
        }
        Format::Text => {
            plain::read(&text_of(bytes)?, limits, &mut builder)?;
            None
        }
    };
    let page = builder.finish(1);
    if page.blocks.is_empty() {
        return Err(DocumentError::unreadable("there is no text in it"));
    }
    let characters = page.blocks.last().map_or(0, |block| block.end as u64);
    on_page(page)?;
    Ok(Summary { format, page_count: 1, paged: false, characters, title, pages_without_text: Vec::new() })
}

fn text_of(bytes: &[u8]) -> Result<String, DocumentError> {
    encoding::decode(bytes).ok_or_else(|| DocumentError::unreadable("it holds binary data instead of text"))
}
