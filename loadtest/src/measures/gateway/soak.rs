//! Hours of work in short: half of the load that it can carry, for minutes, and whether its memory grows.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::ensure;
use futures::future::try_join_all;
use tokio::time::{MissedTickBehavior, interval};

use super::{Side, alone::body};
use crate::{
    proc,
    report::{Report, Row},
};

const CONNECTIONS: usize = 16;
const SAMPLE: Duration = Duration::from_secs(10);
/// What an allocator moves by itself; growth beyond it is growth. Megabytes.
const NOISE: f64 = 3.0;

/// Holds `per_second` for so long, whole answers and streams in turn, and reads the memory as it goes.
pub(super) async fn measure(report: &mut Report, side: &Side, per_second: f64, time: Duration) -> anyhow::Result<()> {
    let (begin, asked, samples) = (Instant::now(), Cell::new(0_u64), std::cell::RefCell::new(Vec::new()));
    let sampling = async {
        let mut tick = interval(SAMPLE);
        while begin.elapsed() < time {
            tick.tick().await;
            let memory = proc::memory(side.process)?;
            let database = proc::proportional_memory(&proc::postgres_of(side.process))?;
            samples.borrow_mut().push((begin.elapsed().as_secs_f64() / 60.0, memory.resident, database));
        }
        anyhow::Ok(())
    };
    let load = try_join_all((0..CONNECTIONS).map(async |_| {
        let mut client = side.client().await?;
        let mut tick = interval(Duration::from_secs_f64(CONNECTIONS as f64 / per_second));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while begin.elapsed() < time {
            tick.tick().await;
            let number = asked.replace(asked.get() + 1);
            let stream = number % 2 == 1;
            let status =
                client.stream("/v1/chat/completions", &body(&format!("soak-{number}"), stream), |_| {}).await?;
            ensure!(status == 200, "status {status} after {number} requests");
        }
        anyhow::Ok(())
    }));
    tokio::try_join!(sampling, load)?;
    let samples = samples.into_inner();
    for (minute, resident, database) in &samples {
        crate::say(&format!("minute {minute:.1}: {resident:.1} MB, PostgreSQL {database:.1} MB"));
    }
    let fifth = (samples.len() / 5).max(1);
    let mean = |part: &[(f64, f64, f64)]| part.iter().map(|(_, resident, _)| resident).sum::<f64>() / part.len() as f64;
    // The first fifth warms caches and pools up.
    let (early, late) = (
        mean(&samples[fifth.min(samples.len() - 1)..][..fifth.min(samples.len() - fifth).max(1)]),
        mean(&samples[samples.len() - fifth..]),
    );
    let name = format!("{:.0} minutes at half load, JSON and streams in turn", time.as_secs_f64() / 60.0);
    report.row(
        Row::new("gateway", name)
            .figure("load", asked.get() as f64 / begin.elapsed().as_secs_f64(), "requests/s")
            .figure("memory, second fifth", early, "MB")
            .figure("memory, last fifth", late, "MB")
            .figure("growth", late - early, "MB")
            .at_most("growth", NOISE),
    );
    Ok(())
}
