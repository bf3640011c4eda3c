//! Answers that come line by line.

use std::{collections::VecDeque, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};
use reqwest::RequestBuilder;
use tokio::time::{Instant, timeout_at};

use super::{Endpoint, Patience};
use crate::LlmError;

/// A line longer than this is not a piece of a chat answer.
const MAX_LINE_BYTES: usize = 1 << 20;
/// An answer longer than this is a model that does not stop.
const MAX_ANSWER_BYTES: usize = 2 << 20;
/// How long to wait, after all that was asked for has come, for the count of tokens.
const TRAILER_PATIENCE: Duration = Duration::from_secs(2);

/// What a line was.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Seen {
    /// A token came, though perhaps one of silent reasoning.
    pub(crate) token: bool,
    /// The end marker came.
    pub(crate) end: bool,
    /// So many bytes of the answer came.
    pub(crate) bytes: usize,
}

/// Reads the lines of one kind of server.
pub(crate) trait Decoder: Send + 'static {
    /// What the lines are turned into.
    type Item: Send + 'static;

    /// Takes one line without its line end, and puts what it says behind `out`.
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Self::Item>) -> Result<Seen, LlmError>;

    /// Whether all that was asked for has come, so that only figures about it can follow.
    fn is_whole(&self) -> bool;

    /// Puts the end behind `out`: the end marker came, or all that was asked for and then nothing more.
    fn finish(&mut self, out: &mut VecDeque<Self::Item>);
}

impl Endpoint {
    /// Sends a request and hands the lines of its answer to `decoder` as they come.
    pub(crate) async fn open<D: Decoder>(
        &self,
        request: RequestBuilder,
        decoder: D,
    ) -> Result<BoxStream<'static, Result<D::Item, LlmError>>, LlmError> {
        let started = Instant::now();
        let first = started + self.patience.first_token.min(self.patience.total);
        let response = self.send(request, first, self.patience.first_token).await?;
        let reader = Reader {
            provider: self.provider,
            body: response.bytes_stream().boxed(),
            buffer: BytesMut::new(),
            scanned: 0,
            decoder,
            ready: VecDeque::new(),
            patience: self.patience,
            total_deadline: started + self.patience.total,
            next_deadline: first,
            had_token: false,
            answer_bytes: 0,
            ended: false,
        };
        Ok(futures::stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }).boxed())
    }
}

struct Reader<D: Decoder> {
    provider: &'static str,
    body: BoxStream<'static, Result<Bytes, reqwest::Error>>,
    buffer: BytesMut,
    scanned: usize,
    decoder: D,
    ready: VecDeque<D::Item>,
    patience: Patience,
    total_deadline: Instant,
    next_deadline: Instant,
    had_token: bool,
    answer_bytes: usize,
    ended: bool,
}

impl<D: Decoder> Reader<D> {
    async fn next(&mut self) -> Option<Result<D::Item, LlmError>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.ended = true;
                // Nothing follows an error.
                self.ready.clear();
                return Some(Err(error));
            }
        }
    }

    /// Takes one line from the buffer, or waits for more bytes.
    async fn advance(&mut self) -> Result<(), LlmError> {
        let provider = self.provider;
        // Lines are cut as bytes, so that a character that two packets share stays whole.
        if let Some(end) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') {
            let line = self.buffer.split_to(self.scanned + end);
            self.buffer.advance(1);
            self.scanned = 0;
            return self.take_line(line.strip_suffix(b"\r").unwrap_or(&line));
        }
        self.scanned = self.buffer.len();
        if self.scanned > MAX_LINE_BYTES {
            return Err(LlmError::BadStream { provider, what: "a line without end" });
        }
        match timeout_at(self.next_deadline.min(self.total_deadline), self.body.next()).await {
            Ok(Some(Ok(part))) => {
                self.buffer.extend_from_slice(&part);
                Ok(())
            }
            Ok(Some(Err(_))) => self.end_or(LlmError::Interrupted { provider }),
            Ok(None) => {
                // A last line need not have a line end.
                let rest = self.buffer.split();
                self.scanned = 0;
                if !rest.is_empty() {
                    self.take_line(&rest)?;
                    self.take_line(b"")?;
                }
                if self.ended { Ok(()) } else { self.end_or(LlmError::Interrupted { provider }) }
            }
            Err(_) => self.end_or(self.timed_out()),
        }
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), LlmError> {
        if self.ended {
            return Ok(());
        }
        let seen = self.decoder.line(line, &mut self.ready)?;
        self.answer_bytes += seen.bytes;
        if self.answer_bytes > MAX_ANSWER_BYTES {
            return Err(LlmError::BadStream { provider: self.provider, what: "an answer without end" });
        }
        if seen.token {
            self.had_token = true;
            self.next_deadline = Instant::now() + self.patience.idle;
        }
        if self.decoder.is_whole() {
            self.next_deadline = Instant::now() + TRAILER_PATIENCE;
        }
        if seen.end {
            self.finish();
        }
        Ok(())
    }

    /// Once all that was asked for has come the answer is whole; otherwise this is a failure.
    fn end_or(&mut self, error: LlmError) -> Result<(), LlmError> {
        if self.decoder.is_whole() {
            self.finish();
            Ok(())
        } else {
            Err(error)
        }
    }

    fn finish(&mut self) {
        self.decoder.finish(&mut self.ready);
        self.ended = true;
    }

    fn timed_out(&self) -> LlmError {
        let provider = self.provider;
        if Instant::now() >= self.total_deadline {
            return LlmError::Timeout { provider, what: "complete answer", seconds: self.patience.total.as_secs() };
        }
        let (what, patience) = if self.had_token {
            ("further token", self.patience.idle)
        } else {
            ("first token", self.patience.first_token)
        };
        LlmError::Timeout { provider, what, seconds: patience.as_secs() }
    }
}
