use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use millwright_core::id::VersionId;
use serde::{Deserialize, Serialize};
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, TantivyError,
    directory::{MmapDirectory, error::OpenReadError},
    index::IndexSettings,
    indexer::IndexWriterOptions,
};

use super::{
    query::{self, KeywordOutcome, KeywordQuery},
    schema::{Fields, KeywordChunk, SCHEMA_NUMBER},
    scorer::Snapshot,
    visible::{Totals, VisibleStatistics},
};
use crate::error::RetrievalError;

/// tantivy's smallest arena. A batch of changes is a few thousand chunks, and a larger arena would
/// only sit in memory.
const WRITER_MEMORY: usize = 15_000_000;
/// A writer costs threads and its arena: closed when no change came for this long.
const WRITER_IDLE: Duration = Duration::from_secs(5);

/// A place in the change feed: the writing transaction, then the order inside of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FeedPosition {
    /// Number of the writing transaction.
    pub written_by: i64,
    /// Order inside of it.
    pub sequence: i64,
}

/// What each commit carries: the index knows by itself how far it is.
#[derive(Serialize, Deserialize)]
struct CommitPayload {
    schema: u32,
    position: FeedPosition,
}

/// A version's chunks as they are to be from now on; none removes the version.
#[derive(Debug, Clone)]
pub struct VersionChange {
    /// Which version.
    pub version_id: VersionId,
    /// All its chunks.
    pub chunks: Vec<KeywordChunk>,
}

struct OpenWriter {
    writer: IndexWriter,
    last_used: Instant,
}

/// One tenant's index. All methods block.
pub(super) struct TenantIndex {
    folder: PathBuf,
    index: Index,
    fields: Fields,
    reader: IndexReader,
    totals: Totals,
    writer: Mutex<Option<OpenWriter>>,
    position: Mutex<FeedPosition>,
    /// Its files turned out to be wrong: to be opened anew.
    damaged: AtomicBool,
    /// Another instance took its folder over: it must never write again.
    retired: AtomicBool,
    /// It had all of the feed at some time since it was opened.
    whole: AtomicBool,
}

impl TenantIndex {
    /// Opens the index in `folder`. One that is absent, damaged or of another schema is made
    /// anew and empty, with the position at the start of the feed.
    pub(super) fn open(folder: &Path) -> Result<Self, RetrievalError> {
        match Self::open_existing(folder) {
            Ok(Some(index)) => return Ok(index),
            Ok(None) => {}
            Err(error) if is_damage(&error) => {
                tracing::warn!(folder = %folder.display(), %error, "the keyword index is damaged and is built anew");
            }
            Err(error) => return Err(error.into()),
        }
        remove_folder(folder)?;
        fs::create_dir_all(folder).map_err(RetrievalError::IndexFolder)?;
        let fields = Fields::new();
        let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
        let index = Index::create(directory, fields.schema.clone(), IndexSettings::default())?;
        Ok(Self::with_index(folder, index, fields, FeedPosition::default())?)
    }

    fn open_existing(folder: &Path) -> tantivy::Result<Option<Self>> {
        if !folder.join(META_FILE).exists() {
            return Ok(None);
        }
        let index = Index::open_in_dir(folder)?;
        let fields = Fields::new();
        let payload = index.load_metas()?.payload.and_then(|text| serde_json::from_str::<CommitPayload>(&text).ok());
        let position = match payload {
            Some(payload) if payload.schema == SCHEMA_NUMBER && index.schema() == fields.schema => payload.position,
            // Of another schema, or ended before its first commit.
            _ => return Ok(None),
        };
        Self::with_index(folder, index, fields, position).map(Some)
    }

    fn with_index(folder: &Path, index: Index, fields: Fields, position: FeedPosition) -> tantivy::Result<Self> {
        // Reloaded by hand after each commit: tantivy's own watcher is a thread that polls.
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self {
            folder: folder.to_owned(),
            index,
            fields,
            reader,
            totals: Totals::default(),
            writer: Mutex::new(None),
            position: Mutex::new(position),
            damaged: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            whole: AtomicBool::new(false),
        })
    }

    /// Whether the folder went away under the open index, or its files are wrong.
    pub(super) fn is_lost(&self) -> bool {
        self.damaged.load(Ordering::Relaxed) || !self.folder.join(META_FILE).exists()
    }

    /// Ends all writing through this instance, after what is being written now. Comes before
    /// another instance opens the folder: two writers would mix their segments.
    pub(super) fn retire(&self) {
        let mut guard = self.lock_writer();
        self.retired.store(true, Ordering::Relaxed);
        *guard = None;
    }

    /// How far in the feed the last commit is.
    pub(super) fn position(&self) -> FeedPosition {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Searches, and tells in which state of the index.
    pub(super) fn search(&self, query: &KeywordQuery) -> Result<(KeywordOutcome, Snapshot), RetrievalError> {
        // For whoever sees all labels too: were scores then those of the index itself, which rounds otherwise and counts what
        // was deleted, they would tell whether anything is hidden.
        let visible = query.visible.clone();
        let statistics = VisibleStatistics::new(self.reader.searcher(), &self.fields, visible, &self.totals)?;
        let is_whole = self.whole.load(Ordering::Relaxed);
        let outcome = KeywordOutcome { is_whole, ..query::search(&statistics, &self.fields, query)? };
        Ok((outcome, Snapshot::new(Arc::new(statistics), self.fields.clone())))
    }

    /// Takes changes in; they are found after [`Self::commit`]. After an error nothing since the
    /// last commit is kept.
    pub(super) fn apply(&self, change: &VersionChange) -> Result<(), RetrievalError> {
        let mut guard = self.lock_writer();
        let result = self.open_writer(&mut guard).and_then(|writer| {
            writer.delete_term(self.fields.version_term(change.version_id));
            for chunk in &change.chunks {
                writer.add_document(self.fields.document(chunk))?;
            }
            Ok(())
        });
        self.keep_if_ok(&mut guard, result)
    }

    /// Makes all changes durable and visible, together with the position they reach.
    pub(super) fn commit(&self, position: FeedPosition) -> Result<(), RetrievalError> {
        let payload = serde_json::to_string(&CommitPayload { schema: SCHEMA_NUMBER, position })
            .map_err(|error| RetrievalError::IndexFolder(error.into()))?;
        let mut guard = self.lock_writer();
        let result = self.open_writer(&mut guard).and_then(|writer| {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(&payload);
            prepared.commit()?;
            Ok(())
        });
        self.keep_if_ok(&mut guard, result)?;
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = position;
        self.reader.reload()?;
        Ok(())
    }

    /// Notes that it has all of the feed.
    pub(super) fn mark_whole(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    /// Drops everything since the last commit.
    pub(super) fn rollback(&self) {
        *self.lock_writer() = None;
    }

    /// Closes a writer that rested, after its merges are through.
    pub(super) fn close_idle_writer(&self) -> Result<(), RetrievalError> {
        let mut guard = self.lock_writer();
        if guard.as_ref().is_some_and(|open| open.last_used.elapsed() > WRITER_IDLE)
            && let Some(open) = guard.take()
        {
            open.writer.wait_merging_threads()?;
            self.reader.reload()?;
        }
        Ok(())
    }

    fn lock_writer(&self) -> MutexGuard<'_, Option<OpenWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_writer<'g>(&self, guard: &'g mut Option<OpenWriter>) -> Result<&'g mut IndexWriter, RetrievalError> {
        if self.retired.load(Ordering::Relaxed) {
            return Err(RetrievalError::IndexReplaced);
        }
        let open = if let Some(open) = guard.take() {
            open
        } else {
            // One thread each: an index is one tenant's, and the machine has other work.
            let options = IndexWriterOptions::builder()
                .memory_budget_per_thread(WRITER_MEMORY)
                .num_worker_threads(1)
                .num_merge_threads(1)
                .build();
            OpenWriter { writer: self.index.writer_with_options(options)?, last_used: Instant::now() }
        };
        let open = guard.insert(open);
        open.last_used = Instant::now();
        Ok(&mut open.writer)
    }

    /// A writer that failed has lost a thread or its place; the next change opens another, which
    /// starts from the last commit.
    fn keep_if_ok<T>(
        &self,
        guard: &mut Option<OpenWriter>,
        result: Result<T, RetrievalError>,
    ) -> Result<T, RetrievalError> {
        if let Err(error) = &result {
            *guard = None;
            if matches!(error, RetrievalError::Index(cause) if is_damage(cause)) {
                self.damaged.store(true, Ordering::Relaxed);
            }
        }
        result
    }
}

const META_FILE: &str = "meta.json";

/// Errors that mean that the files are wrong, as against a disk, a lock or a limit that may
/// be right again in a moment. Only the former may cost the index.
fn is_damage(error: &TantivyError) -> bool {
    matches!(
        error,
        TantivyError::DataCorruption(_)
            | TantivyError::IncompatibleIndex(_)
            | TantivyError::SchemaError(_)
            | TantivyError::DeserializeError(_)
            | TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_) | OpenReadError::IncompatibleIndex(_))
    )
}

fn remove_folder(folder: &Path) -> Result<(), RetrievalError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RetrievalError::IndexFolder(error)),
        _ => Ok(()),
    }
}
