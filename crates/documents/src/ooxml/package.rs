use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::{Token, Xml};
use crate::{DocumentError, Limits, encoding};

/// Below this size no expansion is a bomb, however good the compression.
const RATIO_COUNTS_FROM: u64 = 1024 * 1024;

/// What one part says of another.
#[derive(Debug)]
pub(crate) struct Relation {
    /// Its name within the part that says it.
    pub(crate) id: String,
    /// The last word of its type, such as `slide`.
    pub(crate) kind: String,
    /// Name of the other part.
    pub(crate) target: String,
}

/// An Office Open XML package, whose parts are expanded under a common limit.
pub(crate) struct Package<'b> {
    archive: ZipArchive<Cursor<&'b [u8]>>,
    limits: Limits,
    expanded: u64,
}

impl<'b> Package<'b> {
    pub(crate) fn open(bytes: &'b [u8], limits: &Limits) -> Result<Self, DocumentError> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| zip_error(&error))?;
        if archive.len() > limits.max_entries as usize {
            return Err(DocumentError::limit(format!("more than {} parts in the file", limits.max_entries)));
        }
        Ok(Self { archive, limits: *limits, expanded: 0 })
    }

    /// Refuses a package whose directory announces more than the limits: for readers that expand it themselves.
    pub(crate) fn check_claimed_sizes(&mut self) -> Result<(), DocumentError> {
        let mut expanded = 0_u64;
        for index in 0..self.archive.len() {
            let file = self.archive.by_index_raw(index).map_err(|error| zip_error(&error))?;
            let by_ratio =
                file.compressed_size().saturating_mul(self.limits.max_expansion_ratio).max(RATIO_COUNTS_FROM);
            expanded = expanded.saturating_add(file.size());
            if file.size() > by_ratio || expanded > self.limits.max_expanded_bytes {
                return Err(bomb());
            }
        }
        Ok(())
    }

    /// The name of the main part, as the package's own relations say; the usual one where they do not.
    pub(crate) fn main_part(&mut self, usual: &str) -> Result<String, DocumentError> {
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
        Ok(usual.to_owned())
    }

    /// What a part refers to within the package; references to the outside are left out.
    pub(crate) fn relations(&mut self, part: &str) -> Result<Vec<Relation>, DocumentError> {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let place = format!("{folder}/_rels/{name}.rels");
        let Some(source) = self.part(place.trim_start_matches('/'))? else { return Ok(Vec::new()) };
        let mut xml = Xml::new(&source, &self.limits);
        let mut relations = Vec::new();
        while let Some(token) = xml.next()? {
            let Token::Open { name: "Relationship", attributes } = token else { continue };
            if attributes.get("TargetMode").is_some_and(|mode| mode == "External") {
                continue;
            }
            if let (Some(id), Some(kind), Some(target)) =
                (attributes.get("Id"), attributes.get("Type"), attributes.get("Target"))
            {
                let kind = kind.rsplit_once('/').map_or(kind.as_str(), |(_, last)| last).to_owned();
                relations.push(Relation { id, kind, target: resolved(folder, &target) });
            }
        }
        Ok(relations)
    }

    /// A part's text; `None` when there is no such part.
    pub(crate) fn part(&mut self, name: &str) -> Result<Option<String>, DocumentError> {
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
            return Err(bomb());
        }
        self.expanded += bytes.len() as u64;
        encoding::decode(&bytes)
            .map(Some)
            .ok_or_else(|| DocumentError::unreadable(format!("its part `{name}` is no text")))
    }
}

fn bomb() -> DocumentError {
    DocumentError::limit("its parts expand to far more than their packed size (zip bomb)")
}

/// A target as a part's name: from the root, or from the folder of the part that names it.
fn resolved(folder: &str, target: &str) -> String {
    if let Some(from_root) = target.strip_prefix('/') {
        return from_root.to_owned();
    }
    let mut path: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            ".." => drop(path.pop()),
            "." | "" => {}
            step => path.push(step),
        }
    }
    path.join("/")
}

fn zip_error(error: &ZipError) -> DocumentError {
    match error {
        ZipError::InvalidPassword => DocumentError::encrypted("the archive has a password"),
        ZipError::UnsupportedArchive(reason) if reason.contains("assword") => {
            DocumentError::encrypted("the archive has a password")
        }
        _ => DocumentError::unreadable("the Office file is damaged or cut off"),
    }
}
