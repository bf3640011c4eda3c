//! Real PDFs and Markdown through the whole of ingestion, by stage.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::ensure;
use serde_json::Value;

use crate::{
    corpus::{file_name, files},
    http::Client,
    load::Target,
    report::{Report, Row},
};

/// No document is uploaded later than this; those that are left then are counted.
const UPLOADING: Duration = Duration::from_mins(2);
/// How long the last of them may take.
const LIMIT: Duration = Duration::from_mins(4);
/// Documents on their way at a time: two are worked on, and two more keep the queue from running dry.
const IN_FLIGHT: usize = 4;
const LOOK: Duration = Duration::from_millis(100);
const STAGES: [&str; 4] = ["parse", "chunk", "embed", "index"];

/// Uploads one after the other and waits until each is read or refused: nothing goes on after this.
pub(crate) async fn measure(
    report: &mut Report,
    target: &Target,
    folder: &Path,
    extensions: &[&str],
) -> anyhow::Result<()> {
    let mut client = target.client().await?;
    let begin = Instant::now();
    let mut to_upload = mixed(files(folder, extensions)?).into_iter();
    let (mut waiting, mut read, mut refused): (Vec<String>, Vec<Value>, Vec<String>) = Default::default();
    let mut took = Duration::ZERO;
    loop {
        while waiting.len() < IN_FLIGHT
            && begin.elapsed() < UPLOADING
            && let Some(path) = to_upload.next()
        {
            match upload(target, &path).await? {
                Ok(id) => waiting.push(id),
                Err(code) => refused.push(code),
            }
        }
        if waiting.is_empty() {
            break;
        }
        ensure!(begin.elapsed() < LIMIT, "{} documents were not read within {} s", waiting.len(), LIMIT.as_secs());
        let mut still = Vec::new();
        for id in waiting {
            let document = client.get(&format!("/api/v1/documents/{id}")).await?.json()?;
            match document["latest"]["status"].as_str() {
                Some("ready") => read.push(document),
                Some("failed") => refused.push(text(&document["latest"]["error"]["code"])),
                _ => still.push(id),
            }
        }
        waiting = still;
        took = begin.elapsed();
        tokio::time::sleep(LOOK).await;
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
    if !refused.is_empty() {
        report.note(format!("Ingestion: {} files were refused: {}.", refused.len(), refused.join(", ")));
    }
    let left = to_upload.len();
    if left > 0 {
        report.note(format!("Ingestion: {left} more files were not uploaded within {} s.", UPLOADING.as_secs()));
    }
    Ok(())
}

/// A document of each kind in turn, so that both are measured when time runs out.
fn mixed(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let is_pdf = |path: &PathBuf| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"));
    let (pdfs, others): (Vec<_>, Vec<_>) = files.into_iter().partition(is_pdf);
    let (mut pdfs, mut others) = (pdfs.into_iter(), others.into_iter());
    let mut order = Vec::new();
    loop {
        let before = order.len();
        order.extend(pdfs.next());
        order.extend(others.by_ref().take(3));
        if order.len() == before {
            return order;
        }
    }
}

/// The id of the document, or the code of the refusal.
async fn upload(target: &Target, path: &Path) -> anyhow::Result<Result<String, String>> {
    let bytes = std::fs::read(path)?;
    // A connection of its own: after a refusal the server need not read the rest of the file and may close it.
    let answer = target.client().await?.upload("/api/v1/documents/upload", &file_name(path), &bytes).await?;
    if matches!(answer.status, 415 | 422) {
        let problem: Value = serde_json::from_slice(&answer.body)?;
        return Ok(Err(text(&problem["code"])));
    }
    Ok(Ok(text(&answer.json()?["id"])))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("no code").to_owned()
}

/// Pages or chunks for each second that a stage itself took. Two documents are worked on at a time, so that stages of
/// both share the cores.
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
    fn both_kinds_come_early_and_none_is_lost() {
        let files = ["a.pdf", "b.PDF", "1.md", "2.md", "3.md", "4.md", "5.md"].map(PathBuf::from).to_vec();
        let order: Vec<String> = mixed(files).iter().map(|path| file_name(path)).collect();
        assert_eq!(order, ["a.pdf", "1.md", "2.md", "3.md", "b.PDF", "4.md", "5.md"]);
    }

    #[test]
    fn rates_count_the_time_of_their_own_stage() {
        let document = json!({ "latest": { "page_count": 10, "chunk_count": 40, "timings_ms": { "parse": 500, "embed": 2000, "index": 0 } } });
        let row = serde_json::to_value(by_stage("PDF", &[&document, &document])).unwrap();
        assert_eq!(row["figures"][0], json!({ "name": "parse", "value": 20.0, "unit": "pages/s" }));
        assert_eq!(row["figures"][1], json!({ "name": "embed", "value": 20.0, "unit": "chunks/s" }));
        assert_eq!(row["figures"].as_array().unwrap().len(), 2);
    }
}
