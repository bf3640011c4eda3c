use std::path::{Path, PathBuf};

use millwright_core::{ErrorCode, Problem, ToProblem};

/// Why the private PostgreSQL does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivatePostgresError {
    /// Nothing is installed there.
    #[error("no PostgreSQL is installed in `{}`: run `make run` once with a network, or set DATABASE_URL", .0.display())]
    NotInstalled(PathBuf),
    /// Another process owns the data folder.
    #[error("another Millwright (process {owner}) uses the data folder `{}`: stop it, or set MILLWRIGHT_DATA_DIR", .data_dir.display())]
    InUse {
        /// The folder.
        data_dir: PathBuf,
        /// The owner's process id as it wrote it down.
        owner: String,
    },
    /// A PostgreSQL that nobody supervises runs from the data folder.
    #[error("PostgreSQL (process {pid}) still runs from `{}`: end it with `kill -INT {pid}`", .data_dir.display())]
    StillRunning {
        /// The folder.
        data_dir: PathBuf,
        /// The postmaster.
        pid: i32,
    },
    /// The data was written by another major version.
    #[error(
        "the data in `{}` was written by PostgreSQL {found} and this is {installed}: dump it with the old version and load it with this one, or move the folder away to begin anew",
        .data_dir.display()
    )]
    WrongVersion {
        /// The folder.
        data_dir: PathBuf,
        /// The major version of the data.
        found: String,
        /// The major version installed.
        installed: String,
    },
    /// The data is there, the password it was made with is not.
    #[error("the password file `{}` is gone while the data is there: put it back from a backup", .0.display())]
    PasswordLost(PathBuf),
    /// Root started Millwright, and the uid for PostgreSQL cannot reach a folder.
    #[error(
        "PostgreSQL cannot run as root and runs as uid {uid}, which may not enter `{}`: choose folders below one that is open to others (MILLWRIGHT_DATA_DIR, MILLWRIGHT_CACHE_DIR), or do not run as root",
        .folder.display()
    )]
    Unreachable {
        /// The closed folder.
        folder: PathBuf,
        /// The uid that must pass.
        uid: u32,
    },
    /// `setpriv` is missing.
    #[error("the program `setpriv` is not installed: install the package util-linux")]
    NoSetpriv,
    /// The TCP port is taken.
    #[error("port {0} on 127.0.0.1 is in use: choose another")]
    PortInUse(u16),
    /// The disk that holds the data folder is full.
    #[error("the disk that holds `{}` is full: free some space and start again\n{log}", .data_dir.display())]
    DiskFull {
        /// The folder.
        data_dir: PathBuf,
        /// The last lines that PostgreSQL wrote.
        log: String,
    },
    /// PostgreSQL or initdb ended instead of starting.
    #[error("{program} ended ({status}) instead of starting:\n{log}")]
    Failed {
        /// `postgres` or `initdb`.
        program: &'static str,
        /// How it ended.
        status: String,
        /// The last lines that it wrote.
        log: String,
    },
    /// It neither became ready nor ended.
    #[error("PostgreSQL was not ready after {seconds} s:\n{log}")]
    TooSlow {
        /// How long was waited.
        seconds: u64,
        /// The last lines that it wrote.
        log: String,
    },
    /// A file or process operation failed.
    #[error("cannot {action} `{}`", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The supervising thread is gone.
    #[error("the thread that supervises PostgreSQL has ended")]
    SupervisorGone,
}

impl PrivatePostgresError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull => Self::DiskFull { data_dir: path, log: String::new() },
            _ => Self::Io { action, path, source },
        }
    }

    /// Turns what a program wrote before it ended into the clearest error for it.
    pub(crate) fn from_log(program: &'static str, status: String, settings: &crate::Settings, log: String) -> Self {
        if log.contains("No space left on device") {
            return Self::DiskFull { data_dir: settings.data_dir.clone(), log };
        }
        match settings.port {
            Some(port) if log.contains("Address already in use") => Self::PortInUse(port),
            _ => Self::Failed { program, status, log },
        }
    }
}

impl ToProblem for PrivatePostgresError {
    fn problem(&self) -> Problem {
        Problem::new(ErrorCode::UpstreamUnavailable, "the database is not available")
    }
}
