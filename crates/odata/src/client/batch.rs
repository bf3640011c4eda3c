//! `$batch`: several requests in one, with sets of changes of which all are made or none.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Map, Value, json};

use super::{
    Session,
    exchange::{Answer, Outgoing},
    multipart::{self, Multipart},
    read::{Rows, page},
    write::{Written, headers_and_body, made, messages},
};
use crate::{
    error::ODataError,
    metadata::{Service, Version},
    query::{Change, Expects, Prepared, ReadQuery},
    value::json::Json,
};

/// So many requests one batch may hold.
const MAX_REQUESTS: usize = 200;

/// How a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchFormat {
    /// As every version of every server has it.
    Multipart,
    /// As servers of V4.01, and some of V4, have it.
    Json,
}

/// A part of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchPart {
    /// A read, of its first page only.
    Read(ReadQuery),
    /// Changes of which all are made or none.
    Changes(Vec<Change>),
}

/// What came of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchAnswer {
    /// Of a read.
    Read(Result<Rows, ODataError>),
    /// Of changes, in their order; or why none of them was made.
    Changes(Result<Vec<Written>, ODataError>),
}

/// A part that is ready to be sent.
enum Ready<'b> {
    Read(&'b ReadQuery, Box<Prepared>),
    Changes(Vec<Prepared>),
}

/// What was sent back for one request.
struct Sent {
    status: u16,
    etag: Option<String>,
    messages: Vec<crate::Message>,
    body: Vec<u8>,
}

impl Session {
    /// Sends several requests as one. It is sent once, like a change, also where it only reads.
    ///
    /// # Errors
    /// Whatever goes wrong with the batch as a whole; what goes wrong with a part stands in its answer.
    pub async fn batch(
        &self,
        service: &Service,
        parts: &[BatchPart],
        format: BatchFormat,
    ) -> Result<Vec<BatchAnswer>, ODataError> {
        let ready = self.ready(service, parts)?;
        if format == BatchFormat::Json && service.version == Version::V2 {
            return Err(crate::ArgumentError::new("format", "multipart, which V2 has alone").into());
        }
        let (kind, accept, body) = match format {
            BatchFormat::Multipart => {
                let (kind, body) = self.multipart(service.version, &ready)?;
                (kind, "multipart/mixed", body)
            }
            BatchFormat::Json => {
                ("application/json".into(), "application/json", json_requests(service.version, &ready)?)
            }
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let kind = HeaderValue::from_str(&kind).map_err(|_| ODataError::Protocol("a boundary".into()))?;
        headers.insert(header::CONTENT_TYPE, kind);
        if service.version == Version::V4 {
            headers.insert("odata-maxversion", HeaderValue::from_static("4.0"));
        }
        let outgoing =
            Outgoing { method: Method::POST, url: self.url("$batch")?, headers, body: Some(Bytes::from(body)) };
        let answer = self.send_once(outgoing).await?;
        let has_changes = ready.iter().any(|part| matches!(part, Ready::Changes(_)));
        let read = match format {
            BatchFormat::Multipart => from_multipart(&answer, &ready),
            BatchFormat::Json => from_json(&answer, &ready),
        };
        let sent = read.ok_or_else(|| {
            if has_changes {
                ODataError::OutcomeUnknown("the answer to the batch cannot be read")
            } else {
                ODataError::Protocol("its answer to the batch cannot be read".into())
            }
        })?;
        Ok(ready.iter().zip(sent).map(|(part, sent)| self.answer(service, part, sent)).collect())
    }

    fn ready<'b>(&self, service: &Service, parts: &'b [BatchPart]) -> Result<Vec<Ready<'b>>, ODataError> {
        let mut count = 0;
        let most = self.destination().limits.max_rows;
        let mut ready = Vec::new();
        for part in parts {
            ready.push(match part {
                BatchPart::Read(query) => {
                    count += 1;
                    let prepared = Prepared::read(query, most.saturating_add(1));
                    Ready::Read(query, Box::new(prepared))
                }
                BatchPart::Changes(changes) => {
                    count += changes.len();
                    let prepared = changes.iter().map(|change| Prepared::new(service, change));
                    let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
                    if prepared.is_empty() || prepared.iter().any(Prepared::only_reads) {
                        return Err(
                            crate::ArgumentError::new("changes", "at least one, and no function among them").into()
                        );
                    }
                    Ready::Changes(prepared)
                }
            });
        }
        if count == 0 || count > MAX_REQUESTS {
            return Err(crate::ArgumentError::new("batch", format!("1 to {MAX_REQUESTS} requests")).into());
        }
        Ok(ready)
    }

    fn multipart(&self, version: Version, ready: &[Ready<'_>]) -> Result<(String, Vec<u8>), ODataError> {
        let boundary = |kind: &str| format!("{kind}_{}", self.connector.sources.new_uuid().simple());
        let mut whole = Multipart::new(boundary("batch"));
        for part in ready {
            match part {
                Ready::Read(_, prepared) => {
                    let (headers, _) = headers_and_body(version, prepared)?;
                    whole.request(None, (&prepared.method, &prepared.relative), &headers, None);
                }
                Ready::Changes(changes) => {
                    let mut set = Multipart::new(boundary("changeset"));
                    for (at, prepared) in changes.iter().enumerate() {
                        let (headers, body) = headers_and_body(version, prepared)?;
                        set.request(Some(at + 1), (&prepared.method, &prepared.relative), &headers, body.as_ref());
                    }
                    whole.nested(set);
                }
            }
        }
        Ok((whole.content_type(), whole.finish()))
    }

    fn answer(&self, service: &Service, part: &Ready<'_>, sent: Option<Vec<Sent>>) -> BatchAnswer {
        match part {
            Ready::Read(query, _) => BatchAnswer::Read(self.rows(service, query, sent)),
            Ready::Changes(changes) => BatchAnswer::Changes(self.changes(service, changes, sent)),
        }
    }

    fn rows(&self, service: &Service, query: &ReadQuery, sent: Option<Vec<Sent>>) -> Result<Rows, ODataError> {
        let sent = sent.and_then(|sent| sent.into_iter().next()).ok_or(ODataError::NotProcessed)?;
        if !(200..300).contains(&sent.status) {
            return Err(self.refused_by(sent.status, None, &sent.body));
        }
        let damaged = || ODataError::Protocol("a part of the batch cannot be read".into());
        let ty = service.types.get(&query.entity_type).ok_or_else(damaged)?;
        let json = Json::parse(&sent.body).ok_or_else(damaged)?;
        let mut page = page(service, ty, &json, query.single)?;
        let most = self.destination().limits.max_rows;
        let cut = if page.rows.len() > most {
            page.rows.truncate(most);
            Some(super::Cut::Rows(most))
        } else {
            page.next.map(|_| super::Cut::Pages(1))
        };
        Ok(Rows { rows: page.rows, count: page.count, cut })
    }

    fn changes(
        &self,
        service: &Service,
        changes: &[Prepared],
        sent: Option<Vec<Sent>>,
    ) -> Result<Vec<Written>, ODataError> {
        let Some(sent) = sent else { return Err(ODataError::NotProcessed) };
        if let Some(refused) = sent.iter().find(|sent| !(200..300).contains(&sent.status)) {
            return Err(self.refused_by(refused.status, None, &refused.body));
        }
        if sent.len() != changes.len() {
            return Err(ODataError::OutcomeUnknown("there is not an answer to each of the changes"));
        }
        let unread = |_| ODataError::OutcomeUnknown("the server says that they were, but its answer cannot be read");
        let written = changes.iter().zip(sent).map(|(prepared, sent)| {
            let json = Json::parse(&sent.body);
            let expects = if json.is_some() { &prepared.expects } else { &Expects::Nothing };
            let mut written = made(service, expects, sent.status, json.as_ref())?;
            written.etag = sent.etag.or(written.etag);
            written.messages = sent.messages;
            Ok(written)
        });
        written.collect::<Result<Vec<_>, ODataError>>().map_err(unread)
    }
}

/// The bodies of answers by part: nothing for a part that was not looked at.
type ByPart = Vec<Option<Vec<Sent>>>;

fn of_inner(inner: &multipart::Inner<'_>) -> Sent {
    let header = |name: &str| inner.headers.get(name).and_then(|value| value.to_str().ok());
    Sent {
        status: inner.status,
        etag: header("etag").filter(|etag| crate::value::is_etag(etag)).map(str::to_owned),
        messages: messages(header("sap-message").or_else(|| header("sap-messages"))),
        body: inner.body.to_vec(),
    }
}

fn from_multipart(answer: &Answer, ready: &[Ready<'_>]) -> Option<ByPart> {
    let boundary = multipart::boundary(answer.header("content-type")?)?;
    let parts = multipart::parts(&answer.body, &boundary)?;
    let mut found = Vec::new();
    for part in parts {
        let kind = part.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        found.push(Some(match multipart::boundary(kind) {
            Some(boundary) => {
                let mut inner = Vec::new();
                for part in multipart::parts(part.body, &boundary)? {
                    let id =
                        part.headers.get("content-id").and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
                    inner.push((id, of_inner(&multipart::inner(part.body)?)));
                }
                in_order(inner)
            }
            None => vec![of_inner(&multipart::inner(part.body)?)],
        }));
    }
    if found.len() > ready.len() {
        return None;
    }
    found.resize_with(ready.len(), || None);
    Some(found)
}

/// By their ids, where all have one; otherwise as they came.
fn in_order(mut answers: Vec<(Option<usize>, Sent)>) -> Vec<Sent> {
    if answers.iter().all(|(id, _)| id.is_some()) {
        answers.sort_by_key(|(id, _)| *id);
    }
    answers.into_iter().map(|(_, sent)| sent).collect()
}

/// The id of a request in a batch of JSON.
fn id_of(part: usize, change: usize) -> String {
    format!("p{part}c{change}")
}

fn json_requests(version: Version, ready: &[Ready<'_>]) -> Result<Vec<u8>, ODataError> {
    let mut requests = Vec::new();
    for (at, part) in ready.iter().enumerate() {
        let (prepared, group) = match part {
            Ready::Read(_, prepared) => (std::slice::from_ref(prepared.as_ref()), None),
            Ready::Changes(changes) => (changes.as_slice(), Some(format!("g{at}"))),
        };
        for (number, prepared) in prepared.iter().enumerate() {
            let (headers, body) = headers_and_body(version, prepared)?;
            let headers = headers.iter().filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), Value::String(value.to_str().ok()?.to_owned())))
            });
            let mut request = json!({
                "id": id_of(at, number),
                "method": prepared.method.as_str(),
                "url": prepared.relative,
                "headers": headers.collect::<Map<_, _>>(),
            });
            if let Some(group) = &group {
                request["atomicityGroup"] = json!(group);
            }
            if let Some(body) = body {
                request["body"] = serde_json::from_slice(&body).unwrap_or_default();
            }
            requests.push(request);
        }
    }
    Ok(json!({ "requests": requests }).to_string().into_bytes())
}

fn from_json(answer: &Answer, ready: &[Ready<'_>]) -> Option<ByPart> {
    #[derive(serde::Deserialize)]
    struct Responses<'a> {
        #[serde(borrow)]
        responses: Vec<Response<'a>>,
    }
    #[derive(serde::Deserialize)]
    struct Response<'a> {
        id: String,
        status: u16,
        #[serde(default)]
        headers: HashMap<String, Value>,
        #[serde(borrow, default)]
        body: Option<&'a serde_json::value::RawValue>,
    }
    let all: Responses<'_> = serde_json::from_slice(&answer.body).ok()?;
    let mut by_id: HashMap<String, Sent> = HashMap::new();
    for response in all.responses {
        let header = |name: &str| {
            response
                .headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .and_then(|(_, value)| value.as_str())
        };
        let etag = header("etag").filter(|etag| crate::value::is_etag(etag)).map(str::to_owned);
        let messages = messages(header("sap-messages"));
        // A body can be JSON, or JSON in a text.
        let raw = response.body.map(serde_json::value::RawValue::get).unwrap_or_default();
        let body = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
        by_id.insert(response.id, Sent { status: response.status, etag, messages, body: body.into_bytes() });
    }
    let found = ready.iter().enumerate().map(|(at, part)| {
        let count = if let Ready::Changes(changes) = part { changes.len() } else { 1 };
        let sent: Vec<Sent> = (0..count).filter_map(|number| by_id.remove(&id_of(at, number))).collect();
        // A group that failed can have one answer under the group's name.
        let of_group = by_id.remove(&format!("g{at}"));
        let sent: Vec<Sent> = sent.into_iter().chain(of_group).collect();
        (!sent.is_empty()).then_some(sent)
    });
    Some(found.collect())
}
