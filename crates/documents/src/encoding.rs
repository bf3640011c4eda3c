use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// The text of `bytes` in UTF-8, UTF-16 with a byte order mark, or Windows-1252; `None` when
/// control bytes say that it is no text. Line ends become `\n`.
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    let text = if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..])?.into_owned()
    } else if let Some(text) = UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
        text.into_owned()
    } else {
        WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
    };
    if text.chars().any(is_binary) {
        return None;
    }
    Some(normalise_line_ends(text))
}

/// Control characters that no text file has: all but tab, line ends, form feed and escape.
fn is_binary(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1a}' | '\u{1c}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
        && c != '\u{85}'
}

fn normalise_line_ends(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_and_binary_is_not() {
        assert_eq!(decode(b"a\r\nb\rc").as_deref(), Some("a\nb\nc"));
        assert_eq!(decode(b"\xfe\xff\0h\0i").as_deref(), Some("hi"));
        assert_eq!(decode(b"K\xfchlung \x80 5").as_deref(), Some("Kühlung € 5"));
        assert_eq!(decode(b"a\0b"), None);
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), None);
    }
}
