//! `millwright eval …`: scores what ships on a file of labelled data.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Subcommand;
use millwright_policy::{injection, pii};
use millwright_routing as routing;
use serde::{Serialize, de::DeserializeOwned};

use crate::{eval_agent::AgentInput, eval_retrieval::RetrievalInput, eval_routing};

/// What to score.
#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    #[command(flatten)]
    OnFile(FileEvalCommand),
    /// Search, on a collection with judgements: keywords, vectors, both, and the order that users get. Takes the collection
    /// into a database of its own, which is gone afterwards. Vectors are those of the model in process, whatever
    /// EMBEDDING_MODEL says.
    Retrieval(RetrievalInput),
    /// Answers, on a suite of documents and questions: the whole runtime, with the models that are configured or else the
    /// built-in answerer. Takes the documents into a database of its own, which is gone afterwards. Vectors are those of the
    /// model in process, whatever EMBEDDING_MODEL says. Nothing but rules judges the answers.
    Agent(AgentInput),
}

/// What needs nothing but a file.
#[derive(Debug, Subcommand)]
pub(crate) enum FileEvalCommand {
    /// The finder of personal data, by type.
    Pii {
        #[command(flatten)]
        input: Input,
    },
    /// The classifier of prompt injection, by channel and source, at the thresholds that ship.
    Injection {
        #[command(flatten)]
        input: Input,
    },
    /// The judge of how much model a request deserves, by benchmark: quality bought for a share of the strong model.
    Routing {
        #[command(flatten)]
        input: Input,
    },
}

/// Labelled data.
#[derive(Debug, clap::Args)]
pub(crate) struct Input {
    /// JSON lines.
    #[arg(long)]
    data: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Scores and prints.
pub(crate) fn run(command: FileEvalCommand) -> anyhow::Result<ExitCode> {
    match command {
        FileEvalCommand::Pii { input } => {
            let records: Vec<pii::eval::Record> = records(&input.data)?;
            let report = pii::eval::score(records.into_iter());
            if input.json { print_json(&report)? } else { print_pii(&report)? }
        }
        FileEvalCommand::Injection { input } => {
            let records: Vec<injection::eval::Record> = records(&input.data)?;
            let report = injection::eval::evaluate(&records);
            if input.json { print_json(&report)? } else { print_injection(&report)? }
        }
        FileEvalCommand::Routing { input } => {
            let records: Vec<routing::eval::Record> = records(&input.data)?;
            let report = routing::eval::evaluate(records.iter(), |record| {
                routing::assess(&routing::Request::prompt(&record.prompt), None).score
            });
            if input.json { print_json(&report)? } else { eval_routing::print(&report)? }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn records<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut records = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        if !line.trim().is_empty() {
            let record = serde_json::from_str(&line);
            records.push(record.with_context(|| format!("{}, line {number}", path.display()))?);
        }
    }
    Ok(records)
}

fn print_json(report: &impl Serialize) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(report)?)?;
    Ok(())
}

fn print_pii(report: &pii::eval::Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{:<20} {:>9} {:>9} {:>9} {:>6}", "type", "precision", "recall", "f1", "n")?;
    for (kind, score) in &report.by_type {
        writeln!(out, "{kind:<20} {:>9.3} {:>9.3} {:>9.3} {:>6}", score.precision, score.recall, score.f1, score.n)?;
    }
    Ok(())
}

fn print_injection(report: &injection::eval::Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    // The report's own JSON names the figures; a table of the same shows them one below the other.
    let value = serde_json::to_value(report)?;
    for part in ["by_channel", "by_source"] {
        for (name, figures) in value[part].as_object().into_iter().flatten() {
            let figures = figures.as_object().into_iter().flatten();
            let figures: Vec<String> = figures
                .filter(|(_, figure)| !figure.is_null())
                .map(|(name, figure)| match figure.as_f64() {
                    Some(number) if !figure.is_u64() => format!("{name} {number:.3}"),
                    _ => format!("{name} {figure}"),
                })
                .collect();
            writeln!(out, "{name:<28} {}", figures.join("  "))?;
        }
    }
    Ok(())
}
