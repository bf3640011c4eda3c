//! How soon a conversation opens that somebody has gone on with for years.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::{Bench, body, with};
use crate::{
    load::Target,
    measures::chat,
    report::{Report, Row},
};

const OPENED: usize = 20;
/// Milliseconds.
const TARGET: f64 = 300.0;

pub(super) async fn measure(report: &mut Report, bench: &Bench<'_>, target: &Target) -> anyhow::Result<()> {
    let mut client = target.client().await?;
    let answer = client.post("/api/v1/chat", &with(body(1), "stream", json!(false))).await?.json()?;
    let id = answer["conversation_id"].as_str().context("no conversation")?.to_owned();
    lengthen(bench, &id)?;
    let path = format!("/api/v1/conversations/{id}");
    let (mut times, mut bytes, mut messages) = (Vec::new(), 0, 0);
    for _ in 0..OPENED {
        let begin = Instant::now();
        let answer = client.get(&path).await?;
        times.push(begin.elapsed());
        bytes = answer.body.len();
        messages = answer.json()?["messages"].as_array().map_or(0, Vec::len);
    }
    ensure!(messages > 0, "a conversation without messages");
    let row = Row::new(
        "conversation",
        format!("a conversation of {} messages opens, {OPENED} times", bench.options.messages),
    )
    .times(&times)
    .figure("messages of the answer", messages as f64, "")
    .figure("its size", bytes as f64 / 1e6, "MB");
    report.row(row.at_most("p95", TARGET));
    let mut first_bytes: Vec<Duration> = Vec::new();
    for case in 0..OPENED {
        let found = chat::ask(&mut client, &with(body(case), "conversation_id", json!(id))).await?;
        first_bytes.push(found.first_byte);
    }
    let name = format!("first byte of an answer to a further question in it, {OPENED} questions");
    report.row(Row::new("conversation", name).times(&first_bytes));
    Ok(())
}

/// Has the question and the answer that are there follow themselves until there are enough, each with its run.
fn lengthen(bench: &Bench<'_>, id: &str) -> anyhow::Result<()> {
    let uuid = id.split_once('_').context("an id without its kind")?.1;
    let more = bench.options.messages.saturating_sub(2) / 2;
    let copy = |table: &str, fields: &str| {
        format!(
            "INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object({fields}))).* FROM {table} t, \
             generate_series(1, {more}) i WHERE t.conversation_id = '{uuid}'"
        )
    };
    let key = |what: &str, number: &str| format!("md5({what} || '{uuid}' || ({number}))::uuid");
    let runs = copy(
        "runs",
        &format!(
            "'id', {}, 'user_message_id', {}, 'assistant_message_id', {}, 'created_at', t.created_at + i * interval '1 second'",
            key("'run'", "i"),
            key("'user'", "i"),
            key("'assistant'", "i")
        ),
    );
    let messages = copy(
        "messages",
        &format!(
            "'id', {}, 'run_id', CASE WHEN t.run_id IS NOT NULL THEN {} END, 'parent_id', CASE WHEN t.role = 'assistant' THEN {} \
             WHEN i > 1 THEN {} ELSE (SELECT a.id FROM messages a WHERE a.conversation_id = '{uuid}' AND a.role = 'assistant') END, \
             'created_at', t.created_at + i * interval '1 second'",
            key("t.role", "i"),
            key("'run'", "i"),
            key("'user'", "i"),
            key("'assistant'", "i - 1")
        ),
    );
    bench.tell_database(&format!("{runs}; {messages}; ANALYZE runs, messages"))
}
