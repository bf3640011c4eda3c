//! `multipart/mixed` with HTTP inside, as `$batch` has it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// So many parts of an answer are read.
const MAX_PARTS: usize = 1_000;
const MAX_HEADERS: usize = 100;

/// A body that is being put together.
pub(super) struct Multipart {
    boundary: String,
    body: Vec<u8>,
}

impl Multipart {
    pub(super) fn new(boundary: String) -> Self {
        Self { boundary, body: Vec::new() }
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/mixed; boundary={}", self.boundary)
    }

    fn begin(&mut self) {
        self.body.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
    }

    /// Adds a request; names and values of headers, the method and the address hold no line ends by their types.
    pub(super) fn request(
        &mut self,
        id: Option<usize>,
        (method, relative): (&Method, &str),
        headers: &HeaderMap,
        body: Option<&Bytes>,
    ) {
        self.begin();
        self.body.extend_from_slice(b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
        if let Some(id) = id {
            self.body.extend_from_slice(format!("Content-ID: {id}\r\n").as_bytes());
        }
        self.body.extend_from_slice(format!("\r\n{method} {relative} HTTP/1.1\r\n").as_bytes());
        for (name, value) in headers {
            self.body.extend_from_slice(name.as_str().as_bytes());
            self.body.extend_from_slice(b": ");
            self.body.extend_from_slice(value.as_bytes());
            self.body.extend_from_slice(b"\r\n");
        }
        if let Some(body) = body {
            self.body.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        self.body.extend_from_slice(b"\r\n");
        self.body.extend_from_slice(body.map_or(&b""[..], Bytes::as_ref));
        self.body.extend_from_slice(b"\r\n");
    }

    /// Adds requests that hold together.
    pub(super) fn nested(&mut self, inner: Self) {
        self.begin();
        self.body.extend_from_slice(format!("Content-Type: {}\r\n\r\n", inner.content_type()).as_bytes());
        self.body.extend_from_slice(&inner.finish());
        self.body.extend_from_slice(b"\r\n");
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        self.body
    }
}

/// One part: its headers and what follows them.
pub(super) struct Part<'b> {
    pub(super) headers: HeaderMap,
    pub(super) body: &'b [u8],
}

/// An answer in a part.
pub(super) struct Inner<'b> {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: &'b [u8],
}

/// The boundary that a content type names.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let named = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
    let (_, value) = named.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty() && value.len() <= 200).then(|| value.to_owned())
}

/// The parts between boundaries; nothing where the end is missing.
pub(super) fn parts<'b>(body: &'b [u8], boundary: &str) -> Option<Vec<Part<'b>>> {
    let mark = format!("--{boundary}");
    let mut found = Vec::new();
    let (mut rest, mut begun) = (body, None);
    let mut at = 0;
    while !rest.is_empty() {
        let line_end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let line = rest[..line_end].trim_ascii_end();
        let is_end = line.strip_suffix(b"--") == Some(mark.as_bytes());
        if is_end || line == mark.as_bytes() {
            if let Some(from) = begun {
                found.push(part(&body[from..at])?);
            }
            if is_end {
                return Some(found);
            }
            if found.len() >= MAX_PARTS {
                return None;
            }
            begun = Some(at + line_end);
        }
        at += line_end;
        rest = &rest[line_end..];
    }
    None
}

fn part(text: &[u8]) -> Option<Part<'_>> {
    // The line end before a boundary belongs to the boundary.
    let text = text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text);
    let (headers, body) = headers(text)?;
    Some(Part { headers, body })
}

/// An answer of HTTP within a part.
pub(super) fn inner(part: &[u8]) -> Option<Inner<'_>> {
    let end = part.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&part[..end]).ok()?.trim();
    let mut words = line.split_ascii_whitespace();
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    let status = words.next()?.parse().ok().filter(|status| (100..600).contains(status))?;
    let (headers, body) = headers(&part[end + 1..])?;
    let length = headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = length.and_then(|length: usize| body.get(..length)).unwrap_or(body);
    Some(Inner { status, headers, body })
}

/// Headers up to an empty line, and what follows it.
fn headers(mut text: &[u8]) -> Option<(HeaderMap, &[u8])> {
    let mut found = HeaderMap::new();
    loop {
        let line_end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
        let line = text[..line_end].trim_ascii();
        text = &text[line_end..];
        if line.is_empty() {
            return Some((found, text));
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line[..colon].trim_ascii()).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        if found.len() >= MAX_HEADERS {
            return None;
        }
        found.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_put_together_is_taken_apart() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("application/json"));
        let mut inner_part = Multipart::new("changeset_1".into());
        let body = Bytes::from_static(b"{\"a\":\"--batch_1\\r\\n\"}");
        inner_part.request(Some(1), (&Method::POST, "A"), &headers, Some(&body));
        let mut outer = Multipart::new("batch_1".into());
        outer.request(None, (&Method::GET, "A?$top=1"), &headers, None);
        outer.nested(inner_part);
        let kind = outer.content_type();
        let text = outer.finish();
        let found = parts(&text, &boundary(&kind).unwrap()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].body, b"GET A?$top=1 HTTP/1.1\r\naccept: application/json\r\n\r\n");
        let kind = found[1].headers["content-type"].to_str().unwrap();
        let nested = parts(found[1].body, &boundary(kind).unwrap()).unwrap();
        assert_eq!(nested[0].headers["content-id"], "1");
        assert!(nested[0].body.ends_with(&body));
    }

    #[test]
    fn answers_are_read_with_and_without_a_length() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}\r\nrest";
        let read = inner(text).unwrap();
        assert_eq!((read.status, read.body), (201, &b"{}"[..]));
        let read = inner(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        assert_eq!((read.status, read.body), (204, &b""[..]));
        assert_eq!(inner(b"HTTP/1.1 200 OK\nA: b\n\nxyz").unwrap().body, b"xyz");
        for text in [
            "",
            "HTTP/1.1",
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 999 X\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nnocolon\r\n\r\n",
        ] {
            assert!(inner(text.as_bytes()).is_none(), "{text}");
        }
        assert!(parts(b"--b\r\n\r\nx\r\n", "b").is_none(), "cut off");
        assert_eq!(boundary("multipart/mixed; charset=x; Boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(boundary("application/json; boundary=a"), None);
        assert_eq!(boundary("multipart/mixed"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(text in proptest::collection::vec(prop_oneof![Just(b'-'), Just(b'b'), Just(b'\r'), Just(b'\n'), Just(b':'), any::<u8>()], 0..200)) {
            if let Some(found) = parts(&text, "b") {
                for part in found {
                    let _ = inner(part.body);
                }
            }
            let _ = inner(&text);
        }
    }
}
