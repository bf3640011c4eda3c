//! How soon a chat begins to answer while many runs go on.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use serde_json::json;

use super::{Bench, run, script::script_for_all};
use crate::{
    load::Target,
    measures::chat,
    report::{Report, Row, percentile},
};

const QUESTIONS: usize = 100;
const QUESTION: &str = "At what pressure does the relief valve of compressor K-12 open?";
/// Between two of them.
const APART: Duration = Duration::from_millis(100);
/// No question is asked later than this.
const LIMIT: Duration = Duration::from_secs(30);
/// Until the runs are spread over their steps.
const SPREAD: Duration = Duration::from_secs(3);

pub(super) async fn measure(report: &mut Report, bench: &Bench<'_>, target: &Target) -> anyhow::Result<()> {
    let runs = bench.options.concurrent_runs;
    chats(target, QUESTIONS / 5).await?;
    let alone = chats(target, QUESTIONS).await?;
    report.row(
        Row::new("beside", format!("first byte of a chat, nothing else; {} questions", alone.len())).times(&alone),
    );
    for pause in [Duration::from_millis(bench.options.model_ms), Duration::ZERO] {
        bench.model.play(script_for_all(pause)?);
        let (busy, ended, took) = beside(target, runs).await?;
        let asked = busy.len();
        let what = if pause.is_zero() {
            format!("beside {runs} runs whose model takes no time, so that they take all there is; {asked} questions")
        } else {
            format!("beside {runs} runs whose model takes {} ms for each answer; {asked} questions", pause.as_millis())
        };
        let ratio = |share| percentile(&busy, share) / percentile(&alone, share);
        report.row(
            Row::new("beside", what)
                .times(&busy)
                .figure("p50 beside : alone", ratio(0.5), "")
                .figure("p95 beside : alone", ratio(0.95), "")
                .figure("runs that ended meanwhile", ended as f64 / took.as_secs_f64(), "/s"),
        );
        bench.model.take_requests();
    }
    bench.model.play(script_for_all(Duration::ZERO)?);
    Ok(())
}

async fn chats(target: &Target, questions: usize) -> anyhow::Result<Vec<Duration>> {
    let mut client = target.client().await?;
    let (mut times, begin) = (Vec::new(), Instant::now());
    while times.len() < questions && begin.elapsed() < LIMIT {
        times.push(chat::ask(&mut client, &json!({ "message": QUESTION })).await?.first_byte);
        tokio::time::sleep(APART).await;
    }
    Ok(times)
}

/// Chats while so many runs go on, each followed by another; then how many of them have ended, and in which time.
async fn beside(target: &Target, runs: usize) -> anyhow::Result<(Vec<Duration>, usize, Duration)> {
    let (over, ended, took) = (Cell::new(false), Cell::new(0), Cell::new(Duration::ZERO));
    let load = try_join_all((0..runs).map(async |case| {
        let mut client = target.client().await?;
        while !over.get() {
            run(&mut client, case).await?;
            ended.set(ended.get() + usize::from(!over.get()));
        }
        anyhow::Ok(())
    }));
    let talk = async {
        tokio::time::sleep(SPREAD).await;
        ended.set(0);
        let begin = Instant::now();
        let times = chats(target, QUESTIONS).await;
        over.set(true);
        took.set(begin.elapsed());
        times
    };
    let (times, ()) = futures::future::try_join(talk, async { load.await.map(drop) }).await?;
    Ok((times, ended.get(), took.get()))
}
