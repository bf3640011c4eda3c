//! One request and its answer, within time and size.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::Session;
use crate::{egress, error::ODataError};

/// Of an answer that says no, so much is read.
const MAX_REFUSAL_BYTES: usize = 64 << 10;
const MAX_REDIRECTS: usize = 3;
/// A server may ask for a longer wait than this, and is not asked again then.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// A request.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// An answer within the limits.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Where it came from.
    pub(super) url: Url,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Seconds; dates are not looked at.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }

    /// The type of its body, without parameters, in lower case.
    pub(super) fn content_type(&self) -> String {
        let text = self.header("content-type").unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// How far a request came that failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing of it was sent.
    NotSent(ODataError),
    /// It may have arrived.
    Sent(ODataError),
}

impl Failure {
    pub(super) fn error(self) -> ODataError {
        match self {
            Self::NotSent(error) | Self::Sent(error) => error,
        }
    }
}

impl Session {
    /// Sends a request once; the body of an answer of success has at most `most` bytes.
    pub(super) async fn exchange(&self, outgoing: Outgoing, most: usize) -> Result<Answer, Failure> {
        self.destination().hosts.check(&outgoing.url).map_err(|error| Failure::NotSent(error.into()))?;
        self.connector.turn(self.deadline).await.map_err(Failure::NotSent)?;
        let url = outgoing.url.clone();
        let mut request = self.client.request(outgoing.method, outgoing.url).headers(outgoing.headers);
        if let Some(body) = outgoing.body {
            request = request.body(body);
        }
        let late = |_| Failure::Sent(ODataError::Late(self.destination().limits.patience));
        let sent = timeout_at(self.deadline, request.send()).await.map_err(late)?;
        let mut response = sent.map_err(|error| failure(&error.without_url()))?;
        let status = response.status();
        let limit = if status.is_success() { most } else { most.min(MAX_REFUSAL_BYTES) };
        let mut body = Vec::new();
        loop {
            let part = timeout_at(self.deadline, response.chunk()).await.map_err(late)?;
            let Some(part) = part.map_err(|_| Failure::Sent(ODataError::BrokenOff))? else { break };
            let room = limit - body.len();
            if part.len() > room {
                if status.is_success() {
                    return Err(Failure::Sent(ODataError::TooLarge(limit)));
                }
                body.extend_from_slice(&part[..room]);
                break;
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status, headers: response.headers().clone(), body, url })
    }

    /// A request to the service: with who asks, cookies and language; takes in the cookies of its answer.
    pub(super) async fn ask(&self, mut outgoing: Outgoing, most: usize) -> Result<Answer, Failure> {
        if let Some(value) = self.authorization().await.map_err(Failure::NotSent)? {
            outgoing.headers.insert(header::AUTHORIZATION, value);
        }
        if let Some(cookies) = self.state().cookies.header() {
            outgoing.headers.insert(header::COOKIE, cookies);
        }
        let language = self.destination().language.as_ref().and_then(|text| HeaderValue::from_str(text).ok());
        if let Some(language) = language {
            outgoing.headers.insert(header::ACCEPT_LANGUAGE, language);
        }
        let answer = self.exchange(outgoing, most).await?;
        self.state().cookies.take(&answer.headers);
        Ok(answer)
    }

    /// A read: redirects within the service's host are followed, and one that is put off is sent again.
    pub(super) async fn get(&self, outgoing: Outgoing, most: usize) -> Result<Answer, ODataError> {
        let limits = &self.destination().limits;
        let mut backoff = limits.backoff;
        for again in 0..=limits.retries {
            let answer = self.followed(outgoing.clone(), most).await?;
            let is_put_off = matches!(answer.status.as_u16(), 429 | 503);
            if !is_put_off || again == limits.retries {
                return Ok(answer);
            }
            let wait = answer.retry_after().unwrap_or_default().max(self.connector.jitter(backoff));
            if wait > MAX_WAIT || Instant::now() + wait > self.deadline {
                return Ok(answer);
            }
            tokio::time::sleep(wait).await;
            backoff *= 2;
        }
        Err(ODataError::Busy(None))
    }

    async fn followed(&self, mut outgoing: Outgoing, most: usize) -> Result<Answer, ODataError> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.ask(outgoing.clone(), most).await.map_err(Failure::error)?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            let location = answer.header("location").and_then(|to| answer.url.join(to).ok());
            let to = location.filter(|to| to.origin() == answer.url.origin()).ok_or(ODataError::Redirected)?;
            // Within the service it goes on; its host has other things that nobody asked for.
            outgoing.url = self.own(to).map_err(|_| ODataError::Redirected)?;
        }
        Err(ODataError::Redirected)
    }
}

/// What an error of the transport means.
fn failure(error: &reqwest::Error) -> Failure {
    if let Some(reason) = egress::reason(error) {
        return Failure::NotSent(reason.into());
    }
    if error.is_connect() || error.is_builder() {
        tracing::debug!(error = error as &dyn std::error::Error, "an OData service cannot be reached");
        return Failure::NotSent(ODataError::Unreachable);
    }
    Failure::Sent(ODataError::BrokenOff)
}
