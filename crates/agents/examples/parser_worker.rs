//! The parser's process, for this crate's tests: the server has the same as a subcommand.

fn main() -> std::io::Result<()> {
    millwright_documents::worker::serve(std::io::stdin(), std::io::stdout())
}
