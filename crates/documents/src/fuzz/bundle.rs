//! Office files as text: a change of a packed file seldom reaches the XML in it, so the parts are changed and packed then.

use std::io::{Cursor, Write};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// A line that begins so names the part that follows.
const MARK: &[u8] = b"=== ";

/// Packs the parts of a bundle. What is packed already stays as it is.
pub(super) fn packed(bundle: &[u8]) -> Vec<u8> {
    if bundle.starts_with(b"PK") {
        return bundle.to_vec();
    }
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for line in bundle.split_inclusive(|&byte| byte == b'\n') {
        if let Some(name) = line.strip_prefix(MARK) {
            parts.push((String::from_utf8_lossy(name).trim().to_owned(), Vec::new()));
        } else if let Some((_, content)) = parts.last_mut() {
            content.extend_from_slice(line);
        }
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in parts {
        // A name that stands twice is not packed twice.
        if zip.start_file(name, stored).is_ok() {
            zip.write_all(&content).expect("memory");
        }
    }
    zip.finish().expect("memory").into_inner()
}
