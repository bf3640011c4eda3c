use millwright_core::{ErrorCode, Problem, ToProblem};

/// What can go wrong between Millwright and its database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such row in this tenant.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The row is in a state that does not allow the change.
    #[error("{0}")]
    InvalidState(&'static str),
    /// A unique name is taken.
    #[error("a row with that unique value exists already")]
    Duplicate(#[source] sqlx::Error),
    /// A job's or run's lease went to another process: stop working on it.
    #[error("the lease is no longer held")]
    LeaseLost,
    /// Vectors of another embedding model serve than the one that the query was embedded with: embed it again.
    #[error("the embedding model was replaced meanwhile")]
    ModelReplaced,
    /// The database does not answer, or has no room left; trying again later may help.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The login role could see past row-level security.
    #[error("refusing to run as `{role}`: {reason}")]
    UnsafeRole {
        /// The login role.
        role: String,
        /// What it could do.
        reason: &'static str,
    },
    /// The schema is older or newer than this binary.
    #[error("the database schema does not match this version: {0}")]
    SchemaMismatch(String),
    /// The admin connection may not do what migration needs.
    #[error("migration failed")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A value in a row that this version does not know.
    #[error("row holds an unknown value in `{0}`")]
    UnknownValue(&'static str),
    /// Any other failure of a statement: a fault of ours.
    #[error("a statement failed")]
    Statement(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether trying the same thing later may succeed without any change.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// SQLSTATE classes and codes that mean "later", not "wrong": connection failures (08), resources and
/// disk space (53), shutdown and start-up (57P0x), deadlock and serialisation (40).
fn is_unavailable(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "53" | "40" | "58")) || code.starts_with("57P0")
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                if database.is_unique_violation() {
                    return Self::Duplicate(error);
                }
                if database.code().is_some_and(|code| is_unavailable(&code)) {
                    return Self::Unavailable(error);
                }
                Self::Statement(error)
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            _ => Self::Statement(error),
        }
    }
}

impl ToProblem for StoreError {
    fn problem(&self) -> Problem {
        match self {
            Self::NotFound(what) => Problem::not_found(what),
            Self::InvalidState(detail) => Problem::new(ErrorCode::InvalidTransition, *detail),
            Self::Duplicate(_) => Problem::new(ErrorCode::Conflict, "something of that name exists already"),
            Self::LeaseLost => Problem::new(ErrorCode::Interrupted, "another process took this work over"),
            Self::ModelReplaced => {
                Problem::new(ErrorCode::UpstreamUnavailable, "the embedding model was replaced in this moment")
                    .remedy("try again")
            }
            Self::Unavailable(_) => {
                Problem::new(ErrorCode::UpstreamUnavailable, "the database does not answer at the moment")
                    .remedy("try again in a few seconds")
            }
            Self::UnsafeRole { .. }
            | Self::SchemaMismatch(_)
            | Self::Migration(_)
            | Self::UnknownValue(_)
            | Self::Statement(_) => Problem::internal(),
        }
    }
}
