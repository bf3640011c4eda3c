//! The binary `millwright`: puts the parts together and runs them.
//!
//! Subcommands: `serve`, `migrate`, `seed`, `doctor`, `audit verify`, `run verify`, `policy`, `models`, `embeddings`, `eval`,
//! `sql-guard`, `openapi`, and the hidden `parse-worker` that
//! `serve` starts for each document. Each is one file; [`app`] is the part list that they share.
//!
//! Nothing is decided here that another crate could decide: this is where settings become parts.

mod app;
mod audit_verify;
mod database;
mod doctor;
mod embeddings;
mod eval;
mod eval_agent;
mod eval_retrieval;
mod eval_routing;
mod health;
mod intake;
mod models;
mod models_pull;
mod openapi;
mod parse_worker;
mod policy;
mod rerank;
mod run_verify;
mod scratch;
mod seed;
mod serve;
mod sql_guard;
mod tenant;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use millwright_config::Config;
use millwright_core::Sources;

use crate::eval::EvalCommand;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// AI agents for industrial and regulated companies: they read what a person may read and change nothing without a
/// signature.
#[derive(Debug, Parser)]
#[command(name = "millwright", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and the web UI.
    Serve {
        /// Create the demo tenants, their users and sample documents where they are missing.
        #[arg(long)]
        demo: bool,
    },
    /// Create or update the database schema.
    Migrate,
    /// Create the demo tenants, their users and sample documents where they are missing.
    Seed,
    /// Tenants, as the platform's operators manage them: with a login of their own, from outside.
    Tenant {
        #[command(subcommand)]
        command: tenant::TenantCommand,
    },
    /// Check each part and say what to do.
    Doctor,
    /// The audit log.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Runs of agents.
    Run {
        #[command(subcommand)]
        command: RunCommand,
    },
    /// Policies: look them over, test and explain them.
    Policy {
        #[command(subcommand)]
        command: policy::PolicyCommand,
    },
    /// Language models on their servers.
    Models {
        #[command(subcommand)]
        command: models_pull::ModelsCommand,
    },
    /// Embedding models in the database.
    Embeddings {
        #[command(subcommand)]
        command: embeddings::EmbeddingsCommand,
    },
    /// Score what ships on labelled data.
    Eval {
        #[command(subcommand)]
        command: EvalCommand,
    },
    /// The guard of SQL that models write.
    SqlGuard {
        #[command(subcommand)]
        command: sql_guard::SqlGuardCommand,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Parse one document from standard input; started by `serve`, with limits.
    #[command(hide = true)]
    ParseWorker,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Recompute chain and MACs from storage alone and name the first entry that is not as it was written.
    Verify {
        /// Only this tenant; all of them without it.
        #[arg(long)]
        tenant: Option<String>,
        /// A file with the heads of the last verification: also finds a log that was rolled back with its heads. It is
        /// written anew after a verification that found nothing.
        #[arg(long)]
        anchor: Option<std::path::PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum RunCommand {
    /// Recompute the evidence of a run from its file alone, without a database, and name the first thing that is not as it was.
    /// MACs are checked where `SECRET_KEY` is given, or kept in the data folder.
    Verify {
        /// The file, as it was exported.
        file: std::path::PathBuf,
        /// A file with heads as `audit verify --anchor` writes it: also finds a chain that was made anew. It stays as it is.
        #[arg(long)]
        anchor: Option<std::path::PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        // Neither needs settings, threads or logs.
        Command::ParseWorker => return parse_worker::run(),
        Command::Openapi => return openapi::run(),
        Command::Eval { command: EvalCommand::OnFile(command) } => return ended(eval::run(command)),
        Command::SqlGuard { command } => return ended(sql_guard::run(command)),
        _ => {}
    }
    // Two implementations are linked in; without a choice the first TLS connection would panic.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ended(run(arguments.command))
}

fn ended(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("millwright: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let config = Config::load().context("settings")?;
    let metrics = millwright_telemetry::init(&config.telemetry);
    let sources = Sources::system();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("async runtime")?;
    runtime.block_on(async {
        match command {
            Command::Serve { demo } => serve::run(config, sources, metrics, demo).await,
            Command::Migrate => database::migrate_command(&config, &sources).await,
            Command::Seed => seed::command(&config, &sources).await,
            Command::Tenant { command } => tenant::run(&config, &sources, command).await,
            Command::Doctor => doctor::run(&config, &sources).await,
            Command::Audit { command: AuditCommand::Verify { tenant, anchor } } => {
                audit_verify::run(&config, &sources, tenant.as_deref(), anchor.as_deref()).await
            }
            Command::Run { command: RunCommand::Verify { file, anchor } } => {
                run_verify::run(&config, &sources, &file, anchor.as_deref())
            }
            Command::Models { command } => models_pull::run(&config, &sources, command).await,
            Command::Embeddings { command } => embeddings::run(&config, &sources, command).await,
            Command::Policy { command } => policy::run(&config, command),
            Command::Eval { command: EvalCommand::Retrieval(input) } => {
                eval_retrieval::run(&config, &sources, &input).await
            }
            Command::Eval { command: EvalCommand::Agent(input) } => {
                eval_agent::run(&config, &sources, metrics, &input).await
            }
            Command::Openapi
            | Command::ParseWorker
            | Command::SqlGuard { .. }
            | Command::Eval { command: EvalCommand::OnFile(_) } => Ok(ExitCode::SUCCESS),
        }
    })
}
