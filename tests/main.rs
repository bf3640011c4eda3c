//! Tests that need the whole service: the real binary as a process, real PostgreSQL as the application role, the real
//! embedding model. One test binary, so that it links once.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod asking;
mod audit_log;
mod bad_input;
mod budgets;
mod bundle;
mod changes;
mod chat;
mod coverage;
mod crash;
mod documents;
mod embeddings;
mod eval_agent;
mod eval_retrieval;
mod evaluations;
mod folders;
mod gateway;
mod house;
mod identity;
mod isolation;
mod kit;
mod labels;
mod limits;
mod listening;
mod mcp_servers;
mod memory;
mod models_pull;
mod openai;
mod permissions;
mod policy;
mod properties;
mod retention;
mod scans;
mod schemathesis;
mod sdk;
mod search;
mod secrets;
mod specialists;
mod sql_guard;
mod telemetry;
mod truth_in_time;
