//! What the gateway costs: Millwright with everything on, beside LiteLLM with nothing on, before the same model server, in one run.
//!
//! On: authentication by token, rate limits (too high to bite), personal data, injection, two budgets, durable audit and usage.
//! PostgreSQL, the model server, the load and whoever is measured share the machine's cores.

mod alone;
mod rows;
mod sides;
mod soak;
mod wrk;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use serde_json::json;
use sides::Side;

use crate::{
    http::Client,
    measures::memory,
    proc,
    report::Report,
    say,
    server::{Installation, Server},
};
use wrk::{Load, Shot};

const MODEL: &str = "fake-1";
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// At which most targets hold.
const MAIN: usize = 16;
const WARM_UP_SECONDS: u64 = 2;
const ALONE_REQUESTS: usize = 400;
const USER: &str = "operator@tenant-a.example";
const ADMIN: &str = "admin@tenant-a.example";

/// What to measure with.
pub(crate) struct Options {
    /// `millwright-upstream`.
    pub(crate) upstream: PathBuf,
    /// A virtual environment with LiteLLM; where it is absent there is no peer.
    pub(crate) litellm: Option<PathBuf>,
    /// How long each load lasts.
    pub(crate) seconds: u64,
    /// How long memory is watched at half load.
    pub(crate) soak: Option<Duration>,
}

/// What one load found of one side.
pub(crate) struct Found {
    load: Load,
    shot: Shot,
    /// Processor time of a request, milliseconds: of the side, and of its PostgreSQL.
    cpu: f64,
    cpu_postgres: f64,
    /// Of the side when the load ended, megabytes.
    resident: f64,
}

/// All of it.
pub(crate) async fn measure(
    report: &mut Report,
    installation: &Installation,
    cache_dir: &Path,
    options: &Options,
) -> anyhow::Result<()> {
    let model = memory::model_alone(&cache_dir.join("models/all-minilm-l6-v2")).await?;
    let (_upstream, direct) = sides::start_upstream(&options.upstream)?;
    let file = models_file(installation.scratch(), &direct)?;
    let (server, _) = installation.start_more(&[("MODELS_FILE", file)]).await?;
    let ours = our_side(installation, &server).await?;
    make_budgets(installation, &server).await?;
    let before = proc::memory(ours.process)?.resident;

    let mut found = Vec::new();
    say("the model server itself");
    found.push(loads(report, &direct, options.seconds).await?);
    say("Millwright");
    found.push(loads(report, &ours, options.seconds).await?);
    rows::memory(report, &ours, before, model, &found[1])?;
    for one in &found[1] {
        let Shot { errors, requests, .. } = one.shot;
        ensure!(errors * 20 < requests, "{errors} of {requests} requests failed");
    }
    let counted: u64 = found[1].iter().map(|found| found.shot.requests).sum();

    let peer = match &options.litellm {
        None => Err(anyhow::anyhow!("pip cannot install it here")),
        Some(environment) => sides::start_litellm(environment, installation.scratch(), direct.address).await,
    };
    let peer = match peer {
        Ok((companion, side)) => {
            say("LiteLLM");
            found.push(loads(report, &side, options.seconds).await?);
            Some((companion, side))
        }
        Err(error) => {
            report.note(format!("LiteLLM SKIPPED: {error:#}. Ratios to it are missing."));
            None
        }
    };
    say("one request at a time");
    let mut sides = vec![&direct, &ours];
    sides.extend(peer.iter().map(|(_, side)| side));
    let alone = alone::measure(&sides, ALONE_REQUESTS, "alone").await?;
    rows::targets(report, &found);
    rows::alone(report, &sides, &alone);
    rows::accounts(report, installation, cache_dir, counted)?;
    drop(peer);
    if let Some(time) = options.soak {
        say("half load");
        let half = found[1].iter().find(|found| found.load.connections == MAIN && !found.load.stream);
        let half = half.map_or(100.0, |found| found.shot.per_second() / 2.0);
        soak::measure(report, &ours, half, time).await?;
    }
    server.stop()
}

/// Every load in turn.
async fn loads(report: &mut Report, side: &Side, seconds: u64) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    for stream in [false, true] {
        for connections in CONNECTIONS {
            let load = Load { stream, connections, seconds };
            let name = format!("{}-{connections}", if stream { "s" } else { "j" });
            wrk::run(side, Load { seconds: WARM_UP_SECONDS, ..load }, &format!("w{name}")).await?;
            let before = side.processor();
            let shot = wrk::run(side, load, &name).await?;
            let after = side.processor();
            let each = |used: Duration| used.as_secs_f64() * 1000.0 / shot.requests.max(1) as f64;
            let one = Found {
                load,
                shot,
                cpu: each(after.server.saturating_sub(before.server)),
                cpu_postgres: each(after.postgres.saturating_sub(before.postgres)),
                resident: proc::memory(side.process)?.resident,
            };
            say(&format!(
                "{connections} connections, {}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {:.3} ms of CPU, {} errors",
                if stream { "streams" } else { "JSON" },
                shot.per_second(),
                shot.p50,
                shot.p99,
                one.cpu,
                shot.errors
            ));
            rows::load(report, side, &one);
            found.push(one);
        }
    }
    Ok(found)
}

fn models_file(scratch: &Path, upstream: &Side) -> anyhow::Result<String> {
    let path = scratch.join("models.yaml");
    let text = format!(
        "currency: EUR\nendpoints:\n  - {{name: stand-in, provider: openai, url: \"http://{}/v1\", concurrency: 256, queue: 1024}}\n\
         models:\n  - name: {MODEL}\n    tiers: [LIGHT, STANDARD, HEAVY]\n    context_tokens: 32768\n    max_output_tokens: 512\n    \
         endpoints: [{{endpoint: stand-in}}]\n    price: {{input_per_million: 15, output_per_million: 60}}\n",
        upstream.address
    );
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

async fn our_side(installation: &Installation, server: &Server) -> anyhow::Result<Side> {
    let token = server.sign_in(installation, USER).await?;
    Ok(Side { name: "Millwright", address: server.address, token, process: server.process_id() })
}

/// One of tokens and one of money, so large that they never refuse: what counts is that they are kept.
async fn make_budgets(installation: &Installation, server: &Server) -> anyhow::Result<()> {
    let token = server.sign_in(installation, ADMIN).await?;
    let mut admin = Client::connect(server.address, Some(&token)).await?;
    for (name, unit) in [("all tokens", "tokens"), ("all money", "money")] {
        let body = json!({ "name": name, "subject_kind": "tenant", "subject_id": null, "period": "month", "unit": unit,
            "limit": 900_000_000_000_000_u64 });
        admin.post("/api/v1/admin/budgets", &body).await?.json().context("making a budget")?;
    }
    Ok(())
}
