//! A signed-in user, and streams of events.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response, StatusCode, multipart};
use serde_json::{Value, json};

use super::{Server, eventually, read};

/// A signed-in user.
#[derive(Clone)]
pub(crate) struct Session<'s> {
    pub(crate) server: &'s Server,
    pub(crate) token: String,
}

impl Session<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.http.request(method, self.server.url(path)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("GET")
    }

    /// GET that must succeed.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, body) = read(self.get(path).await).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// All items of a list, page by page.
    pub(crate) async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.json(&format!("{path}{joint}limit={limit}{cursor}")).await;
            let found = page["items"].as_array().expect("items");
            assert!(found.len() <= limit, "{} items of at most {limit}", found.len());
            items.extend(found.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.expect("POST")
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Response {
        self.request(Method::PATCH, path).json(body).send().await.expect("PATCH")
    }

    pub(crate) async fn delete(&self, path: &str) -> StatusCode {
        self.request(Method::DELETE, path).send().await.expect("DELETE").status()
    }

    pub(crate) async fn upload(&self, name: &str, bytes: impl Into<Vec<u8>>) -> Response {
        let part = multipart::Part::bytes(bytes.into()).file_name(name.to_owned());
        self.upload_form(multipart::Form::new().part("file", part)).await
    }

    pub(crate) async fn upload_form(&self, form: multipart::Form) -> Response {
        self.request(Method::POST, "/api/v1/documents/upload").multipart(form).send().await.expect("upload")
    }

    /// Uploads; the document as it was accepted.
    pub(crate) async fn accepted(&self, name: &str, bytes: impl Into<Vec<u8>>) -> Value {
        let (status, body) = read(self.upload(name, bytes).await).await;
        assert_eq!(status, 202, "{name}: {body}");
        body
    }

    /// Uploads and waits until the version is read or has failed; the document.
    pub(crate) async fn take_in(&self, name: &str, bytes: impl Into<Vec<u8>>) -> Value {
        let document = self.accepted(name, bytes).await;
        self.settled(id(&document)).await
    }

    /// Waits until the newest version is read or has failed; the document. A version that is read answers by vectors at
    /// once and a moment later by keywords: this waits for both, so that what follows does not depend on the moment.
    pub(crate) async fn settled(&self, document: &str) -> Value {
        let path = format!("/api/v1/documents/{document}");
        let mut found = Value::Null;
        eventually(&format!("{document} is read"), Duration::from_mins(2), async || {
            found = self.json(&path).await;
            match found["latest"]["status"].as_str() {
                Some("queued" | "processing") => false,
                Some("ready") => found["latest"]["timings_ms"]["index"].is_i64(),
                _ => true,
            }
        })
        .await;
        found
    }

    /// Waits until no job is queued or running; for admins. A version answers a little before its job has ended.
    pub(crate) async fn jobs_done(&self) {
        eventually("all jobs are done", Duration::from_mins(1), async || {
            let jobs = self.all("/api/v1/admin/jobs", 200).await;
            jobs.iter().all(|job| matches!(job["status"].as_str(), Some("succeeded" | "dead")))
        })
        .await;
    }

    /// Asks and waits for the whole answer.
    pub(crate) async fn ask(&self, message: &str) -> Value {
        self.chat(&json!({ "message": message, "stream": false })).await
    }

    /// A chat request with `stream: false` that must succeed.
    pub(crate) async fn chat(&self, body: &Value) -> Value {
        let (status, answer) = read(self.post("/api/v1/chat", body).await).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Asks; the stream of the answer.
    pub(crate) async fn ask_streaming(&self, message: &str) -> Stream {
        Stream::new(self.post("/api/v1/chat", &json!({ "message": message })).await)
    }

    /// The events of a run after the one with this id.
    pub(crate) async fn follow(&self, run: &str, after: i64) -> Stream {
        let request = self.request(Method::GET, &format!("/api/v1/runs/{run}/events"));
        Stream::new(request.header("last-event-id", after).send().await.expect("GET"))
    }

    /// Waits until what is at this path is so; what it is then.
    pub(crate) async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut found = Value::Null;
        eventually(path, Duration::from_mins(1), async || {
            found = self.json(path).await;
            is_so(&found)
        })
        .await;
        found
    }

    /// Waits until a run has ended; the run.
    pub(crate) async fn ended(&self, run: &str, limit: Duration) -> Value {
        let path = format!("/api/v1/runs/{run}");
        let mut found = Value::Null;
        eventually(&format!("{run} has ended"), limit, async || {
            found = self.json(&path).await;
            found["status"] != "running"
        })
        .await;
        found
    }

    /// Searches; the passages.
    pub(crate) async fn search(&self, query: &str) -> Vec<Value> {
        let (status, body) = read(self.post("/api/v1/search", &json!({ "query": query })).await).await;
        assert_eq!(status, 200, "{body}");
        body["items"].as_array().expect("items").clone()
    }

    /// Entries of the audit log that match a query such as `action=document.uploaded`, newest first.
    pub(crate) async fn audit(&self, query: &str) -> Vec<Value> {
        self.all(&format!("/api/v1/admin/audit?{query}"), 200).await
    }
}

/// The `id` of something.
pub(crate) fn id(thing: &Value) -> &str {
    thing["id"].as_str().unwrap_or_else(|| panic!("no id in {thing}"))
}

/// Checks that a response is a problem with this status and code, and returns its body.
pub(crate) async fn problem(response: Response, status: u16, code: &str) -> Value {
    let media_type = response.headers().get("content-type").map(|value| value.to_str().expect("ascii").to_owned());
    let (found, body) = read(response).await;
    assert_eq!((found, body["code"].as_str()), (status, Some(code)), "{body}");
    assert_eq!(media_type.as_deref(), Some("application/problem+json"));
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], format!("urn:millwright:error:{code}"));
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{body}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
    assert_eq!(body["trace_id"].as_str().map(str::len), Some(32), "{body}");
    body
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sse {
    /// The `id:`; 0 where there is none.
    pub(crate) id: i64,
    /// The `event:`; empty where there is none.
    pub(crate) name: String,
    pub(crate) data: Value,
    /// When its last byte arrived.
    pub(crate) at: Instant,
}

/// Server-sent events as they arrive. Dropping it closes the connection.
pub(crate) struct Stream {
    response: Response,
    buffer: Vec<u8>,
    arrived: Instant,
}

impl Stream {
    /// Of a response that must be a stream.
    pub(crate) fn new(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        Self { response, buffer: Vec::new(), arrived: Instant::now() }
    }

    /// The next event; `None` when the stream has ended, in whatever way.
    pub(crate) async fn next(&mut self) -> Option<Sse> {
        loop {
            while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(event) = parse(&String::from_utf8(frame).expect("utf-8"), self.arrived) {
                    return Some(event);
                }
            }
            let bytes = self.response.chunk().await.ok().flatten()?;
            self.arrived = Instant::now();
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// All events up to the first that `enough` says yes to, or to the end.
    pub(crate) async fn until(&mut self, mut enough: impl FnMut(&Sse) -> bool) -> Vec<Sse> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            let stop = enough(&event);
            events.push(event);
            if stop {
                break;
            }
        }
        events
    }

    /// All events to the end.
    pub(crate) async fn rest(&mut self) -> Vec<Sse> {
        self.until(|_| false).await
    }
}

/// Comments, such as heartbeats, are no events.
fn parse(frame: &str, at: Instant) -> Option<Sse> {
    let field =
        |name: &str| frame.lines().find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()));
    Some(Sse {
        data: serde_json::from_str(&field("data:")?).expect("json"),
        id: field("id:").map_or(0, |id| id.parse().expect("numeric id")),
        name: field("event:").unwrap_or_default(),
        at,
    })
}

/// The types of AG-UI events, in order.
pub(crate) fn types(events: &[Sse]) -> Vec<&str> {
    events.iter().map(|event| event.data["type"].as_str().expect("type")).collect()
}

/// The text that a reader of these events has seen.
pub(crate) fn shown(events: &[Sse]) -> String {
    events
        .iter()
        .filter(|event| event.data["type"] == "TEXT_MESSAGE_CONTENT")
        .map(|event| event.data["delta"].as_str().expect("delta"))
        .collect()
}
