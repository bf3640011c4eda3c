//! The parent's side of the pipe. The parser's process has read a stranger's bytes: what it says is checked like these.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::worker::{Message, Request};
use crate::{DocumentError, Limits, Page, Recognizer, Summary};

const MIB: u64 = 1024 * 1024;
/// Of a refusal's words: they stand beside the document for people to read.
const MOST_DETAIL: usize = 400;
/// What every parser of ours calls itself, before its version.
const OUR_NAME: &str = concat!(env!("CARGO_PKG_NAME"), " ");
/// No version of ours is longer.
const MOST_VERSION: usize = 40;

/// Reads messages until the last one; `None` when the worker ended without one. No line is kept that is longer than
/// `max_message_bytes`, no page handed on that is not of the promised form, and no summary returned that says other than
/// what came and was asked for: parts of it are signed.
pub(crate) async fn receive(
    stdout: impl AsyncRead + Unpin,
    request: &Request,
    mut on_page: impl FnMut(Page) -> Result<(), DocumentError>,
) -> Result<Option<Summary>, DocumentError> {
    let limits = &request.limits;
    let mut stdout = BufReader::with_capacity(64 * 1024, stdout);
    let mut line = Vec::new();
    let mut seen = Seen::default();
    loop {
        line.clear();
        // One more than is allowed tells a line that is too long from one that just fits.
        let mut part = (&mut stdout).take(limits.max_message_bytes.saturating_add(1));
        if part.read_until(b'\n', &mut line).await.map_err(unavailable)? == 0 {
            return Ok(None);
        }
        if line.len() as u64 > limits.max_message_bytes {
            let most = limits.max_message_bytes.div_ceil(MIB);
            return Err(DocumentError::limit(format!("what was read of one page takes more than {most} MiB")));
        }
        match serde_json::from_slice::<Message>(&line) {
            Ok(Message::Page(page)) => {
                seen.check(&page, limits)?;
                on_page(page)?;
            }
            Ok(Message::Done(summary)) if seen.agrees_with(&summary, request) => return Ok(Some(summary)),
            Ok(Message::Done(_)) => return Err(broke_down()),
            Ok(Message::Error(error)) => return Err(seen.heard(error)),
            // A line cut in the middle: the worker was killed, or wrote more than it may.
            Err(_) => return Ok(None),
        }
    }
}

fn unavailable(error: impl std::fmt::Display) -> DocumentError {
    DocumentError::ParserUnavailable { detail: error.to_string() }
}

fn broke_down() -> DocumentError {
    DocumentError::unreadable("the parser broke down over it")
}

/// What has come so far.
#[derive(Default)]
struct Seen {
    pages: u32,
    characters: u64,
    /// The pages whose text was recognised.
    recognized: Vec<u32>,
}

impl Seen {
    fn check(&mut self, page: &Page, limits: &Limits) -> Result<(), DocumentError> {
        let length = page.text.chars().count();
        self.pages += 1;
        self.characters += length as u64;
        if self.pages > limits.max_pages {
            return Err(DocumentError::limit(format!("more than {} pages", limits.max_pages)));
        }
        crate::builder::check_characters(self.characters, limits)?;
        if page.number != self.pages || !has_exact_spans(page, length) {
            return Err(broke_down());
        }
        if page.recognized {
            self.recognized.push(page.number);
        }
        Ok(())
    }

    /// Whether a summary says what came, and names nothing that was not asked for. The title is text of the document like
    /// that of its pages.
    fn agrees_with(&self, summary: &Summary, request: &Request) -> bool {
        let recognition = summary.recognition.as_ref();
        summary.format == request.format
            && summary.paged == request.format.is_paged()
            && summary.page_count == self.pages
            && summary.characters == self.characters
            && summary.pages_recognized == self.recognized
            && self.are_pages(&summary.pages_without_text)
            && self.are_pages(&summary.pages_out_of_time)
            && is_ours(&summary.parser)
            // Where text was recognised, what did that is recorded.
            && (recognition.is_some() || self.recognized.is_empty())
            && (recognition.is_none()
                || recognition == request.recognizer.as_ref().map(Recognizer::recognition).as_ref())
    }

    /// A refusal, as far as a parser can know of it.
    fn heard(&self, error: DocumentError) -> DocumentError {
        match error {
            // Whether a parser can be started and spoken to its parent alone knows. Of a document it is no fault of the moment
            // either: tried again and again, it would keep a worker for ever.
            DocumentError::ParserUnavailable { .. } => broke_down(),
            DocumentError::NeedsOcr { ref pages, .. } if pages.is_empty() || !self.are_pages(pages) => broke_down(),
            other => bounded(other),
        }
    }

    /// Whether these are pages that came, each once and in order.
    fn are_pages(&self, pages: &[u32]) -> bool {
        pages.iter().all(|page| (1..=self.pages).contains(page)) && pages.is_sorted_by(|one, next| one < next)
    }
}

/// Whether this is our parser, of any version: the program's file may be replaced while its parent runs.
fn is_ours(parser: &str) -> bool {
    parser.strip_prefix(OUR_NAME).is_some_and(|version| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
        (1..=MOST_VERSION).contains(&version.len()) && version.bytes().all(plain)
    })
}

/// The same in few words, without characters that steer a terminal or that a database refuses.
pub(crate) fn bounded(mut error: DocumentError) -> DocumentError {
    if let Some(detail) = error.detail_mut() {
        *detail = detail.chars().take(MOST_DETAIL).map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    error
}

/// Whether all spans lie within the text, in order and without overlap.
fn has_exact_spans(page: &Page, length: usize) -> bool {
    let mut at = 0;
    let mut follows = |start: usize, end: usize| {
        let follows = at <= start && start <= end && end <= length;
        at = end;
        follows
    };
    let blocks = page.blocks.iter().all(|block| block.start < block.end && follows(block.start, block.end));
    let mut at = 0;
    let words = page.layout.iter().flat_map(|layout| &layout.words).all(|word| {
        let follows = at <= word.start && word.start <= word.end && word.end as usize <= length;
        at = word.end;
        follows
    });
    blocks && words
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Format, PARSER, Unrecognized};

    async fn received(said: &[u8], limits: &Limits) -> (usize, Result<Option<Summary>, DocumentError>) {
        let mut pages = 0;
        let request = Request { format: Format::Pdf, limits: *limits, length: 0, recognizer: None };
        let result = receive(said, &request, |_| {
            pages += 1;
            Ok(())
        });
        let result = result.await;
        (pages, result)
    }

    fn page(number: u32, text: &str, blocks: &str) -> String {
        format!("{{\"page\":{{\"number\":{number},\"text\":\"{text}\",\"blocks\":{blocks}}}}}\n")
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_refused_and_not_kept() {
        let limits = Limits { max_message_bytes: 1000, ..Limits::default() };
        let (_, result) = received(&[b'x'; 5000], &limits).await;
        assert!(matches!(&result, Err(DocumentError::LimitExceeded { .. })), "{result:?}");
        let fits = page(1, &"x".repeat(900), "[]");
        assert!(fits.len() <= 1000);
        assert_eq!(received(fits.as_bytes(), &limits).await, (1, Ok(None)));
    }

    #[tokio::test]
    async fn pages_that_were_not_promised_are_refused() {
        let limits = Limits { max_characters: 10, max_pages: 2, ..Limits::default() };
        let all = "[{\"type\":\"paragraph\",\"start\":0,\"end\":4}]";
        let beyond = "[{\"type\":\"paragraph\",\"start\":0,\"end\":5}]";
        let twice = "[{\"type\":\"paragraph\",\"start\":0,\"end\":4},{\"type\":\"paragraph\",\"start\":2,\"end\":4}]";
        assert_eq!(received(page(1, "Pump", all).as_bytes(), &limits).await, (1, Ok(None)));
        for wrong in [page(2, "Pump", all), page(1, "Pump", beyond), page(1, "Pump", twice)] {
            let (pages, result) = received(wrong.as_bytes(), &limits).await;
            assert!(pages == 0 && matches!(result, Err(DocumentError::Unreadable { .. })), "{wrong}: {result:?}");
        }
        let long = page(1, "Pump", all) + &page(2, "grease it", "[]");
        let many = page(1, "a", "[]") + &page(2, "b", "[]") + &page(3, "c", "[]");
        for (said, taken) in [(long, 1), (many, 2)] {
            let (pages, result) = received(said.as_bytes(), &limits).await;
            assert!(pages == taken && matches!(result, Err(DocumentError::LimitExceeded { .. })), "{said}: {result:?}");
        }
    }

    #[tokio::test]
    async fn a_summary_that_says_other_than_what_came_is_refused() {
        let said = |field: &str, value: Value| {
            let mut summary = json!({
                "format": "pdf", "page_count": 1, "paged": true, "characters": 4, "title": null, "pages_without_text": [1],
                "parser": PARSER,
            });
            summary[field] = value;
            page(1, "Pump", "[]") + &json!({ "done": summary }).to_string() + "\n"
        };
        let (_, result) = received(said("title", json!("Pump")).as_bytes(), &Limits::default()).await;
        assert!(matches!(result, Ok(Some(_))), "{result:?}");
        for (field, value) in [
            ("format", json!("pptx")),
            ("page_count", json!(2)),
            ("paged", json!(false)),
            ("characters", json!(5)),
            ("pages_without_text", json!([0])),
            ("pages_without_text", json!([2])),
            ("pages_without_text", json!([1, 1])),
            ("pages_recognized", json!([1])),
            ("pages_out_of_time", json!([4_000_000_000_u32])),
            ("parser", json!("somebody 1.0")),
            ("parser", json!(OUR_NAME)),
            ("parser", json!(format!("{PARSER} <b>"))),
            ("parser", json!(format!("{PARSER}{}", "0".repeat(100)))),
            ("recognition", json!({ "engine": "tesseract 5.3.0", "languages": "eng" })),
        ] {
            let said = said(field, value);
            let (_, result) = received(said.as_bytes(), &Limits::default()).await;
            assert!(matches!(result, Err(DocumentError::Unreadable { .. })), "{said}: {result:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_heard_in_few_words_and_never_as_one_of_the_parent() {
        let limits = Limits::default();
        let said = |error: &DocumentError| json!({ "error": error }).to_string() + "\n";
        let long = DocumentError::limit("a\u{0}".repeat(1000));
        let (_, result) = received(said(&long).as_bytes(), &limits).await;
        assert_eq!(result, Err(DocumentError::limit("a ".repeat(MOST_DETAIL / 2))));
        for wrong in [
            DocumentError::ParserUnavailable { detail: "no memory".to_owned() },
            DocumentError::needs_ocr(vec![], Unrecognized::NotTried),
            DocumentError::needs_ocr(vec![1], Unrecognized::NotTried),
        ] {
            let (_, result) = received(said(&wrong).as_bytes(), &limits).await;
            assert_eq!(result, Err(broke_down()), "{wrong:?}");
        }
        let scan = page(1, "", "[]") + &said(&DocumentError::needs_ocr(vec![1], Unrecognized::NotTried));
        let (_, result) = received(scan.as_bytes(), &limits).await;
        assert!(matches!(result, Err(DocumentError::NeedsOcr { .. })), "{result:?}");
    }
}
