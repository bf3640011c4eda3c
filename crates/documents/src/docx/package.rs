use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::xml::{Token, Xml};
use crate::{DocumentError, Limits, encoding};

/// Below this size no expansion is a bomb, however good the compression.
const RATIO_COUNTS_FROM: u64 = 1024 * 1024;

/// An Office Open XML package, whose parts are expanded under a common limit.
pub(super) struct Package<'b> {
    archive: ZipArchive<Cursor<&'b [u8]>>,
    limits: Limits,
    expanded: u64,
}

impl<'b> Package<'b> {
    pub(super) fn open(bytes: &'b [u8], limits: &Limits) -> Result<Self, DocumentError> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| zip_error(&error))?;
        if archive.len() > limits.max_entries as usize {
            return Err(DocumentError::limit(format!("more than {} parts in the file", limits.max_entries)));
        }
        Ok(Self { archive, limits: *limits, expanded: 0 })
    }

    /// The name of the main part, as the package's own relations say.
    pub(super) fn main_part(&mut self) -> Result<String, DocumentError> {
        if let Some(xml) = self.part("_rels/.rels")? {
            let mut xml = Xml::new(&xml, &self.limits);
            while let Ok(Some(token)) = xml.next() {
                let Token::Open { name: "Relationship", attributes } = token else { continue };
                if attributes.get("Type").is_some_and(|kind| kind.ends_with("/officeDocument"))
                    && let Some(target) = attributes.get("Target")
                {
                    return Ok(target.trim_start_matches('/').to_owned());
                }
            }
        }
        Ok("word/document.xml".to_owned())
    }

    /// A part's text; `None` when there is no such part.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<String>, DocumentError> {
        let Some(index) = self.archive.index_for_name(name) else { return Ok(None) };
        let file = self.archive.by_index(index).map_err(|error| zip_error(&error))?;
        let packed = file.compressed_size();
        // The sizes in the directory are claims; what counts is what comes out.
        let rest = self.limits.max_expanded_bytes.saturating_sub(self.expanded);
        let by_ratio = packed.saturating_mul(self.limits.max_expansion_ratio).max(RATIO_COUNTS_FROM);
        let allowed = rest.min(by_ratio);
        let mut bytes = Vec::new();
        file.take(allowed + 1)
            .read_to_end(&mut bytes)
            .map_err(|_| DocumentError::unreadable(format!("its part `{name}` is damaged")))?;
        if bytes.len() as u64 > allowed {
            return Err(DocumentError::limit("its parts expand to far more than their packed size (zip bomb)"));
        }
        self.expanded += bytes.len() as u64;
        encoding::decode(&bytes)
            .map(Some)
            .ok_or_else(|| DocumentError::unreadable(format!("its part `{name}` is no text")))
    }
}

fn zip_error(error: &ZipError) -> DocumentError {
    match error {
        ZipError::InvalidPassword => DocumentError::encrypted("the archive has a password"),
        ZipError::UnsupportedArchive(reason) if reason.contains("assword") => {
            DocumentError::encrypted("the archive has a password")
        }
        _ => DocumentError::unreadable("the Word file is damaged or cut off"),
    }
}
