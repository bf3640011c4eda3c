//! Formats without pages whose text is marked up: Markdown, HTML and plain text with AsciiDoc.

pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod plain;
