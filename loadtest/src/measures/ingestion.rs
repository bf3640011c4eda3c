//! Real PDFs and Markdown through the whole of ingestion, by stage.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::Value;

use crate::{
    corpus::{file_name, files},
    http::Client,
    load::Target,
    report::{Report, Row},
};

/// Documents that are not read by then are left out and counted.
const LIMIT: Duration = Duration::from_mins(3);
const STAGES: [&str; 4] = ["parse", "chunk", "embed", "index"];

/// Uploads all and waits until each is read or refused.
pub(crate) async fn measure(
    report: &mut Report,
    target: &Target,
    folder: &Path,
    extensions: &[&str],
) -> anyhow::Result<()> {
    let mut client = target.client().await?;
    let begin = Instant::now();
    let (mut waiting, mut refused) = (Vec::new(), 0_usize);
    for path in files(folder, extensions)? {
        let bytes = std::fs::read(&path)?;
        let answer = client.upload("/api/v1/documents/upload", &file_name(&path), &bytes).await?;
        match answer.status {
            202 => waiting.push(answer.json()?["id"].as_str().context("a document without id")?.to_owned()),
            415 | 422 => refused += 1,
            _ => {
                answer.json()?;
            }
        }
    }
    let (mut read, mut took) = (Vec::new(), begin.elapsed());
    while !waiting.is_empty() && begin.elapsed() < LIMIT {
        let mut still = Vec::new();
        for id in waiting {
            let document = client.get(&format!("/api/v1/documents/{id}")).await?.json()?;
            match document["latest"]["status"].as_str() {
                Some("ready") => read.push(document),
                Some("failed") => refused += 1,
                _ => still.push(id),
            }
        }
        waiting = still;
        took = begin.elapsed();
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    for (name, format) in [("PDF", "pdf"), ("Markdown", "markdown")] {
        let of_format: Vec<&Value> = read.iter().filter(|document| document["format"] == format).collect();
        if !of_format.is_empty() {
            report.row(by_stage(name, &of_format));
        }
    }
    let all: Vec<&Value> = read.iter().collect();
    report.row(
        Row::new("ingestion", format!("all {} documents, from the first upload to the last answer", all.len()))
            .figure("pages", sum(&all, "page_count") / took.as_secs_f64(), "/s")
            .figure("chunks", sum(&all, "chunk_count") / took.as_secs_f64(), "/s")
            .figure("took", took.as_secs_f64(), "s"),
    );
    if refused > 0 {
        report.note(format!(
            "Ingestion: {refused} files were refused with a reason, most of them drawings without text."
        ));
    }
    if !waiting.is_empty() {
        report.note(format!("Ingestion: {} documents were not read within {} s.", waiting.len(), LIMIT.as_secs()));
    }
    Ok(())
}

/// Pages or chunks for each second that a stage itself took.
fn by_stage(name: &str, documents: &[&Value]) -> Row {
    let (pages, chunks) = (sum(documents, "page_count"), sum(documents, "chunk_count"));
    let measure = format!("{name}: {} documents, {pages:.0} pages, {chunks:.0} chunks; by stage", documents.len());
    let mut row = Row::new("ingestion", measure);
    for stage in STAGES {
        let millis: f64 =
            documents.iter().filter_map(|document| document["latest"]["timings_ms"][stage].as_f64()).sum();
        let (what, unit) = if stage == "parse" { (pages, "pages/s") } else { (chunks, "chunks/s") };
        // A stage that took no whole millisecond has no rate.
        if millis > 0.0 {
            row = row.figure(stage, what / millis * 1000.0, unit);
        }
    }
    row
}

fn sum(documents: &[&Value], field: &str) -> f64 {
    documents.iter().filter_map(|document| document["latest"][field].as_f64()).sum()
}

/// Waits until the keyword index finds a document by one of its own words.
pub(crate) async fn wait_until_found(client: &mut Client, document: &str, words: &str) -> anyhow::Result<()> {
    let body = serde_json::json!({ "query": words, "limit": 1, "document_ids": [document] });
    loop {
        let found = client.post("/api/v1/search", &body).await?.json()?;
        if found["items"][0]["keyword"].is_object() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rates_count_the_time_of_their_own_stage() {
        let document = json!({ "latest": { "page_count": 10, "chunk_count": 40, "timings_ms": { "parse": 500, "embed": 2000, "index": 0 } } });
        let row = serde_json::to_value(by_stage("PDF", &[&document, &document])).unwrap();
        assert_eq!(row["figures"][0], json!({ "name": "parse", "value": 20.0, "unit": "pages/s" }));
        assert_eq!(row["figures"][1], json!({ "name": "embed", "value": 20.0, "unit": "chunks/s" }));
        assert_eq!(row["figures"].as_array().unwrap().len(), 2);
    }
}
