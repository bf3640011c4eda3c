//! A plant with documents, people and a runner.

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use futures::StreamExt;
use millwright_agents::{
    Completions, CompletionsParts, Parent, Runner, RunnerParts, StartRun, StartedRun,
    goal::Goals,
    specialist::{AgentWish, GENERALIST},
};
use millwright_audit::AuditKey;
use millwright_budgets::Ledger;
use millwright_core::{
    Classification, Clearance, Credential, Label, Principal, Role, Sources,
    audit::AuditRecord,
    id::{MessageId, RunId},
};
use millwright_documents::{ChunkSettings, Limits, ParserProcess};
use millwright_gateway::{
    Capabilities, Catalog, EndpointSettings, Gateway, GatewayParts, ModelKind, ModelPlace, ModelSettings, Prefer, Price,
};
use millwright_governance::{Governance, GovernanceParts};
use millwright_llm::{
    Patience, Tier,
    provider::{OllamaProvider, OpenAiProvider, Provider},
};
use millwright_mcp::AllowedOrigins;
use millwright_policy::labels::{Sink, SinkKind};
use millwright_retrieval::{
    embedding::{Embedder, EmbeddingModels},
    follower::IndexFollower,
    ingest::{IngestOutcome, IngestTask, Ingestor, ReadyVersion},
    keyword::KeywordIndexes,
    search::{DEFAULT_CANDIDATES, Searcher},
};
use millwright_scripted_model::{Script, ScriptedModel, Turn};
use millwright_store::{
    Bookkeeping, Proof,
    tenant::{JobFence, MessageRow, NewDocument, NewJob, NewUser, NewVersion, RunEventRow, SearchFilter, UserKind},
    testkit::TestDatabase,
};
use serde_json::Value;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

const BOOKKEEPING: Proof<'static> = Proof::Bookkeeping(Bookkeeping::IngestProgress);

pub(crate) const PUMP: &str = include_str!("data/pump.md");

fn patience() -> Patience {
    Patience { first_token: Duration::from_secs(3), idle: Duration::from_millis(600), ..Patience::default() }
}

/// The model, loaded once for all tests.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the model is")]
fn embedder() -> Embedder {
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
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples/parser_worker");
    ParserProcess::new(program, Vec::<String>::new(), Limits::default())
}

/// A model that says these one after the other, each once.
pub(crate) fn plays(turns: impl IntoIterator<Item = Turn>) -> ScriptedModel {
    ScriptedModel::start(Script::in_order(turns)).unwrap()
}

/// The same with drafts that call nothing.
pub(crate) fn drafts(drafts: &[&str]) -> ScriptedModel {
    plays(drafts.iter().map(|draft| Turn::say(draft)))
}

/// One tenant with one person and the pump's manual.
pub(crate) struct Plant {
    pub(crate) database: TestDatabase,
    pub(crate) sources: Sources,
    pub(crate) principal: Principal,
    /// Where tools of other systems may stand.
    pub(crate) outside: AllowedOrigins,
    searcher: Searcher,
    ingestor: Ingestor,
    _folder: tempfile::TempDir,
    _follower_ends: DropGuard,
}

/// One process that works on runs.
pub(crate) struct Process {
    pub(crate) runner: Runner,
    completions: Completions,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Plant {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await;
        let sources = Sources::system();
        let folder = tempfile::tempdir().unwrap();
        let keyword = KeywordIndexes::new(folder.path());
        let (follower, handle) = IndexFollower::new(database.store.clone(), keyword.clone());
        let stop = CancellationToken::new();
        TaskTracker::new().spawn(follower.run(stop.clone()));
        let settings = ChunkSettings { size_tokens: 200, overlap_tokens: 20 };
        let models = EmbeddingModels::open(database.store.clone(), embedder(), None).await.unwrap();
        let ingestor =
            Ingestor::new(database.store.clone(), models.clone(), handle, parser(), sources.clone(), settings);
        let searcher = Searcher::new(database.store.clone(), models, keyword, DEFAULT_CANDIDATES);
        let scope = database.tenant(&sources, "Works").await;
        let user_id = sources.new_id();
        let mut tx = database.store.tenant(&scope).begin().await.unwrap();
        let person = NewUser {
            id: user_id,
            kind: UserKind::Person,
            email: Some("operator@works.example".to_owned()),
            display_name: "Operator".to_owned(),
            role: Role::Operator,
            password_hash: Some("$argon2id$none".to_owned()),
            local: true,
            created_at: sources.now(),
        };
        tx.users().insert(&person).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        let principal = Principal::new(user_id, scope, Role::Operator, Credential::Token);
        let plant = Self {
            database,
            sources,
            principal,
            outside: AllowedOrigins::default(),
            searcher,
            ingestor,
            _folder: folder,
            _follower_ends: stop.drop_guard(),
        };
        plant.add("pump-p101.md", Classification::Confidential, PUMP).await;
        plant
    }

    fn governance(&self) -> Governance {
        Governance::new(GovernanceParts {
            store: self.database.store.clone(),
            sources: self.sources.clone(),
            secret_key: vec![7; 32],
            policy_file: String::new(),
        })
        .unwrap()
    }

    /// Uploads a document and takes it in.
    pub(crate) async fn add(&self, name: &str, classification: Classification, text: &str) {
        let now = self.sources.now();
        let mut tx = self.database.store.tenant(&self.principal.scope).begin().await.unwrap();
        let label = Label::of(classification);
        let document = NewDocument {
            id: self.sources.new_id(),
            name: name.to_owned(),
            label_id: tx.labels().intern(&label).await.unwrap(),
            label,
            metadata: serde_json::json!({}),
            tags: Vec::new(),
            supersedes: None,
            created_by: self.principal.user_id,
            created_at: now,
        };
        tx.documents().insert(&document).await.unwrap();
        let version = NewVersion {
            id: self.sources.new_id(),
            document_id: document.id,
            format: "markdown".to_owned(),
            media_type: "text/markdown".to_owned(),
            sha256: [0; 32],
            created_by: self.principal.user_id,
            created_at: now,
            effective_from: now,
            effective_until: None,
        };
        tx.versions().insert(&version, text.as_bytes()).await.unwrap();
        let job = NewJob {
            id: self.sources.new_id(),
            kind: "document.ingest",
            payload: serde_json::json!({}),
            resource_id: None,
            max_attempts: 5,
            created_at: now,
        };
        tx.jobs().enqueue(&job).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        let mut system = self.database.store.system().await.unwrap();
        let claimed = system.jobs().claim(self.sources.new_uuid(), Duration::from_mins(10), 100).await.unwrap();
        system.commit().await.unwrap();
        let fence: JobFence = claimed.iter().find(|claimed| claimed.fence.id == job.id).unwrap().fence;
        let task = IngestTask { scope: self.principal.scope, fence, version_id: version.id };
        let (sources, tenant_id) = (self.sources.clone(), self.principal.tenant_id());
        let record = move |ready: &ReadyVersion<'_>| {
            Ok(AuditRecord {
                id: sources.new_id(),
                tenant_id,
                occurred_at: sources.now(),
                actor: "system:test".to_owned(),
                action: "document.version_ready".to_owned(),
                resource_type: "document".to_owned(),
                resource_id: ready.version.document_id.to_string(),
                canonical: b"{}".to_vec(),
                mac: [0; 32],
            })
        };
        assert_eq!(self.ingestor.run(&task, &record).await.unwrap(), IngestOutcome::Ready);
    }

    /// A process of its own with these models.
    fn process(&self, catalog: Catalog) -> Process {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let audit_key = Arc::new(AuditKey::derive(&[7; 32]).unwrap());
        let gateway = Gateway::new(GatewayParts {
            catalog,
            ledger: Ledger::new(self.database.store.clone(), self.sources.clone()),
            audit_key: Arc::clone(&audit_key),
            sources: self.sources.clone(),
            equal_requests_per_minute: 0,
            within: Duration::from_secs(5),
            whole_within: Duration::from_secs(5),
        });
        let completions = Completions::new(CompletionsParts {
            store: self.database.store.clone(),
            gateway: gateway.clone(),
            governance: self.governance(),
            audit_key: Arc::clone(&audit_key),
            sources: self.sources.clone(),
            embedder: embedder(),
            cache: None,
        });
        let runner = Runner::new(RunnerParts {
            store: self.database.store.clone(),
            searcher: self.searcher.clone(),
            gateway,
            quotes_where_refused: false,
            governance: self.governance(),
            outside: self.outside.clone(),
            audit_key,
            sources: self.sources.clone(),
            tracker: tracker.clone(),
            stop: stop.clone(),
        });
        Process { runner, completions, tracker, stop }
    }

    pub(crate) fn extractive(&self) -> Process {
        self.process(Catalog::default())
    }

    /// A process whose model is the server at this address.
    pub(crate) fn with_server(&self, address: &str) -> Process {
        self.with_model(address, Capabilities::default())
    }

    /// The same with a model that calls tools.
    pub(crate) fn with_tools(&self, address: &str) -> Process {
        self.with_model(address, Capabilities { tools: true, ..Capabilities::default() })
    }

    /// The same on a server of Ollama's kind, which tells which weights a model has.
    pub(crate) fn with_ollama(&self, address: &str) -> Process {
        let address = address.trim_end_matches("/v1");
        let provider = OllamaProvider::new(address, None, None, patience(), self.sources.clone()).unwrap();
        self.with_provider(Arc::new(provider), Capabilities::default())
    }

    fn with_model(&self, address: &str, capabilities: Capabilities) -> Process {
        self.with_provider(Arc::new(OpenAiProvider::new(address, None, patience()).unwrap()), capabilities)
    }

    /// A process whose model is the server at this address, which is given nothing above this.
    pub(crate) fn with_server_up_to(&self, address: &str, most: Classification) -> Process {
        let provider = Arc::new(OpenAiProvider::new(address, None, patience()).unwrap());
        let sink = Sink::in_process(SinkKind::Model, "scripted");
        self.with_sink(provider, Capabilities::default(), Sink { takes: Clearance::up_to(most), ..sink })
    }

    fn with_provider(&self, provider: Arc<dyn Provider>, capabilities: Capabilities) -> Process {
        self.with_sink(provider, capabilities, Sink::in_process(SinkKind::Model, "scripted"))
    }

    fn with_sink(&self, provider: Arc<dyn Provider>, capabilities: Capabilities, sink: Sink) -> Process {
        let endpoint = EndpointSettings { name: "server".to_owned(), provider, concurrency: 8, queue: 8 };
        let model = ModelSettings {
            name: "scripted".to_owned(),
            kind: ModelKind::Chat,
            tiers: vec![Tier::Standard],
            context_tokens: 100_000,
            max_output_tokens: 4_096,
            capabilities,
            price: Price::Free,
            places: vec![ModelPlace { endpoint: "server".to_owned(), model: "scripted".to_owned(), sink }],
        };
        self.process(Catalog::new(vec![endpoint], vec![model], Prefer::Up, "EUR".to_owned()).unwrap())
    }

    /// The answer as it is stored.
    pub(crate) async fn message(&self, run: &StartedRun) -> MessageRow {
        let mut tx = self.database.store.tenant(&self.principal.scope).read().await.unwrap();
        tx.messages().get(run.conversation_id, run.assistant_message_id).await.unwrap().unwrap()
    }

    /// Kind, attempt and status of the steps of a run.
    pub(crate) async fn steps(&self, run: RunId) -> Vec<String> {
        let mut tx = self.database.store.tenant(&self.principal.scope).read().await.unwrap();
        let steps = tx.runs().steps(run).await.unwrap();
        steps
            .iter()
            .map(|step| {
                assert_eq!(step.finished_at.is_some(), step.status.as_str() != "running");
                format!("{} {} {}", step.kind.as_str(), step.attempt, step.status.as_str())
            })
            .collect()
    }

    /// Status and error code of a run.
    pub(crate) async fn outcome(&self, run: RunId) -> (String, Option<String>) {
        let mut tx = self.database.store.tenant(&self.principal.scope).read().await.unwrap();
        let row = tx.runs().get(run).await.unwrap().unwrap();
        (row.status.as_str().to_owned(), row.error_code)
    }

    /// What a person did to a run of whatever process.
    pub(crate) async fn request_cancel(&self, run: RunId) {
        let mut tx = self.database.store.tenant(&self.principal.scope).begin().await.unwrap();
        assert!(tx.runs().request_cancel(run, self.sources.now()).await.unwrap());
        tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await.unwrap();
    }
}

impl Process {
    pub(crate) fn goals(&self) -> Goals {
        Goals::new(self.runner.clone(), self.completions.clone())
    }

    pub(crate) async fn ask(&self, plant: &Plant, question: &str) -> StartedRun {
        self.runner.start(&plant.principal, question_of(question)).await.unwrap()
    }

    /// All events of a run, as soon as it has ended.
    pub(crate) async fn events(&self, plant: &Plant, run: RunId) -> Vec<RunEventRow> {
        let events = self.runner.events(plant.principal.scope, run, 0).collect();
        // Long enough for a slow machine with a debug build: what ends is what counts.
        tokio::time::timeout(Duration::from_mins(1), events).await.expect("the run ends")
    }

    /// Asks and waits for the end.
    pub(crate) async fn answer(&self, plant: &Plant, question: &str) -> (StartedRun, Vec<RunEventRow>) {
        let run = self.ask(plant, question).await;
        let events = self.events(plant, run.run_id).await;
        (run, events)
    }
}

pub(crate) fn question_of(message: &str) -> StartRun {
    StartRun {
        message: Some(message.to_owned()),
        conversation_id: None,
        parent: Parent::Newest,
        regenerate: None,
        history: Vec::new(),
        tier: Some(Tier::Standard),
        thinking: None,
        may_ask: false,
        limits: millwright_agents::RunLimits::default(),
        agent: AgentWish::Named { name: GENERALIST.to_owned(), version: None },
        classification: Classification::Internal,
        filter: SearchFilter::default(),
        trace_id: "0".repeat(32),
    }
}

/// The same in a conversation.
pub(crate) fn further(run: &StartedRun, parent: Parent, message: &str) -> StartRun {
    StartRun { conversation_id: Some(run.conversation_id), parent, ..question_of(message) }
}

pub(crate) fn again(run: &StartedRun, answer: MessageId) -> StartRun {
    StartRun { message: None, conversation_id: Some(run.conversation_id), regenerate: Some(answer), ..question_of("") }
}

/// The types of events, text pieces counted as one.
pub(crate) fn outline(events: &[RunEventRow]) -> Vec<String> {
    let mut outline: Vec<String> = Vec::new();
    for event in events {
        let mut word = event.payload["type"].as_str().unwrap().to_owned();
        if let Some(step) = event.payload["stepName"].as_str() {
            word = format!("{word} {step}");
        }
        if outline.last() != Some(&word) {
            outline.push(word);
        }
    }
    outline
}

/// What the reader has seen.
pub(crate) fn shown(events: &[RunEventRow]) -> String {
    let deltas = events.iter().filter(|event| event.payload["type"] == "TEXT_MESSAGE_CONTENT");
    deltas.map(|event| event.payload["delta"].as_str().unwrap()).collect()
}

pub(crate) fn last(events: &[RunEventRow]) -> &Value {
    &events.last().unwrap().payload
}
