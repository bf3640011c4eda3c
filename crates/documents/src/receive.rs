//! The parent's side of the pipe. The parser's process has read a stranger's bytes: what it says is checked like these.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::worker::Message;
use crate::{DocumentError, Limits, Page, Summary};

const MIB: u64 = 1024 * 1024;

/// Reads messages until the last one; `None` when the worker ended without one. No line is kept that is longer than
/// `max_message_bytes`, and no page handed on that is not of the promised form.
pub(crate) async fn receive(
    stdout: impl AsyncRead + Unpin,
    limits: &Limits,
    mut on_page: impl FnMut(Page) -> Result<(), DocumentError>,
) -> Result<Option<Summary>, DocumentError> {
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
            Ok(Message::Done(summary)) => return Ok(Some(summary)),
            Ok(Message::Error(error)) => return Err(error),
            // A line cut in the middle: the worker was killed, or wrote more than it may.
            Err(_) => return Ok(None),
        }
    }
}

fn unavailable(error: impl std::fmt::Display) -> DocumentError {
    DocumentError::ParserUnavailable { detail: error.to_string() }
}

/// What has come so far.
#[derive(Default)]
struct Seen {
    pages: u32,
    characters: u64,
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
            return Err(DocumentError::unreadable("the parser broke down over it"));
        }
        Ok(())
    }
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
    use super::*;

    async fn received(said: &[u8], limits: &Limits) -> (usize, Result<Option<Summary>, DocumentError>) {
        let mut pages = 0;
        let result = receive(said, limits, |_| {
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
}
