//! `millwright eval agent`: a suite's documents go through ingestion into a database that lives only for this, its questions
//! through the runtime that answers people, and what comes out is scored.

mod asking;
mod print;
mod stock;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use millwright_agents::{
    Thinking,
    eval::{CaseReport, Comparison, Report, Suite},
};
use millwright_audit::AuditKey;
use millwright_config::Config;
use millwright_core::{Classification, Role, Sources};
use millwright_telemetry::Metrics;

use crate::{
    app,
    database::Database,
    eval_agent::{asking::Asker, stock::take_in},
    models,
    scratch::{self, Scratch},
};

/// The form of a suite, for the command's help.
const FORM: &str = r#"The suite:
  documents/       the files
  documents.jsonl  a file a line, in the order in which they are taken in:
                   {"file": "sop-3.md", "classification": "INTERNAL", "supersedes": "sop-2.md"}
  cases.jsonl      a question a line:
                   {"id": "torque-1", "kind": "table", "question": "And the casing nuts?",
                    "before": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}],
                    "documents": ["manual.pdf"], "facts": [["75 Nm"], ["crosswise", "in a cross"]],
                    "forbidden": ["49 Nm"], "cites": [{"document": "manual.pdf", "page": 10, "heading": "Torques"}],
                    "tools": ["search_documents"], "clearance": "INTERNAL"}
                   {"id": "price-1", "question": "What does it cost?", "abstain": true}

Needed are `id`, `question`, and either `facts` with the `documents` that hold them, or `abstain`. Each fact is a list of
phrasings of which a sentence of the answer must hold one; parts with ` ... ` between must stand in one sentence, in any
order. Figures count with their unit, however they are spaced. `cites` are the places that must be cited; without it,
each of `documents`. `tools` count only where the model can call any. `clearance` is that of whoever asks.

Measures of quality, which --compare holds: right, answers (right among the answerable), groundedness (sentences whose
quotes stand byte for byte in the stored pages and hold their figures), citation_precision, citation_recall,
abstention_precision, abstention_recall, tools. Steps, tokens, cost and time are shown and fail nothing."#;

/// A folder with a suite.
#[derive(Debug, clap::Args)]
#[command(after_long_help = FORM)]
pub(crate) struct AgentInput {
    /// Folder with documents.jsonl, cases.jsonl and documents/; --help shows their form.
    #[arg(long)]
    suite: PathBuf,
    /// Have each question thought through this way before it is answered. With --compare and a report without it: what it adds
    /// and costs. Needs a language model.
    #[arg(long, value_parser = thinking)]
    thinking: Option<Thinking>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// An earlier report, as --json printed it: print the differences over the cases that both have, and exit with 1 if a
    /// measure of quality got worse by more than the margin.
    #[arg(long)]
    compare: Option<PathBuf>,
    /// By how much a measure may fall, as a share of 1.
    #[arg(long, default_value_t = 0.02, value_parser = margin)]
    margin: f64,
}

fn thinking(text: &str) -> Result<Thinking, String> {
    let known = Thinking::ALL.into_iter().find(|thinking| thinking.as_str() == text);
    known.ok_or_else(|| format!("expected one of {}", Thinking::ALL.map(Thinking::as_str).join(", ")))
}

fn margin(text: &str) -> Result<f64, String> {
    let margin = text.parse::<f64>().ok().filter(|margin| (0.0..=1.0).contains(margin));
    margin.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// Asks the suite's questions, scores the answers, and prints.
pub(crate) async fn run(
    config: &Config,
    sources: &Sources,
    metrics: Metrics,
    input: &AgentInput,
) -> anyhow::Result<ExitCode> {
    let suite = Suite::read(&input.suite)?;
    let before = input.compare.as_deref().map(earlier).transpose()?;
    let scratch = Scratch::new()?;
    let mut config = config.clone();
    scratch.hold(&mut config);
    // A model on a server would serve only once it has embedded everything.
    config.retrieval.embedding_model = None;
    let database = Database::open(&config, sources).await?;
    let asked = Box::pin(ask(&config, sources, metrics, &database, (&suite, input.thinking))).await;
    database.close().await;
    let (currency, cases) = asked?;
    let mut report = Report::of(input.suite.display().to_string(), currency, cases);
    if let (Some(before), Some(path)) = (before, &input.compare) {
        let compared = Comparison::of(&before, &report, input.margin);
        report.comparison =
            Some(compared.with_context(|| format!("{} shares no case with this suite", path.display()))?);
    }
    if input.json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print::table(&report)?;
    }
    let is_worse = report.comparison.is_some_and(|comparison| comparison.worse().next().is_some());
    Ok(if is_worse { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What `--json` printed.
fn earlier(path: &Path) -> anyhow::Result<Report> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let expected = "expected a report that `millwright eval agent --json` printed";
    serde_json::from_str(&text).with_context(|| format!("{}: {expected}", path.display()))
}

/// The currency of costs, and how each case went.
async fn ask(
    config: &Config,
    sources: &Sources,
    metrics: Metrics,
    database: &Database,
    (suite, thinking): (&Suite, Option<Thinking>),
) -> anyhow::Result<(String, Vec<CaseReport>)> {
    let (policy_file, _) = crate::policy::load(config)?;
    let catalog = models::catalog(config, sources, &policy_file).context("language models")?;
    anyhow::ensure!(
        thinking.is_none() || catalog.has_chat(),
        "--thinking needs a language model, and none is set up: see docs/gateway.md"
    );
    let app = Box::pin(app::start(config, sources, metrics, database, "http://127.0.0.1".to_owned())).await?;
    let asked = async {
        let key: &Arc<AuditKey> = &app.state.audit_key;
        let scope = scratch::tenant(database, sources).await?;
        let owner = scratch::user(database, sources, key, &scope, Role::Operator, Classification::Restricted).await?;
        let library = take_in(&app.state, scope, owner, suite).await?;
        let mut asker = Asker::new(&app.state, database, scope, (&catalog, thinking));
        let answers = asker.ask_all(suite).await?;
        // The last calls are counted in the background.
        app.ledger.drain().await;
        asker.judge(suite, answers, &library).await
    };
    let cases = asked.await;
    app.stop.cancel();
    app.tracker.close();
    app.tracker.wait().await;
    Ok((catalog.currency().to_owned(), cases?))
}
