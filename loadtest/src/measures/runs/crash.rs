//! kill -9 before and after each kind of step: whoever is called from outside counts, and nothing that was done is done again.
//!
//! A call that was under way when its process died is made again, because nobody knows what became of it; those are counted apart. A call
//! whose step had ended is never made again. What a step brought about is on disk when its end is told, so the counts are compared
//! with what the database held at the moment of the death.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    script::{ANSWER, Hold, REQUESTS, STEPS, Step, script, script_for_all},
    two::{TAKEN_OVER, Two, millis},
};
use crate::report::{Report, Row, percentile};

/// Where processes die. Without a place: wherever the runs happen to be, which begin a little apart.
const MOMENTS: [(&str, Option<Hold>); 10] = [
    ("in the search of OBSERVE", Some(Hold::Silent(("observe", 1)))),
    ("after OBSERVE, in the first turn of DELIBERATE", Some(Hold::Silent(("deliberate", 1)))),
    ("after the first turn of DELIBERATE, in the second", Some(Hold::Silent(("deliberate", 2)))),
    ("after DELIBERATE, in THINK", Some(Hold::Silent(("think", 1)))),
    ("after THINK, in the search of ACT", Some(Hold::Silent(("tool", 2)))),
    ("after ACT, in THINK", Some(Hold::Silent(("think", 5)))),
    ("after VERIFY, in THINK", Some(Hold::Silent(("think", 6)))),
    ("in THINK, with a sentence shown", Some(Hold::Half(("think", 7)))),
    ("at any moment", None),
    ("at any moment, again", None),
];
/// What the model takes for an answer where runs are to be met anywhere.
const PAUSE: Duration = Duration::from_millis(40);

#[derive(Default)]
struct Found {
    runs: usize,
    /// Had ended before the death.
    ended_before: usize,
    taken_over: usize,
    /// Came to no end, or to another than they should.
    lost: usize,
    /// Steps that are not there once.
    wrong_steps: usize,
    /// Calls of steps that had ended.
    repeated: usize,
    /// Steps that were never done.
    missing: usize,
    /// Calls that were under way at the death.
    broken_off: usize,
    /// What runs were doing.
    doing: BTreeMap<String, usize>,
    next: Vec<Duration>,
}

pub(super) async fn measure(report: &mut Report, two: &Two<'_>) -> anyhow::Result<()> {
    let all = two.bench.options.crashes;
    let (mut sum, mut case) = (Found::default(), 1);
    for (number, (name, hold)) in MOMENTS.into_iter().enumerate() {
        let runs = all / MOMENTS.len() + usize::from(number < all % MOMENTS.len());
        if runs == 0 {
            continue;
        }
        let cases: Vec<usize> = (case..case + runs).collect();
        case += runs;
        let found = die(two, &cases, hold, number).await?;
        crate::say(&format!(
            "killed {name}: {} runs, {} lost, {} calls repeated",
            found.runs, found.lost, found.repeated
        ));
        sum.add(found);
    }
    let doing: Vec<String> = sum.doing.iter().map(|(what, runs)| format!("{what} {runs}")).collect();
    report.row(
        Row::new("crash", format!("kill -9 before and after each kind of step, {} runs", sum.runs))
            .figure("taken over", sum.taken_over as f64, "")
            .figure("lost or without their answer", sum.lost as f64, "")
            .figure("with a step missing or twice", sum.wrong_steps as f64, "")
            .at_most("lost or without their answer", 0.0),
    );
    report.row(
        Row::new("crash", "calls of the model and of searches, as those who were called have counted")
            .figure("repeated", sum.repeated as f64, "")
            .figure("never made", sum.missing as f64, "")
            .figure("under way at the death, and made again", sum.broken_off as f64, "")
            .at_most("repeated", 0.0),
    );
    report.row(
        Row::new("crash", "lease taken to next step, runs taken over together")
            .figure("p50", percentile(&sum.next, 0.5), "ms")
            .figure("p95", percentile(&sum.next, 0.95), "ms"),
    );
    report.note(format!(
        "When their process was killed, runs were at: {}; {} had ended. A run asks the model {REQUESTS} times and searches 5 times where \
         nothing breaks it off.",
        doing.join(", "),
        sum.ended_before
    ));
    two.bench.model.play(script_for_all(Duration::ZERO)?);
    Ok(())
}

/// Runs of one death.
async fn die(two: &Two<'_>, cases: &[usize], hold: Option<Hold>, number: usize) -> anyhow::Result<Found> {
    let model = &two.bench.model;
    model.take_requests();
    let pause = if hold.is_some() { Duration::ZERO } else { PAUSE };
    model.play(script(cases.iter().copied(), hold, pause)?);
    two.reranker.hold(match hold {
        Some(Hold::Silent(step)) if !matches!(step.0, "think" | "deliberate") => Some(step),
        _ => None,
    });
    // A run takes some nine pauses: those that begin later are met in earlier steps.
    let apart = if hold.is_some() { Duration::ZERO } else { PAUSE * 12 / cases.len() as u32 };
    let runs = two.begin(cases, apart).await?;
    match hold {
        Some(Hold::Silent(step) | Hold::Half(step)) => two.wait_until_at(cases, step).await?,
        // Not always when the last has just begun.
        None => tokio::time::sleep(PAUSE * (number as u32 % 3)).await,
    }
    two.kill()?;
    let (before, calls_before) = (two.of_each(&runs, STATE)?, two.calls());
    two.go_on(cases, &runs).await?;
    let (after, calls) = (two.of_each(&runs, STATE)?, two.calls());
    let mut found = Found { runs: runs.len(), ..Found::default() };
    found.next = millis(&two.of_each(&runs, TAKEN_OVER)?, "next");
    for ((case, before), after) in cases.iter().zip(&before).zip(&after) {
        let of = |calls: &std::collections::HashMap<(usize, Step), usize>, step| {
            calls.get(&(*case, step)).copied().unwrap_or(0)
        };
        found.judge(before, after, |step| (of(&calls_before, step), of(&calls, step)));
    }
    Ok(found)
}

/// Of a run: how it stands, how often it was taken over, its answer, the kinds of its finished steps, and what it does.
const STATE: &str = "
    SELECT json_build_object('status', r.status, 'takeovers', r.takeovers,
        'answer', (SELECT m.content FROM messages m WHERE m.tenant_id = r.tenant_id AND m.id = r.assistant_message_id),
        'finished', (SELECT coalesce(json_agg(s.kind ORDER BY s.number), '[]') FROM run_steps s
                     WHERE s.tenant_id = r.tenant_id AND s.run_id = r.id AND s.status = 'finished'),
        'doing', (SELECT s.kind || ' ' || s.status FROM run_steps s WHERE s.tenant_id = r.tenant_id AND s.run_id = r.id
                  ORDER BY s.number DESC LIMIT 1))";

impl Found {
    /// One run: as it was at the death and as it ended, and the calls of a step up to the death and in all.
    fn judge(&mut self, before: &Value, after: &Value, calls: impl Fn(Step) -> (usize, usize)) {
        let finished = |state: &Value| -> Vec<String> {
            let kinds = state["finished"].as_array().into_iter().flatten();
            kinds.filter_map(|kind| kind.as_str().map(str::to_owned)).collect()
        };
        if before["status"] == "running" {
            let doing = before["doing"].as_str().unwrap_or("nothing yet");
            *self.doing.entry(doing.to_owned()).or_default() += 1;
        } else {
            self.ended_before += 1;
        }
        self.taken_over += usize::from(after["takeovers"].as_u64().is_some_and(|takeovers| takeovers > 0));
        let answer = after["answer"].as_str().unwrap_or_default();
        let is_whole = after["status"] == "finished" && ANSWER.iter().all(|words| answer.matches(words).count() == 1);
        self.lost += usize::from(!is_whole);
        let expected: Vec<&str> = STEPS.iter().map(|(kind, _)| *kind).collect();
        self.wrong_steps += usize::from(finished(after) != expected);
        let had_finished = finished(before).len();
        // Checking asks nobody.
        for (place, step) in STEPS.into_iter().enumerate().filter(|(_, (kind, _))| *kind != "verify") {
            let (at_death, in_all) = calls(step);
            if place < had_finished {
                self.repeated += in_all.saturating_sub(at_death.min(1));
            } else {
                self.broken_off += at_death;
                self.repeated += (in_all - at_death).saturating_sub(1);
            }
            self.missing += usize::from(in_all == 0);
        }
    }

    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.ended_before += other.ended_before;
        self.taken_over += other.taken_over;
        self.lost += other.lost;
        self.wrong_steps += other.wrong_steps;
        self.repeated += other.repeated;
        self.missing += other.missing;
        self.broken_off += other.broken_off;
        for (what, runs) in other.doing {
            *self.doing.entry(what).or_default() += runs;
        }
        self.next.extend(other.next);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_of_a_finished_step_that_is_made_again_is_found() {
        let kinds: Vec<&str> = STEPS.iter().map(|(kind, _)| *kind).collect();
        let state = |status: &str, steps: usize| json!({ "status": status, "takeovers": 1, "answer": "6.5 bar, 2000 hours", "finished": kinds[..steps], "doing": "think running" });
        let (before, after) = (state("running", 3), state("finished", STEPS.len()));
        // Killed in the first draft.
        let calls = |step: Step| match step {
            ("observe" | "deliberate", _) => (1, 1),
            ("think", 1) => (1, 2),
            _ => (0, 1),
        };
        let mut found = Found::default();
        found.judge(&before, &after, calls);
        assert_eq!((found.repeated, found.broken_off, found.missing, found.lost, found.wrong_steps), (0, 1, 0, 0, 0));
        let mut again = Found::default();
        again.judge(&before, &after, |step| if step == ("observe", 1) { (1, 2) } else { calls(step) });
        assert_eq!(again.repeated, 1);
        let mut lost = Found::default();
        lost.judge(&before, &state("failed", 3), |step| if step == ("tool", 4) { (0, 0) } else { calls(step) });
        assert_eq!((lost.lost, lost.wrong_steps, lost.missing), (1, 1, 1));
    }
}
