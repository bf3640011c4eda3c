//! The hidden `millwright parse-worker`: one document from standard input, pages to standard output.

use std::process::ExitCode;

pub(crate) fn run() -> ExitCode {
    match millwright_documents::worker::serve(std::io::stdin(), std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parse-worker: {error}");
            ExitCode::FAILURE
        }
    }
}
