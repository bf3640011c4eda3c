//! Runs the private PostgreSQL: makes its data folder on first use, starts it as a child process,
//! starts it again when it ends by itself, and ends it when this process ends, however it ends.
//!
//! It is not a client: it opens no connection and names no driver. [`Running::admin_url`] and
//! [`Running::url`] are for whoever connects.
//!
//! Main types: [`Settings`] (where things lie), [`PrivatePostgres::start`], [`Running`].
//!
//! Invariants:
//! * One owner: a lock on the data folder, released by the kernel with the process, keeps a second
//!   Millwright away. PostgreSQL never outlives its owner: the kernel sends it SIGINT (fast
//!   shutdown) when the thread that started it is gone, so that thread lives as long as the server.
//! * Committed means on disk: fsync stays on.
//! * All or nothing: a data folder appears by a rename, after the password it was made with is on disk.
//! * It listens on a Unix socket in a folder closed to others, and on loopback TCP only if asked.
//!   Every connection needs a password (SCRAM).
//! * PostgreSQL refuses to run as root; started by root it runs as the user `millwright` where one
//!   exists, else as uid 65534, and the data folder belongs to that uid.
//!
//! Below `data_dir` lie `cluster/` (PostgreSQL's own folder with `log/`), `run/` (the socket),
//! `superuser-password` and `lock`.

mod account;
mod cluster;
mod error;
mod postmaster;
mod supervisor;

pub use error::PrivatePostgresError;
pub use supervisor::{PrivatePostgres, Running};

use std::path::PathBuf;

/// Where the private PostgreSQL lies and how it can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// PostgreSQL's installation, with `bin/postgres` and `bin/initdb`.
    pub install_dir: PathBuf,
    /// The folder for its data; made when absent. One running Millwright for each.
    pub data_dir: PathBuf,
    /// A loopback TCP port to listen on beside the Unix socket; `None` for the socket alone.
    pub port: Option<u16>,
}

impl Settings {
    /// The socket alone.
    pub fn new(install_dir: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self { install_dir: install_dir.into(), data_dir: data_dir.into(), port: None }
    }
}
