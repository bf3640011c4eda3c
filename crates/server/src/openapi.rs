//! `millwright openapi`: the document that is checked in as `docs/openapi.json`.

use std::{io::Write, process::ExitCode};

pub(crate) fn run() -> ExitCode {
    let written = millwright_api::openapi()
        .to_pretty_json()
        .map_err(std::io::Error::other)
        .and_then(|json| writeln!(std::io::stdout(), "{json}"));
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
