use governor::{
    RateLimiter as Governor,
    clock::{Clock, MonotonicClock},
    middleware::StateInformationMiddleware,
};

use crate::{Kind, LimitSettings, Quota, decision::Level, keys::Name, store::Store};

/// The buckets of this process.
pub(crate) struct Local<C: Clock = MonotonicClock> {
    kinds: [Buckets<C>; Kind::ALL.len()],
    clock: C,
}

struct Buckets<C: Clock> {
    quota: Quota,
    store: Store,
    governor: Governor<Name, Store, C, StateInformationMiddleware>,
}

impl<C: Clock + Clone> Local<C> {
    pub(crate) fn new(settings: &LimitSettings, clock: C) -> Self {
        let kinds = Kind::ALL.map(|kind| {
            let (quota, store) = (settings.quota(kind), Store::default());
            // Absent only for an interval of zero, which `Quota` cannot have.
            let rate = governor::Quota::with_period(quota.interval())
                .unwrap_or_else(|| governor::Quota::per_minute(quota.per_minute))
                .allow_burst(quota.burst);
            let governor = Governor::new(rate, store.clone(), clock.clone());
            Buckets { quota, store, governor }
        });
        Self { kinds, clock }
    }

    /// Takes a token of each bucket, or none at all.
    pub(crate) fn take(&self, wanted: &[(Kind, Name)]) -> Vec<Level> {
        let levels: Vec<Level> = wanted.iter().map(|(kind, name)| self.take_one(*kind, name)).collect();
        if levels.iter().any(|level| level.wait.is_some()) {
            for ((kind, name), level) in wanted.iter().zip(&levels) {
                if level.wait.is_none() {
                    let buckets = self.buckets(*kind);
                    buckets.store.give_back(name, buckets.quota.interval());
                }
            }
            return levels.into_iter().map(Level::given_back).collect();
        }
        levels
    }

    /// Forgets buckets that are full, which is what a bucket that nobody has seen is.
    pub(crate) fn forget_full(&self) {
        for buckets in &self.kinds {
            buckets.governor.retain_recent();
        }
    }

    fn buckets(&self, kind: Kind) -> &Buckets<C> {
        &self.kinds[kind as usize]
    }

    fn take_one(&self, kind: Kind, name: &Name) -> Level {
        let Buckets { quota, governor, .. } = self.buckets(kind);
        match governor.check_key(name) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                let missing = quota.burst.get().saturating_sub(remaining);
                Level { kind, quota: *quota, remaining, reset: quota.interval() * missing, wait: None }
            }
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                let reset = wait + quota.interval() * (quota.burst.get() - 1);
                Level { kind, quota: *quota, remaining: 0, reset, wait: Some(wait) }
            }
        }
    }
}

impl Level {
    /// The state of a bucket whose token was given back, because another bucket refused.
    fn given_back(self) -> Self {
        if self.wait.is_some() {
            return self;
        }
        let remaining = self.remaining.saturating_add(1).min(self.quota.burst.get());
        Self { remaining, reset: self.reset.saturating_sub(self.quota.interval()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use governor::state::keyed::ShrinkableKeyedStateStore;
    use proptest::prelude::*;

    use super::*;
    use crate::Decision;

    fn settings(user: Quota, tenant: Quota) -> LimitSettings {
        let wide = Quota::new(1_000_000, 1_000_000);
        LimitSettings { address: wide, user, tenant, sign_in: wide, step_up: wide, approval: wide }
    }

    fn names(user: u8, tenant: u8) -> [(Kind, Name); 2] {
        [(Kind::User, [user; 16]), (Kind::Tenant, [tenant; 16])]
    }

    #[test]
    fn a_burst_then_the_rate_and_an_honest_retry_after() {
        let clock = FakeRelativeClock::default();
        let local = Local::new(&settings(Quota::new(60, 3), Quota::new(6000, 1000)), clock.clone());
        let ask = || Decision::of(&local.take(&names(1, 1)));
        assert_eq!((ask().remaining, ask().remaining, ask().remaining), (2, 1, 0));
        clock.advance(Duration::from_millis(300));
        let refused = ask();
        assert_eq!((refused.allowed, refused.kind, refused.limit, refused.remaining), (false, Kind::User, 3, 0));
        assert_eq!(refused.retry_after, Some(Duration::from_millis(700)));
        assert_eq!(refused.reset, Duration::from_millis(2700));
        clock.advance(Duration::from_millis(699));
        assert!(!ask().allowed, "a millisecond before the time that was told");
        clock.advance(Duration::from_millis(1));
        assert!(ask().allowed, "at the time that was told");
        assert!(Decision::of(&local.take(&names(2, 1))).allowed, "somebody else has a bucket of his own");
    }

    #[test]
    fn a_request_that_one_bucket_refuses_takes_nothing_from_the_others() {
        let clock = FakeRelativeClock::default();
        let local = Local::new(&settings(Quota::new(60, 2), Quota::new(60, 10)), clock);
        for _ in 0..50 {
            local.take(&names(1, 1));
        }
        // Two of the tenant's ten tokens are gone, not ten.
        let others: Vec<bool> = (2..12).map(|user| Decision::of(&local.take(&names(user, 1))).allowed).collect();
        assert_eq!(others.iter().filter(|allowed| **allowed).count(), 8, "{others:?}");
        let refused = Decision::of(&local.take(&names(99, 1)));
        assert_eq!((refused.allowed, refused.kind), (false, Kind::Tenant));
        let again = Decision::of(&local.take(&[(Kind::User, [99; 16])]));
        assert_eq!((again.allowed, again.remaining), (true, 1), "the refused user still had both of his tokens");
    }

    #[test]
    fn the_bucket_that_refuses_longest_is_the_one_that_is_told() {
        let local = Local::new(&settings(Quota::new(60, 1), Quota::new(6, 1)), FakeRelativeClock::default());
        assert!(Decision::of(&local.take(&names(1, 1))).allowed);
        let refused = Decision::of(&local.take(&names(1, 1)));
        assert_eq!((refused.kind, refused.retry_after), (Kind::Tenant, Some(Duration::from_secs(10))));
    }

    #[test]
    fn buckets_that_are_full_again_take_no_memory() {
        let clock = FakeRelativeClock::default();
        let local = Local::new(&settings(Quota::new(60, 5), Quota::new(6000, 1000)), clock.clone());
        for index in 0..10_000_u32 {
            let mut name = [0; 16];
            name[..4].copy_from_slice(&index.to_le_bytes());
            local.take(&[(Kind::User, name)]);
        }
        local.take(&[(Kind::User, [9; 16])]);
        local.take(&[(Kind::User, [9; 16])]);
        let held = || local.buckets(Kind::User).store.len();
        local.forget_full();
        assert_eq!(held(), 10_001, "none is full yet");
        clock.advance(Duration::from_millis(2001));
        local.forget_full();
        assert_eq!(held(), 1, "the one that took two tokens a second apart");
        clock.advance(Duration::from_secs(2));
        local.forget_full();
        assert_eq!(held(), 0);
    }

    #[test]
    fn threads_that_ask_at_once_get_the_burst_between_them() {
        let local = Local::new(&settings(Quota::new(60, 500), Quota::new(60, 700)), FakeRelativeClock::default());
        let passed: usize = std::thread::scope(|scope| {
            let ask = |user| Decision::of(&local.take(&names(user, 1))).allowed;
            let threads: Vec<_> =
                (0..8_u8).map(|user| scope.spawn(move || (0..400).filter(|_| ask(user % 2)).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        // Of two users' 1,000 tokens the tenant's 700 are the fewer. One that is about to be given back may be missed.
        assert!((690..=700).contains(&passed), "{passed}");
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate(
            per_minute in 1..100_000_u32,
            burst in 1..50_u32,
            pauses in prop::collection::vec(0..300_000_u64, 1..400),
        ) {
            let clock = FakeRelativeClock::default();
            let quota = Quota::new(per_minute, burst);
            let local = Local::new(&settings(quota, Quota::new(1_000_000, 1_000_000)), clock.clone());
            let (mut passed, mut time) = (Vec::new(), 0_u64);
            for pause in pauses {
                clock.advance(Duration::from_micros(pause));
                time += pause;
                if Decision::of(&local.take(&names(1, 1))).allowed {
                    passed.push(time);
                }
            }
            for (first, start) in passed.iter().enumerate() {
                for (last, end) in passed.iter().enumerate().skip(first) {
                    let most = f64::from(burst) + f64::from(per_minute) * ((end - start) as f64) / 60e6;
                    prop_assert!((last - first + 1) as f64 <= most + 1e-6);
                }
            }
        }
    }
}
