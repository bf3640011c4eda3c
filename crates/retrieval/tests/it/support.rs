//! What the tests share: a plant with tenants, documents, an ingestor and a follower.

use std::{
    path::Path,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use millwright_core::{
    Classification, Label, Role, Sources, TenantScope,
    audit::AuditRecord,
    id::{DocumentId, UserId, VersionId},
};
use millwright_documents::{ChunkSettings, Limits, ParserProcess};
use millwright_retrieval::{
    embedding::{Embedder, EmbeddingModels},
    follower::{FollowerHandle, IndexFollower},
    ingest::{IngestError, IngestOutcome, IngestTask, Ingestor, ReadyVersion},
    keyword::{KeywordIndexes, KeywordQuery, QueryHints, VisibleLabels},
    search::{DEFAULT_CANDIDATES, SearchOutcome, SearchRequest, Searcher},
};
use millwright_store::{
    Bookkeeping, Proof,
    tenant::{JobFence, NewDocument, NewJob, NewUser, NewVersion, Reader, SearchFilter, UserKind},
    testkit::TestDatabase,
};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const BOOKKEEPING: Proof<'static> = Proof::Bookkeeping(Bookkeeping::IngestProgress);

/// The model, loaded once for all tests.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the model is")]
pub(crate) fn embedder() -> Embedder {
    static EMBEDDER: OnceLock<Mutex<Embedder>> = OnceLock::new();
    let load = || {
        let folder = std::env::var("MILLWRIGHT_TEST_MODEL_DIR")
            .expect("MILLWRIGHT_TEST_MODEL_DIR is not set; `scripts/fetch_model.sh` prints it");
        Mutex::new(Embedder::load(Path::new(&folder), 2).unwrap())
    };
    EMBEDDER.get_or_init(load).lock().unwrap().clone()
}

/// The parser's process: cargo builds examples beside the tests.
fn parser() -> ParserProcess {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples/ingest_parser_worker");
    ParserProcess::new(program, Vec::<String>::new(), Limits::default())
}

const SETTINGS: ChunkSettings = ChunkSettings { size_tokens: 120, overlap_tokens: 20 };

/// A database, an index folder and what works on them, as one process has it.
pub(crate) struct Plant {
    pub(crate) database: TestDatabase,
    pub(crate) sources: Sources,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) keyword: KeywordIndexes,
    pub(crate) follower: FollowerHandle,
    pub(crate) ingestor: Ingestor,
    pub(crate) searcher: Searcher,
    _follower_ends: DropGuard,
}

/// A tenant with one person.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) scope: TenantScope,
    pub(crate) user: UserId,
}

impl Plant {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await;
        let sources = Sources::system();
        let folder = tempfile::tempdir().unwrap();
        let keyword = KeywordIndexes::new(folder.path());
        let (follower, ends) = follow(&database, &keyword);
        let store = database.store.clone();
        let models = EmbeddingModels::open(store.clone(), embedder(), None).await.unwrap();
        let ingestor =
            Ingestor::new(store.clone(), models.clone(), follower.clone(), parser(), sources.clone(), SETTINGS);
        let searcher = Searcher::new(store, models, keyword.clone(), DEFAULT_CANDIDATES);
        Self { database, sources, folder, keyword, follower, ingestor, searcher, _follower_ends: ends }
    }

    /// The same ingestor with other models.
    pub(crate) fn ingestor_with(&self, models: EmbeddingModels) -> Ingestor {
        let (store, follower, sources) = (self.database.store.clone(), self.follower.clone(), self.sources.clone());
        Ingestor::new(store, models, follower, parser(), sources, SETTINGS)
    }

    pub(crate) async fn site(&self, name: &str) -> Site {
        let scope = self.database.tenant(&self.sources, name).await;
        let user = self.sources.new_id();
        let mut tx = self.database.store.tenant(&scope).begin().await.unwrap();
        let person = NewUser {
            id: user,
            kind: UserKind::Person,
            email: Some(format!("operator@{}.example", name.to_lowercase())),
            display_name: "Operator".to_owned(),
            role: Role::Operator,
            password_hash: Some("$argon2id$none".to_owned()),
            local: true,
            created_at: self.sources.now(),
        };
        tx.users().insert(&person).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        Site { scope, user }
    }

    /// Uploads a document, or its next version, without taking it in.
    pub(crate) async fn upload(&self, site: &Site, name: &str, format: &str, bytes: &[u8]) -> (DocumentId, VersionId) {
        let now = self.sources.now();
        let mut tx = self.database.store.tenant(&site.scope).begin().await.unwrap();
        let reader = tx.labels().reader(site.user).await.unwrap();
        let document = if let Some(document) = tx.documents().find_by_name(&reader, name).await.unwrap() {
            document
        } else {
            let label = Label::of(Classification::Internal);
            let document = NewDocument {
                id: self.sources.new_id(),
                name: name.to_owned(),
                label_id: tx.labels().intern(&label).await.unwrap(),
                label,
                metadata: serde_json::json!({}),
                tags: Vec::new(),
                supersedes: None,
                created_by: site.user,
                created_at: now,
            };
            tx.documents().insert(&document).await.unwrap();
            document.id
        };
        let version = NewVersion {
            id: self.sources.new_id(),
            document_id: document,
            format: format.to_owned(),
            media_type: "application/octet-stream".to_owned(),
            sha256: [0; 32],
            created_by: site.user,
            created_at: now,
            effective_from: now,
            effective_until: None,
        };
        tx.versions().insert(&version, bytes).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        (document, version.id)
    }

    /// A claimed job for a version.
    pub(crate) async fn task(&self, site: &Site, version_id: VersionId) -> IngestTask {
        let job = NewJob {
            id: self.sources.new_id(),
            kind: "document.ingest",
            payload: serde_json::json!({}),
            resource_id: None,
            max_attempts: 5,
            created_at: self.sources.now(),
        };
        let mut tx = self.database.store.tenant(&site.scope).begin().await.unwrap();
        tx.jobs().enqueue(&job).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        let mut system = self.database.store.system().await.unwrap();
        let claimed = system.jobs().claim(self.sources.new_uuid(), Duration::from_mins(10), 100).await.unwrap();
        system.commit().await.unwrap();
        let fence: JobFence = claimed.iter().find(|claimed| claimed.fence.id == job.id).unwrap().fence;
        IngestTask { scope: site.scope, fence, version_id }
    }

    pub(crate) async fn run(&self, task: &IngestTask) -> Result<IngestOutcome, IngestError> {
        self.ingestor.run(task, &|ready| Ok(self.record(task, ready))).await
    }

    /// The audit entry of a version that was read.
    pub(crate) fn record(&self, task: &IngestTask, ready: &ReadyVersion<'_>) -> AuditRecord {
        AuditRecord {
            id: self.sources.new_id(),
            tenant_id: task.scope.tenant_id(),
            occurred_at: self.sources.now(),
            actor: "system:test".to_owned(),
            action: "document.indexed".to_owned(),
            resource_type: "document".to_owned(),
            resource_id: ready.version.document_id.to_string(),
            canonical: b"{}".to_vec(),
            mac: [0; 32],
        }
    }

    /// Uploads and takes in.
    pub(crate) async fn add(&self, site: &Site, name: &str, text: &str) -> (DocumentId, VersionId) {
        let (document, version) = self.upload(site, name, "markdown", text.as_bytes()).await;
        let task = self.task(site, version).await;
        let outcome = self.run(&task).await.unwrap();
        assert_eq!(outcome, IngestOutcome::Ready);
        (document, version)
    }

    pub(crate) async fn search(&self, site: &Site, query: &str) -> SearchOutcome {
        let filter = SearchFilter::default();
        let request = SearchRequest { query: query.to_owned(), limit: 10, filter, label: Label::LOWEST, account: None };
        self.searcher.search(&site.scope, &self.reader(site).await, request).await.unwrap()
    }

    /// What the person of a tenant may read.
    pub(crate) async fn reader(&self, site: &Site) -> Reader {
        self.database.store.tenant(&site.scope).read().await.unwrap().labels().reader(site.user).await.unwrap()
    }

    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.database.peek(&format!("SELECT ({query})::text")).await[0].parse().unwrap()
    }
}

/// A keyword query of somebody who may see all labels there are.
pub(crate) fn of_all(text: &str) -> KeywordQuery {
    KeywordQuery {
        text: text.to_owned(),
        limit: 10,
        visible: VisibleLabels::new(&[], true),
        versions: None,
        hints: QueryHints::default(),
    }
}

/// Starts a follower that ends with the guard.
pub(crate) fn follow(database: &TestDatabase, keyword: &KeywordIndexes) -> (FollowerHandle, DropGuard) {
    let (follower, handle) = IndexFollower::new(database.store.clone(), keyword.clone());
    let stop = CancellationToken::new();
    tokio_util::task::TaskTracker::new().spawn(follower.run(stop.clone()));
    (handle, stop.drop_guard())
}

/// Waits until something holds; fails after ten seconds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within ten seconds: {what}");
}

pub(crate) const PUMP_MANUAL: &str = include_str!("../data/pump-manual.md");
