//! Web addresses and bare domain names.

use super::{PiiType, Scan};

impl Scan<'_, '_> {
    /// Looks around a `://`. An address that names a host and nothing else is a domain name.
    pub(super) fn url(&mut self, at: usize) -> usize {
        if at < self.url_end {
            return at + 3;
        }
        let start = self.skip_back(at, 12, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        let scheme = self.bytes.get(start..at).unwrap_or_default();
        if !scheme.first().is_some_and(u8::is_ascii_alphabetic) || self.inside_word(start) {
            return at + 3;
        }
        let end = self.skip(at + 3, 2048, |byte| byte > b' ' && byte != 0x7f && !b"<>\"`{}|\\^[]".contains(&byte));
        let mut end = self.trim_url(at + 3, end);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        if end <= at + 3 {
            return at + 3;
        }
        let rest = self.text.get(at + 3..end).unwrap_or_default();
        let host = rest.strip_suffix('/').unwrap_or(rest);
        let plain =
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') || byte >= 0x80);
        let domain = plain
            && scheme.to_ascii_lowercase().starts_with(b"http")
            && self.host_end(at + 3, at + 3 + host.len()) == Some(at + 3 + host.len());
        let kind = if domain { PiiType::DomainName } else { PiiType::Url };
        self.found(start, end, kind, 0.95);
        self.url_end = end;
        // What stands inside may matter more than the address: an e-mail address, a host by number.
        at + 3
    }

    /// Leaves punctuation at the end to the sentence, and brackets that were opened before the address.
    fn trim_url(&self, from: usize, mut end: usize) -> usize {
        // How many brackets close that were not opened here.
        let (mut opened, mut unopened) = (0_usize, 0_usize);
        for byte in self.bytes.get(from..end).unwrap_or_default() {
            match byte {
                b'(' => opened += 1,
                b')' if opened > 0 => opened -= 1,
                b')' => unopened += 1,
                _ => {}
            }
        }
        while end > from {
            match self.before(end) {
                b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' | b'*' | b'_' | b'~' => {}
                b')' if unopened > 0 => unopened -= 1,
                _ => break,
            }
            end -= 1;
        }
        end
    }

    /// Looks around a `.` for a bare domain name.
    pub(super) fn domain(&mut self, at: usize) -> usize {
        if !self.before(at).is_ascii_alphanumeric() || !self.byte(at + 1).is_ascii_alphanumeric() {
            return at + 1;
        }
        let label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let start = self.skip_back(at, 63, label);
        let end = self.skip(at, 253, label);
        let touched = b"@/\\_:=~#$".contains(&self.before(start)) || self.inside_word(start);
        let Some(host_end) = self.host_end(start, end).filter(|_| !touched && !self.goes_on(end)) else { return end };
        let host = self.text.get(start..host_end).unwrap_or_default();
        let host = if host.bytes().any(|byte| byte.is_ascii_lowercase()) {
            host.to_owned()
        } else {
            host.to_ascii_lowercase()
        };
        let behind = self.byte(host_end);
        if behind == b'@' || behind == b'(' || behind == b'\\' || !is_domain(&host) {
            return end;
        }
        if behind == b'/' && self.byte(host_end + 1).is_ascii_alphanumeric() {
            let to = self.skip(host_end, 2048, |byte| byte > b' ' && byte < 0x7f && !b"<>\"`{}|\\^[]".contains(&byte));
            return self.found(start, self.trim_url(start, to), PiiType::Url, 0.8);
        }
        self.found(start, host_end, PiiType::DomainName, 0.8);
        end
    }
}

/// Whether a host ends like a domain that people write without a scheme; they write the end in lower case.
fn is_domain(host: &str) -> bool {
    let top = host.rsplit('.').next().unwrap_or_default();
    host.starts_with("www.") || TOPS.contains(&top)
}

/// Top-level domains that are no ending of a file, no method and no word after a forgotten space.
const TOPS: &[&str] = &[
    "com", "org", "net", "edu", "gov", "mil", "info", "biz", "io", "eu", "de", "uk", "fr", "cz", "sk", "hu", "nl",
    "lu", "dk", "fi", "se", "ru", "ua", "jp", "cn", "kr", "tw", "ca", "mx", "br", "nz", "za", "ie", "gr", "pt", "ro",
    "bg", "hr", "si", "lt", "lv", "ee", "cy", "tr", "il", "us", "cloud", "online", "shop", "xyz", "dev",
];

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::{DomainName, Url};

    #[test]
    fn domains_and_addresses() {
        only("My website is http://www.ScrapbookInsider.com.pt/", DomainName, "http://www.ScrapbookInsider.com.pt/");
        only("see https://OlderSong.se/.", DomainName, "https://OlderSong.se/");
        only("https://example.com/a?b=c#d, and", Url, "https://example.com/a?b=c#d");
        only("(https://en.example.org/wiki/A_(b))", Url, "https://en.example.org/wiki/A_(b)");
        only("[link](http://example.org/x)", Url, "http://example.org/x");
        only("ftp://files.example.org", Url, "ftp://files.example.org");
        only("opc.tcp://localhost:4840", Url, "opc.tcp://localhost:4840");
        only("visit example.com today", DomainName, "example.com");
        only("visit www.example.pl.", DomainName, "www.example.pl");
        only("see example.com/path.", Url, "example.com/path");
    }

    #[test]
    fn no_domains() {
        for text in [
            "index.html",
            "printer.cfg",
            "end.It is",
            "a.b.c",
            "e.g.this",
            "foo.py",
            "self.com()",
            "main.rs",
            "X.Y",
            "klipper.md",
            "://x",
            "3.5.mm",
        ] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }
}
