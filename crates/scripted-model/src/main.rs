//! `scripted-model play FILE` plays a script to whoever asks, `scripted-model record --upstream URL --out FILE` writes one.
//!
//! Both listen on loopback alone and say where in their first line. What a script may say stands in the library's first lines.
//!
//! It is no part of the product.

use std::{io::Write as _, path::PathBuf, thread};

use clap::Parser;
use millwright_scripted_model::{Recorder, Script, ScriptedModel};

#[derive(Parser)]
#[command(about = "Plays models by a script, and records such scripts")]
enum Command {
    /// Plays a script. `GET /script` tells how often each turn was played.
    Play {
        /// The script.
        file: PathBuf,
        /// The port on loopback; 0 for a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Passes requests on to a real server, and writes what it answers as a script.
    Record {
        /// The server, for instance http://127.0.0.1:8080/v1.
        #[arg(long)]
        upstream: String,
        /// The script that is written; one that is there is replaced.
        #[arg(long)]
        out: PathBuf,
        /// The port on loopback; 0 for a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Play { file, port } => {
            let server = ScriptedModel::start_on(port, Script::load(&file)?)?;
            stay(&server.base_url())
        }
        Command::Record { upstream, out, port } => {
            let recorder = Recorder::start_on(port, &upstream, &out)?;
            stay(&recorder.base_url())
        }
    }
}

/// Says where it listens, and lets it, until the process is ended.
fn stay(base_url: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{base_url}")?;
    loop {
        thread::park();
    }
}
