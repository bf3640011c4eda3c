//! `millwright openapi`: the document that is checked in as `docs/openapi.json`.

use std::{io::Write, process::ExitCode};

pub(crate) fn run() -> ExitCode {
    // By way of a value with sorted fields: the document itself keeps some in a map without order.
    let written = serde_json::to_value(millwright_api::openapi())
        .and_then(|mut document| {
            document.sort_all_objects();
            serde_json::to_string_pretty(&document)
        })
        .map_err(std::io::Error::other)
        .and_then(|json| writeln!(std::io::stdout(), "{json}"));
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
