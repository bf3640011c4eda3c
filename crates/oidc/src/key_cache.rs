use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};

use crate::keys::KeySet;

/// From here on the keys are fetched anew in the background.
const AGEING: Duration = Duration::minutes(10);
/// From here on requests wait for the fetch, and go on with the old keys only if it fails.
const OLD: Duration = Duration::hours(1);
/// From here on the keys are not believed any more: the provider may have withdrawn them long ago.
const TOO_OLD: Duration = Duration::hours(24);
/// Between two fetches because of a key that is not known, and between two because of age.
const PAUSE: Duration = Duration::minutes(1);
/// Between two fetches as long as there are no keys at all.
const PAUSE_WITHOUT_KEYS: Duration = Duration::seconds(5);

/// Why keys are to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// There are none.
    Missing,
    /// They are old.
    Old,
    /// A token was signed with another.
    UnknownKey,
}

/// How old keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Fresh,
    Ageing,
    Old,
    Missing,
}

/// The keys of a moment.
pub(crate) struct Current {
    pub(crate) keys: Option<Arc<KeySet>>,
    pub(crate) age: Age,
    /// How many fetches had begun; for [`KeyCache::may_fetch`].
    pub(crate) fetches: u64,
}

/// The keys of one provider, and when they may be fetched. All times are those that the callers bring along; a clock
/// that is set back counts as time passed.
#[derive(Debug, Default)]
pub(crate) struct KeyCache(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    keys: Option<(Arc<KeySet>, DateTime<Utc>)>,
    fetches: u64,
    tried_at: Option<DateTime<Utc>>,
    tried_for_unknown_at: Option<DateTime<Utc>>,
}

impl KeyCache {
    pub(crate) fn current(&self, now: DateTime<Utc>) -> Current {
        let state = self.state();
        let age = match state.keys.as_ref().map(|(_, fetched_at)| (now - fetched_at).abs()) {
            Some(age) if age < AGEING => Age::Fresh,
            Some(age) if age < OLD => Age::Ageing,
            Some(age) if age < TOO_OLD => Age::Old,
            _ => Age::Missing,
        };
        let keys = state.keys.as_ref().filter(|_| age != Age::Missing).map(|(keys, _)| Arc::clone(keys));
        Current { keys, age, fetches: state.fetches }
    }

    /// Whether keys may be fetched now; the answer yes counts as a fetch. `seen` is the count of
    /// [`Current::fetches`] with which the need arose: a fetch since then has met it.
    pub(crate) fn may_fetch(&self, seen: u64, why: Why, now: DateTime<Utc>) -> bool {
        let mut state = self.state();
        let rested = |since: Option<DateTime<Utc>>, pause: Duration| since.is_none_or(|at| (now - at).abs() >= pause);
        let allowed = match why {
            Why::Missing => rested(state.tried_at, PAUSE_WITHOUT_KEYS),
            Why::Old => rested(state.tried_at, PAUSE),
            // Counted apart, so that a key that is new right after start is found at once.
            Why::UnknownKey => rested(state.tried_for_unknown_at, PAUSE),
        };
        if !allowed || state.fetches != seen {
            return false;
        }
        state.fetches += 1;
        state.tried_at = Some(now);
        if why == Why::UnknownKey {
            state.tried_for_unknown_at = Some(now);
        }
        true
    }

    pub(crate) fn keep(&self, keys: KeySet, now: DateTime<Utc>) {
        self.state().keys = Some((Arc::new(keys), now));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
