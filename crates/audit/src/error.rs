use millwright_core::{Problem, ToProblem};

/// Why an event could not be turned into a record.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The secret from which the keys are derived is shorter than 32 bytes.
    #[error("the secret key has {0} bytes, at least 32 are needed")]
    WeakKey(usize),
    /// A whole number in the details that JSON readers would round, so that it could not be proved.
    #[error("detail `{0}` holds a whole number beyond ±2^53, write it as a string")]
    InexactNumber(String),
    /// The details cannot be written as JSON.
    #[error("the event cannot be written as canonical JSON")]
    Unwritable(#[source] serde_json::Error),
}

impl ToProblem for AuditError {
    /// Always internal: no request can cause these.
    fn problem(&self) -> Problem {
        Problem::internal()
    }
}
