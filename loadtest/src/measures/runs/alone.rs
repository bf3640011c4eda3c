//! What a step costs when nothing else goes on.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use super::{Bench, run, script::STEPS};
use crate::{
    http::Client,
    load::{Amount, Target, drive},
    report::{Report, Row},
};

/// Not counted.
const WARM_UP: usize = 5;
const RUNS: usize = 60;
/// Requests to the model itself.
const DIRECT: usize = 100;
const LIMIT: Duration = Duration::from_mins(2);
/// Milliseconds a step.
const TARGET: f64 = 5.0;

/// From the beginning of a step to that of the next, or to the end of its run, by kind and of all.
const STEP_TIMES: &str = "
    SELECT json_agg(t) FROM (
        SELECT coalesce(kind, 'all') AS kind, count(*) AS steps,
               percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) AS p95
        FROM (SELECT s.kind, 1000 * extract(epoch FROM
                     coalesce(lead(s.started_at) OVER (PARTITION BY s.run_id ORDER BY s.number), r.finished_at) - s.started_at) AS ms
              FROM run_steps s JOIN runs r ON r.tenant_id = s.tenant_id AND r.id = s.run_id
              WHERE r.status = 'finished' AND r.created_at >= $SINCE) times
        GROUP BY ROLLUP (kind) ORDER BY kind) t";

pub(super) async fn measure(report: &mut Report, bench: &Bench<'_>, target: &Target) -> anyhow::Result<()> {
    let mut client = target.client().await?;
    for case in 0..WARM_UP {
        run(&mut client, case).await?;
    }
    drop(client);
    let since = now(bench)?;
    let amount = Amount { clients: 1, requests: RUNS, time: LIMIT };
    let load = drive(target, amount, async |client, case| Ok(run(client, case).await?.end)).await?;
    let each: Vec<Duration> = load.found.iter().map(|end| *end / STEPS.len() as u32).collect();
    step_rows(report, bench, &since)?;
    let row = Row::new(
        "runs",
        format!("question to end of stream, divided by the {} steps; {RUNS} runs, 1 at a time", STEPS.len()),
    );
    let row = row.times(&each);
    report.row(load.add_to(row, "runs/s"));
    let direct = direct(bench).await?;
    report.row(Row::new("runs", "of which the model: a request to it, on a connection of its own").times(&direct));
    bench.model.take_requests();
    Ok(())
}

/// The database's time, as a literal.
pub(super) fn now(bench: &Bench<'_>) -> anyhow::Result<String> {
    let now = bench.ask_database("SELECT to_json(clock_timestamp())")?;
    Ok(format!("timestamptz '{}'", now.as_str().context("no time")?))
}

/// What the steps of all runs since a time have taken.
fn step_rows(report: &mut Report, bench: &Bench<'_>, since: &str) -> anyhow::Result<()> {
    let times = bench.ask_database(&STEP_TIMES.replace("$SINCE", since))?;
    for of in times.as_array().into_iter().flatten() {
        let (kind, number) =
            (of["kind"].as_str().unwrap_or_default(), |name: &str| of[name].as_f64().unwrap_or(f64::NAN));
        let name = format!("from the beginning of a step to that of the next, {kind}: {} steps", number("steps"));
        let row = Row::new("runs", name).figure("p50", number("p50"), "ms").figure("p95", number("p95"), "ms");
        report.row(if kind == "all" { row.at_most("p50", TARGET) } else { row });
    }
    Ok(())
}

/// What the model takes by itself.
async fn direct(bench: &Bench<'_>) -> anyhow::Result<Vec<Duration>> {
    let url = bench.model.base_url();
    let address = url.trim_start_matches("http://").trim_end_matches("/v1").parse()?;
    let body =
        json!({ "model": "scripted", "stream": true, "messages": [{ "role": "user", "content": "in hall 00001" }] });
    let mut times = Vec::new();
    for _ in 0..DIRECT {
        let begin = Instant::now();
        Client::connect(address, None).await?.stream("/v1/chat/completions", &body, |_| {}).await?;
        times.push(begin.elapsed());
    }
    Ok(times)
}
