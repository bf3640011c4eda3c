//! `POST /api/v1/chat`: how soon an answer begins, with the built-in answerer.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::{
    http::Client,
    load::{Amount, Target, drive},
    report::{Report, Row},
};

/// Connections and the most requests of each measurement.
pub(crate) const LOADS: [(usize, usize); 2] = [(1, 200), (8, 200)];
/// Milliseconds to the first byte.
const TARGET: f64 = 25.0;
const LIMIT: Duration = Duration::from_secs(40);

/// What became of a question.
#[derive(Default)]
pub(super) struct Found {
    pub(super) first_byte: Duration,
    first_text: Option<Duration>,
    pub(super) end: Duration,
    pub(super) answered: bool,
    finished: bool,
}

/// Asks each question once in a new conversation.
pub(crate) async fn measure(report: &mut Report, target: &Target, questions: &[String]) -> anyhow::Result<()> {
    let mut rest = questions;
    for (clients, requests) in LOADS {
        let (asked, left) = rest.split_at(requests.min(rest.len()));
        rest = left;
        let amount = Amount { clients, requests: asked.len(), time: LIMIT };
        let load =
            drive(target, amount, async |client, number| ask(client, &json!({ "message": asked[number] })).await)
                .await?;
        let of = |time: fn(&Found) -> Option<Duration>| load.found.iter().filter_map(time).collect::<Vec<_>>();
        let answered = load.found.iter().filter(|found| found.answered).count();
        let name = |what: &str| format!("{what}; {} questions, {clients} at a time", load.found.len());
        let first_byte = Row::new("chat", name("first byte of the stream")).times(&of(|found| Some(found.first_byte)));
        let first_text = Row::new("chat", name("first text of the answer")).times(&of(|found| found.first_text));
        let judged = |row: Row| if clients == 1 { row.at_most("p50", TARGET) } else { row };
        report.row(judged(first_byte));
        report.row(judged(first_text));
        let end = Row::new("chat", name("whole answer")).times(&of(|found| Some(found.end)));
        report.row(load.add_to(end, "answers/s").figure("answered", answered as f64, "questions"));
    }
    Ok(())
}

/// Asks once and reads the stream to its end. Fails where the run does.
pub(super) async fn ask(client: &mut Client, body: &Value) -> anyhow::Result<Found> {
    let (mut events, mut found) = (Vec::new(), Found::default());
    let begin = Instant::now();
    let status = client
        .stream("/api/v1/chat", body, |part| {
            if events.is_empty() {
                found.first_byte = begin.elapsed();
            }
            events.extend_from_slice(part);
            if found.first_text.is_none() && contains(part, b"TEXT_MESSAGE_CONTENT") {
                found.first_text = Some(begin.elapsed());
            }
        })
        .await?;
    found.end = begin.elapsed();
    ensure!(status == 200, "chat: status {status}: {}", String::from_utf8_lossy(&events));
    judge(&events, &mut found);
    ensure!(found.finished, "chat: a run did not finish: {}", String::from_utf8_lossy(&events));
    Ok(found)
}

fn contains(bytes: &[u8], pattern: &[u8]) -> bool {
    bytes.windows(pattern.len()).any(|window| window == pattern)
}

/// Reads the end of a run from its events.
fn judge(events: &[u8], found: &mut Found) {
    let text = String::from_utf8_lossy(events);
    let datas = text.lines().filter_map(|line| line.strip_prefix("data:"));
    for event in datas.filter_map(|data| serde_json::from_str::<Value>(data.trim()).ok()) {
        if event["type"] == "RUN_FINISHED" {
            found.finished = true;
            found.answered = event["result"]["answered"] == true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_tells_whether_there_is_an_answer() {
        let mut found = Found::default();
        judge(b"id: 1\ndata: {\"type\":\"RUN_STARTED\"}\n\n: heartbeat\n\n", &mut found);
        assert!(!found.finished);
        judge(b"id: 2\ndata: {\"type\":\"RUN_FINISHED\",\"result\":{\"answered\":true}}\n\n", &mut found);
        assert!(found.finished && found.answered);
    }
}
