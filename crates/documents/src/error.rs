use millwright_core::{ErrorCode, Problem, ToProblem};
use serde::{Deserialize, Serialize};

/// Why a document could not be read. Travels as JSON from the parser's process to its parent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DocumentError {
    /// Not a format that is read here.
    #[error("unsupported format: {detail}")]
    UnsupportedMediaType {
        /// What the bytes look like.
        detail: String,
    },
    /// Empty, damaged or cut off.
    #[error("unreadable document: {detail}")]
    Unreadable {
        /// What was found wrong.
        detail: String,
    },
    /// Opens only with a password, or by an encryption that is not known.
    #[error("encrypted document: {detail}")]
    Encrypted {
        /// Which protection was found.
        detail: String,
    },
    /// Has pages but no text on any of them.
    #[error("{} {}", .cause.of(), page_list(.pages))]
    NeedsOcr {
        /// The pages without text, counted from 1; of those that were not reached, only these.
        pages: Vec<u32>,
        /// Why text recognition did not give any.
        cause: Unrecognized,
    },
    /// Would cost more than its limits.
    #[error("document limit exceeded: {detail}")]
    LimitExceeded {
        /// Which limit.
        detail: String,
    },
    /// The parser's process could not be started or spoken to.
    #[error("parser process unavailable: {detail}")]
    ParserUnavailable {
        /// What the operating system said.
        detail: String,
    },
}

/// Why text recognition gave no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unrecognized {
    /// There is none here, or none for the format.
    NotTried,
    /// It looked and found nothing that can be trusted.
    NothingFound,
    /// Its time was up before it had looked at every page.
    OutOfTime,
}

impl Unrecognized {
    const fn of(self) -> &'static str {
        match self {
            Self::NotTried | Self::NothingFound => "no text on",
            Self::OutOfTime => "no time to recognise the text of",
        }
    }
}

impl DocumentError {
    pub(crate) fn unsupported(detail: impl Into<String>) -> Self {
        Self::UnsupportedMediaType { detail: detail.into() }
    }

    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self::Unreadable { detail: detail.into() }
    }

    pub(crate) fn encrypted(detail: impl Into<String>) -> Self {
        Self::Encrypted { detail: detail.into() }
    }

    pub(crate) fn limit(detail: impl Into<String>) -> Self {
        Self::LimitExceeded { detail: detail.into() }
    }

    pub(crate) fn needs_ocr(pages: Vec<u32>, cause: Unrecognized) -> Self {
        Self::NeedsOcr { pages, cause }
    }

    /// The words it was given, where there are any.
    pub(crate) fn detail_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::UnsupportedMediaType { detail }
            | Self::Unreadable { detail }
            | Self::Encrypted { detail }
            | Self::LimitExceeded { detail }
            | Self::ParserUnavailable { detail } => Some(detail),
            Self::NeedsOcr { .. } => None,
        }
    }

    /// Whether another attempt with the same bytes could end differently.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::ParserUnavailable { .. })
    }
}

impl ToProblem for DocumentError {
    fn problem(&self) -> Problem {
        match self {
            Self::UnsupportedMediaType { detail } => Problem::new(
                ErrorCode::UnsupportedMediaType,
                format!("The file is not a format Millwright reads: {detail}."),
            )
            .remedy("Upload a PDF, a Word, PowerPoint or Excel file (.docx, .pptx, .xlsx), a text, Markdown, CSV or HTML file, or an e-mail \
                 (.eml)."),
            Self::Unreadable { detail } => {
                Problem::new(ErrorCode::DocumentUnreadable, format!("The file cannot be read: {detail}."))
                    .remedy("Open the file in its own program, save or export it again, and upload the new copy.")
            }
            Self::Encrypted { detail } => {
                Problem::new(ErrorCode::DocumentEncrypted, format!("The file is protected: {detail}."))
                    .remedy("Save a copy without a password and upload that copy.")
            }
            Self::NeedsOcr { pages, cause: Unrecognized::NothingFound } => Problem::new(
                ErrorCode::DocumentNeedsOcr,
                format!("The file holds no text, and text recognition (OCR) can read nothing on {}.", page_list(pages)),
            )
            .remedy("Scan the pages again, upright and with at least 200 dots per inch, or upload the original file."),
            Self::NeedsOcr { pages, cause: Unrecognized::OutOfTime } => Problem::new(
                ErrorCode::DocumentOcrTimeout,
                format!("The file holds pictures of text, and the time for recognising it (OCR) was up before {}.", page_list(pages)),
            )
            .remedy("Upload it again when the server has less to do, or in parts of fewer pages. Pages that are larger or finer than \
                 A3 at 300 dots per inch take longest."),
            Self::NeedsOcr { pages, cause: Unrecognized::NotTried } => Problem::new(
                ErrorCode::DocumentNeedsOcr,
                format!("The file holds pictures of text but no text: nothing to read on {}.", page_list(pages)),
            )
            .remedy("Run text recognition (OCR) over the scan and upload the result, or upload the original file. Where the \
                 program tesseract is installed beside Millwright, it reads scanned PDFs itself."),
            Self::LimitExceeded { detail } => {
                Problem::new(ErrorCode::DocumentLimitExceeded, format!("The file exceeds what is read: {detail}."))
                    .remedy("Split the document into smaller files, or export it again without embedded data.")
            }
            Self::ParserUnavailable { .. } => Problem::internal(),
        }
    }
}

/// `page 1`, `pages 1 to 3, 7`: at most ten ranges are named.
fn page_list(pages: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &page in pages {
        match ranges.last_mut() {
            Some((_, last)) if page == last.saturating_add(1) => *last = page,
            _ => ranges.push((page, page)),
        }
    }
    let more = ranges.len().saturating_sub(10);
    let named: Vec<String> = ranges
        .iter()
        .take(10)
        .map(|&(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") })
        .collect();
    let word = if pages.len() == 1 { "page" } else { "pages" };
    let rest = if more > 0 { format!(" and {more} more places") } else { String::new() };
    format!("{word} {}{rest}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_named_as_ranges() {
        assert_eq!(page_list(&[4]), "page 4");
        assert_eq!(page_list(&[1, 2, 3, 7, 9, 10]), "pages 1 to 3, 7, 9 to 10");
    }

    #[test]
    fn every_error_survives_the_wire_and_has_its_code() {
        let errors = [
            (DocumentError::unsupported("x"), ErrorCode::UnsupportedMediaType),
            (DocumentError::unreadable("x"), ErrorCode::DocumentUnreadable),
            (DocumentError::encrypted("x"), ErrorCode::DocumentEncrypted),
            (DocumentError::needs_ocr(vec![1, 2], Unrecognized::NothingFound), ErrorCode::DocumentNeedsOcr),
            (DocumentError::needs_ocr(vec![3], Unrecognized::OutOfTime), ErrorCode::DocumentOcrTimeout),
            (DocumentError::needs_ocr(vec![1], Unrecognized::NotTried), ErrorCode::DocumentNeedsOcr),
            (DocumentError::limit("x"), ErrorCode::DocumentLimitExceeded),
            (DocumentError::ParserUnavailable { detail: "x".into() }, ErrorCode::Internal),
        ];
        for (error, code) in errors {
            let json = serde_json::to_string(&error).unwrap();
            assert_eq!(serde_json::from_str::<DocumentError>(&json).unwrap(), error, "{json}");
            assert_eq!(error.problem().code, code);
        }
    }
}
