//! Two processes on one database: one that is killed, and one that goes on with what it leaves.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use anyhow::Context;
use futures::future::try_join_all;
use millwright_core::Sources;
use serde_json::{Value, json};

use super::{
    Bench, body,
    reranker::Reranker,
    script::{self, Step, script},
};
use crate::{http::Client, load::Target, seed, server::Server};

const LOOK: Duration = Duration::from_millis(50);
const WAIT: Duration = Duration::from_mins(3);

pub(super) struct Two<'b> {
    pub(super) bench: &'b Bench<'b>,
    pub(super) reranker: Reranker,
    /// The one that stays.
    stays: Server,
    settings: Vec<(&'static str, String)>,
    /// The one that is killed.
    dies: RefCell<Option<Server>>,
}

impl<'b> Two<'b> {
    pub(super) async fn start(bench: &'b Bench<'b>) -> anyhow::Result<Self> {
        let reranker = Reranker::start()?;
        let mut settings = bench.settings()?;
        settings.push(("RERANK_URL", reranker.url()));
        // One that is held must not be given up.
        settings.push(("RERANK_TIMEOUT_MS", "60000".to_owned()));
        let (stays, _) = bench.installation.start_more(&settings).await?;
        settings.push(("DATABASE_URL", seed::login(bench.installation, &Sources::system()).await?));
        settings.push(("SECRET_KEY", bench.installation.secret_key()?));
        settings.push(("MILLWRIGHT_DATA_DIR", bench.installation.scratch().join("second").display().to_string()));
        let two = Self { bench, reranker, stays, settings, dies: RefCell::new(None) };
        two.start_second().await?;
        Ok(two)
    }

    /// Starts the one that is killed, and waits until it finds what there is.
    async fn start_second(&self) -> anyhow::Result<()> {
        let (server, _) = self.bench.installation.start_more(&self.settings).await?;
        let target = self.bench.target(&server).await?;
        *self.dies.borrow_mut() = Some(server);
        let mut client = target.client().await?;
        let asked = json!({ "query": "compressor", "limit": 3 });
        let found = async {
            loop {
                let found = client.post("/api/v1/search", &asked).await?.json()?;
                let items = found["items"].as_array().map_or(&[][..], Vec::as_slice);
                if items.len() == script::FACTS.len() && items.iter().all(|item| item["keyword"].is_object()) {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(WAIT, found).await.context("the second process does not find what there is")?
    }

    async fn second(&self) -> anyhow::Result<Target> {
        let target = {
            let dies = self.dies.borrow();
            let server = dies.as_ref().context("the second process is not running")?;
            (server.address, server.process_id())
        };
        let token = self.stays.sign_in(self.bench.installation, super::USER).await?;
        Ok(Target { address: target.0, token, server: target.1 })
    }

    /// Has the process that will die begin these cases, one after the other; the ids of their runs.
    pub(super) async fn begin(&self, cases: &[usize], apart: Duration) -> anyhow::Result<Vec<String>> {
        let target = self.second().await?;
        try_join_all(cases.iter().enumerate().map(async |(number, case)| {
            tokio::time::sleep(apart * number as u32).await;
            let client = Client::connect(target.address, Some(&target.token)).await?;
            let read = client.begin("/api/v1/chat", &body(*case), "STATE_SNAPSHOT").await?;
            let (_, after) = read.split_once("\"runId\":\"").context("a stream without a run")?;
            let id = after.split('"').next().and_then(|id| id.split_once('_')).context("a run without an id")?;
            anyhow::Ok(id.1.to_owned())
        }))
        .await
    }

    /// Waits until each case has come to this step, whose call is held.
    pub(super) async fn wait_until_at(&self, cases: &[usize], step: Step) -> anyhow::Result<()> {
        let all = async {
            loop {
                let calls = self.calls();
                if cases.iter().all(|case| calls.contains_key(&(*case, step))) {
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
            // What was done before is on disk a moment later.
            tokio::time::sleep(Duration::from_millis(300)).await;
        };
        tokio::time::timeout(WAIT, all).await.with_context(|| format!("not all runs came to {step:?}"))
    }

    /// How often the calls of each step were made, as those who were called have counted.
    pub(super) fn calls(&self) -> HashMap<(usize, Step), usize> {
        let requests = self.bench.model.requests();
        let mut calls = HashMap::new();
        for call in requests.iter().filter_map(script::step_of).chain(self.reranker.asked()) {
            *calls.entry(call).or_default() += 1;
        }
        calls
    }

    /// The second process is killed.
    pub(super) fn kill(&self) -> anyhow::Result<()> {
        self.dies.borrow_mut().take().context("the second process is not running")?.kill()
    }

    /// All calls are answered from now on, and what the dead have left may be taken over, as if their leases had run out. Waits until
    /// all of it has ended, and only then starts the second process anew, which takes a core while it starts.
    pub(super) async fn go_on(&self, cases: &[usize], runs: &[String]) -> anyhow::Result<()> {
        self.bench.model.play(script(cases.iter().copied(), None, Duration::ZERO)?);
        self.reranker.hold(None);
        self.bench
            .tell_database("UPDATE runs SET lease_expires_at = now() - interval '1 second' WHERE status = 'running'")?;
        self.ended(runs).await?;
        self.start_second().await
    }

    /// Waits until these have ended.
    async fn ended(&self, runs: &[String]) -> anyhow::Result<()> {
        let statement = format!("SELECT count(*) FROM runs WHERE status = 'running' AND id IN ({})", listed(runs));
        let all = async {
            while self.bench.ask_database(&statement)? != json!(0) {
                tokio::time::sleep(LOOK * 4).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(WAIT, all).await.context("runs did not end")?
    }

    /// What the database says of each of these runs.
    pub(super) fn of_each(&self, runs: &[String], what: &str) -> anyhow::Result<Vec<Value>> {
        let statement = format!(
            "SELECT json_object_agg(replace(r.id::text, '-', ''), ({what})) FROM runs r WHERE r.id IN ({})",
            listed(runs)
        );
        let found = self.bench.ask_database(&statement)?;
        let of = |run: &String| found.get(run).cloned().with_context(|| format!("run {run} is gone"));
        runs.iter().map(of).collect()
    }

    pub(super) fn stop(self) -> anyhow::Result<()> {
        if let Some(dies) = self.dies.into_inner() {
            dies.stop()?;
        }
        self.stays.stop()
    }
}

/// Ids as a list of literals.
fn listed(runs: &[String]) -> String {
    runs.iter().map(|run| format!("'{run}'")).collect::<Vec<_>>().join(", ")
}

/// Of a run: when it was taken over last, when the next of its steps began, and when it ended, all in milliseconds after the first.
pub(super) const TAKEN_OVER: &str = "
    SELECT json_build_object('next', 1000 * extract(epoch FROM (SELECT min(s.started_at) FROM run_steps s
               WHERE s.tenant_id = r.tenant_id AND s.run_id = r.id AND s.started_at >= a.occurred_at) - a.occurred_at),
           'end', 1000 * extract(epoch FROM r.finished_at - a.occurred_at))
    FROM audit_entries a WHERE a.tenant_id = r.tenant_id AND a.action = 'run.taken_over'
      AND a.resource_id LIKE '%' || replace(r.id::text, '-', '') ORDER BY a.occurred_at DESC LIMIT 1";

/// Milliseconds of a field, where the run has it.
pub(super) fn millis(of: &[Value], name: &str) -> Vec<Duration> {
    let of = of.iter().filter_map(|found| found.get(name)?.as_f64());
    of.filter(|millis| *millis >= 0.0).map(|millis| Duration::from_secs_f64(millis / 1000.0)).collect()
}
