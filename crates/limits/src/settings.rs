use std::{num::NonZeroU32, time::Duration};

use crate::Kind;

/// One bucket's size: it holds at most `burst` tokens and gains `per_minute` a minute. A request takes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Tokens gained a minute.
    pub per_minute: NonZeroU32,
    /// Tokens that a full bucket holds: requests that may come at once.
    pub burst: NonZeroU32,
}

impl Quota {
    /// Zero counts as one: a bucket that never lets anything through is a mistake.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self { per_minute: at_least_one(per_minute), burst: at_least_one(burst) }
    }

    /// Time in which one token is gained, whole microseconds, rounded up: so that rounding never lets more through.
    pub fn interval(self) -> Duration {
        Duration::from_micros(60_000_000_u64.div_ceil(u64::from(self.per_minute.get())))
    }

    /// Time in which an empty bucket fills.
    pub(crate) fn capacity(self) -> Duration {
        self.interval().saturating_mul(self.burst.get())
    }
}

/// The buckets of each kind.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// All requests from one address.
    pub address: Quota,
    /// All requests of one user.
    pub user: Quota,
    /// All requests of one tenant.
    pub tenant: Quota,
    /// Attempts to sign in from one address.
    pub sign_in: Quota,
    /// Codes of a second factor tried by one user.
    pub step_up: Quota,
    /// Decisions about approvals by one user.
    pub approval: Quota,
}

impl LimitSettings {
    /// The bucket's size.
    pub fn quota(&self, kind: Kind) -> Quota {
        match kind {
            Kind::Address => self.address,
            Kind::User => self.user,
            Kind::Tenant => self.tenant,
            Kind::SignIn => self.sign_in,
            Kind::StepUp => self.step_up,
            Kind::Approval => self.approval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_never_shorter_than_the_rate_says() {
        for per_minute in [1, 7, 60, 599, 600, 7_000, 999_999] {
            let interval = Quota::new(per_minute, 1).interval();
            assert!(interval * per_minute >= Duration::from_mins(1), "{per_minute}: {interval:?}");
            let shorter = interval.saturating_sub(Duration::from_micros(1));
            assert!(shorter * per_minute < Duration::from_mins(1), "{per_minute}: {interval:?}");
        }
        assert_eq!(Quota::new(0, 0), Quota::new(1, 1));
    }
}
