//! Trains the small models that ship in the repository.
//!
//! `cargo run --release -p millwright-xtask -- train pii|injection|routing --data FILE --out FILE` reads public labelled data, adds
//! text of its own made from templates, trains on one thread, prints what was measured on data that the model has not seen, and
//! writes the weights that `policy` and `routing` carry.
//!
//! It is no part of the product: nothing that ships depends on it, and it decides nothing.
//!
//! Invariants:
//! * The same data and seed give the same bytes.
//! * What it prints was measured: by held-out sources for injection, by held-out templates for personal data, by held-out
//!   prompts and subjects for routing.

mod injection;
mod pii;
mod routing;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Trains the small models that ship in the repository")]
enum Command {
    /// Trains a model.
    #[command(subcommand)]
    Train(Train),
}

#[derive(Subcommand)]
enum Train {
    /// The classifier for prompt injection.
    Injection(injection::Options),
    /// The tagger of personal data.
    Pii(pii::PiiArgs),
    /// The judge of how much model a request deserves.
    Routing(routing::Options),
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Train(Train::Injection(options)) => injection::run(&options),
        Command::Train(Train::Pii(args)) => pii::run(&args),
        Command::Train(Train::Routing(options)) => routing::run(&options),
    }
}
