//! `POST /api/v1/search`: keywords and vectors, fused, over one large tenant.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use crate::{
    load::{Amount, Target, drive},
    report::{Report, Row},
};

/// Connections and the most requests of each measurement.
pub(crate) const LOADS: [(usize, usize); 2] = [(1, 400), (8, 800)];
const LIMIT: Duration = Duration::from_secs(30);

struct Found {
    whole: Duration,
    inside: Duration,
}

/// Asks each question once; `questions` are consumed from the front.
pub(crate) async fn measure(report: &mut Report, target: &Target, questions: &[String]) -> anyhow::Result<()> {
    let mut rest = questions;
    for (clients, requests) in LOADS {
        let (asked, left) = rest.split_at(requests.min(rest.len()));
        rest = left;
        let amount = Amount { clients, requests: asked.len(), time: LIMIT };
        let load = drive(target, amount, async |client, number| {
            let body = json!({ "query": asked[number] });
            let begin = Instant::now();
            let answer = client.post("/api/v1/search", &body).await?;
            let whole = begin.elapsed();
            let took = answer.json()?["took_ms"].as_f64().context("no took_ms")?;
            Ok(Found { whole, inside: Duration::from_secs_f64(took / 1000.0) })
        })
        .await?;
        let whole: Vec<Duration> = load.found.iter().map(|found| found.whole).collect();
        let inside: Vec<Duration> = load.found.iter().map(|found| found.inside).collect();
        let row = Row::new("search", format!("{} questions, {clients} at a time", whole.len())).times(&whole);
        report.row(load.add_to(row, "queries/s").figure("p50 inside the server", crate::report::median(&inside), "ms"));
    }
    Ok(())
}
