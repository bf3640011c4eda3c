//! What comes next in a plan, from where its steps stand. Pure: the same states lead to the same moves in any process.

use millwright_store::tenant::GoalStepStatus as Status;

use super::plan::{Does, Join, Plan, Step};

/// How the answers before a check hold against its demands: what is unmet, in words.
pub(crate) type Unmet<'a> = &'a dyn Fn(&Step) -> Vec<String>;

/// Where a step stands, and what did not come about in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) status: Status,
    /// Of what failed or was skipped here.
    pub(crate) reason: Option<String>,
}

impl State {
    pub(crate) fn of(status: Status) -> Self {
        Self { status, reason: None }
    }
}

/// Moves steps on as far as they go by themselves: those whose needs are met become ready or wait, those whose needs cannot be met
/// any more are skipped, and those that nobody needs any more are stopped. `states` has one for each step of the plan.
pub(crate) fn settle(plan: &Plan, states: &mut [State], unmet: Unmet<'_>) {
    let steps = plan.steps();
    let place = |name: &str| steps.iter().position(|step| step.name == name);
    let needs: Vec<Vec<usize>> =
        steps.iter().map(|step| step.after.iter().filter_map(|name| place(name)).collect()).collect();
    // Each stands after all that it needs: one pass settles what lies before, and stopping frees nothing new.
    for at in 0..steps.len() {
        if states[at].status != Status::Pending {
            continue;
        }
        let counts = Counts::of(&needs[at], states);
        let next = if steps[at].does == Does::Report {
            report(&steps[at], steps, states, counts)
        } else {
            joined(steps[at].join, needs[at].len(), counts)
        };
        match next {
            Next::Wait => {}
            Next::Skip(reason) => states[at] = State { status: Status::Skipped, reason: Some(reason.to_owned()) },
            Next::Go => {
                states[at] = begin(&steps[at], unmet);
                stop_unneeded(at, (steps, &needs), states);
            }
        }
    }
}

/// Whether all steps have ended.
pub(crate) fn is_over(states: &[State]) -> bool {
    states.iter().all(|state| state.status.is_end())
}

#[derive(Clone, Copy)]
struct Counts {
    done: usize,
    open: usize,
    lost: usize,
}

impl Counts {
    fn of(needs: &[usize], states: &[State]) -> Self {
        let count = |is: fn(Status) -> bool| needs.iter().filter(|at| is(states[**at].status)).count();
        let done = count(|status| status == Status::Done);
        let open = count(|status| !status.is_end());
        Self { done, open, lost: needs.len() - done - open }
    }
}

enum Next {
    Wait,
    Go,
    Skip(&'static str),
}

fn joined(join: Join, needed: usize, counts: Counts) -> Next {
    let Counts { done, open, lost } = counts;
    let at_least = |count: usize| match () {
        () if done >= count => Next::Go,
        () if done + open < count => Next::Skip("too few of the steps that it needs came about"),
        () => Next::Wait,
    };
    match join {
        _ if needed == 0 => Next::Go,
        Join::All if lost > 0 => Next::Skip("a step that it needs did not come about"),
        Join::Any => at_least(1),
        Join::AtLeast(count) => at_least(usize::from(count)),
        Join::All | Join::Settled if open > 0 => Next::Wait,
        Join::All | Join::Settled => Next::Go,
    }
}

/// The report waits for everything; it is written from what came about, and not at all where a gate said no.
fn report(own: &Step, steps: &[Step], states: &[State], counts: Counts) -> Next {
    let others = || steps.iter().zip(states).filter(|(step, _)| step.name != own.name);
    if counts.open > 0 || others().any(|(_, state)| !state.status.is_end()) {
        return Next::Wait;
    }
    let is_gate = |step: &Step| matches!(step.does, Does::Person(_) | Does::Check);
    if others().any(|(step, state)| is_gate(step) && state.status == Status::Failed) {
        return Next::Skip("a gate said no");
    }
    let came_about = |(step, state): (&Step, &State)| step.has_run() && state.status == Status::Done;
    if others().any(came_about) { Next::Go } else { Next::Skip("no step came about that it could be written from") }
}

fn begin(step: &Step, unmet: Unmet<'_>) -> State {
    match step.does {
        Does::Ask(_) | Does::Report => State::of(Status::Ready),
        Does::Person(_) => State::of(Status::Waiting),
        Does::Check => match unmet(step) {
            unmet if unmet.is_empty() => State::of(Status::Done),
            unmet => State { status: Status::Failed, reason: Some(unmet.join("; ")) },
        },
    }
}

/// A step that has gone on without all of its needs has the others stopped, where nobody else waits for them.
fn stop_unneeded(at: usize, (steps, needs): (&[Step], &[Vec<usize>]), states: &mut [State]) {
    if !matches!(steps[at].join, Join::Any | Join::AtLeast(_)) {
        return;
    }
    // Backwards: what only led to a step that is stopped is stopped with it.
    let mut open: Vec<usize> = needs[at].clone();
    while let Some(candidate) = open.pop() {
        let waits = |other: usize| {
            needs[other].contains(&candidate)
                && states[other].status == Status::Pending
                && steps[other].does != Does::Report
        };
        if !states[candidate].status.is_end() && !(0..steps.len()).any(waits) {
            states[candidate] = State { status: Status::Stopped, reason: Some("it is not needed any more".to_owned()) };
            open.extend(&needs[candidate]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::goal::{check::Check, plan::MAX_STEPS, written};

    const NOTHING_UNMET: Unmet<'_> = &|_| Vec::new();

    fn states(plan: &Plan) -> Vec<State> {
        vec![State::of(Status::Pending); plan.steps().len()]
    }

    fn words(states: &[State]) -> String {
        states.iter().map(|state| state.status.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Settles, then says of these steps what became of them, over and over.
    fn walk(text: &str, ends: &[&[(usize, Status)]], unmet: Unmet<'_>) -> Vec<String> {
        let plan = written::read(text).unwrap();
        let mut states = states(&plan);
        settle(&plan, &mut states, unmet);
        let mut seen = vec![words(&states)];
        for round in ends {
            for (at, status) in *round {
                states[*at] = State::of(*status);
            }
            settle(&plan, &mut states, unmet);
            seen.push(words(&states));
        }
        seen
    }

    #[test]
    fn a_pipeline_goes_on_step_by_step_and_a_failure_skips_what_needs_it() {
        let text = "pipeline: [{ask: a}, {ask: b}]";
        let done: &[&[_]] = &[&[(0, Status::Done)], &[(1, Status::Done)]];
        assert_eq!(walk(text, done, NOTHING_UNMET), ["ready pending pending", "done ready pending", "done done ready"]);
        let failed: &[&[_]] = &[&[(0, Status::Failed)]];
        assert_eq!(walk(text, failed, NOTHING_UNMET)[1], "failed skipped skipped");
        let half: &[&[_]] = &[&[(0, Status::Done)], &[(1, Status::Failed)]];
        assert_eq!(
            walk(text, half, NOTHING_UNMET)[2],
            "done failed ready",
            "the report is written from what came about"
        );
    }

    #[test]
    fn the_first_of_several_is_enough_and_the_others_are_stopped() {
        let text =
            "pipeline: [{fan_out: {join: any, branches: [{ask: a}, {pipeline: [{ask: b}, {ask: c}]}]}}, {ask: d}]";
        let first: &[&[_]] = &[&[(0, Status::Done)]];
        assert_eq!(walk(text, first, NOTHING_UNMET)[1], "done stopped stopped ready pending");
        let neither: &[&[_]] = &[&[(0, Status::Failed)], &[(1, Status::Failed)]];
        assert_eq!(walk(text, neither, NOTHING_UNMET)[2], "failed failed skipped skipped skipped");
        let two = "pipeline: [{fan_out: {join: {at_least: 2}, branches: [{ask: a}, {ask: b}, {ask: c}]}}, {ask: d}]";
        let ends: &[&[_]] = &[&[(0, Status::Failed)], &[(1, Status::Done)], &[(2, Status::Done)]];
        assert_eq!(walk(two, ends, NOTHING_UNMET)[3], "failed done done ready pending");
        let settled = "pipeline: [{fan_out: {join: settled, branches: [{ask: a}, {ask: b}]}}, {ask: c}]";
        let ends: &[&[_]] = &[&[(0, Status::Failed)], &[(1, Status::Failed)]];
        assert_eq!(walk(settled, ends, NOTHING_UNMET)[2], "failed failed ready pending");
    }

    #[test]
    fn a_gate_that_says_no_ends_what_comes_after_it_and_the_report() {
        let text = "pipeline: [{ask: a}, {person: Go on?}, {ask: b}]";
        let no: &[&[_]] = &[&[(0, Status::Done)], &[(1, Status::Failed)]];
        assert_eq!(walk(text, no, NOTHING_UNMET)[1..], ["done waiting pending pending", "done failed skipped skipped"]);
        let check = "pipeline: [{ask: a}, {check: [answered]}, {ask: b}]";
        let done: &[&[_]] = &[&[(0, Status::Done)]];
        assert_eq!(walk(check, done, NOTHING_UNMET)[1], "done done ready pending");
        let unmet: Unmet<'_> = &|step| step.expects.iter().map(Check::in_words).collect();
        assert_eq!(walk(check, done, unmet)[1], "done failed skipped skipped");
    }

    proptest! {
        /// Whatever becomes of its steps, a plan comes to its end, and no step begins before what it needs has ended.
        #[test]
        fn every_plan_ends(
            needs in prop::collection::vec((prop::collection::vec(0_usize..MAX_STEPS, 0..4), 0_u8..4), 1..12),
            fates in prop::collection::vec(0_u8..4, 0..200),
        ) {
            let names: Vec<String> = (0..needs.len()).map(|at| format!("s{at}")).collect();
            let steps = needs.iter().enumerate().map(|(at, (after, join))| {
                let mut after: Vec<String> = after.iter().filter(|other| **other < at).map(|other| names[*other].clone()).collect();
                after.sort();
                after.dedup();
                let join = match join { 0 => Join::All, 1 => Join::Any, 2 if !after.is_empty() => Join::AtLeast(1), _ => Join::Settled };
                Step { after, join, ..Step::ask(&names[at], "What?") }
            });
            let plan = Plan::new(steps.collect()).unwrap();
            let mut states = states(&plan);
            let mut fates = fates.into_iter().chain(std::iter::repeat(0));
            for _ in 0..=plan.steps().len() {
                settle(&plan, &mut states, NOTHING_UNMET);
                for state in states.iter_mut().filter(|state| state.status == Status::Ready) {
                    let fate = fates.next().unwrap_or(0);
                    *state = State::of(if fate == 1 { Status::Failed } else { Status::Done });
                }
            }
            settle(&plan, &mut states, NOTHING_UNMET);
            prop_assert!(is_over(&states), "{}", words(&states));
            let report = states.last().map(|state| state.status);
            let any_done = states[..states.len() - 1].iter().any(|state| state.status == Status::Done);
            prop_assert_eq!(report == Some(Status::Skipped), !any_done);
        }
    }
}
