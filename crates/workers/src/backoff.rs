use std::time::Duration;

use millwright_core::Sources;

/// The first wait; doubled with each attempt.
const FIRST: Duration = Duration::from_secs(1);
/// No wait is longer: an operator who has repaired something should not wait for hours.
const LONGEST: Duration = Duration::from_mins(5);

/// How long to wait after the given attempt (1 for the first): half of the exponential step for certain, the other half
/// by chance, so that jobs which failed together do not come back together.
pub(crate) fn after_attempt(attempt: i32, sources: &Sources) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or_default().min(16);
    let step = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let chance = f64::from(u32::from_le_bytes(sources.random_bytes())) / f64::from(u32::MAX);
    step.mul_f64(0.5 + 0.5 * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_bounded_and_differ() {
        let sources = Sources::system();
        for attempt in 1..60 {
            let wait = after_attempt(attempt, &sources);
            assert!(wait >= FIRST / 2 && wait <= LONGEST, "attempt {attempt} waits {wait:?}");
        }
        assert!(after_attempt(6, &sources) > after_attempt(1, &sources));
        let waits: std::collections::HashSet<_> = (0..20).map(|_| after_attempt(8, &sources)).collect();
        assert!(waits.len() > 1);
    }
}
