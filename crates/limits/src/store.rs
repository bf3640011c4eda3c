use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};

use crate::keys::Name;

/// Few enough to be walked quickly, enough that requests seldom wait for each other.
const SHARDS: usize = 16;

/// The buckets of one kind: for each, when it will be full again, in nanoseconds since its limiter was made. One of
/// our own because those of `governor` cannot give a token back, and a request takes all of its tokens or none.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<[Mutex<HashMap<Name, u64>>; SHARDS]>);

impl Store {
    fn shard(&self, name: &Name) -> MutexGuard<'_, HashMap<Name, u64>> {
        // Names are as good as random: the first byte spreads them evenly.
        self.0[usize::from(name[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Undoes a token taken before: the bucket is as if it had not been.
    pub(crate) fn give_back(&self, name: &Name, interval: Duration) {
        if let Some(full_at) = self.shard(name).get_mut(name) {
            *full_at = full_at.saturating_sub(u64::from(Nanos::from(interval)));
        }
    }
}

impl StateStore for Store {
    type Key = Name;

    fn measure_and_replace<T, F, E>(&self, name: &Name, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut shard = self.shard(name);
        let (answer, full_at) = judge(shard.get(name).copied().map(Nanos::from))?;
        shard.insert(*name, full_at.into());
        Ok(answer)
    }
}

impl ShrinkableKeyedStateStore<Name> for Store {
    fn retain_recent(&self, drop_below: Nanos) {
        for shard in self.0.iter() {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, full_at| *full_at > u64::from(drop_below));
            // What a flood of addresses took is given back, without reallocating in ordinary times.
            if shard.capacity() > 4 * shard.len() + 1024 {
                shard.shrink_to_fit();
            }
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
