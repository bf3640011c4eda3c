//! Memory of Millwright when it rests, beside PostgreSQL and the embedding model.
//!
//! The model's weights lie on the heap, where no mapping tells them apart. Only what they certainly take is counted as
//! theirs: the size of the file they come from. Tokeniser, vocabulary and what inference needs count as Millwright.

use std::path::Path;

use anyhow::Context;
use millwright_retrieval::embedding::Embedder;

use crate::{
    proc,
    report::{Report, Row},
};

/// Beside PostgreSQL and the model, megabytes.
const TARGET: f64 = 150.0;

/// Size of the model's weights, megabytes.
pub(crate) fn weights(model_dir: &Path) -> anyhow::Result<f64> {
    let file = model_dir.join("model.onnx");
    Ok(file.metadata().with_context(|| file.display().to_string())?.len() as f64 / 1e6)
}

/// What the embedding model takes by itself, megabytes: weights, tokeniser, and what inference needs. Loaded and used once in
/// this process, which has done nothing else yet.
pub(crate) async fn model_alone(model_dir: &Path) -> anyhow::Result<f64> {
    let before = proc::memory(std::process::id())?.resident;
    let embedder = Embedder::load(model_dir, 1).context("the embedding model")?;
    embedder.embed_query("a probe").await.context("embedding")?;
    let after = proc::memory(std::process::id())?.resident;
    Ok(after - before)
}

/// Adds a line for the server as it is now.
pub(crate) fn measure(report: &mut Report, when: &str, server: u32, weights: f64) -> anyhow::Result<()> {
    let memory = proc::memory(server)?;
    let postgres = proc::postgres_of(server);
    let row = Row::new("memory", when)
        .figure("process", memory.resident, "MB")
        .figure("of which heap", memory.anonymous, "MB")
        .figure("of which weights", weights, "MB")
        .figure("without weights", memory.resident - weights, "MB")
        .figure("PostgreSQL", proc::proportional_memory(&postgres)?, "MB")
        .figure("in", postgres.len() as f64, "processes");
    report.row(row.at_most("without weights", TARGET));
    Ok(())
}
