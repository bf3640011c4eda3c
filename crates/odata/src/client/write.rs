//! Changes: sent once, with a CSRF token and the ETag of the row.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use zeroize::Zeroizing;

use super::{
    Session,
    exchange::{Answer, Failure, Outgoing},
    read::{json_body, read_headers},
};
use crate::{
    error::{Hide, Message, ODataError, of_json},
    metadata::{Service, Type, Version},
    query::{Body, Change, Expects, Prepared},
    value::{Cell, Row, json::Json, read_cell, read_row},
};

const CSRF: &str = "x-csrf-token";
const MAX_MESSAGES: usize = 20;

/// What a change, or a call of an operation, came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Written {
    /// The status of HTTP: 200, 201 or 204.
    pub status: u16,
    /// The row as it is now, where the server sent it.
    pub row: Option<Row>,
    /// What an operation returned that is no single row.
    pub returned: Option<Cell>,
    /// The ETag of the row as it is now.
    pub etag: Option<String>,
    /// Warnings and notes: `sap-message`, `sap-messages`.
    pub messages: Vec<Message>,
}

impl Session {
    /// Makes a change, or calls an operation. A change is sent once: where its answer does not come, what became of it is unknown.
    /// Only where the server says that it did not look at it, for want of a CSRF token, it is sent once more with a new one.
    ///
    /// # Errors
    /// Whatever goes wrong; [`ODataError::OutcomeUnknown`] where it may have been made all the same.
    pub async fn change(&self, service: &Service, change: &Change) -> Result<Written, ODataError> {
        let prepared = Prepared::new(service, change)?;
        let outgoing = self.outgoing(service.version, &prepared)?;
        if prepared.only_reads() {
            let answer = self.get(outgoing, self.destination().limits.max_bytes).await?;
            if !answer.is_success() {
                return Err(self.refused(&answer));
            }
            return written(service, &prepared.expects, &answer);
        }
        let answer = self.send_once(outgoing).await?;
        // It is made; only what the server says of it cannot be read.
        let unread = |_| ODataError::OutcomeUnknown("the server says that it was, but its answer cannot be read");
        written(service, &prepared.expects, &answer).map_err(unread)
    }

    pub(super) fn outgoing(&self, version: Version, prepared: &Prepared) -> Result<Outgoing, ODataError> {
        let (headers, body) = headers_and_body(version, prepared)?;
        Ok(Outgoing { method: prepared.method.clone(), url: self.url(&prepared.relative)?, headers, body })
    }

    /// Sends something that may change the other system; an answer is one of success.
    pub(super) async fn send_once(&self, outgoing: Outgoing) -> Result<Answer, ODataError> {
        let most = self.destination().limits.max_bytes;
        for again in [false, true] {
            let mut outgoing = outgoing.clone();
            if let Some(token) = self.csrf(again).await? {
                let mut value = HeaderValue::from_str(&token).map_err(|_| ODataError::Csrf)?;
                value.set_sensitive(true);
                outgoing.headers.insert(CSRF, value);
            }
            let answer = match self.ask(outgoing, most).await {
                Ok(answer) => answer,
                Err(Failure::NotSent(error)) => return Err(error),
                Err(Failure::Sent(error)) => return Err(unknown(&error)),
            };
            let wants_token = answer.header(CSRF).is_some_and(|text| text.trim().eq_ignore_ascii_case("required"));
            if answer.status.as_u16() == 403 && wants_token {
                continue;
            }
            return match answer.status.as_u16() {
                200..=299 => Ok(answer),
                // Who says this stands before the server, and does not know what it has done.
                408 | 502 | 504 => Err(ODataError::OutcomeUnknown("a server between here and there gave up")),
                300..=399 => Err(ODataError::Redirected),
                _ => Err(self.refused(&answer)),
            };
        }
        Err(ODataError::Csrf)
    }

    /// The CSRF token of the session, or a new one; nothing where the server hands out none.
    async fn csrf(&self, anew: bool) -> Result<Option<Zeroizing<String>>, ODataError> {
        if !anew && let Some(token) = &self.state().csrf {
            return Ok(Some(token.clone()));
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CSRF, HeaderValue::from_static("Fetch"));
        let url = self.url("")?;
        let most = self.destination().limits.max_bytes;
        let answer = self.get(Outgoing { method: Method::GET, url, headers, body: None }, most).await?;
        if matches!(answer.status.as_u16(), 401 | 429 | 500..) {
            return Err(self.refused(&answer));
        }
        let token = answer.header(CSRF).filter(|text| !text.eq_ignore_ascii_case("required") && text.len() <= 1_000);
        let token = token.map(|text| Zeroizing::new(text.to_owned()));
        self.state().csrf.clone_from(&token);
        Ok(token)
    }
}

/// What an answer of success says, body and headers.
fn written(service: &Service, expects: &Expects, answer: &Answer) -> Result<Written, ODataError> {
    let json = if answer.body.iter().all(u8::is_ascii_whitespace) { None } else { Some(json_body(answer)?) };
    let mut written = made(service, expects, answer.status.as_u16(), json.as_ref())?;
    let etag = answer.header("etag").filter(|etag| crate::value::is_etag(etag)).map(str::to_owned);
    written.etag = etag.or(written.etag);
    written.messages = messages(answer.header("sap-message").or_else(|| answer.header("sap-messages")));
    Ok(written)
}

/// What went wrong after a change was sent, without an answer.
fn unknown(error: &ODataError) -> ODataError {
    ODataError::OutcomeUnknown(match error {
        ODataError::Late(_) => "no answer came in time",
        ODataError::TooLarge(_) => "the answer is larger than what is read",
        _ => "the connection broke before the answer was there",
    })
}

/// The headers and the body of a request that is alone or part of a batch.
pub(super) fn headers_and_body(
    version: Version,
    prepared: &Prepared,
) -> Result<(HeaderMap, Option<Bytes>), ODataError> {
    let mut headers = read_headers(version);
    let body = match &prepared.body {
        Body::None => None,
        Body::Json(value) => {
            let kind = match version {
                Version::V2 => "application/json",
                Version::V4 => "application/json;IEEE754Compatible=true",
            };
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            Some(Bytes::from(value.to_string()))
        }
    };
    if let Some(etag) = &prepared.etag {
        let value = HeaderValue::from_str(etag).map_err(|_| crate::ArgumentError::new("etag", "an ETag"))?;
        headers.insert(header::IF_MATCH, value);
    }
    Ok((headers, body))
}

/// What an answer of success says.
pub(super) fn made(
    service: &Service,
    expects: &Expects,
    status: u16,
    json: Option<&Json>,
) -> Result<Written, ODataError> {
    let mut written = Written { status, ..Written::default() };
    let Some(json) = json else { return Ok(written) };
    let damaged = || ODataError::Protocol("what came of the change is not as it is declared".into());
    let body = match service.version {
        Version::V2 => json.get("d").ok_or_else(damaged)?,
        Version::V4 => json,
    };
    match expects {
        Expects::Nothing => {}
        Expects::Row(name) => {
            let ty = service.types.get(name).ok_or_else(damaged)?;
            written.row = Some(read_row(service, ty, body, 0).map_err(|_| damaged())?);
        }
        Expects::Returned(property) => {
            // V2 puts a value under the operation's name, V4 puts what is no row under `value`.
            let inner = match (service.version, property.many, &property.ty) {
                (Version::V2, false, Type::Structured(_)) => body.get(&property.name).unwrap_or(body),
                (Version::V2, ..) => body.get("results").or_else(|| body.get(&property.name)).unwrap_or(body),
                (Version::V4, false, Type::Structured(_)) => body,
                (Version::V4, ..) => body.get("value").ok_or_else(damaged)?,
            };
            match read_cell(service, property, inner, 0).ok_or_else(damaged)? {
                Cell::Row(row) => written.row = Some(*row),
                other => written.returned = Some(other),
            }
        }
    }
    written.etag = written.row.as_ref().and_then(|row| row.etag.clone());
    Ok(written)
}

/// `sap-message` (V2): one with details; `sap-messages` (V4): a list.
pub(super) fn messages(header: Option<&str>) -> Vec<Message> {
    let Some(json) = header.and_then(|text| Json::parse(text.as_bytes())) else { return Vec::new() };
    let hide = Hide(Vec::new());
    let first = json.list().map_or_else(|| vec![&json], |items| items.iter().collect());
    let details = first.iter().filter_map(|item| item.get("details").and_then(Json::list)).flatten();
    let all = first.iter().copied().chain(details).map(|item| of_json(item, &hide));
    all.filter(|message| !message.text.is_empty()).take(MAX_MESSAGES).collect()
}
