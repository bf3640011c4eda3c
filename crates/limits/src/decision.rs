use std::time::Duration;

use crate::{Kind, Quota};

/// Whether a request may go on, and the state of the tightest of its buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether all tokens were there, and have been taken. Otherwise none was.
    pub allowed: bool,
    /// Which bucket is the tightest: the one that refuses longest, else the one with the fewest tokens left.
    pub kind: Kind,
    /// Tokens that this bucket holds when it is full.
    pub limit: u32,
    /// Tokens that it gains a minute.
    pub per_minute: u32,
    /// Tokens left in it.
    pub remaining: u32,
    /// Time until it is full again.
    pub reset: Duration,
    /// Time until the same request would be allowed, if nobody else takes a token; `None` when it is allowed now.
    pub retry_after: Option<Duration>,
}

/// One bucket after a request was let through or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) kind: Kind,
    pub(crate) quota: Quota,
    pub(crate) remaining: u32,
    pub(crate) reset: Duration,
    /// Time until it has a token; `None` if it has, or had, one for this request.
    pub(crate) wait: Option<Duration>,
}

impl Decision {
    /// Of all buckets of a request. Nothing asked for is allowed.
    pub(crate) fn of(levels: &[Level]) -> Self {
        let refusing = levels.iter().filter(|level| level.wait.is_some()).max_by_key(|level| level.wait);
        let Some(tightest) = refusing.or_else(|| levels.iter().min_by_key(|level| level.remaining)) else {
            return Self::nothing_asked();
        };
        Self {
            allowed: refusing.is_none(),
            kind: tightest.kind,
            limit: tightest.quota.burst.get(),
            per_minute: tightest.quota.per_minute.get(),
            remaining: tightest.remaining,
            reset: tightest.reset,
            retry_after: tightest.wait,
        }
    }

    fn nothing_asked() -> Self {
        Self {
            allowed: true,
            kind: Kind::Address,
            limit: u32::MAX,
            per_minute: u32::MAX,
            remaining: u32::MAX,
            reset: Duration::ZERO,
            retry_after: None,
        }
    }
}
