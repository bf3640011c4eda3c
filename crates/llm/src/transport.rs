//! The HTTP side shared by the remote providers: one client, patience with limits, and lines.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::{
    LlmError,
    model::{Delta, DeltaStream, StopReason},
};

/// A line longer than this is not a piece of a chat answer.
const MAX_LINE_BYTES: usize = 1 << 20;
/// An answer longer than this is a model that does not stop.
const MAX_ANSWER_BYTES: usize = 256 << 10;
/// How long to wait, after the reason for stopping has come, for the count of tokens.
const TRAILER_PATIENCE: Duration = Duration::from_secs(2);
/// How long a health check may take.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait for a model server before giving up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// To establish the connection.
    pub connect: Duration,
    /// From the request to the first token.
    pub first_token: Duration,
    /// From one token to the next.
    pub idle: Duration,
    /// For the whole answer.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_mins(1),
            idle: Duration::from_secs(30),
            total: Duration::from_mins(10),
        }
    }
}

/// The key of a model server. Never shown, and wiped when dropped.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Takes the key into keeping.
    pub fn new(key: String) -> Self {
        Self(Zeroizing::new(key))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// One server: where it is and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) provider: &'static str,
    base: Url,
    client: Client,
    pub(crate) patience: Patience,
}

impl Endpoint {
    /// An endpoint below `base`; `variable` is named when the address is not one.
    pub(crate) fn new(
        provider: &'static str,
        variable: &'static str,
        base: &str,
        patience: Patience,
    ) -> Result<Self, LlmError> {
        let invalid = || LlmError::InvalidAddress { variable };
        let mut base = Url::parse(base.trim()).map_err(|_| invalid())?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(invalid());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let client = client(&base, patience).map_err(LlmError::Client)?;
        Ok(Self { provider, base, client, patience })
    }

    /// The host, to tell the services that want other words from the rest.
    pub(crate) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    /// Sends a request and waits for an accepting status until `deadline`.
    async fn send(
        &self,
        request: RequestBuilder,
        deadline: Instant,
        waited_for: Duration,
    ) -> Result<Response, LlmError> {
        let provider = self.provider;
        let response = match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.failed_to_send(error)),
            Err(_) => return Err(LlmError::Timeout { provider, what: "answer", seconds: waited_for.as_secs() }),
        };
        let status = response.status();
        if status.is_success() { Ok(response) } else { Err(LlmError::Rejected { provider, status: status.as_u16() }) }
    }

    /// Reads one small JSON document, for a check.
    pub(crate) async fn fetch_json(&self, request: RequestBuilder) -> Result<serde_json::Value, LlmError> {
        let provider = self.provider;
        let deadline = Instant::now() + CHECK_PATIENCE;
        let response = self.send(request, deadline, CHECK_PATIENCE).await?;
        let mut body = response.bytes_stream();
        let mut bytes = Vec::new();
        loop {
            match timeout_at(deadline, body.next()).await {
                Ok(Some(Ok(part))) if bytes.len() + part.len() <= MAX_LINE_BYTES => bytes.extend_from_slice(&part),
                Ok(Some(Ok(_))) => return Err(LlmError::BadStream { provider, what: "a list of models without end" }),
                Ok(Some(Err(_))) => return Err(LlmError::Interrupted { provider }),
                Ok(None) => break,
                Err(_) => {
                    return Err(LlmError::Timeout { provider, what: "answer", seconds: CHECK_PATIENCE.as_secs() });
                }
            }
        }
        serde_json::from_slice(&bytes)
            .map_err(|_| LlmError::BadStream { provider, what: "something else than a list of models" })
    }

    /// Sends a chat request and hands its lines to `decoder` as they come.
    pub(crate) async fn open<D: Decoder>(&self, request: RequestBuilder, decoder: D) -> Result<DeltaStream, LlmError> {
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

    fn failed_to_send(&self, error: reqwest::Error) -> LlmError {
        let provider = self.provider;
        if error.is_connect() || error.is_request() {
            LlmError::Unreachable { provider, source: error.without_url() }
        } else {
            LlmError::BadStream { provider, what: "something else than an HTTP answer" }
        }
    }
}

fn client(base: &Url, patience: Patience) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        .connect_timeout(patience.connect)
        .pool_idle_timeout(Duration::from_secs(30));
    let builder = if base.scheme() == "http" {
        // Never used, and needs no certificates on the machine.
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder.tls_backend_preconfigured(tls)
    } else {
        // An error only says that the process has chosen its provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        builder
    };
    Ok(builder.build()?)
}

/// What a line has told.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// Pieces of the answer.
    pub(crate) deltas: Vec<Delta>,
    /// A token came, though perhaps one of silent reasoning.
    pub(crate) is_token: bool,
    /// The end marker came.
    pub(crate) is_end: bool,
}

/// Reads one provider's lines.
pub(crate) trait Decoder: Send + 'static {
    /// Takes one line without its line end.
    fn line(&mut self, line: &[u8]) -> Result<Decoded, LlmError>;

    /// Why the model stopped, once that is known.
    fn stop_reason(&self) -> Option<StopReason>;
}

struct Reader<D> {
    provider: &'static str,
    body: BoxStream<'static, Result<Bytes, reqwest::Error>>,
    buffer: BytesMut,
    scanned: usize,
    decoder: D,
    ready: VecDeque<Delta>,
    patience: Patience,
    total_deadline: Instant,
    next_deadline: Instant,
    had_token: bool,
    answer_bytes: usize,
    ended: bool,
}

impl<D: Decoder> Reader<D> {
    async fn next(&mut self) -> Option<Result<Delta, LlmError>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Some(Ok(delta));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.ended = true;
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
        let provider = self.provider;
        let decoded = self.decoder.line(line)?;
        for delta in decoded.deltas {
            if let Delta::Text(text) = &delta {
                self.answer_bytes += text.len();
            }
            self.ready.push_back(delta);
        }
        if self.answer_bytes > MAX_ANSWER_BYTES {
            return Err(LlmError::BadStream { provider, what: "an answer without end" });
        }
        if decoded.is_token {
            self.had_token = true;
            self.next_deadline = Instant::now() + self.patience.idle;
        }
        if self.decoder.stop_reason().is_some() {
            self.next_deadline = Instant::now() + TRAILER_PATIENCE;
        }
        if decoded.is_end {
            self.finish();
        }
        Ok(())
    }

    /// The answer is whole once its reason for stopping has come; otherwise this is a failure.
    fn end_or(&mut self, error: LlmError) -> Result<(), LlmError> {
        if self.decoder.stop_reason().is_some() {
            self.finish();
            Ok(())
        } else {
            Err(error)
        }
    }

    fn finish(&mut self) {
        let stop_reason = self.decoder.stop_reason().unwrap_or(StopReason::Other);
        self.ready.push_back(Delta::Done { stop_reason });
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
