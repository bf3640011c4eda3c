//! What the smallest authenticated request costs.

use std::time::{Duration, Instant};

use crate::{
    load::{Amount, Target, drive},
    report::{Report, Row},
};

const CLIENTS: usize = 16;
const TIME: Duration = Duration::from_secs(10);

/// `GET /api/v1/auth/me` for ten seconds.
pub(crate) async fn measure(report: &mut Report, target: &Target) -> anyhow::Result<()> {
    let amount = Amount { clients: CLIENTS, requests: usize::MAX, time: TIME };
    let load = drive(target, amount, async |client, _| {
        let begin = Instant::now();
        let answer = client.get("/api/v1/auth/me").await?;
        let took = begin.elapsed();
        anyhow::ensure!(answer.status == 200, "status {}", answer.status);
        Ok(took)
    })
    .await?;
    let row = Row::new("requests", format!("GET /api/v1/auth/me, {CLIENTS} at a time")).times(&load.found);
    report.row(load.add_to(row, "requests/s"));
    Ok(())
}
