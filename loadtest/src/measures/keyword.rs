//! The keyword stage alone, beside PyPI bm25s on the same texts and questions, one after the other.
//!
//! Ours is the index that the server built, opened after the server was stopped; a query's time holds cutting it into
//! words, the search, and the way to a blocking thread and back, as in every search of the product.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use millwright_core::TenantScope;
use millwright_retrieval::keyword::{KeywordIndexes, KeywordQuery, QueryHints, VisibleLabels};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use crate::{
    corpus::SeedDocument,
    report::{Report, Row, median},
};

/// As many as the product asks its keyword index for.
const HITS: usize = 50;
/// What bm25s was measured to take on another machine with two cores, milliseconds.
const TARGET: f64 = 0.28;
const PACKAGES: [&str; 3] = ["bm25s==0.3.16", "PyStemmer==3.1.0", "numpy"];
const SCRIPT: &str = include_str!("../../peers/bm25s_queries.py");
const INSTALL_LIMIT: Duration = Duration::from_mins(1);
const PEER_LIMIT: Duration = Duration::from_secs(90);

/// Seconds of each query.
#[derive(Deserialize)]
struct PeerTimes {
    retrieve: Vec<f64>,
    whole: Vec<f64>,
}

/// Both, one after the other, with nothing else running.
pub(crate) async fn measure(
    report: &mut Report,
    data_dir: &Path,
    scratch: &Path,
    scope: &TenantScope,
    documents: &[SeedDocument],
    questions: &[String],
) -> anyhow::Result<()> {
    let indexes = KeywordIndexes::new(data_dir.join("keyword"));
    let (mut times, mut hits) = (Vec::new(), 0);
    for question in questions {
        let begin = Instant::now();
        // As somebody who may see all there is: the admin who asks in the other measures.
        let visible = VisibleLabels::new(&[], true);
        let query =
            KeywordQuery { text: question.clone(), limit: HITS, visible, versions: None, hints: QueryHints::default() };
        let found = indexes.search(scope, query).await?;
        times.push(begin.elapsed());
        hits += found.hits.len();
    }
    ensure!(hits > 0, "the keyword index found nothing at all");
    let name = |who: &str| format!("{who}, {} questions, best {HITS}", questions.len());
    let ours = Row::new("keyword stage", name("Millwright (tantivy), query to hits")).times(&times);
    report.row(ours.at_most("p50", TARGET));
    match peer(scratch, documents, questions).await {
        Ok(peer) => {
            let seconds = |times: &[f64]| times.iter().copied().map(Duration::from_secs_f64).collect::<Vec<_>>();
            let (whole, retrieve) = (seconds(&peer.whole), seconds(&peer.retrieve));
            let row = Row::new("keyword stage", name("bm25s, query to hits")).times(&whole);
            report.row(row.figure("ratio of p50", median(&whole) / median(&times), "× ours"));
            let row = Row::new("keyword stage", name("bm25s, words to hits")).times(&retrieve);
            report.row(row.figure("ratio of p50", median(&retrieve) / median(&times), "× ours"));
        }
        Err(error) => report.note(format!("bm25s SKIPPED: {error:#}.")),
    }
    Ok(())
}

async fn peer(scratch: &Path, documents: &[SeedDocument], questions: &[String]) -> anyhow::Result<PeerTimes> {
    let packages = scratch.join("python");
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--target",
    ])
    .arg(&packages)
    .args(PACKAGES);
    run(pip, INSTALL_LIMIT).await.context("pip could not install it")?;
    let texts: Vec<String> = documents
        .iter()
        .flat_map(|document| &document.chunks)
        .map(|chunk| format!("{}\n{}", chunk.heading_path.join("\n"), chunk.text))
        .collect();
    let input = scratch.join("bm25s.json");
    std::fs::write(&input, serde_json::to_vec(&json!({ "texts": texts, "queries": questions, "hits": HITS }))?)?;
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(&input).env("PYTHONPATH", &packages);
    let output = run(python, PEER_LIMIT).await.context("it failed")?;
    serde_json::from_slice(&output).context("its answer")
}

/// Runs a program to its end; it does not outlive the limit.
async fn run(mut command: Command, limit: Duration) -> anyhow::Result<Vec<u8>> {
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let output = tokio::time::timeout(limit, child.wait_with_output())
        .await
        .with_context(|| format!("not done within {} s", limit.as_secs()))??;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", error.lines().last().unwrap_or("it said nothing"));
    Ok(output.stdout)
}
