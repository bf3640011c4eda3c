//! The parser's process as the server starts it, for the tests of both sides.

fn main() -> std::io::Result<()> {
    millwright_documents::worker::serve(std::io::stdin(), std::io::stdout())
}
