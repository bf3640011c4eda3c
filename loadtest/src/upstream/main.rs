//! A stand-in of ours for a model server with the OpenAI API: fast enough that it is never the bottleneck of a
//! measurement, and faulty in chosen ways while it runs. It is no model and no part of the product.
//!
//! What it says is always the same sentence, an instance of the JSON schema that was asked for, a call of the tool that
//! was offered, or, from the model `echo`, what it was told. Counts of tokens follow from the text, so whoever asks can
//! foretell them. It speaks HTTP/1.1 by hand: a general server could not hang up in the middle of a chunk, and takes
//! more of the two cores that it shares with what is measured.
//!
//! A second port, on loopback like the first, is its control: `GET /counts` says what it was asked ([`state::Counts`]), `POST
//! /fault` with `{"kind": "stall"}` sets what it does wrong from then on ([`fault::Fault`]), `{"kind": "none"}` ends it.
//!
//! It writes one line when it is ready: `{"address": "127.0.0.1:40001", "control": "127.0.0.1:40002"}`.

mod answer;
mod chat;
mod connection;
mod control;
mod fault;
mod sample;
mod state;
mod wire;

use std::{io::Write, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Parser;
use serde_json::json;
use state::State;

/// A stand-in for a model server with the OpenAI API, for measurements and tests; on loopback only.
#[derive(Debug, Parser)]
#[command(name = "millwright-upstream", version)]
struct Arguments {
    /// Port of the API; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port of the control; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// Names that `/v1/models` lists. Requests may name any model.
    #[arg(long, value_delimiter = ',', default_value = "fake-1,fake-2,fake-emb,echo")]
    models: Vec<String>,
    /// Milliseconds before each answer.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Milliseconds between the pieces of a stream.
    #[arg(long, default_value_t = 0)]
    piece_delay_ms: u64,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(arguments.threads).enable_all().build();
    match runtime.context("the runtime").and_then(|runtime| runtime.block_on(run(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millwright-upstream: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let listener = connection::listen(arguments.port).await?;
    let control = connection::listen(arguments.control_port).await?;
    let address = listener.local_addr()?;
    let ready = json!({ "address": address.to_string(), "control": control.local_addr()?.to_string() });
    let state = Arc::new(State::new(
        arguments.models,
        Duration::from_millis(arguments.delay_ms),
        Duration::from_millis(arguments.piece_delay_ms),
    ));
    writeln!(std::io::stdout(), "{ready}").context("writing to standard output")?;
    tokio::try_join!(connection::serve(listener, address, &state), control::serve(control, &state))?;
    Ok(())
}
