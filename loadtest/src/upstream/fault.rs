//! What goes wrong, as it goes wrong with real model servers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A fault, until another is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// All is well.
    #[default]
    None,
    /// Takes the request and says nothing, as long as the fault lasts; then hangs up.
    Stall,
    /// Begins a stream and falls silent in the middle of it, as long as the fault lasts; answers without a stream stall.
    Silent,
    /// Waits this long before an answer and before each piece of a stream.
    Slow {
        /// Milliseconds.
        #[serde(default = "slow_ms")]
        ms: u64,
    },
    /// Status 200 and something that is no JSON.
    Garbage,
    /// 429 with `Retry-After`.
    RateLimited {
        /// Seconds.
        #[serde(default = "retry_after")]
        retry_after: u64,
    },
    /// 500.
    Error,
    /// Half of the answer, then the connection is closed.
    Half,
    /// Nobody listens, and connections that were open are closed.
    Refuse,
}

const fn slow_ms() -> u64 {
    200
}

const fn retry_after() -> u64 {
    1
}

impl Fault {
    /// What is waited before each piece beside what always is.
    pub(crate) const fn delay(self) -> Duration {
        match self {
            Self::Slow { ms } => Duration::from_millis(ms),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_as_in_the_control() {
        let read = |text: &str| serde_json::from_str::<Fault>(text);
        assert_eq!(read(r#"{"kind":"half"}"#).unwrap(), Fault::Half);
        assert_eq!(read(r#"{"kind":"slow","ms":7}"#).unwrap(), Fault::Slow { ms: 7 });
        assert_eq!(read(r#"{"kind":"rate_limited"}"#).unwrap(), Fault::RateLimited { retry_after: 1 });
        assert!(read(r#"{"kind":"on_fire"}"#).is_err());
    }
}
