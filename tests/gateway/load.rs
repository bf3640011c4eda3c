//! Clients of the OpenAI API that write down what they see.

use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::{Value, json};

use crate::kit::Server;

/// How a request ended for its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With the whole answer.
    Whole,
    /// The client left in the middle of a stream.
    Left,
    /// With an error instead of an answer: status and code.
    Refused(u16, String),
    /// With an error after a part of the answer.
    Broken(String),
    /// In a way that no client could understand.
    Absurd(String),
}

/// What a client saw of one request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The trace id that it sent along.
    pub(crate) trace: String,
    /// When it began, since the begin of the load.
    pub(crate) begun: Duration,
    pub(crate) took: Duration,
    pub(crate) streamed: bool,
    /// The `id` of the answer, without `chatcmpl-`.
    pub(crate) id: Option<String>,
    pub(crate) ending: Ending,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// Different for each request of a load.
    pub(crate) number: u64,
    pub(crate) stream: bool,
    /// Go away after the first part.
    pub(crate) leave: bool,
    pub(crate) deadline: Duration,
}

/// What the stand-in says to everything.
const ANSWER: &str = "The purchase order 4500000001 is released and has three open items.";

/// Makes the request and sees it through. `patience` is how long the client waits at all.
pub(crate) async fn ask(server: &Server, token: &str, since: Instant, wish: Wish, patience: Duration) -> Seen {
    let trace = format!("{:032x}", u128::from(wish.number) + (1 << 100));
    let begun = Instant::now();
    let (mut id, seeing) = (None, see(server, token, &trace, wish));
    let ending = match tokio::time::timeout(patience, seeing).await {
        Ok((found, ending)) => {
            id = found;
            ending
        }
        Err(_) => Ending::Absurd(format!("it hung for {patience:?}")),
    };
    let id = id.map(|id: String| id.trim_start_matches("chatcmpl-").to_owned());
    Seen { trace, begun: begun - since, took: begun.elapsed(), streamed: wish.stream, id, ending }
}

async fn see(server: &Server, token: &str, trace: &str, wish: Wish) -> (Option<String>, Ending) {
    let question = format!("Case {}: is the purchase order released? Mail me at jo.doe@example.com.", wish.number);
    let body =
        json!({ "model": "fake-1", "stream": wish.stream, "messages": [{ "role": "user", "content": question }] });
    let request = server.http.post(server.url("/v1/chat/completions")).bearer_auth(token).json(&body);
    let request = request
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("x-millwright-deadline-ms", wish.deadline.as_millis().to_string());
    match request.send().await {
        Err(error) => (None, Ending::Absurd(format!("no answer: {error}"))),
        Ok(response) if response.status() == 200 && wish.stream => stream(response, wish.leave).await,
        Ok(response) => whole(response).await,
    }
}

async fn whole(response: Response) -> (Option<String>, Ending) {
    let status = response.status().as_u16();
    let Ok(text) = response.text().await else { return (None, Ending::Absurd("an answer that breaks off".to_owned())) };
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let id = body["id"].as_str().map(str::to_owned);
    if status == 200 {
        let content = &body["choices"][0]["message"]["content"];
        let ending = if content == ANSWER { Ending::Whole } else { Ending::Absurd(format!("it said {text}")) };
        return (id, ending);
    }
    match body["error"]["code"].as_str() {
        Some(code) => (id, Ending::Refused(status, code.to_owned())),
        None => (id, Ending::Absurd(format!("status {status}: {text}"))),
    }
}

async fn stream(mut response: Response, leave: bool) -> (Option<String>, Ending) {
    let (mut buffer, mut id, mut said, mut finished) = (Vec::new(), None, String::new(), false);
    loop {
        while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
            let frame: Vec<u8> = buffer.drain(..end + 2).collect();
            let Some(data) = frame.strip_prefix(b"data: ") else { continue };
            if data.starts_with(b"[DONE]") {
                let ending = if finished && said == ANSWER {
                    Ending::Whole
                } else {
                    Ending::Absurd(format!("it ended well after `{said}`"))
                };
                return (id, ending);
            }
            let Ok(event) = serde_json::from_slice::<Value>(data) else {
                return (id, Ending::Absurd(format!("no JSON: {}", String::from_utf8_lossy(data))));
            };
            if let Some(code) = event["error"]["code"].as_str() {
                return (id, Ending::Broken(code.to_owned()));
            }
            id = event["id"].as_str().map(str::to_owned).or(id);
            said.push_str(event["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
            finished |= event["choices"][0]["finish_reason"] == "stop";
            if leave && !said.is_empty() {
                return (id, Ending::Left);
            }
        }
        match response.chunk().await {
            Ok(Some(bytes)) => buffer.extend_from_slice(&bytes),
            Ok(None) => return (id, Ending::Absurd(format!("it ended without a word after `{said}`"))),
            Err(error) => return (id, Ending::Absurd(format!("the connection broke after `{said}`: {error}"))),
        }
    }
}
