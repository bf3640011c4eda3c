//! A circuit breaker: an endpoint that fails is left alone for a while, then tried with one request.
//!
//! Our own, because the moments are the gateway's: an attempt that was cancelled says nothing, a server's `Retry-After`
//! decides the pause, and a probe that goes away must let the next one through.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// So many failures in a row open the circuit.
const FAILURES_TO_OPEN: u32 = 3;
/// The first pause; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// No pause is longer, so that a server that is back is found within five seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// So long a failure makes a server look slow, so that others are asked first.
const REMEMBERED: Duration = Duration::from_secs(30);
/// A server's own word is believed up to here.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(2);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    pauses: u32,
    /// Nothing goes through before.
    closed_until: Option<Instant>,
    /// One request is on its way to see whether the server is back.
    probing: bool,
    last_failure: Option<Instant>,
}

/// What an endpoint's health looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Requests go through.
    Up,
    /// The next request is a probe.
    Probing,
    /// Requests go elsewhere.
    Down,
}

/// The circuit of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

/// Leave for one attempt. Dropped without a word, as by a caller who went away, it changes nothing but lets the next probe
/// through.
#[derive(Debug)]
pub(crate) struct Leave<'b> {
    breaker: &'b Breaker,
    is_probe: bool,
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for an attempt now, or after how long to ask again.
    pub(crate) fn ask(&self) -> Result<Leave<'_>, Duration> {
        let mut state = self.state();
        match state.closed_until {
            None => Ok(Leave { breaker: self, is_probe: false }),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    Err(left)
                } else if state.probing {
                    Err(FIRST_PAUSE)
                } else {
                    state.probing = true;
                    Ok(Leave { breaker: self, is_probe: true })
                }
            }
        }
    }

    /// How long until it makes sense to ask; zero when it does now. Takes no leave.
    pub(crate) fn pause_left(&self) -> Duration {
        let state = self.state();
        match state.closed_until {
            None => Duration::ZERO,
            Some(_) if state.probing => FIRST_PAUSE,
            Some(until) => until.saturating_duration_since(Instant::now()),
        }
    }

    /// Failures in a row, if the last one is not long ago.
    pub(crate) fn recent_failures(&self) -> u32 {
        let state = self.state();
        state.last_failure.filter(|at| at.elapsed() < REMEMBERED).map_or(0, |_| state.failures)
    }

    pub(crate) fn health(&self) -> Health {
        let state = self.state();
        match state.closed_until {
            None => Health::Up,
            Some(until) if state.probing || until <= Instant::now() => Health::Probing,
            Some(_) => Health::Down,
        }
    }

    /// An answer that was going well failed on its way.
    pub(crate) fn failed(&self, retry_after: Option<Duration>) {
        let mut state = self.state();
        state.failures += 1;
        state.last_failure = Some(Instant::now());
        let pause = match retry_after {
            Some(pause) => pause.min(LONGEST_RETRY_AFTER),
            None if state.failures >= FAILURES_TO_OPEN || state.probing => {
                let doubled = FIRST_PAUSE.saturating_mul(1 << state.pauses.min(8));
                state.pauses += 1;
                doubled.min(LONGEST_PAUSE)
            }
            None => return,
        };
        state.closed_until = Some(Instant::now() + pause);
        state.probing = false;
    }

    /// It answers.
    pub(crate) fn succeeded(&self) {
        *self.state() = State::default();
    }
}

impl Leave<'_> {
    /// The attempt went well.
    pub(crate) fn succeeded(mut self) {
        self.is_probe = false;
        self.breaker.succeeded();
    }

    /// The first part of an answer came: others may follow, and the next failure closes the way again at once.
    pub(crate) fn answering(mut self) {
        if self.is_probe {
            self.is_probe = false;
            let mut state = self.breaker.state();
            *state = State { failures: FAILURES_TO_OPEN - 1, pauses: state.pauses, ..State::default() };
        }
    }

    /// The attempt failed for a reason of the server's; its own word on when to come back counts.
    pub(crate) fn failed(mut self, retry_after: Option<Duration>) {
        self.is_probe = false;
        self.breaker.failed(retry_after);
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.state().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn fail(breaker: &Breaker) {
        breaker.ask().unwrap().failed(None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_fails_is_left_alone_and_found_again_by_one_probe() {
        let breaker = Breaker::default();
        fail(&breaker);
        fail(&breaker);
        assert_eq!(breaker.health(), Health::Up, "two failures may be chance");
        fail(&breaker);
        assert_eq!(breaker.health(), Health::Down);
        assert!(breaker.ask().is_err());
        advance(FIRST_PAUSE).await;
        let probe = breaker.ask().unwrap();
        assert!(breaker.ask().is_err(), "only one goes to look");
        probe.succeeded();
        assert_eq!(breaker.health(), Health::Up);
        fail(&breaker);
        assert!(breaker.ask().is_ok(), "what failed before is forgiven");
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_but_a_server_that_is_back_is_found_within_five_seconds() {
        let breaker = Breaker::default();
        (0..3).for_each(|_| fail(&breaker));
        for _ in 0..10 {
            assert!(breaker.pause_left() <= Duration::from_secs(4));
            advance(breaker.pause_left()).await;
            fail(&breaker);
        }
        assert_eq!(breaker.pause_left(), LONGEST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_leaves_during_the_probe_lets_the_next_one_look() {
        let breaker = Breaker::default();
        (0..3).for_each(|_| fail(&breaker));
        advance(FIRST_PAUSE).await;
        drop(breaker.ask().unwrap());
        assert!(breaker.ask().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_begins_answers_and_breaks_them_off_is_left_alone_again() {
        let breaker = Breaker::default();
        (0..3).for_each(|_| fail(&breaker));
        advance(FIRST_PAUSE).await;
        breaker.ask().unwrap().answering();
        assert_eq!(breaker.health(), Health::Up);
        breaker.failed(None);
        assert_eq!(breaker.health(), Health::Down);
    }

    #[tokio::test(start_paused = true)]
    async fn a_servers_own_word_on_when_to_come_back_counts() {
        let breaker = Breaker::default();
        breaker.ask().unwrap().failed(Some(Duration::from_secs(20)));
        advance(Duration::from_secs(19)).await;
        assert!(breaker.ask().is_err());
        advance(Duration::from_secs(1)).await;
        assert!(breaker.ask().is_ok());
    }
}
