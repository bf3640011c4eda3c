//! `make bench-retrieval`: hybrid search over tens of thousands to a million chunks of twenty tenants.
//!
//! It runs in this process, on a private PostgreSQL of its own, past HTTP and sign-in: what is measured is what the product's
//! [`Searcher`] does between a question and its passages. Vectors of the questions are made beforehand, so that every search
//! finds its own in the embedder's memory: the model costs the same whatever the size of the index, and `make bench` measures
//! it. What may be seen is narrowed once by a filter (a tag) and once by the reader's clearance.

mod fill;
mod scratch;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::future::try_join_all;
use millwright_core::{Classification, Label, id::ChunkId};
use millwright_retrieval::{
    embedding::{Embedder, EmbeddingModels},
    search::{DEFAULT_CANDIDATES, SearchRequest, Searcher},
};
use millwright_store::{
    Store,
    tenant::{PassageQuery, PassageScope, SearchFilter, VectorModel, VersionSet},
};

use self::{
    fill::{Filled, SHARES, Share, Tenant},
    scratch::Scratch,
};
use crate::{
    corpus::Corpus,
    proc,
    report::{Report, Row, percentile},
    say,
};

/// As many as the embedder remembers, with some room.
const QUESTIONS: usize = 400;
const FORMS: [&str; 2] = ["{}", "How does {} work?"];
/// Passages that a search returns, as the product does unless told otherwise.
const PASSAGES: usize = 8;
/// Questions whose nearest passages are compared with all, and how many of each.
const COMPARED: usize = 60;
const NEAREST: usize = 10;
/// Searches at the same time for the throughput.
const CLIENTS: usize = 4;
/// A tenth of the greatest size may take three times as long as the smallest, not ten times.
const TARGETS: [(usize, f64); 2] = [(100_000, 15.0), (1_000_000, 50.0)];
const LEAST_RECALL: f64 = 0.95;

/// Who asks for what.
struct Asker<'a> {
    store: &'a Store,
    searcher: &'a Searcher,
    embedder: &'a Embedder,
    tenants: &'a [Tenant],
    questions: &'a [String],
}

/// Fills twenty tenants with `chunks` chunks together, and searches them.
pub(crate) async fn measure(
    report: &mut Report,
    cache_dir: &Path,
    corpus: &Corpus,
    embedder: &Embedder,
    chunks: usize,
) -> anyhow::Result<()> {
    let scratch = Scratch::open(cache_dir).await?;
    let measured = measure_in(report, &scratch, corpus, embedder, chunks).await;
    scratch.close().await;
    measured
}

async fn measure_in(
    report: &mut Report,
    scratch: &Scratch,
    corpus: &Corpus,
    embedder: &Embedder,
    chunks: usize,
) -> anyhow::Result<()> {
    let filled = fill::fill(scratch, corpus, embedder, chunks).await?;
    tell(report, scratch, &filled, chunks)?;
    let questions = corpus.questions(0, QUESTIONS, &FORMS);
    for question in &questions {
        embedder.embed_query(question).await?;
    }
    let models = EmbeddingModels::open(scratch.store.clone(), embedder.clone(), None).await?;
    let searcher = Searcher::new(scratch.store.clone(), models, filled.keyword.clone(), DEFAULT_CANDIDATES);
    let (store, tenants) = (&scratch.store, filled.tenants.as_slice());
    let asker = Asker { store, searcher: &searcher, embedder, tenants, questions: &questions };
    say("warming up");
    for place in 0..QUESTIONS {
        asker.search(place, Narrowed::ByFilter, SHARES.len() - 1).await?;
    }
    for (share, by) in [
        (2, Narrowed::ByFilter),
        (1, Narrowed::ByFilter),
        (0, Narrowed::ByFilter),
        (1, Narrowed::ByLabel),
        (0, Narrowed::ByLabel),
    ] {
        asker.measure(report, by, share, chunks).await?;
    }
    asker.throughput(report).await?;
    let (own, postgres) = (std::process::id(), proc::postgres_of(std::process::id()));
    report.row(
        Row::new("memory", "after all searches")
            .figure("this process", proc::memory(own)?.resident, "MB, with the embedding model")
            .figure("PostgreSQL", proc::proportional_memory(&postgres)?, "MB, with the part of the page cache it maps"),
    );
    Ok(())
}

fn tell(report: &mut Report, scratch: &Scratch, filled: &Filled, chunks: usize) -> anyhow::Result<()> {
    let took = |time: Duration| time.as_secs_f64();
    report.row(
        Row::new("filling", format!("{chunks} chunks, {} vectors, {} tenants", filled.vectors, filled.tenants.len()))
            .figure("rows", took(filled.rows), "s")
            .figure("HNSW graphs", took(filled.graphs), "s")
            .figure("keyword indexes after the rows", took(filled.followed), "s"),
    );
    report.row(
        Row::new("size", format!("{chunks} chunks"))
            .figure("HNSW", scratch.megabytes("SELECT sum(pg_relation_size(i.indexrelid)) FROM pg_index i \
                JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'hnsw' AND c.relkind = 'i'")?, "MB")
            .figure("keyword", scratch.keyword_megabytes()?, "MB")
            .figure("database", scratch.megabytes("SELECT pg_database_size(current_database())")?, "MB with both tables and indexes"),
    );
    Ok(())
}

/// By what a search sees only a share.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Narrowed {
    ByFilter,
    ByLabel,
}

impl Asker<'_> {
    fn tenant(&self, place: usize) -> &Tenant {
        &self.tenants[place % self.tenants.len()]
    }

    /// Inside the searcher, by its own clock.
    async fn search(&self, place: usize, by: Narrowed, share: usize) -> anyhow::Result<Times> {
        let tenant = self.tenant(place);
        let request = SearchRequest {
            query: self.questions[place % self.questions.len()].clone(),
            limit: PASSAGES,
            filter: filter(by, share),
            label: Label::of(Classification::Internal),
            account: None,
        };
        let found = self.searcher.search(&tenant.scope, tenant.reader(by == Narrowed::ByLabel, share), request).await?;
        anyhow::ensure!(found.degraded.is_none(), "a search without {:?}", found.degraded);
        let times = found.timings;
        Ok(Times {
            whole: times.total,
            stages: [times.filter, times.keyword, times.embedding, times.store, times.ranking],
        })
    }

    async fn measure(&self, report: &mut Report, by: Narrowed, share: usize, chunks: usize) -> anyhow::Result<()> {
        let Share { percent, .. } = SHARES[share];
        let name = match (by, percent) {
            (_, 100) => "all of a tenant".to_owned(),
            (Narrowed::ByFilter, _) => format!("{percent} % by a tag"),
            (Narrowed::ByLabel, _) => format!("{percent} % by clearance"),
        };
        say(&format!("searching {name}"));
        let mut times = Vec::new();
        for place in 0..QUESTIONS {
            times.push(self.search(place, by, share).await?);
        }
        let whole: Vec<Duration> = times.iter().map(|times| times.whole).collect();
        let mut row = Row::new("hybrid search", format!("{name}, {QUESTIONS} questions")).times(&whole);
        for (stage, name) in ["filter", "keywords", "vector of the question", "database", "ranking"].iter().enumerate()
        {
            let of_stage: Vec<Duration> = times.iter().map(|times| times.stages[stage]).collect();
            row = row.figure(&format!("{name} p50"), percentile(&of_stage, 0.5), "ms");
        }
        if let Some((_, limit)) = TARGETS.iter().find(|(size, _)| *size == chunks) {
            row = row.at_most("p95", *limit);
        }
        report.row(row);
        let recall = self.recall(by, share).await?;
        let row = Row::new("recall@10", format!("{name}, {COMPARED} questions, vectors against all compared"));
        let row = row.figure("recall", recall, "");
        report.row(if percent == 1 { row.at_least("recall", LEAST_RECALL) } else { row });
        Ok(())
    }

    /// The share of the ten nearest passages that the search for candidates finds, against the comparison of all.
    async fn recall(&self, by: Narrowed, share: usize) -> anyhow::Result<f64> {
        let (mut found, mut wanted) = (0, 0);
        for place in 0..COMPARED {
            let tenant = self.tenant(place);
            let embedding = self.embedder.embed_query(&self.questions[place]).await?;
            let reader = tenant.reader(by == Narrowed::ByLabel, share);
            let filter = filter(by, share);
            let mut tx = self.store.tenant(&tenant.scope).read().await?;
            let passing = if filter.is_empty() { None } else { Some(tx.validity().versions(reader, &filter).await?) };
            // Told to be few, they are compared one by one.
            let told_few = passing.clone().map(|passing| VersionSet { chunks: 0, ..passing });
            let visible = tenant.visible_chunks(by == Narrowed::ByLabel, share);
            let query = |versions, chunks: u64| PassageQuery {
                reader,
                embedding: Some(&embedding),
                model: VectorModel::FIRST,
                nearest: DEFAULT_CANDIDATES as i64,
                keyword_hits: &[],
                scope: match versions {
                    Some(versions) => PassageScope::CurrentOf(versions),
                    None => PassageScope::Current,
                },
                visible_chunks: Some(chunks),
            };
            let as_product: Vec<ChunkId> = nearest(&mut tx, &query(passing.as_ref(), visible)).await?;
            let exact: Vec<ChunkId> = nearest(&mut tx, &query(told_few.as_ref(), 0)).await?;
            wanted += exact.len();
            found += exact.iter().filter(|id| as_product.contains(id)).count();
        }
        Ok(f64::from(found as u32) / f64::from(wanted.max(1) as u32))
    }

    async fn throughput(&self, report: &mut Report) -> anyhow::Result<()> {
        say("searching at the same time");
        let begin = Instant::now();
        let clients = (0..CLIENTS).map(async |client| {
            let mut times = Vec::new();
            for place in (client..QUESTIONS).step_by(CLIENTS) {
                times.push(self.search(place, Narrowed::ByFilter, SHARES.len() - 1).await?.whole);
            }
            anyhow::Ok(times)
        });
        let times = try_join_all(clients).await.context("searching")?.concat();
        let rate = times.len() as f64 / begin.elapsed().as_secs_f64();
        let row = Row::new("throughput", format!("all of a tenant, {CLIENTS} at a time")).times(&times);
        report.row(row.figure("rate", rate, "queries/s"));
        Ok(())
    }
}

async fn nearest(tx: &mut millwright_store::TenantTx, query: &PassageQuery<'_>) -> anyhow::Result<Vec<ChunkId>> {
    let rows = tx.passages().find(query).await?;
    Ok(rows.into_iter().take(NEAREST).map(|row| row.chunk_id).collect())
}

fn filter(by: Narrowed, share: usize) -> SearchFilter {
    let tags = match by {
        Narrowed::ByFilter => SHARES[share].tag.map(str::to_owned).into_iter().collect(),
        Narrowed::ByLabel => Vec::new(),
    };
    SearchFilter { tags, ..SearchFilter::default() }
}

struct Times {
    whole: Duration,
    stages: [Duration; 5],
}
