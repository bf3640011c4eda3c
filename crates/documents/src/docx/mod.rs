//! Word documents (Office Open XML). Reads the main part, styles, numbering and notes out of
//! the package; relations to the outside are never followed.

mod body;
mod numbering;
mod styles;

use crate::builder::PageBuilder;
use crate::ooxml::{Package, text_of_first};
use crate::{DocumentError, Limits};

/// Reads a Word document into blocks. Returns the title that its properties name.
///
/// # Errors
/// `Unreadable`, `Encrypted` or `LimitExceeded`.
pub(crate) fn read(bytes: &[u8], limits: &Limits, page: &mut PageBuilder) -> Result<Option<String>, DocumentError> {
    let mut package = Package::open(bytes, limits)?;
    let main = package.main_part("word/document.xml")?;
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let mut sibling =
        |name: &str| package.part(&if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") });
    // A damaged side part costs its information, not the document.
    let styles = sibling("styles.xml")?.and_then(|xml| styles::Styles::read(&xml, limits).ok()).unwrap_or_default();
    let numbering =
        sibling("numbering.xml")?.and_then(|xml| numbering::Numbering::read(&xml, limits).ok()).unwrap_or_default();
    let mut notes = body::Notes::default();
    for (part, element) in [("footnotes.xml", "footnote"), ("endnotes.xml", "endnote")] {
        if let Some(xml) = sibling(part)? {
            notes.read(&xml, element, limits)?;
        }
    }
    let title = package.part("docProps/core.xml")?.and_then(|xml| text_of_first(&xml, "title", limits));
    let xml = package.part(&main)?.ok_or_else(|| DocumentError::unreadable("its main part is missing"))?;
    body::read(&xml, limits, &body::Context { styles: &styles, notes: &notes }, numbering, page)?;
    Ok(title)
}
