//! Retrieval against a real PostgreSQL and the real embedding model.
//!
//! `MILLWRIGHT_TEST_DATABASE_URL` names the server (see the store's test kit) and
//! `MILLWRIGHT_TEST_MODEL_DIR` the folder that `scripts/fetch_model.sh` prints.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what tests share may fail like tests")]

mod embedding;
mod following;
mod ingesting;
mod models;
mod reading;
mod relevance;
mod searching;
mod support;
mod understanding;
