//! Looks into zip and OLE containers just far enough to say what they are. Works on the raw
//! directory, so that a hostile archive costs neither memory nor decompression here.

use crate::DocumentError;
use crate::detect::find;

/// First bytes of an OLE compound file: old Office formats and encrypted new ones.
pub(crate) const OLE_MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// The most directory entries looked at.
const MAX_ENTRIES_SEEN: usize = 20_000;

pub(crate) enum Container {
    Docx,
    Pptx,
    Xlsx,
    Other(&'static str),
    Damaged,
}

/// What a zip archive holds, by the names in its central directory.
pub(crate) fn of_zip(bytes: &[u8]) -> Container {
    let Some(mut at) = directory_start(bytes) else { return Container::Damaged };
    let mut content_types = false;
    let (mut word, mut slides, mut sheets) = (false, false, false);
    let mut other = None;
    for _ in 0..MAX_ENTRIES_SEEN {
        let Some((name, next)) = entry(bytes, at) else { break };
        at = next;
        content_types |= name == b"[Content_Types].xml";
        word |= name.starts_with(b"word/") && name.ends_with(b".xml");
        slides |= name == b"ppt/presentation.xml";
        sheets |= name == b"xl/workbook.xml";
        other = other.or_else(|| kind_of_entry(name));
    }
    match other {
        _ if word && content_types => Container::Docx,
        _ if slides && content_types => Container::Pptx,
        _ if sheets && content_types => Container::Xlsx,
        Some(detail) => Container::Other(detail),
        None => Container::Other("a zip archive without an Office document in it"),
    }
}

fn kind_of_entry(name: &[u8]) -> Option<&'static str> {
    if name.starts_with(b"xl/") {
        Some("an Excel workbook of a form that is not read (.xlsb); save it as .xlsx")
    } else if name.starts_with(b"ppt/") {
        Some("a damaged PowerPoint presentation")
    } else if name == b"META-INF/manifest.xml" {
        Some("an OpenDocument file")
    } else if name == b"META-INF/container.xml" {
        Some("an EPUB book")
    } else {
        None
    }
}

/// Where the central directory starts, from the end-of-directory record.
fn directory_start(bytes: &[u8]) -> Option<usize> {
    let tail_start = bytes.len().saturating_sub(22 + 65_535);
    let tail = &bytes[tail_start..];
    let end = tail_start + tail.windows(4).rposition(|window| window == b"PK\x05\x06")?;
    let size = usize::try_from(u32_at(bytes, end + 12)?).ok()?;
    let offset = usize::try_from(u32_at(bytes, end + 16)?).ok()?;
    // Bytes in front of the archive move the directory; its size still ends at the record.
    let by_size = end.checked_sub(size)?;
    [offset, by_size].into_iter().find(|&at| bytes.get(at..at + 4) == Some(b"PK\x01\x02".as_slice()))
}

fn entry(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    if bytes.get(at..at.checked_add(4)?)? != b"PK\x01\x02" {
        return None;
    }
    let name_length = usize::from(u16_at(bytes, at + 28)?);
    let extra = usize::from(u16_at(bytes, at + 30)?) + usize::from(u16_at(bytes, at + 32)?);
    let name = bytes.get(at + 46..at + 46 + name_length)?;
    Some((name, at + 46 + name_length + extra))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// Why an OLE compound file is refused, by the stream names in its directory.
pub(crate) fn of_ole(bytes: &[u8]) -> DocumentError {
    let has = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        find(bytes, &wide).is_some()
    };
    if has("EncryptedPackage") || has("EncryptionInfo") {
        DocumentError::encrypted("it is an Office file with a password")
    } else if has("WordDocument") {
        DocumentError::unsupported("an old Word document (.doc); save it as .docx")
    } else if has("Workbook") {
        DocumentError::unsupported("an old Excel workbook (.xls); save it as .xlsx")
    } else if has("PowerPoint Document") {
        DocumentError::unsupported("an old PowerPoint presentation (.ppt); save it as .pptx")
    } else {
        DocumentError::unsupported("an OLE compound file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ole(stream: &str) -> Vec<u8> {
        let mut bytes = OLE_MAGIC.to_vec();
        bytes.resize(512, 0);
        bytes.extend(stream.encode_utf16().flat_map(u16::to_le_bytes));
        bytes
    }

    #[test]
    fn ole_files_are_told_apart() {
        assert!(matches!(of_ole(&ole("EncryptedPackage")), DocumentError::Encrypted { .. }));
        let DocumentError::UnsupportedMediaType { detail } = of_ole(&ole("WordDocument")) else { panic!("kind") };
        assert!(detail.contains(".docx"));
    }

    #[test]
    fn a_directory_that_points_nowhere_is_damage() {
        assert!(matches!(of_zip(b"PK\x03\x04"), Container::Damaged));
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend(b"PK\x05\x06");
        bytes.extend([0xff; 18]);
        assert!(matches!(of_zip(&bytes), Container::Damaged));
    }
}
