//! How soon a conversation opens that somebody has gone on with for years.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::{Bench, body, with};
use crate::{
    http::Client,
    load::Target,
    measures::chat,
    report::{Report, Row},
};

const OPENED: usize = 20;
/// Of a folder that is watched.
const FILES: usize = 5_000;
/// Milliseconds.
const TARGET: f64 = 300.0;

pub(super) async fn measure(report: &mut Report, bench: &Bench<'_>, target: &Target) -> anyhow::Result<()> {
    let mut client = target.client().await?;
    let answer = client.post("/api/v1/chat", &with(body(1), "stream", json!(false))).await?.json()?;
    let id = answer["conversation_id"].as_str().context("no conversation")?.to_owned();
    lengthen(bench, &id)?;
    open(report, bench, &mut client, &id, "opens").await?;
    let mut first_bytes: Vec<Duration> = Vec::new();
    for case in 0..OPENED {
        let found = chat::ask(&mut client, &with(body(case), "conversation_id", json!(id))).await?;
        first_bytes.push(found.first_byte);
    }
    let name = format!("first byte of an answer to a further question in it, {OPENED} questions");
    report.row(Row::new("conversation", name).times(&first_bytes));
    watch_a_folder(bench, &id)?;
    open(report, bench, &mut client, &id, &format!("opens where a folder of {FILES} files is watched")).await?;
    bench.tell_database(
        "SET session_replication_role = replica; DELETE FROM documents WHERE label_id = 1000000; DELETE FROM labels WHERE id = 1000000",
    )
}

async fn open(report: &mut Report, bench: &Bench<'_>, client: &mut Client, id: &str, how: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/conversations/{id}");
    let (mut times, mut bytes, mut messages) = (Vec::new(), 0, 0);
    for _ in 0..OPENED {
        let begin = Instant::now();
        let answer = client.get(&path).await?;
        times.push(begin.elapsed());
        bytes = answer.body.len();
        let shown = answer.json()?;
        let shown = shown["messages"].as_array().map_or(&[][..], Vec::as_slice);
        ensure!(shown.iter().all(|message| message["withheld"] == false), "a message is kept from its reader");
        messages = shown.len();
    }
    ensure!(messages > 0, "a conversation without messages");
    let name = format!("a conversation of {} messages {how}, {OPENED} times", bench.options.messages);
    let row = Row::new("conversation", name)
        .times(&times)
        .figure("messages of the answer", messages as f64, "")
        .figure("its size", bytes as f64 / 1e6, "MB");
    report.row(row.at_most("p95", TARGET));
    Ok(())
}

/// Rows of a folder that is watched, whose documents are nobody's business here: with one, each message is held against the documents
/// that it cites.
fn watch_a_folder(bench: &Bench<'_>, id: &str) -> anyhow::Result<()> {
    let uuid = id.split_once('_').context("an id without its kind")?.1;
    let tenant = format!("(SELECT tenant_id FROM conversations WHERE id = '{uuid}')");
    bench.tell_database(&format!(
        "SET session_replication_role = replica; \
         INSERT INTO labels OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(l, jsonb_build_object('id', 1000000, 'source_id', \
             md5('source')::uuid))).* FROM labels l WHERE l.id = (SELECT min(id) FROM labels WHERE tenant_id = {tenant}); \
         INSERT INTO documents SELECT (jsonb_populate_record(d, jsonb_build_object('id', md5('document' || i)::uuid, 'name', \
             'file ' || i, 'label_id', 1000000, 'source_id', md5('source')::uuid))).* FROM documents d, \
             generate_series(1, {FILES}) i WHERE d.id = (SELECT min(id::text)::uuid FROM documents WHERE tenant_id = {tenant}); \
         ANALYZE labels, documents"
    ))
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
