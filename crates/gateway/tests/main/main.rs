//! The gateway against a real database and servers on loopback that fail as servers do.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "what tests share may fail them, and their servers end with them"
)]

mod budgets;
mod failing;
mod labels;
mod server;
mod support;
