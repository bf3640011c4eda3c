use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, Utc};
use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::{Builder, Uuid};

use crate::id::EntityId;

/// Tells the time, whole microseconds, as the database keeps it.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;
}

/// Fills buffers with unpredictable bytes.
pub trait Randomness: Send + Sync {
    /// Overwrites all of `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for randomness")]
    fn fill(&self, buffer: &mut [u8]) {
        rand::rng().fill_bytes(buffer);
    }
}

/// A clock for tests that moves only when told.
#[derive(Debug)]
pub struct FixedClock(Mutex<DateTime<Utc>>);

impl FixedClock {
    /// A clock that stands at `start`.
    pub fn new(start: DateTime<Utc>) -> Self {
        Self(Mutex::new(start))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: chrono::Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Repeatable randomness for tests.
#[derive(Debug)]
pub struct SeededRandomness(Mutex<StdRng>);

impl SeededRandomness {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buffer);
    }
}

/// Time, randomness and ids, handed to whatever needs them so that tests can fix them.
#[derive(Clone)]
pub struct Sources {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes keys, ids and jitter.
    pub randomness: Arc<dyn Randomness>,
}

impl Sources {
    /// The machine's own.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), randomness: Arc::new(SystemRandomness) }
    }

    /// The present moment.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A new id: UUIDv7, so that rows made later sort later.
    pub fn new_id<T: EntityId>(&self) -> T {
        T::from(self.new_uuid())
    }

    /// A new UUIDv7.
    pub fn new_uuid(&self) -> Uuid {
        let mut random = [0_u8; 10];
        self.randomness.fill(&mut random);
        let millis = u64::try_from(self.now().timestamp_millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// `N` fresh random bytes.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0_u8; N];
        self.randomness.fill(&mut bytes);
        bytes
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sources")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RunId;

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let sources = || Sources {
            clock: Arc::new(FixedClock::new(DateTime::UNIX_EPOCH)),
            randomness: Arc::new(SeededRandomness::new(1)),
        };
        let (a, b) = (sources(), sources());
        assert_eq!(a.new_id::<RunId>(), b.new_id::<RunId>());
        assert_ne!(a.new_id::<RunId>(), a.new_id::<RunId>());
        assert_eq!(a.new_uuid().get_version_num(), 7);
    }
}
