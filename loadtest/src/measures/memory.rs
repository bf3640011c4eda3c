//! Memory of Millwright beside PostgreSQL, and how much of it is the embedding model.
//!
//! The model's weights lie on the heap, so no mapping tells them apart. What the model takes is therefore measured in a
//! process that does nothing but load it in the same way, with the same allocator, and embed one query.

use std::{path::Path, process::Command};

use anyhow::{Context, ensure};
use millwright_retrieval::embedding::Embedder;
use serde::{Deserialize, Serialize};

use crate::{
    proc,
    report::{Report, Row},
};

/// Beside PostgreSQL and the model, megabytes.
const TARGET: f64 = 150.0;

/// Resident memory of a process that loads the model, megabytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ModelMemory {
    before: f64,
    after: f64,
}

/// In a process of its own: loads the model, embeds a query, and says what that took.
pub(crate) async fn of_model(folder: &Path) -> anyhow::Result<String> {
    let own = std::process::id();
    let before = proc::memory(own)?.resident;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let embedder = Embedder::load(folder, threads)?;
    embedder.embed_query("ready").await?;
    let after = proc::memory(own)?.resident;
    Ok(serde_json::to_string(&ModelMemory { before, after })?)
}

/// What the model takes, megabytes.
pub(crate) fn model(folder: &Path) -> anyhow::Result<f64> {
    let own = std::env::current_exe().context("the own binary")?;
    let output = Command::new(own).arg("--model-memory").arg(folder).output().context("the model's process")?;
    ensure!(output.status.success(), "loading the model: {}", String::from_utf8_lossy(&output.stderr));
    let found: ModelMemory = serde_json::from_slice(&output.stdout)?;
    Ok(found.after - found.before)
}

/// Adds a line for the server as it is now.
pub(crate) fn measure(report: &mut Report, when: &str, server: u32, model: f64, judged: bool) -> anyhow::Result<()> {
    let memory = proc::memory(server)?;
    let postgres = proc::postgres_of(server);
    let row = Row::new("memory", when)
        .figure("process", memory.resident, "MB")
        .figure("of which heap", memory.anonymous, "MB")
        .figure("of which embedding model", model, "MB")
        .figure("process without model", memory.resident - model, "MB")
        .figure(&format!("PostgreSQL, {} processes", postgres.len()), proc::proportional_memory(&postgres)?, "MB");
    report.row(if judged { row.at_most("process without model", TARGET) } else { row });
    Ok(())
}
