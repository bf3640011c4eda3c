//! Measures a running Millwright from outside and prints a Markdown table, or JSON.
//!
//! `make bench` builds the release binary and calls this. It starts `millwright serve --demo` with a data folder of
//! its own in a temporary folder, measures over HTTP on loopback, stops it, and looks that no process is left.
//! Everything runs on the same machine: the load takes its share of the processor from the server, as it would not in
//! production, so it is made by one thread and a client that does little ([`http`]).
//!
//! It is not a test: it asserts nothing about results beyond "the request succeeded". It is not part of the product
//! either; the one path that does not go through HTTP ([`seed`]) exists only here, because embedding 20,000 chunks on two
//! cores would take most of the time that a benchmark may take.
//!
//! Each measure is one file under [`measures`]; [`bench`] is their order; [`report`] holds what they found, each figure
//! beside its target. What could not be measured is said in the table and never filled in.

mod bench;
mod corpus;
mod http;
mod load;
mod measures;
mod proc;
mod report;
mod seed;
mod server;

use std::{io::Write, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Parser;
use report::Report;

/// The whole of it, whatever happens, but for what is asked to last longer.
const LIMIT: Duration = Duration::from_mins(12);
/// What filling tenants with a hundred thousand chunks may take besides.
const FILLING: Duration = Duration::from_mins(8);

/// Measures a Millwright that it starts by itself, and stops it again.
#[derive(Debug, Parser)]
#[command(name = "millwright-loadtest", version)]
struct Arguments {
    /// The release binary to measure.
    #[arg(long, required_unless_present = "retrieval")]
    binary: Option<PathBuf>,
    /// Where the private PostgreSQL and the embedding model lie.
    #[arg(long, env = "MILLWRIGHT_CACHE_DIR")]
    cache_dir: PathBuf,
    /// Documents to take in; the samples of the repository where this folder does not exist.
    #[arg(long, default_value = "../shared/data/industrial-documents")]
    documents: PathBuf,
    /// Chunks of the tenant that is searched.
    #[arg(long, default_value_t = 20_000)]
    chunks: usize,
    /// Only what sign-in, limits and revocation cost: two minutes instead of ten.
    #[arg(long)]
    identity_only: bool,
    /// Only search, over this many chunks of twenty tenants.
    #[arg(long, value_name = "CHUNKS")]
    retrieval: Option<usize>,
    /// Only the gateway beside LiteLLM; needs `--upstream`, and wrk.
    #[arg(long, requires = "upstream")]
    gateway: bool,
    /// Only what durable runs cost, and what becomes of them when processes die.
    /// `alone`, `volume`, `conversation`, `beside`, `resume`, `crash`; all of these where none is named.
    #[arg(long, value_name = "PARTS", value_delimiter = ',', num_args = 0..)]
    runs: Option<Vec<String>>,
    #[command(flatten)]
    of_runs: measures::runs::Options,
    /// The stand-in for a model server, `millwright-upstream`.
    #[arg(long)]
    upstream: Option<PathBuf>,
    /// A Python environment with LiteLLM's proxy.
    #[arg(long)]
    litellm: Option<PathBuf>,
    /// Seconds that each load of the gateway lasts.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Minutes at half load after that, for its memory.
    #[arg(long)]
    soak: Option<u64>,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    // One thread: what the load takes from the server's two cores stays small, and processes that are told to end with
    // their parent thread end with this process.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("millwright-loadtest: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(Arguments::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millwright-loadtest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let soak = arguments.soak.map(Duration::from_mins);
    let of_runs = arguments.runs.map(|only| measures::runs::Options { only, ..arguments.of_runs });
    let limit = LIMIT
        + soak.unwrap_or_default()
        + FILLING * arguments.retrieval.unwrap_or_default().div_ceil(100_000) as u32
        + of_runs.as_ref().map_or(Duration::ZERO, measures::runs::Options::limit);
    let options = measures::gateway::Options {
        upstream: arguments.upstream.unwrap_or_default(),
        litellm: arguments.litellm,
        seconds: arguments.seconds,
        soak,
    };
    let plan = bench::Plan {
        binary: arguments.binary.unwrap_or_default(),
        cache_dir: arguments.cache_dir,
        documents: arguments.documents,
        chunks: arguments.chunks,
        identity_only: arguments.identity_only,
        retrieval: arguments.retrieval,
        gateway: arguments.gateway.then_some(options),
        runs: of_runs,
    };
    let mut report = Report::new(proc::Machine::read());
    let done = tokio::select! {
        done = tokio::time::timeout(limit, bench::run(&plan, &mut report)) => {
            done.context("not done in time").flatten()
        }
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("stopped by Ctrl-C")),
    };
    if done.is_err() {
        report.note("It ended early: what is missing above was not measured.");
    }
    print(&if arguments.json { serde_json::to_string_pretty(&report)? } else { report.to_markdown() })?;
    done
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("writing to standard output")
}

/// Tells whoever waits what is going on.
fn say(text: &str) {
    eprintln!("  {text}");
}
