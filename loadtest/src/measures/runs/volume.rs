//! What a step takes on disk, when few runs are kept and when many are.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use super::{Bench, run};
use crate::{
    load::{Amount, Target, drive},
    report::{Report, Row},
};

const AT_A_TIME: usize = 4;
/// Runs after which the model forgets what it was asked.
const BATCH: usize = 200;
const LIMIT: Duration = Duration::from_hours(2);
/// The tables whose rows are those of runs.
const TABLES: &str = "ARRAY['runs', 'run_steps', 'run_events']";

/// Rows and bytes.
struct Kept {
    steps: f64,
    rows: f64,
    bytes: f64,
    database: f64,
}

pub(super) async fn measure(report: &mut Report, bench: &Bench<'_>, target: &Target) -> anyhow::Result<()> {
    let (all, few) = (bench.options.kept_runs, (bench.options.kept_runs / 10).max(1));
    let mut before = Kept::read(bench)?;
    let begin = before.steps;
    for (from, to) in [(0, few), (few, all - few), (all - few, all)] {
        let took = runs(bench, target, from..to).await?;
        let after = Kept::read(bench)?;
        let steps = after.steps - before.steps;
        if steps > 0.0 {
            let what = format!("runs {} to {to}, {AT_A_TIME} at a time: what a step adds", from + 1);
            report.row(
                Row::new("volume", what)
                    .figure("rows of runs", (after.rows - before.rows) / steps, "")
                    .figure("bytes of runs", (after.bytes - before.bytes) / steps, "B")
                    .figure("bytes of the whole database", (after.database - before.database) / steps, "B")
                    .figure("steps", steps / took.as_secs_f64(), "/s"),
            );
        }
        before = after;
    }
    report.row(Row::new("volume", format!("all {} steps", before.steps - begin)).figure(
        "tables of runs with indexes",
        before.bytes / 1e6,
        "MB",
    ));
    Ok(())
}

async fn runs(bench: &Bench<'_>, target: &Target, cases: std::ops::Range<usize>) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let mut from = cases.start;
    while from < cases.end {
        let requests = BATCH.min(cases.end - from);
        let amount = Amount { clients: AT_A_TIME, requests, time: LIMIT };
        drive(target, amount, async |client, number| run(client, from + number).await).await?;
        bench.model.take_requests();
        from += requests;
    }
    Ok(begin.elapsed())
}

impl Kept {
    fn read(bench: &Bench<'_>) -> anyhow::Result<Self> {
        let statement = format!(
            "SELECT json_build_object('steps', (SELECT count(*) FROM run_steps), \
             'rows', (SELECT count(*) FROM runs) + (SELECT count(*) FROM run_steps) + (SELECT count(*) FROM run_events), \
             'bytes', (SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest({TABLES}) name), \
             'database', pg_database_size(current_database()))"
        );
        let found = bench.ask_database(&statement)?;
        let number = |name: &str| found.get(name).and_then(Value::as_f64).with_context(|| format!("no {name}"));
        Ok(Self {
            steps: number("steps")?,
            rows: number("rows")?,
            bytes: number("bytes")?,
            database: number("database")?,
        })
    }
}
