//! The states of a run and what leads from one to the next. Pure: no clock, no I/O.

use millwright_core::ErrorCode;

/// How often THINK and VERIFY may go round.
pub const MAX_ATTEMPTS: u8 = 3;
/// How many turns a way of thinking may take.
pub const MAX_TURNS: u8 = 3;
/// How often a run may stop to read on, over all its attempts.
pub const MAX_ROUNDS: u8 = 4;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Gathers conversation and passages.
    Observe,
    /// Thinks the question through, before anything is drafted or because the draft asked for that.
    Deliberate {
        /// From 1.
        turn: u8,
        /// The attempt that follows.
        attempt: u8,
        /// How often it has read on so far.
        rounds: u8,
    },
    /// Drafts; each sentence is checked as it comes.
    Think {
        /// From 1.
        attempt: u8,
        /// How often it has read on so far.
        rounds: u8,
    },
    /// Does the calls that the draft asked for.
    Act {
        /// From 1.
        attempt: u8,
        /// Which time, from 1.
        round: u8,
    },
    /// Waits for the person to answer what the draft asked them.
    Wait {
        /// From 1.
        attempt: u8,
        /// How often it has read on so far.
        rounds: u8,
    },
    /// Takes stock of the checked draft.
    Verify {
        /// From 1.
        attempt: u8,
        /// How often it has read on so far.
        rounds: u8,
    },
    /// At its end.
    Finished(Outcome),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With at least one supported sentence.
    Answered,
    /// With the finding that the documents do not hold the answer.
    NotInDocuments,
    /// Without a finding.
    Failed(ErrorCode),
    /// By the person's wish.
    Cancelled,
}

/// What has happened in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// OBSERVE is done; whether it found something to answer from.
    Observed {
        /// False ends the run.
        relevant: bool,
        /// Whether it is thought through before it is answered.
        thinks: bool,
    },
    /// DELIBERATE has had a turn.
    Deliberated {
        /// Whether another follows.
        more: bool,
    },
    /// THINK has stopped: the draft asks for more to read.
    Called,
    /// ACT is done: what was asked for is there, or why it is not.
    Acted {
        /// Whether it is thought through before it is drafted on.
        thinks: bool,
        /// Whether the person is asked before it is drafted on.
        asks: bool,
    },
    /// The person has answered.
    Heard,
    /// THINK is done: the draft is whole.
    Drafted,
    /// VERIFY is done.
    Verified {
        /// Sentences that passed and were shown. What was shown is never taken back.
        supported: usize,
        /// Whether the answer does not do all that its agent asks of it, and was not asked to before.
        lacking: bool,
        /// Whether another draft could differ and might pass.
        may_improve: bool,
    },
    /// The run cannot go on.
    Failed(ErrorCode),
    /// The person wishes it to end.
    Cancelled,
}

/// A step that the machine does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run in {from:?} cannot take {happened:?}")]
pub struct InvalidTransition {
    /// Where the run stood.
    pub from: Phase,
    /// What was said to have happened.
    pub happened: Happened,
}

impl Phase {
    /// The phase after `happened`.
    ///
    /// # Errors
    /// When that cannot happen here.
    pub fn next(self, happened: Happened) -> Result<Self, InvalidTransition> {
        use Happened::{Acted, Called, Cancelled, Deliberated, Drafted, Failed, Heard, Observed, Verified};
        Ok(match (self, happened) {
            (Self::Observe, Observed { relevant: true, thinks: true }) => {
                Self::Deliberate { turn: 1, attempt: 1, rounds: 0 }
            }
            (Self::Act { attempt, round }, Acted { thinks: true, asks: false }) => {
                Self::Deliberate { turn: 1, attempt, rounds: round }
            }
            (Self::Deliberate { turn, attempt, rounds }, Deliberated { more: true }) if turn < MAX_TURNS => {
                Self::Deliberate { turn: turn + 1, attempt, rounds }
            }
            (Self::Deliberate { attempt, rounds, .. }, Deliberated { more: false }) => Self::Think { attempt, rounds },
            (Self::Observe, Observed { relevant: true, .. }) => Self::Think { attempt: 1, rounds: 0 },
            (Self::Think { attempt, rounds }, Called) if rounds < MAX_ROUNDS => {
                Self::Act { attempt, round: rounds + 1 }
            }
            (Self::Act { attempt, round }, Acted { thinks: false, asks: true }) => {
                Self::Wait { attempt, rounds: round }
            }
            (Self::Act { attempt, round }, Acted { thinks: false, asks: false })
            | (Self::Wait { attempt, rounds: round }, Heard) => Self::Think { attempt, rounds: round },
            (Self::Think { attempt, rounds }, Drafted) => Self::Verify { attempt, rounds },
            (
                Self::Verify { attempt, rounds },
                Verified { supported: 0, may_improve: true, .. } | Verified { lacking: true, may_improve: true, .. },
            ) if attempt < MAX_ATTEMPTS => Self::Think { attempt: attempt + 1, rounds },
            (Self::Verify { .. }, Verified { supported: 1.., .. }) => Self::Finished(Outcome::Answered),
            (Self::Observe, Observed { relevant: false, .. }) | (Self::Verify { .. }, Verified { .. }) => {
                Self::Finished(Outcome::NotInDocuments)
            }
            (Self::Finished(_), _) => return Err(InvalidTransition { from: self, happened }),
            (_, Failed(code)) => Self::Finished(Outcome::Failed(code)),
            (_, Cancelled) => Self::Finished(Outcome::Cancelled),
            (from, happened) => return Err(InvalidTransition { from, happened }),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn happened() -> impl Strategy<Value = Happened> {
        prop_oneof![
            any::<(bool, bool)>().prop_map(|(relevant, thinks)| Happened::Observed { relevant, thinks }),
            any::<bool>().prop_map(|more| Happened::Deliberated { more }),
            Just(Happened::Called),
            any::<(bool, bool)>().prop_map(|(thinks, asks)| Happened::Acted { thinks, asks }),
            Just(Happened::Heard),
            Just(Happened::Drafted),
            (0_usize..3, any::<bool>(), any::<bool>()).prop_map(|(supported, lacking, may_improve)| {
                Happened::Verified { supported, lacking, may_improve }
            }),
            Just(Happened::Failed(ErrorCode::UpstreamUnavailable)),
            Just(Happened::Cancelled),
        ]
    }

    #[test]
    fn the_usual_ways() {
        let walk = |steps: &[Happened]| steps.iter().try_fold(Phase::Observe, |phase, step| phase.next(*step));
        let (seen, drafted) = (Happened::Observed { relevant: true, thinks: false }, Happened::Drafted);
        let cut = Happened::Verified { supported: 0, lacking: false, may_improve: true };
        let kept = Happened::Verified { supported: 2, lacking: false, may_improve: true };
        let finished = |outcome| Ok(Phase::Finished(outcome));
        assert_eq!(walk(&[Happened::Observed { relevant: false, thinks: true }]), finished(Outcome::NotInDocuments));
        assert_eq!(walk(&[seen, drafted, kept]), finished(Outcome::Answered));
        assert_eq!(walk(&[seen, drafted, cut, drafted, kept]), finished(Outcome::Answered));
        assert_eq!(walk(&[seen, drafted, cut, drafted, cut]), Ok(Phase::Think { attempt: 3, rounds: 0 }));
        assert_eq!(walk(&[seen, drafted, cut, drafted, cut, drafted, cut]), finished(Outcome::NotInDocuments));
        let final_cut = Happened::Verified { supported: 0, lacking: false, may_improve: false };
        let lacking = |may_improve| Happened::Verified { supported: 1, lacking: true, may_improve };
        assert_eq!(walk(&[seen, drafted, lacking(true), drafted, kept]), finished(Outcome::Answered));
        assert_eq!(walk(&[seen, drafted, lacking(false)]), finished(Outcome::Answered));
        assert_eq!(walk(&[seen, drafted, final_cut]), finished(Outcome::NotInDocuments));
        assert_eq!(walk(&[seen, Happened::Cancelled]), finished(Outcome::Cancelled));
        assert!(walk(&[drafted]).is_err() && walk(&[seen, seen]).is_err());
        let (thinks, turn) =
            (Happened::Observed { relevant: true, thinks: true }, |more| Happened::Deliberated { more });
        assert_eq!(walk(&[thinks, turn(true), turn(false), drafted, kept]), finished(Outcome::Answered));
        assert!(walk(&[thinks, turn(true), turn(true), turn(true)]).is_err(), "no more turns than that");
        assert!(walk(&[thinks, drafted]).is_err() && walk(&[seen, turn(false)]).is_err());
        let acts = |thinks, asks| Happened::Acted { thinks, asks };
        let (called, acted) = (Happened::Called, acts(false, false));
        let waits = [seen, called, acts(false, true)];
        assert_eq!(walk(&waits), Ok(Phase::Wait { attempt: 1, rounds: 1 }));
        assert_eq!(
            walk(&[&waits[..], &[Happened::Heard, drafted, kept]].concat()),
            finished(Outcome::Answered),
            "it goes on with what was answered"
        );
        assert!(walk(&[&waits[..], &[drafted]].concat()).is_err() && walk(&[seen, Happened::Heard]).is_err());
        assert!(walk(&[seen, called, acts(true, true)]).is_err(), "one after the other");
        assert_eq!(walk(&[seen, called, acted, drafted, cut]), Ok(Phase::Think { attempt: 2, rounds: 1 }));
        let asks = [seen, called, acts(true, false), turn(true)];
        assert_eq!(walk(&asks), Ok(Phase::Deliberate { turn: 2, attempt: 1, rounds: 1 }));
        assert_eq!(
            walk(&[&asks[..], &[turn(false), drafted, cut]].concat()),
            Ok(Phase::Think { attempt: 2, rounds: 1 })
        );
        let reading = [called, acted].repeat(usize::from(MAX_ROUNDS));
        assert_eq!(walk(&[&[seen], &reading[..], &[drafted, kept]].concat()), finished(Outcome::Answered));
        assert!(walk(&[&[seen], &reading[..], &[called]].concat()).is_err(), "no more reading than that");
    }

    proptest! {
        #[test]
        fn every_run_ends_and_stays_ended(steps in prop::collection::vec(happened(), 0..60)) {
            let mut phase = Phase::Observe;
            let mut moves = 0;
            for step in steps {
                match phase.next(step) {
                    Ok(next) => { moves += 1; phase = next; }
                    Err(refused) => prop_assert_eq!(refused.from, phase),
                }
                if let Phase::Think { attempt, rounds } | Phase::Verify { attempt, rounds } = phase {
                    prop_assert!((1..=MAX_ATTEMPTS).contains(&attempt) && rounds <= MAX_ROUNDS);
                }
            }
            // After each round it is thought through, or the person is asked.
            let most = 1 + MAX_TURNS + 2 * MAX_ATTEMPTS + (2 + MAX_TURNS) * MAX_ROUNDS;
            prop_assert!(moves <= usize::from(most));
        }
    }
}
