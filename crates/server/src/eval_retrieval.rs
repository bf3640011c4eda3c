//! `millwright eval retrieval`: takes a judged collection into a tenant of a database that lives only for this, and asks it.

use std::{
    io::Write,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_budgets::Ledger;
use millwright_config::Config;
use millwright_core::{
    Classification, Credential, Label, Principal, Role, Sources, TenantScope,
    audit::AuditRecord,
    id::{DocumentId, UserId, VersionId},
};
use millwright_documents::{Block, BlockKind, ChunkSettings, Page, chunk};
use millwright_retrieval::{
    embedding::{Embedder, EmbeddingModels},
    eval::{Collection, JudgedDocument, Report, evaluate},
    follower::{FollowerHandle, IndexFollower, IndexedWaiter},
    ingest::{new_chunk, texts_to_embed},
    keyword::KeywordIndexes,
    search::Searcher,
};
use millwright_store::{
    Proof, Store,
    tenant::{NewChunk, NewDocument, NewVector, NewVersion, PageRow, VectorModel},
};
use sha2::{Digest, Sha256};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app,
    database::Database,
    embeddings,
    scratch::{self, Scratch},
};

/// Documents for one transaction: their windows fill some batches of the embedding model.
const DOCUMENTS_AT_ONCE: usize = 128;
/// How often is told how far it is.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// How long the keyword index may take for the last documents.
const INDEX_WAIT: Duration = Duration::from_mins(1);

/// A folder with a collection.
#[derive(Debug, clap::Args)]
pub(crate) struct RetrievalInput {
    /// Folder with corpus.jsonl, queries.jsonl and qrels.tsv.
    #[arg(long)]
    data: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Scores the whole of retrieval, and prints.
pub(crate) async fn run(config: &Config, sources: &Sources, input: &RetrievalInput) -> anyhow::Result<ExitCode> {
    let collection = Collection::read(&input.data)?;
    let scratch = Scratch::new()?;
    let mut config = config.clone();
    scratch.hold(&mut config);
    let database = Database::open(&config, sources).await?;
    let report = score(&config, sources, &database, &collection).await;
    database.close().await;
    let report = report?;
    if input.json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&collection, &report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(collection: &Collection, report: &Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{} documents, {} queries with judgements", collection.documents.len(), collection.queries.len())?;
    writeln!(out, "{:<10} {:>8} {:>11} {:>7}", "", "nDCG@10", "recall@100", "MRR")?;
    let rows =
        [("bm25", report.bm25), ("vector", report.vector), ("hybrid", report.hybrid), ("reranked", report.reranked)];
    for (name, measures) in rows {
        writeln!(out, "{name:<10} {:>8.4} {:>11.4} {:>7.4}", measures.ndcg_10, measures.recall_100, measures.mrr)?;
    }
    Ok(())
}

async fn score(
    config: &Config,
    sources: &Sources,
    database: &Database,
    collection: &Collection,
) -> anyhow::Result<Report> {
    let embedder = embeddings::load(config).await?;
    let models = EmbeddingModels::open(database.store.clone(), embedder.clone(), None).await?;
    let keyword = KeywordIndexes::new(config.storage.data_dir.join("keyword"));
    let (follower, indexed) = IndexFollower::new(database.store.clone(), keyword.clone());
    let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
    let stopping = stop.clone();
    tracker.spawn(async move { follower.run(stopping).await });
    let scored = async {
        let key = Arc::new(AuditKey::derive(config.secret_key(sources)?.expose().as_bytes())?);
        let scope = scratch::tenant(database, sources).await?;
        let owner = scratch::user(database, sources, &key, &scope, Role::Admin, Classification::Internal).await?;
        let settings = app::chunks(config);
        let loader =
            Loader { store: &database.store, sources, embedder: &embedder, key: &key, scope, owner, settings, indexed };
        loader.load(&collection.documents).await?;
        let reader = database.store.tenant(&scope).read().await?.labels().reader(owner).await?;
        let (policy_file, policy_text) = crate::policy::load(config)?;
        let secret = config.secret_key(sources)?;
        let governance = app::governance(&database.store, sources, secret.expose(), policy_text)?;
        let ledger = Ledger::new(database.store.clone(), sources.clone());
        let gateway = app::gateway(config, sources, &policy_file, &ledger, &key)?;
        let reranker =
            crate::rerank::reranker(config, &policy_file, &governance, (&gateway, sources, &database.store, &key))?;
        let searcher = Searcher::new(database.store.clone(), models, keyword, config.retrieval.vector_top_k)
            .with_reranker(reranker);
        let principal = Principal::new(owner, scope, Role::Admin, Credential::Token);
        Ok(evaluate(&searcher, &principal, &reader, collection).await?)
    };
    let report = scored.await;
    stop.cancel();
    tracker.close();
    tracker.wait().await;
    report
}

/// Takes documents in by the steps of ingestion, many in one transaction. Each is parsed already.
struct Loader<'l> {
    store: &'l Store,
    sources: &'l Sources,
    embedder: &'l Embedder,
    key: &'l AuditKey,
    scope: TenantScope,
    owner: UserId,
    settings: ChunkSettings,
    indexed: FollowerHandle,
}

/// A document on its way in.
struct Prepared {
    name: String,
    page: Page,
    chunks: Vec<NewChunk>,
}

impl Loader<'_> {
    async fn load(&self, documents: &[JudgedDocument]) -> anyhow::Result<()> {
        let (began, mut told, mut done) = (Instant::now(), Instant::now(), 0);
        let mut last = None;
        for some in documents.chunks(DOCUMENTS_AT_ONCE) {
            last = self.load_some(some).await?.or(last);
            done += some.len();
            if told.elapsed() >= REPORT_EVERY {
                told = Instant::now();
                let left = began.elapsed().mul_f64((documents.len() - done) as f64 / done as f64);
                eprintln!("{done} of {} documents taken in, about {} s left", documents.len(), left.as_secs());
            }
        }
        let last = last.context("no document has any text")?;
        ensure!(last.wait(INDEX_WAIT).await, "the keyword index did not take the last document in");
        Ok(())
    }

    async fn load_some(&self, documents: &[JudgedDocument]) -> anyhow::Result<Option<IndexedWaiter>> {
        let prepared: Vec<Prepared> = documents.iter().filter_map(|document| self.prepare(document)).collect();
        let (places, texts): (Vec<_>, Vec<_>) = prepared
            .iter()
            .flat_map(|document| &document.chunks)
            .flat_map(|chunk| {
                let texts = texts_to_embed(self.embedder, &chunk.heading_path, &chunk.text);
                (0_i32..).zip(texts).map(|(number, text)| ((chunk.id, number), text))
            })
            .unzip();
        let mut vectors = places.into_iter().zip(self.embedder.embed_batch(texts).await?).peekable();
        let mut tx = self.store.tenant(&self.scope).begin().await?;
        let label = Label::of(Classification::Internal);
        let label_id = tx.labels().intern(&label).await?;
        let (mut records, mut last) = (Vec::new(), None);
        for document in prepared {
            let new = self.document(&document.name, label.clone(), label_id);
            let version = self.version(&new, &document.page);
            tx.documents().insert(&new).await?;
            tx.versions().insert(&version, document.page.text.as_bytes()).await?;
            let blocks = serde_json::to_value(&document.page.blocks)?;
            let pages = [PageRow { page_number: 1, text: document.page.text, blocks, ..PageRow::default() }];
            tx.versions().insert_pages(version.id, &pages).await?;
            tx.versions().set_parsed(version.id, false, 1).await?;
            tx.chunks().replace(new.id, version.id, &document.chunks).await?;
            let mut windows = Vec::new();
            for chunk in &document.chunks {
                while let Some(((chunk_id, window_number), embedding)) = vectors.next_if(|((id, _), _)| *id == chunk.id)
                {
                    windows.push(NewVector { chunk_id, window_number, embedding });
                }
            }
            tx.vectors().insert(new.id, version.id, VectorModel::FIRST, &windows).await?;
            tx.versions().set_ready(version.id, self.sources.now()).await?;
            tx.vectors().set_gone_through(version.id, VectorModel::FIRST, false).await?;
            records.push(self.record(new.id)?);
            last = Some(version.id);
        }
        let waiter = last.map(|version: VersionId| self.indexed.watch(version));
        tx.commit(Proof::Entries(&records)).await?;
        self.indexed.wake();
        Ok(waiter)
    }

    /// Title and text as a page with a heading, in chunks; `None` where there is no text.
    fn prepare(&self, document: &JudgedDocument) -> Option<Prepared> {
        let (title, text) = (document.title.trim(), document.text.trim());
        let mut page = Page { number: 1, text: String::new(), blocks: Vec::new(), recognized: false, layout: None };
        let mut end = 0;
        for (kind, part) in [(BlockKind::Heading { level: 1 }, title), (BlockKind::Paragraph, text)] {
            if part.is_empty() {
                continue;
            }
            if !page.text.is_empty() {
                page.text.push_str("\n\n");
                end += 2;
            }
            let start = end;
            page.text.push_str(part);
            end += part.chars().count();
            page.blocks.push(Block { kind, start, end });
        }
        let count = |text: &str| self.embedder.count_text_tokens(text);
        let chunks: Vec<NewChunk> = chunk(std::slice::from_ref(&page), &self.settings, &count)
            .into_iter()
            .map(|chunk| new_chunk(self.sources, chunk))
            .collect();
        (!chunks.is_empty()).then(|| Prepared { name: document.id.clone(), page, chunks })
    }

    fn document(&self, name: &str, label: Label, label_id: i64) -> NewDocument {
        NewDocument {
            id: self.sources.new_id(),
            name: name.to_owned(),
            label,
            label_id,
            metadata: serde_json::json!({}),
            tags: Vec::new(),
            supersedes: None,
            created_by: self.owner,
            created_at: self.sources.now(),
        }
    }

    fn version(&self, document: &NewDocument, page: &Page) -> NewVersion {
        NewVersion {
            id: self.sources.new_id(),
            document_id: document.id,
            format: "text".to_owned(),
            media_type: "text/plain".to_owned(),
            sha256: Sha256::digest(page.text.as_bytes()).into(),
            created_by: self.owner,
            created_at: self.sources.now(),
            effective_from: self.sources.now(),
            effective_until: None,
        }
    }

    fn record(&self, document: DocumentId) -> anyhow::Result<AuditRecord> {
        let tenant = self.scope.tenant_id();
        let event =
            AuditEvent::new(self.sources, tenant, Actor::System("eval"), AuditAction::DocumentUploaded, document);
        Ok(self.key.authenticate(&event)?)
    }
}
