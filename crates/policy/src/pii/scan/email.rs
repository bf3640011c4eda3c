//! E-mail addresses, around the `@`.

use super::{PiiType, Scan};

impl Scan<'_, '_> {
    /// Looks around an `@`.
    pub(super) fn email(&mut self, at: usize) -> usize {
        let host_end =
            self.skip(at + 1, 253, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') || byte >= 0x80);
        let Some(end) = self.host_end(at + 1, host_end) else { return at + 1 };
        let mut start = self.skip_back(at, 64, |byte| {
            byte.is_ascii_alphanumeric() || byte >= 0x80 || b"!#$%&'*+-/=?^_{|}~.".contains(&byte)
        });
        // What commonly stands before an address without a space belongs to the sentence.
        while start < at && b"!#$%&'*/=?^{|}~.-+".contains(&self.byte(start)) {
            start += 1;
        }
        if let Some(offset) =
            self.bytes.get(start..at).and_then(|local| local.iter().rposition(|b| b"='/|{?&*".contains(b)))
        {
            start += offset + 1;
        }
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        if start >= at || self.before(at) == b'.' {
            return at + 1;
        }
        self.found(start, end, PiiType::EmailAddress, 1.0)
    }

    /// The end of a host name with at least two labels and a top-level domain of letters.
    pub(super) fn host_end(&self, start: usize, end: usize) -> Option<usize> {
        let host = self.text.get(start..end)?.trim_end_matches(['.', '-']);
        let mut labels = host.rsplit('.');
        let top = labels.next()?;
        let plausible =
            top.len() >= 2 && top.chars().all(char::is_alphabetic) && !FILES.contains(&&*top.to_ascii_lowercase());
        let mut rest = 0;
        for label in labels {
            if label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-') {
                return None;
            }
            rest += 1;
        }
        (plausible && rest > 0).then_some(start + host.len())
    }
}

/// Endings of file names that come after an `@` or a dot, such as `logo@2x.png`.
const FILES: &[&str] =
    &["png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "txt", "json", "xml", "html", "htm", "service"];

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::EmailAddress;

    #[test]
    fn addresses() {
        for (text, address) in [
            ("What's your email? UshurmaDratchev@rhyta.com. Right?", "UshurmaDratchev@rhyta.com"),
            ("<a.b+c_d@mail.example.co.uk>", "a.b+c_d@mail.example.co.uk"),
            ("mailto:x@y.de?subject=1", "x@y.de"),
            ("jörg@müller.de,", "jörg@müller.de"),
            ("'o'neil@x.com'", "neil@x.com"),
            ("(j-r@a-b.io)", "j-r@a-b.io"),
            ("mail=a1@b2.org;", "a1@b2.org"),
        ] {
            only(text, EmailAddress, address);
        }
    }

    #[test]
    fn no_addresses() {
        for text in [
            "@Override",
            "a @ b.com",
            "user@host",
            "logo@2x.png",
            "x@y..com",
            "5 @ 3.50",
            "a.@b.com",
            "@b.com",
            "a@-b.com",
            "@",
        ] {
            assert!(find(text).iter().all(|(kind, _)| *kind != EmailAddress), "in {text:?}");
        }
    }
}
