use crate::{Secret, Setting, reader::Reader};

const RATE_LIMIT_PER_MINUTE: Setting = Setting {
    name: "RATE_LIMIT_PER_MINUTE",
    default: "600",
    accepts: "a whole number from 1 to 1000000",
    secret: false,
    meaning: "Requests that one user may make in a minute, in the long run.",
};
const RATE_LIMIT_BURST: Setting = Setting {
    name: "RATE_LIMIT_BURST",
    default: "100",
    accepts: "a whole number from 1 to 1000000",
    secret: false,
    meaning: "Requests that one user may make at once, after a pause. For a tenant and an address it is more or less in the \
              same proportion as their limits: with the defaults 1000 and 500.",
};
const RATE_LIMIT_TENANT_PER_MINUTE: Setting = Setting {
    name: "RATE_LIMIT_TENANT_PER_MINUTE",
    default: "6000",
    accepts: "a whole number from 1 to 1000000",
    secret: false,
    meaning: "Requests that all users of one tenant together may make in a minute.",
};
const RATE_LIMIT_ADDRESS_PER_MINUTE: Setting = Setting {
    name: "RATE_LIMIT_ADDRESS_PER_MINUTE",
    default: "3000",
    accepts: "a whole number from 1 to 1000000",
    secret: false,
    meaning: "Requests from one address (for IPv6: from one /64 network) in a minute, signed in or not. An office may share \
              one address. Behind a proxy set `TRUSTED_PROXIES`, or all users share the proxy's.",
};
const SIGN_IN_LIMIT_PER_MINUTE: Setting = Setting {
    name: "SIGN_IN_LIMIT_PER_MINUTE",
    default: "20",
    accepts: "a whole number from 1 to 1000000",
    secret: false,
    meaning: "Attempts to sign in from one address in a minute, all of them at once if need be.",
};
const STEP_UP_LIMIT_PER_MINUTE: Setting = Setting {
    name: "STEP_UP_LIMIT_PER_MINUTE",
    default: "10",
    accepts: "a whole number from 1 to 1000000",
    secret: false,
    meaning: "Codes of a second factor that one user may try in a minute, all of them at once if need be.",
};
const APPROVAL_LIMIT_PER_MINUTE: Setting = Setting {
    name: "APPROVAL_LIMIT_PER_MINUTE",
    default: "30",
    accepts: "a whole number from 1 to 1000000",
    secret: false,
    meaning: "Decisions about approvals that one user may make in a minute, all of them at once if need be.",
};
const MAX_STREAMS_PER_USER: Setting = Setting {
    name: "MAX_STREAMS_PER_USER",
    default: "20",
    accepts: "a whole number from 1 to 10000",
    secret: false,
    meaning: "Event streams that one user may have open at the same time, in each process.",
};
const REDIS_URL: Setting = Setting {
    name: "REDIS_URL",
    default: "",
    accepts: "a URL that begins with `redis://` or, for TLS with the certificates that the system trusts, `rediss://`",
    secret: true,
    meaning: "A Redis (tried with version 7) in which all processes count together against the limits above. While it does not \
              answer each process counts by itself. Absent: each process always does, so that N processes let through up \
              to N times as much.",
};

pub(crate) const SETTINGS: &[Setting] = &[
    RATE_LIMIT_PER_MINUTE,
    RATE_LIMIT_BURST,
    RATE_LIMIT_TENANT_PER_MINUTE,
    RATE_LIMIT_ADDRESS_PER_MINUTE,
    SIGN_IN_LIMIT_PER_MINUTE,
    STEP_UP_LIMIT_PER_MINUTE,
    APPROVAL_LIMIT_PER_MINUTE,
    MAX_STREAMS_PER_USER,
    REDIS_URL,
];

/// A rate and what may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// In the long run.
    pub per_minute: u32,
    /// After a pause.
    pub burst: u32,
}

impl RateLimit {
    /// Everything that a minute allows may come at once.
    fn whole_minute(per_minute: u32) -> Self {
        Self { per_minute, burst: per_minute }
    }

    /// Another rate with a burst in the same proportion, at least one.
    fn in_proportion(self, per_minute: u32) -> Self {
        let burst = u64::from(per_minute) * u64::from(self.burst) / u64::from(self.per_minute);
        Self { per_minute, burst: u32::try_from(burst).unwrap_or(u32::MAX).max(1) }
    }
}

/// How much is let through.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// Requests of one user.
    pub user: RateLimit,
    /// Requests of one tenant.
    pub tenant: RateLimit,
    /// Requests from one address.
    pub address: RateLimit,
    /// Attempts to sign in from one address.
    pub sign_in: RateLimit,
    /// Codes of a second factor tried by one user.
    pub step_up: RateLimit,
    /// Decisions about approvals by one user.
    pub approval: RateLimit,
    /// Event streams of one user at the same time, in each process.
    pub max_streams_per_user: usize,
    /// Where all processes count together.
    pub redis_url: Option<Secret>,
}

impl LimitsConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let mut rate = |setting: &Setting| reader.number(setting, 1..=1_000_000_u32);
        let user = RateLimit { per_minute: rate(&RATE_LIMIT_PER_MINUTE), burst: rate(&RATE_LIMIT_BURST) };
        Self {
            user,
            tenant: user.in_proportion(rate(&RATE_LIMIT_TENANT_PER_MINUTE)),
            address: user.in_proportion(rate(&RATE_LIMIT_ADDRESS_PER_MINUTE)),
            sign_in: RateLimit::whole_minute(rate(&SIGN_IN_LIMIT_PER_MINUTE)),
            step_up: RateLimit::whole_minute(rate(&STEP_UP_LIMIT_PER_MINUTE)),
            approval: RateLimit::whole_minute(rate(&APPROVAL_LIMIT_PER_MINUTE)),
            max_streams_per_user: reader.number(&MAX_STREAMS_PER_USER, 1..=10_000),
            redis_url: reader.parsed(&REDIS_URL, redis_url),
        }
    }
}

fn redis_url(text: &str) -> Option<Secret> {
    (text.starts_with("redis://") || text.starts_with("rediss://")).then(|| Secret::new(text))
}
