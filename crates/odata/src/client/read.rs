//! Reading: rows as they come, page by page, within limits that are told when they end it.

use std::collections::{HashSet, VecDeque};

use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

use super::{Session, exchange::Answer, exchange::Outgoing};
use crate::{
    error::ODataError,
    metadata::{Service, StructuredType, Version},
    query::ReadQuery,
    value::{Row, json::Json, read_row},
};

/// Why a read ended before its rows did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// At the most rows.
    Rows(usize),
    /// At the most bytes: of the page that would have been too large, nothing is there.
    Bytes(usize),
    /// At the most pages.
    Pages(usize),
    /// At the end of the session's time.
    Time,
}

/// All rows of a read.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// As they came.
    pub rows: Vec<Row>,
    /// How many there are in all, where that was asked for and said.
    pub count: Option<u64>,
    /// Why these are not all.
    pub cut: Option<Cut>,
}

/// A read that is under way.
pub struct Reading<'r> {
    session: &'r Session,
    service: &'r Service,
    ty: &'r StructuredType,
    single: bool,
    next: Option<Url>,
    seen: HashSet<Url>,
    buffered: VecDeque<Row>,
    count: Option<u64>,
    cut: Option<Cut>,
    rows: usize,
    bytes: usize,
}

impl Session {
    /// Begins a read; nothing is sent before the first row is asked for.
    ///
    /// # Errors
    /// When the query is not one of this service.
    pub fn reading<'r>(&'r self, service: &'r Service, query: &ReadQuery) -> Result<Reading<'r>, ODataError> {
        let unknown = || crate::ArgumentError::new("query", "one of this service");
        let ty = service.types.get(&query.entity_type).ok_or_else(unknown)?;
        // One more than is given, to know whether there are more.
        let url = self.url(&query.relative(Some(self.destination().limits.max_rows.saturating_add(1))))?;
        Ok(Reading {
            session: self,
            service,
            ty,
            single: query.single,
            next: Some(url),
            seen: HashSet::new(),
            buffered: VecDeque::new(),
            count: None,
            cut: None,
            rows: 0,
            bytes: 0,
        })
    }

    /// All rows of a read, up to the limits.
    ///
    /// # Errors
    /// Whatever goes wrong before there is a row. A page that fails later is an error too; the end of time is not.
    pub async fn read(&self, service: &Service, query: &ReadQuery) -> Result<Rows, ODataError> {
        let mut reading = self.reading(service, query)?;
        let mut rows = Vec::new();
        while let Some(row) = reading.next().await? {
            rows.push(row);
        }
        Ok(Rows { rows, count: reading.count, cut: reading.cut })
    }
}

impl Reading<'_> {
    /// The next row; nothing at the end, or where the read was cut.
    ///
    /// # Errors
    /// Whatever goes wrong; the read is over then.
    pub async fn next(&mut self) -> Result<Option<Row>, ODataError> {
        let limits = &self.session.destination().limits;
        loop {
            if let Some(row) = self.buffered.pop_front() {
                if self.rows == limits.max_rows {
                    self.end(Cut::Rows(limits.max_rows));
                    return Ok(None);
                }
                self.rows += 1;
                return Ok(Some(row));
            }
            let Some(url) = self.next.take() else { return Ok(None) };
            if self.rows >= limits.max_rows && !self.seen.is_empty() {
                self.end(Cut::Rows(limits.max_rows));
                return Ok(None);
            }
            if self.seen.len() >= limits.max_pages {
                self.end(Cut::Pages(limits.max_pages));
                return Ok(None);
            }
            if !self.seen.insert(url.clone()) {
                return Err(ODataError::Protocol("the next page is one that was read".into()));
            }
            self.page(url).await?;
        }
    }

    /// How many rows there are in all, once the first page is there.
    pub const fn count(&self) -> Option<u64> {
        self.count
    }

    /// Why the read ended before its rows did.
    pub const fn cut(&self) -> Option<Cut> {
        self.cut
    }

    fn end(&mut self, cut: Cut) {
        self.cut = Some(cut);
        self.next = None;
        self.buffered.clear();
    }

    async fn page(&mut self, url: Url) -> Result<(), ODataError> {
        let limit = self.session.destination().limits.max_bytes;
        let room = limit - self.bytes;
        let headers = read_headers(self.service.version);
        let answer = match self.session.get(Outgoing { method: Method::GET, url, headers, body: None }, room).await {
            Ok(answer) => answer,
            Err(ODataError::TooLarge(_)) => {
                self.end(Cut::Bytes(limit));
                return Ok(());
            }
            // What was read stays.
            Err(ODataError::Late(_)) if self.rows > 0 => {
                self.end(Cut::Time);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.bytes += answer.body.len();
        if !answer.is_success() {
            return Err(self.session.refused(&answer));
        }
        let json = json_body(&answer)?;
        let mut page = page(self.service, self.ty, &json, self.single)?;
        if let Some(row) = page.rows.first_mut().filter(|row| self.single && row.etag.is_none()) {
            row.etag = answer.header("etag").filter(|etag| crate::value::is_etag(etag)).map(str::to_owned);
        }
        if self.count.is_none() {
            self.count = page.count;
        }
        self.buffered.extend(page.rows);
        if let Some(link) = page.next {
            let url = answer.url.join(&link).map_err(|_| ODataError::ForeignLink)?;
            self.next = Some(self.session.own(url).map_err(|_| ODataError::ForeignLink)?);
        }
        Ok(())
    }
}

/// What a read asks to be answered with.
pub(super) fn read_headers(version: Version) -> HeaderMap {
    let mut headers = HeaderMap::new();
    match version {
        Version::V2 => {
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            headers.insert("maxdataserviceversion", HeaderValue::from_static("2.0"));
        }
        Version::V4 => {
            // Decimals and long integers as text, where the server can.
            let accept = "application/json;odata.metadata=minimal;IEEE754Compatible=true";
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            headers.insert("odata-maxversion", HeaderValue::from_static("4.0"));
        }
    }
    headers
}

/// The JSON of an answer of success.
pub(super) fn json_body(answer: &Answer) -> Result<Json, ODataError> {
    let kind = answer.content_type();
    if kind != "application/json" && !kind.ends_with("+json") {
        let what = match kind.as_str() {
            "text/html" => "a page of HTML, often one to sign in at",
            _ => "something that is no JSON",
        };
        return Err(ODataError::Protocol(format!("it answered with {what}")));
    }
    Json::parse(&answer.body).ok_or_else(|| ODataError::Protocol("its JSON is damaged or too deep".into()))
}

/// One page of rows.
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    pub(super) count: Option<u64>,
    pub(super) next: Option<String>,
}

pub(super) fn page(service: &Service, ty: &StructuredType, json: &Json, single: bool) -> Result<Page, ODataError> {
    let damaged = |what: &str| ODataError::Protocol(format!("{what} is not as it is declared"));
    let read = |item: &Json| {
        read_row(service, ty, item, 0)
            .map_err(|path| damaged(&if path.is_empty() { "a row".into() } else { format!("`{path}`") }))
    };
    let body = match service.version {
        Version::V2 => json.get("d").ok_or_else(|| damaged("the answer"))?,
        Version::V4 => json,
    };
    if single {
        return Ok(Page { rows: vec![read(body)?], count: None, next: None });
    }
    let (list, count, next) = match service.version {
        Version::V2 => {
            (body.get("results").or(Some(body)).and_then(Json::list), body.get("__count"), body.get("__next"))
        }
        Version::V4 => (
            body.get("value").and_then(Json::list),
            body.get("@odata.count").or_else(|| body.get("@count")),
            body.get("@odata.nextLink").or_else(|| body.get("@nextLink")),
        ),
    };
    let rows = list.ok_or_else(|| damaged("the list of rows"))?.iter().map(read).collect::<Result<_, _>>()?;
    let count = count.and_then(Json::text_or_number).and_then(|text| text.parse().ok());
    Ok(Page { rows, count, next: next.and_then(Json::text).map(str::to_owned) })
}
