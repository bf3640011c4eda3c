//! The order of all measures, and what stands between them.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use millwright_audit::AuditKey;
use millwright_core::{Sources, TenantScope};
use millwright_retrieval::embedding::Embedder;

use crate::{
    corpus::{Corpus, SeedDocument},
    load::Target,
    measures::{chat, gateway, identity, ingestion, keyword, memory, requests, retrieval, runs, search, startup},
    report::{Report, Row},
    say,
    seed::{self, Seeder, Vectors},
    server::{Installation, Server},
};

/// With more threads than this waiting already, the figures say more about the neighbours.
const BUSY: f64 = 0.5;
/// The server is left alone for this long before its idle memory is read: the allocator gives back what loading the model
/// took in passing, but not at once.
const SETTLE: Duration = Duration::from_secs(20);
/// Asked before a measurement and not counted: the first requests fill caches that production has filled.
const WARM_UP: usize = 20;
const KEYWORD_QUESTIONS: usize = 500;
const SEARCH_FORMS: [&str; 2] = ["{}", "How does {} work?"];
const CHAT_FORMS: [&str; 2] = ["What do the manuals say about {}?", "What is to be known about {}?"];
const INDEX_TIMEOUT: Duration = Duration::from_mins(1);
/// The demo's tenant without documents, and its only user.
const LARGE_TENANT: (&str, &str) = ("TenantB", "admin@tenant-b.example");

/// What to measure.
pub(crate) struct Plan {
    pub(crate) binary: PathBuf,
    pub(crate) cache_dir: PathBuf,
    pub(crate) documents: PathBuf,
    pub(crate) chunks: usize,
    pub(crate) identity_only: bool,
    /// Only search, over this many chunks of twenty tenants.
    pub(crate) retrieval: Option<usize>,
    /// Only the gateway, with these.
    pub(crate) gateway: Option<gateway::Options>,
    /// Only durable runs, so many of them.
    pub(crate) runs: Option<runs::Options>,
}

/// Documents to use: a folder, and whether it is only the samples of the repository.
struct Documents {
    folder: PathBuf,
    samples: bool,
}

/// All of it.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let begin = Instant::now();
    let load = report.machine().load_before();
    if load > BUSY {
        report.note(format!("Other work kept {load:.1} threads busy when this began: read the times as upper bounds."));
    }
    let cache_dir = plan.cache_dir.canonicalize().context("the cache folder")?;
    let model_dir = cache_dir.join("models/all-minilm-l6-v2");

    if let Some(chunks) = plan.retrieval {
        let documents = choose_documents(report, &plan.documents);
        let embedder =
            Embedder::load(&model_dir, std::thread::available_parallelism().map_or(1, std::num::NonZero::get))?;
        let corpus = Corpus::read(&documents.folder, documents.samples, &embedder)?;
        retrieval::measure(report, &cache_dir, &corpus, &embedder, chunks).await?;
        report.took(begin.elapsed());
        return Ok(());
    }
    let binary = plan.binary.canonicalize().context("the release binary")?;
    if let Some(options) = &plan.gateway {
        let installation = Installation::new(&binary, &cache_dir)?;
        gateway::measure(report, &installation, &cache_dir, options).await?;
        report.took(begin.elapsed());
        return Ok(());
    }
    if let Some(options) = &plan.runs {
        let installation = Installation::new(&binary, &cache_dir)?;
        runs::measure(report, &installation, &cache_dir, options).await?;
        report.took(begin.elapsed());
        return Ok(());
    }
    if plan.identity_only {
        let installation = Installation::new(&binary, &cache_dir)?;
        let (server, _) = installation.start().await?;
        server.stop()?;
        identity::measure(report, &installation).await?;
        report.took(begin.elapsed());
        return Ok(());
    }
    let documents = choose_documents(report, &plan.documents);
    say("start-up");
    let (installation, server) = startup::measure(report, &binary, &cache_dir).await?;
    say("idle memory");
    tokio::time::sleep(SETTLE).await;
    let weights = memory::weights(&model_dir)?;
    memory::measure(report, "idle, 20 s after a start", server.process_id(), weights)?;
    say("ingestion");
    let extensions: &[&str] = if documents.samples { &["pdf", "md", "docx"] } else { &["pdf", "md"] };
    let small = target(&server, &installation, "operator@tenant-a.example").await?;
    ingestion::measure(report, &small, &documents.folder, extensions).await?;

    let embedder = Embedder::load(&model_dir, std::thread::available_parallelism().map_or(1, std::num::NonZero::get))?;
    let corpus = Corpus::read(&documents.folder, documents.samples, &embedder)?;
    let editions = corpus.editions(plan.chunks, 0);
    let large = target(&server, &installation, LARGE_TENANT.1).await?;
    let scope = fill(report, &installation, &cache_dir, &corpus, &embedder, &editions, &large).await?;
    drop(embedder);

    let of_search: usize = search::LOADS.iter().map(|(_, requests)| requests).sum();
    let of_chat: usize = chat::LOADS.iter().map(|(_, requests)| requests).sum();
    warm_up(&large, &corpus.questions(0, WARM_UP, &["Tell me about {}"])).await?;
    say("search");
    search::measure(report, &large, &corpus.questions(0, of_search, &SEARCH_FORMS)).await?;
    say("chat");
    chat::measure(report, &large, &corpus.questions(of_search, of_chat, &CHAT_FORMS)).await?;
    say("requests");
    requests::measure(report, &large).await?;
    tokio::time::sleep(SETTLE).await;
    memory::measure(report, "idle, 20 s after all of this", server.process_id(), weights)?;
    server.stop()?;
    say("keyword stage beside bm25s");
    let questions = corpus.questions(0, KEYWORD_QUESTIONS, &SEARCH_FORMS);
    let (data, scratch) = (installation.data_dir(), installation.scratch());
    keyword::measure(report, &data, scratch, &scope, &editions, &questions).await?;
    identity::measure(report, &installation).await?;
    report.took(begin.elapsed());
    Ok(())
}

fn choose_documents(report: &mut Report, wished: &Path) -> Documents {
    if wished.is_dir() {
        return Documents { folder: wished.to_owned(), samples: false };
    }
    report.note(format!(
        "{} is not there: the repository's few samples took its place, so ingestion and search figures mean little.",
        wished.display()
    ));
    Documents { folder: PathBuf::from("samples"), samples: true }
}

async fn target(server: &Server, installation: &Installation, email: &str) -> anyhow::Result<Target> {
    let token = server.sign_in(installation, email).await?;
    Ok(Target { address: server.address, token, server: server.process_id() })
}

/// Fills the large tenant and waits until both of its indexes have everything.
async fn fill(
    report: &mut Report,
    installation: &Installation,
    cache_dir: &Path,
    corpus: &Corpus,
    embedder: &Embedder,
    editions: &[SeedDocument],
    target: &Target,
) -> anyhow::Result<TenantScope> {
    let count: usize = editions.iter().map(|document| document.chunks.len()).sum();
    say(&format!("filling a tenant with {count} chunks"));
    let vectors = Vectors::embed(corpus, embedder).await?;
    let sources = Sources::system();
    let store = seed::open(installation, &sources).await?;
    let mut tx = store.system().await?;
    let tenant = tx.tenants().find_by_name(LARGE_TENANT.0).await?.context("the demo's second tenant is missing")?;
    let owner = tx.accounts().find_by_email(LARGE_TENANT.1).await?.context("its user is missing")?;
    drop(tx);
    let key = AuditKey::derive(installation.secret_key()?.as_bytes())?;
    let seeder = Seeder { store: &store, sources: &sources, key, scope: tenant.scope, owner: owner.user_id };
    let begin = Instant::now();
    let last = seeder.write(editions, &vectors).await?;
    let written = begin.elapsed();
    seed::analyze(installation, cache_dir)?;
    store.close().await;
    let mut client = target.client().await?;
    let words = "manual edition";
    for document in last {
        let document = document.to_string();
        let found = ingestion::wait_until_found(&mut client, &document, words);
        tokio::time::timeout(INDEX_TIMEOUT, found).await.context("the keyword index did not follow")??;
    }
    let metrics = client.get("/api/v1/admin/metrics").await?.json()?;
    report.row(
        Row::new("filling", "rows and vector index, 2 writers, past ingestion")
            .figure("chunks", metrics["chunks"].as_f64().unwrap_or(f64::NAN), "in the tenant")
            .figure("written", count as f64 / written.as_secs_f64(), "chunks/s"),
    );
    report.note(format!(
        "The {count} chunks of the tenant that is searched are {} real ones and variants of them in which about half of \
         the sentences were exchanged; the vectors of {} real chunks were embedded, and all chunks have one of these with \
         noise (cosine about 0.86).",
        corpus.base_chunks().len(),
        vectors.embedded()
    ));
    Ok(tenant.scope)
}

async fn warm_up(target: &Target, questions: &[String]) -> anyhow::Result<()> {
    let mut client = target.client().await?;
    for question in questions {
        client.post("/api/v1/search", &serde_json::json!({ "query": question })).await?.json()?;
    }
    Ok(())
}
