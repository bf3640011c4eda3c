use millwright_core::{Problem, ToProblem};

/// Why there is no limiter. Once there is one it always decides.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// Not a URL of a Redis; the reason does not repeat it, because it may hold a password.
    #[error("the URL of Redis cannot be used")]
    Url(#[source] redis::RedisError),
    /// The secret from which the names of buckets are made is shorter than 32 bytes.
    #[error("the secret key has {0} bytes, less than 32")]
    WeakKey(usize),
}

impl ToProblem for LimitError {
    /// Always internal: the limiter is made before the first request.
    fn problem(&self) -> Problem {
        Problem::internal()
    }
}
