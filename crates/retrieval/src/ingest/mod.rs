//! The stages that take one version of a document in: parse, chunk, embed, index.
//!
//! Each stage commits its result together with the name of the next stage, so that a worker that
//! is killed loses at most the stage it was in, and of embedding at most one batch. Every write
//! begins with the job's lease: a worker that was thought dead changes nothing.

mod embed;
mod inspect;
mod manifest;
mod parse;
mod windows;

pub use manifest::{Digests, Manifest};
pub use windows::texts_to_embed;
pub(crate) use windows::texts_within;

use std::time::{Duration, Instant};

use millwright_core::{
    Problem, Sources, TenantScope, ToProblem,
    audit::AuditRecord,
    id::{DocumentId, VersionId},
};
use millwright_documents::{Block, ChunkSettings, DocumentError, Page, ParserProcess, chunk};
use millwright_store::{
    Bookkeeping, Proof, Store, StoreError, TenantTx,
    tenant::{JobFence, NewChunk, PageRow, Stage, Standing, VersionRow, VersionStatus},
};

use crate::{
    analysis::Language,
    embedding::EmbeddingModels,
    error::{Cause, RetrievalError},
    follower::FollowerHandle,
};

/// How long the index stage waits for this process's keyword index. Beyond it the version answers
/// all the same, by vectors, until the index has it.
const INDEX_WAIT: Duration = Duration::from_secs(5);

/// Why a version was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The document itself.
    #[error("the document cannot be taken in")]
    Document(#[from] DocumentError),
    /// Embedding or an index.
    #[error("a stage of ingestion failed")]
    Retrieval(#[from] RetrievalError),
    /// The database; [`StoreError::LeaseLost`] when another worker has the job.
    #[error("the database failed during ingestion")]
    Store(#[from] StoreError),
    /// The audit entry of the outcome could not be made, so the outcome was not recorded.
    #[error("the outcome could not be audited")]
    Proof(#[source] Cause),
    /// Rows of an earlier stage are not of the form this version writes.
    #[error("pages in the database cannot be read")]
    StoredPages(#[source] serde_json::Error),
}

impl IngestError {
    /// Whether another attempt with the same document must fail too.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Document(error) if !error.is_transient())
    }

    /// Whether another worker has the job: stop without recording anything.
    pub fn is_lease_lost(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::LeaseLost) | Self::Retrieval(RetrievalError::Store(StoreError::LeaseLost))
        )
    }
}

impl ToProblem for IngestError {
    fn problem(&self) -> Problem {
        match self {
            Self::Document(error) => error.problem(),
            Self::Retrieval(error) => error.problem(),
            Self::Store(error) => error.problem(),
            Self::Proof(_) | Self::StoredPages(_) => Problem::internal(),
        }
    }
}

/// One version to be taken in, and the right to do so.
#[derive(Debug, Clone, Copy)]
pub struct IngestTask {
    /// Whose document.
    pub scope: TenantScope,
    /// The claimed job.
    pub fence: JobFence,
    /// Which version.
    pub version_id: VersionId,
}

/// How taking in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestOutcome {
    /// It answers now.
    Ready,
    /// It answered before this attempt began.
    AlreadyReady,
    /// It will answer when its day comes.
    Scheduled,
    /// Another version or document answers instead, or its time is over.
    Superseded,
    /// The document was deleted meanwhile; nothing of it is left.
    Gone,
}

/// A version that was read, for its audit entry.
#[derive(Debug)]
pub struct ReadyVersion<'v> {
    /// Which.
    pub version: &'v VersionRow,
    /// How it stands now.
    pub standing: Standing,
    /// The document of which another version answers by that.
    pub also_settled: Option<DocumentId>,
    /// How it was read.
    pub manifest: Manifest,
}

/// Makes the audit entry of a version that was read.
pub type ReadyRecord<'r> = dyn Fn(&ReadyVersion<'_>) -> Result<AuditRecord, Cause> + Send + Sync + 'r;

/// Takes documents in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ingestor {
    store: Store,
    models: EmbeddingModels,
    follower: FollowerHandle,
    parser: ParserProcess,
    sources: Sources,
    settings: ChunkSettings,
}

impl Ingestor {
    /// An ingestor. `settings` count tokens of the model in process; chunks longer than a model
    /// reads are embedded in windows.
    pub fn new(
        store: Store,
        models: EmbeddingModels,
        follower: FollowerHandle,
        parser: ParserProcess,
        sources: Sources,
        settings: ChunkSettings,
    ) -> Self {
        Self { store, models, follower, parser, sources, settings }
    }

    /// Runs the stages that are still to do. May be ended at any `await` and called again; a
    /// version that is ready is left alone. Recording a failure is the caller's part.
    pub async fn run(&self, task: &IngestTask, ready: &ReadyRecord<'_>) -> Result<IngestOutcome, IngestError> {
        loop {
            let Some(version) = self.live_version(task).await? else { return self.clear(task).await };
            match version.status {
                VersionStatus::Ready => return Ok(IngestOutcome::AlreadyReady),
                VersionStatus::Scheduled => return Ok(IngestOutcome::Scheduled),
                VersionStatus::Superseded | VersionStatus::Expired => return Ok(IngestOutcome::Superseded),
                VersionStatus::Queued | VersionStatus::Processing | VersionStatus::Failed => {}
            }
            match Stages::next(&version) {
                Stage::Parse => self.parse(task, &version).await?,
                Stage::Chunk => self.chunk(task, &version).await?,
                Stage::Embed => self.embed(task, &version).await?,
                Stage::Index => return self.index(task, &version, ready).await,
            }
        }
    }

    /// The version, unless its document is deleted.
    async fn live_version(&self, task: &IngestTask) -> Result<Option<VersionRow>, IngestError> {
        let mut tx = self.store.tenant(&task.scope).read().await?;
        let Some(version) = tx.versions().get(task.version_id).await? else { return Ok(None) };
        Ok(tx.documents().exists(version.document_id).await?.then_some(version))
    }

    /// Removes what a stage may have written after the document was deleted.
    async fn clear(&self, task: &IngestTask) -> Result<IngestOutcome, IngestError> {
        let mut tx = self.begin(task).await?;
        if let Some(version) = tx.versions().get(task.version_id).await? {
            tx.chunks().replace(version.document_id, version.id, &[]).await?;
            tx.versions().delete_pages(version.id).await?;
        }
        commit(tx).await?;
        Ok(IngestOutcome::Gone)
    }

    async fn chunk(&self, task: &IngestTask, version: &VersionRow) -> Result<(), IngestError> {
        let started = Instant::now();
        let rows = self.store.tenant(&task.scope).read().await?.versions().pages(version.id).await?;
        let (embedder, settings, sources) = (self.models.built_in().clone(), self.settings, self.sources.clone());
        let document = version.document_id;
        let ((chunks, noticed), language) = tokio::task::spawn_blocking(move || {
            let pages = rows.into_iter().map(page_of_row).collect::<Result<Vec<_>, _>>()?;
            let count = |text: &str| embedder.count_text_tokens(text);
            let chunks = chunk(&pages, &settings, &count);
            let language = language_of(&chunks);
            let chunks: Vec<_> = chunks.into_iter().map(|chunk| new_chunk(&sources, chunk)).collect();
            Ok::<_, serde_json::Error>((inspect::inspect(&sources, document, chunks), language))
        })
        .await
        .map_err(RetrievalError::from)?
        .map_err(IngestError::StoredPages)?;
        if chunks.is_empty() {
            return Err(DocumentError::Unreadable { detail: "there is no text in it".to_owned() }.into());
        }
        let total = chunks.len() as i64;
        let mut tx = self.begin(task).await?;
        tx.chunks().replace(version.document_id, version.id, &chunks).await?;
        tx.versions().set_language(version.id, language.code()).await?;
        if !noticed.is_empty() {
            tx.policy_events().insert(&noticed).await?;
            tx.documents().distrust(version.document_id).await?;
        }
        finish_stage(&mut tx, version.id, Stage::Chunk, started, Some((Stage::Embed, Some(total)))).await?;
        commit(tx).await
    }

    async fn index(
        &self,
        task: &IngestTask,
        version: &VersionRow,
        ready: &ReadyRecord<'_>,
    ) -> Result<IngestOutcome, IngestError> {
        let started = Instant::now();
        let indexed = self.follower.watch(version.id);
        let mut tx = self.begin(task).await?;
        let now = self.sources.now();
        let standing = tx.versions().set_ready(version.id, now).await?;
        if standing == Standing::Gone {
            commit(tx).await?;
            self.follower.wake();
            return self.clear(task).await;
        }
        let also_settled = tx.validity().settle_superseded_by(version.document_id, now).await?;
        let outcome = match standing {
            Standing::Answers => IngestOutcome::Ready,
            Standing::Scheduled => IngestOutcome::Scheduled,
            Standing::Past | Standing::Gone => IngestOutcome::Superseded,
        };
        let digests = tx.versions().digests(version.id).await?;
        let vector_model = self.record_models(&mut tx, version.id).await?;
        let counted_by = self.models.built_in().digest();
        let manifest = Manifest::of(version, &self.settings, counted_by, vector_model, digests);
        let ready_version = ReadyVersion { version, standing, also_settled, manifest };
        let record = ready(&ready_version).map_err(IngestError::Proof)?;
        tx.commit(Proof::Entry(&record)).await?;
        self.follower.wake();
        if !indexed.wait(INDEX_WAIT).await {
            tracing::warn!(version.id = %version.id, "the version answers before its keyword index has it");
        }
        let mut tx = self.begin(task).await?;
        finish_stage(&mut tx, version.id, Stage::Index, started, None).await?;
        commit(tx).await?;
        Ok(outcome)
    }

    /// A transaction that holds the job's lease and the document, gone or not.
    async fn begin(&self, task: &IngestTask) -> Result<TenantTx, IngestError> {
        let mut tx = self.store.tenant(&task.scope).begin().await?;
        tx.jobs().require_lease(&task.fence).await?;
        tx.versions().hold_document(task.version_id).await?;
        Ok(tx)
    }
}

async fn commit(tx: TenantTx) -> Result<(), IngestError> {
    Ok(tx.commit(Proof::Bookkeeping(Bookkeeping::IngestProgress)).await?)
}

/// Records how long a stage took and names the next, in the transaction of the stage's result.
async fn finish_stage(
    tx: &mut TenantTx,
    version: VersionId,
    stage: Stage,
    started: Instant,
    next: Option<(Stage, Option<i64>)>,
) -> Result<(), IngestError> {
    let millis = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    tx.versions().set_timing(version, stage, millis).await?;
    if let Some((next, total)) = next {
        tx.versions().set_progress(version, next, 0, total).await?;
    }
    Ok(())
}

/// The order of the stages, read from the version's row.
struct Stages;

impl Stages {
    /// The stage to be done or done again. A version that was queued anew has none and begins
    /// with the first.
    fn next(version: &VersionRow) -> Stage {
        let all = [Stage::Parse, Stage::Chunk, Stage::Embed, Stage::Index];
        let named = all.into_iter().find(|stage| version.stage.as_deref() == Some(stage.as_str()));
        named.unwrap_or(Stage::Parse)
    }
}

fn page_of_row(row: PageRow) -> Result<Page, serde_json::Error> {
    let blocks: Vec<Block> = serde_json::from_value(row.blocks)?;
    // Chunking asks for text and blocks alone.
    Ok(Page { number: row.page_number.unsigned_abs(), text: row.text, blocks, recognized: false, layout: None })
}

/// The language of most of the text.
fn language_of(chunks: &[millwright_documents::Chunk]) -> Language {
    let length = |german: bool| -> usize {
        let is_german = |chunk: &&millwright_documents::Chunk| Language::of(&chunk.text) == Language::German;
        chunks.iter().filter(|chunk| is_german(chunk) == german).map(|chunk| chunk.text.len()).sum()
    };
    if length(true) > length(false) { Language::German } else { Language::English }
}

/// A chunk as it is stored.
pub fn new_chunk(sources: &Sources, chunk: millwright_documents::Chunk) -> NewChunk {
    // Bounded by the parser's limits, far below what an i32 holds.
    let small = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    NewChunk {
        id: sources.new_id(),
        ordinal: small(chunk.ordinal as usize),
        page_number: small(chunk.page_number as usize),
        char_start: small(chunk.char_start),
        char_end: small(chunk.char_end),
        heading_path: chunk.heading_path,
        table_header: chunk.table_header.filter(|header| !header.is_empty()),
        token_count: small(chunk.token_count),
        text: chunk.text,
        quarantined: Vec::new(),
    }
}
