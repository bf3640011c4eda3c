use std::{fmt, time::Duration};

use governor::clock::MonotonicClock;
use millwright_telemetry::metrics;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    Decision, Demand, Kind, LimitError, LimitSettings,
    keys::{Name, Namer},
    local::Local,
    shared::Shared,
};

/// Often enough that a flood of addresses does not stay in memory, rare enough to cost nothing.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// Where the buckets are.
#[derive(Clone)]
pub enum Backend {
    /// In this process only.
    Local,
    /// In a Redis that other processes use too; in this process for as long as it does not answer.
    Redis {
        /// `redis://` or `rediss://`, with user and password where it wants them.
        url: Zeroizing<String>,
    },
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "Local",
            Self::Redis { .. } => "Redis",
        })
    }
}

/// Decides whether requests may go on.
pub struct RateLimiter {
    settings: LimitSettings,
    namer: Namer,
    local: Local,
    shared: Option<Shared>,
}

impl RateLimiter {
    /// A limiter with full buckets. `secret_key`, at least 32 bytes, must be the same in all processes that share
    /// buckets. Fails for a key that is shorter and for what is no URL of a Redis; that Redis need not run.
    pub fn new(settings: LimitSettings, secret_key: &[u8], backend: Backend) -> Result<Self, LimitError> {
        let shared = match backend {
            Backend::Local => None,
            Backend::Redis { url } => Some(Shared::new(&url)?),
        };
        let local = Local::new(&settings, MonotonicClock);
        Ok(Self { namer: Namer::derive(secret_key)?, settings, local, shared })
    }

    /// Takes one token for each demand, or none at all if a bucket has none. At most one round trip to Redis, and at
    /// most 100 ms for the requests that meet one that has stopped to answer. One demand of a kind.
    pub async fn check(&self, demands: &[Demand]) -> Decision {
        let wanted: Vec<(Kind, Name)> = demands.iter().map(|demand| (demand.kind, self.namer.name(demand))).collect();
        let decision = self.decide(&wanted).await;
        if !decision.allowed {
            metrics::rate_limited(decision.kind.as_str());
        }
        decision
    }

    async fn decide(&self, wanted: &[(Kind, Name)]) -> Decision {
        if let Some(shared) = self.shared.as_ref().filter(|_| !wanted.is_empty())
            && let Ok(levels) = shared.take(&self.settings, wanted).await
        {
            let decision = Decision::of(&levels);
            if decision.allowed {
                // Kept beside, so that whoever went through here finds no full bucket when Redis goes away.
                self.local.take(wanted);
            }
            return decision;
        }
        Decision::of(&self.local.take(wanted))
    }

    /// What must go on beside requests, until it is told to stop: connects to Redis, and forgets buckets that are full
    /// again. Without it Redis is never used.
    pub async fn run(&self, stop: CancellationToken) {
        let housekeeping = async {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(FORGET_EVERY) => self.local.forget_full(),
                    () = stop.cancelled() => return,
                }
            }
        };
        let connecting = async {
            if let Some(shared) = &self.shared {
                shared.keep_connected(&stop, &self.settings).await;
            }
        };
        tokio::join!(housekeeping, connecting);
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("settings", &self.settings)
            .field("shared", &self.shared.is_some())
            .finish_non_exhaustive()
    }
}
