//! Runs against a real PostgreSQL, a real search and either the built-in answerer or a scripted
//! model server. `MILLWRIGHT_TEST_DATABASE_URL` names the database server and
//! `MILLWRIGHT_TEST_MODEL_DIR` the folder that `scripts/fetch_model.sh` prints.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what tests share may fail them")]

mod answering;
mod asking;
mod bundling;
mod computing;
mod following;
mod goals;
mod hostile;
mod outside;
mod reading;
mod remembering;
mod repeating;
mod resuming;
mod specialists;
mod stopping;
mod support;
mod tabling;
mod thinking;
mod verifying;
