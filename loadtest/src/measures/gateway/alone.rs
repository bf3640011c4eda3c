//! One request at a time, all sides in turn within the same moments: what each adds to the model server's own time.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use super::{MODEL, Side};
use crate::{http::Client, report::percentile};

/// Asked before counting.
const WARM_UP: usize = 20;

/// Times of one side, milliseconds.
pub(super) struct Alone {
    pub(super) whole: Vec<Duration>,
    /// From the request to the first byte of a stream's body.
    pub(super) first_byte: Vec<Duration>,
}

impl Alone {
    pub(super) fn whole_p50(&self) -> f64 {
        percentile(&self.whole, 0.5)
    }

    pub(super) fn first_byte_p50(&self) -> f64 {
        percentile(&self.first_byte, 0.5)
    }
}

/// Asks each side so often, whole and streamed.
pub(super) async fn measure(sides: &[&Side], requests: usize, run: &str) -> anyhow::Result<Vec<Alone>> {
    let mut clients = Vec::new();
    for side in sides {
        clients.push(side.client().await?);
    }
    let mut found: Vec<Alone> = sides.iter().map(|_| Alone { whole: Vec::new(), first_byte: Vec::new() }).collect();
    for number in 0..requests + WARM_UP {
        for (client, found) in clients.iter_mut().zip(&mut found) {
            let whole = whole(client, &body(&format!("{run}-w{number}"), false)).await?;
            let first = first_byte(client, &body(&format!("{run}-s{number}"), true)).await?;
            if number >= WARM_UP {
                found.whole.push(whole);
                found.first_byte.push(first);
            }
        }
    }
    Ok(found)
}

/// A question like that of wrk's script.
pub(super) fn body(case: &str, stream: bool) -> Value {
    json!({ "model": MODEL, "stream": stream, "messages": [
        { "role": "system", "content": "You answer questions about orders and machines, in one sentence." },
        { "role": "user", "content": format!(
            "Is purchase order {case} for the seals of pump P-101 released, and how many items are still open? Please answer to \
             anna.schmidt@example.com before the shift ends.") }
    ] })
}

async fn whole(client: &mut Client, body: &Value) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let answer = client.post("/v1/chat/completions", body).await?;
    let took = begin.elapsed();
    answer.json()?;
    Ok(took)
}

async fn first_byte(client: &mut Client, body: &Value) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let (mut first, mut text) = (None, Vec::new());
    let status = client
        .stream("/v1/chat/completions", body, |part| {
            first.get_or_insert_with(|| begin.elapsed());
            text.extend_from_slice(part);
        })
        .await?;
    let text = String::from_utf8_lossy(&text);
    ensure!(status == 200 && text.contains("data: [DONE]"), "status {status}: {text}");
    Ok(first.unwrap_or_default())
}
