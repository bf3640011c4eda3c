//! What a durable run costs, with a model that takes no time: what a step takes on disk and in time, how soon a run goes on whose
//! process died, how soon a long conversation opens, how a chat fares beside many runs; and whether processes that are killed at any
//! step lose or repeat anything.
//!
//! All runs are those of [`script`], the longest that there can be without a step that fails, but for one. The model, the load, PostgreSQL and the
//! server share the machine's cores.

mod alone;
mod beside;
mod conversation;
mod crash;
mod reranker;
mod resume;
mod script;
mod two;
mod volume;

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, ensure};
use clap::Args;
use millwright_scripted_model::ScriptedModel;
use serde_json::{Value, json};

use crate::{
    http::Client,
    load::Target,
    measures::{chat, ingestion},
    report::Report,
    say, seed,
    server::{Installation, Server},
};

/// The demo's tenant without documents.
const USER: &str = "admin@tenant-b.example";
const READ_TIMEOUT: Duration = Duration::from_mins(2);

/// How much of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Runs that are kept, to see what a step takes when there are many.
    #[arg(long, env = "BENCH_RUNS", default_value_t = 500)]
    pub(crate) kept_runs: usize,
    /// Steps of a run that another process takes over.
    #[arg(long, env = "BENCH_RESUMED_STEPS", default_value_t = 2_000)]
    pub(crate) resumed_steps: usize,
    /// Messages of a conversation that is opened.
    #[arg(long, env = "BENCH_MESSAGES", default_value_t = 5_000)]
    pub(crate) messages: usize,
    /// Runs at the same time, beside which somebody chats.
    #[arg(long, env = "BENCH_CONCURRENT_RUNS", default_value_t = 200)]
    pub(crate) concurrent_runs: usize,
    /// Milliseconds that the model takes for each answer to them.
    #[arg(long, env = "BENCH_MODEL_MS", default_value_t = 1_000)]
    pub(crate) model_ms: u64,
    /// Runs whose process is killed.
    #[arg(long, env = "BENCH_CRASHES", default_value_t = 50)]
    pub(crate) crashes: usize,
    /// Only these parts; all where none is named.
    #[arg(skip)]
    pub(crate) only: Vec<String>,
}

impl Options {
    /// What all of it may take at most, beside what a measurement may take anyway.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(self.kept_runs as u64 / 2 + self.crashes as u64 * 4)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
}

/// What all parts work with.
struct Bench<'b> {
    installation: &'b Installation,
    cache_dir: &'b Path,
    model: ScriptedModel,
    options: &'b Options,
}

impl Bench<'_> {
    /// What PostgreSQL answers its superuser, as JSON.
    fn ask_database(&self, statement: &str) -> anyhow::Result<Value> {
        let answer = self.query(statement)?;
        serde_json::from_str(&answer).with_context(|| format!("an answer that is not JSON: {answer}"))
    }

    fn tell_database(&self, statement: &str) -> anyhow::Result<()> {
        self.query(statement).map(drop)
    }

    fn query(&self, statement: &str) -> anyhow::Result<String> {
        let statement = format!("SET search_path = millwright, public; {statement}");
        seed::query(self.installation, self.cache_dir, &statement)
    }

    /// Settings of every server.
    fn settings(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let models = models_file(self.installation.scratch(), &self.model.base_url())?;
        Ok(vec![
            ("MODELS_FILE", models),
            ("MAX_STREAMS_PER_USER", "10000".to_owned()),
            ("GATEWAY_EQUAL_REQUESTS_PER_MINUTE", "0".to_owned()),
            ("LOG_LEVEL", "warn".to_owned()),
        ])
    }

    async fn target(&self, server: &Server) -> anyhow::Result<Target> {
        let token = server.sign_in(self.installation, USER).await?;
        Ok(Target { address: server.address, token, server: server.process_id() })
    }
}

/// All of it, or what is wanted of it.
pub(crate) async fn measure(
    report: &mut Report,
    installation: &Installation,
    cache_dir: &Path,
    options: &Options,
) -> anyhow::Result<()> {
    let model = ScriptedModel::start(script::script_for_all(Duration::ZERO)?)?;
    let bench = Bench { installation, cache_dir, model, options };
    let (server, _) = installation.start_more(&bench.settings()?).await?;
    let target = bench.target(&server).await?;
    say("documents");
    read_facts(&target).await?;
    try_out(&target).await?;
    if options.wants("alone") {
        say("runs one after the other");
        alone::measure(report, &bench, &target).await?;
    }
    if options.wants("volume") {
        say(&format!("{} runs to be kept", options.kept_runs));
        volume::measure(report, &bench, &target).await?;
    }
    if options.wants("conversation") {
        say("a long conversation");
        conversation::measure(report, &bench, &target).await?;
    }
    if options.wants("beside") {
        say(&format!("a chat beside {} runs", options.concurrent_runs));
        beside::measure(report, &bench, &target).await?;
    }
    server.stop()?;
    if options.wants("resume") || options.wants("crash") {
        let two = two::Two::start(&bench).await?;
        if options.wants("resume") {
            say("runs that are taken over");
            resume::measure(report, &two).await?;
        }
        if options.wants("crash") {
            say(&format!("{} runs whose process is killed", options.crashes));
            crash::measure(report, &two).await?;
        }
        two.stop()?;
    }
    report.note(format!(
        "A run has {} steps here: the question is thought through in two turns, the draft reads on four times, and two drafts are thrown \
         away. No run has more than 18 of its own; each death of its process in a step adds one, five times at most.",
        script::STEPS.len()
    ));
    Ok(())
}

fn models_file(scratch: &Path, url: &str) -> anyhow::Result<String> {
    let path = scratch.join("models.yaml");
    let text = format!(
        "currency: EUR\nendpoints:\n  - {{name: scripted, provider: openai, url: \"{url}\", concurrency: 1024, queue: 1024}}\n\
         models:\n  - name: scripted\n    tiers: [LIGHT, STANDARD, HEAVY]\n    context_tokens: 131072\n    max_output_tokens: 4096\n    \
         endpoints: [{{endpoint: scripted}}]\n    price: free\n    capabilities: {{tools: true, json_schema: true}}\n"
    );
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

/// Has the texts that the model is asked about read.
async fn read_facts(target: &Target) -> anyhow::Result<()> {
    let mut client = target.client().await?;
    for (name, text) in script::FACTS {
        let answer = client.upload("/api/v1/documents/upload", name, text.as_bytes()).await?.json()?;
        let id = answer["id"].as_str().context("a document without an id")?.to_owned();
        let found = ingestion::wait_until_found(&mut client, &id, "compressor");
        tokio::time::timeout(READ_TIMEOUT, found).await.context("a document was not read")??;
    }
    Ok(())
}

/// What is asked of a run.
fn body(case: usize) -> Value {
    json!({ "message": script::question(case), "thinking": "first_principles", "agent": "generalist" })
}

/// One run to its end.
async fn run(client: &mut Client, case: usize) -> anyhow::Result<chat::Found> {
    let found = chat::ask(client, &body(case)).await?;
    ensure!(found.answered, "a run found no answer");
    Ok(found)
}

/// One run, which has to have all its steps: else figures would be of something else.
async fn try_out(target: &Target) -> anyhow::Result<()> {
    let mut client = target.client().await?;
    let answer = client.post("/api/v1/chat", &with(body(0), "stream", json!(false))).await?.json()?;
    let id = answer["run_id"].as_str().context("no run")?;
    let run = client.get(&format!("/api/v1/runs/{id}")).await?.json()?;
    let kinds: Vec<&str> =
        run["steps"].as_array().into_iter().flatten().filter_map(|step| step["kind"].as_str()).collect();
    let expected: Vec<&str> = script::STEPS.iter().map(|(kind, _)| *kind).collect();
    ensure!(kinds == expected, "a run went another way: {kinds:?}\n{run:#}");
    Ok(())
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}
