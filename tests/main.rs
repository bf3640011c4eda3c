//! Tests that need the whole service: the real binary as a process, real PostgreSQL as the application role, the real
//! embedding model. One test binary, so that it links once.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod audit_log;
mod bad_input;
mod chat;
mod coverage;
mod crash;
mod documents;
mod house;
mod isolation;
mod kit;
