//! How soon a run goes on whose process was killed: from the lease that another takes to the step that it does next.

use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use super::{
    script::{Hold, STEPS, Step, script},
    two::{TAKEN_OVER, Two, millis},
};
use crate::report::{Report, Row, percentile};

/// Milliseconds.
const TARGET: f64 = 200.0;
const TIMES: usize = 5;
/// The last that asks a model: all others are repeated.
const LAST: Step = ("think", 7);
/// Far from the cases of others.
const CASES: usize = 60_000;

pub(super) async fn measure(report: &mut Report, two: &Two<'_>) -> anyhow::Result<()> {
    let mut own = Vec::new();
    for number in 0..TIMES {
        own.extend(taken_over(two, CASES + number, 0).await?);
    }
    let place = STEPS.iter().position(|step| *step == LAST).context("no such step")?;
    report.row(row(format!("a run of {place} finished steps, killed in the next; {TIMES} runs"), &own));
    let (more, mut long) = (two.bench.options.resumed_steps.saturating_sub(place), Vec::new());
    for number in 0..TIMES {
        long.extend(taken_over(two, CASES + TIMES + number, more).await?);
    }
    let name = format!(
        "a run of {} steps, killed in the next; {TIMES} runs, all but {place} of their steps written past the product",
        place + more
    );
    report.row(row(name, &long));
    Ok(())
}

fn row(name: String, found: &[serde_json::Value]) -> Row {
    let (next, end) = (millis(found, "next"), millis(found, "end"));
    Row::new("resume", name)
        .figure("lease taken to next step, p50", percentile(&next, 0.5), "ms")
        .figure("slowest", percentile(&next, 1.0), "ms")
        .figure("to its end, p50", percentile(&end, 0.5), "ms")
        .at_most("slowest", TARGET)
}

/// A run whose process dies in its last draft, with so many more drafts before that were broken off.
async fn taken_over(two: &Two<'_>, case: usize, more: usize) -> anyhow::Result<Vec<serde_json::Value>> {
    two.bench.model.play(script([case], Some(Hold::Silent(LAST)), Duration::ZERO)?);
    let runs = two.begin(&[case], Duration::ZERO).await?;
    two.wait_until_at(&[case], LAST).await?;
    two.kill()?;
    if more > 0 {
        lengthen(two, &runs[0], more)?;
    }
    two.go_on(&[case], &runs).await?;
    let status = two.of_each(&runs, "to_json(r.status)")?;
    anyhow::ensure!(status == [json!("finished")], "a run that was taken over ended as {status:?}");
    let found = two.of_each(&runs, TAKEN_OVER)?;
    two.bench.model.take_requests();
    Ok(found)
}

/// Before the draft at which the process died come so many more that were broken off, each with a word that the reader has been shown. No
/// run can have so many: this is what reading and repeating them takes, event by event.
fn lengthen(two: &Two<'_>, run: &str, more: usize) -> anyhow::Result<()> {
    let word = "'Look ' || i || '. '";
    two.bench.tell_database(&format!(
        "BEGIN; \
         UPDATE run_steps SET number = number + {more} WHERE run_id = '{run}' AND status = 'running'; \
         INSERT INTO run_steps (tenant_id, run_id, number, kind, attempt, status, detail, record, started_at, finished_at) \
         SELECT s.tenant_id, s.run_id, s.number - {more} - 1 + i, 'think', s.attempt, 'failed', '{{\"reason\": \"interrupted\"}}', \
             jsonb_build_object('pieces', jsonb_build_array({word}), 'citations', '[]'::jsonb, 'by_model', true), s.started_at, s.started_at \
         FROM run_steps s, generate_series(1, {more}) i WHERE s.run_id = '{run}' AND s.status = 'running'; \
         INSERT INTO run_events (tenant_id, run_id, sequence, payload) \
         SELECT e.tenant_id, e.run_id, e.last + 5 * (i - 1) + k, jsonb_build_object('timestamp', 0) || CASE k \
             WHEN 1 THEN jsonb_build_object('type', 'STEP_STARTED', 'stepName', 'think') \
             WHEN 2 THEN jsonb_build_object('type', 'TEXT_MESSAGE_START', 'messageId', r.assistant_message_id, 'role', 'assistant') \
             WHEN 3 THEN jsonb_build_object('type', 'TEXT_MESSAGE_CONTENT', 'messageId', r.assistant_message_id, 'delta', {word}) \
             WHEN 4 THEN jsonb_build_object('type', 'TEXT_MESSAGE_END', 'messageId', r.assistant_message_id) \
             ELSE jsonb_build_object('type', 'STEP_FINISHED', 'stepName', 'think') END \
         FROM (SELECT tenant_id, run_id, max(sequence) AS last FROM run_events WHERE run_id = '{run}' GROUP BY 1, 2) e \
         JOIN runs r ON r.tenant_id = e.tenant_id AND r.id = e.run_id, generate_series(1, {more}) i, generate_series(1, 5) k; \
         COMMIT"
    ))
}
