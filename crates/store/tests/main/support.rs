//! What the tests share: a database with tenants in it, and short ways to fill them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use millwright_core::{
    Classification, Label, PageRequest, Role, Sources, TenantScope,
    audit::AuditRecord,
    id::{AuditEntryId, ChunkId, ConversationId, DocumentId, JobId, MessageId, RunId, UserId, VersionId},
};
use millwright_store::{
    Bookkeeping, Proof, Store, TenantTx,
    tenant::{
        MessageRole, MessageStatus, NewChunk, NewDocument, NewJob, NewMessage, NewRun, NewUser, NewVector, NewVersion,
        PageRow, Reader, RunEventRow, RunFence, RunStepRow, Standing, StepKind, StepStatus, UserKind, VectorModel,
    },
    testkit::TestDatabase,
};
use serde_json::json;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

pub(crate) const DIMENSIONS: usize = 384;

/// A committed change that needs no audit entry of its own.
pub(crate) const BOOKKEEPING: Proof<'static> = Proof::Bookkeeping(Bookkeeping::IngestProgress);

/// A database of this test's own.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) sources: Sources,
}

/// A tenant with one admin.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) scope: TenantScope,
    pub(crate) user: UserId,
}

/// A document whose only version answers.
pub(crate) struct Manual {
    pub(crate) document: DocumentId,
    pub(crate) version: VersionId,
    pub(crate) chunks: Vec<ChunkId>,
}

/// A question that is being answered.
pub(crate) struct Chat {
    pub(crate) conversation: ConversationId,
    pub(crate) question: MessageId,
    pub(crate) answer: MessageId,
    pub(crate) run: RunId,
    pub(crate) owner: Uuid,
}

impl Chat {
    /// Under which the run's writes count.
    pub(crate) fn fence(&self) -> RunFence {
        RunFence { id: self.run, owner: self.owner }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self { database: TestDatabase::create().await, sources: Sources::system() }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.database.store
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.sources.now()
    }

    pub(crate) async fn begin(&self, site: &Site) -> TenantTx {
        self.store().tenant(&site.scope).begin().await.unwrap()
    }

    pub(crate) async fn read(&self, site: &Site) -> TenantTx {
        self.store().tenant(&site.scope).read().await.unwrap()
    }

    /// A tenant with one admin.
    pub(crate) async fn site(&self, name: &str) -> Site {
        let scope = self.database.tenant(&self.sources, name).await;
        let user = self.sources.new_id();
        let mut tx = self.store().tenant(&scope).begin().await.unwrap();
        tx.users()
            .insert(&NewUser {
                id: user,
                kind: UserKind::Person,
                email: Some(format!("admin@{}.example", name.to_lowercase())),
                display_name: format!("Admin of {name}"),
                role: Role::Admin,
                password_hash: Some("$argon2id$not-a-real-one".to_owned()),
                local: true,
                created_at: self.now(),
            })
            .await
            .unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        Site { scope, user }
    }

    /// What the admin of a tenant may read.
    pub(crate) async fn reader(&self, site: &Site) -> Reader {
        self.read(site).await.labels().reader(site.user).await.unwrap()
    }

    /// A document without versions.
    pub(crate) async fn document(&self, tx: &mut TenantTx, site: &Site, name: &str) -> DocumentId {
        self.labelled(tx, site, name, &Label::of(Classification::Internal)).await
    }

    /// A document of that label without versions.
    pub(crate) async fn labelled(&self, tx: &mut TenantTx, site: &Site, name: &str, label: &Label) -> DocumentId {
        let id = self.sources.new_id();
        let label_id = tx.labels().intern(label).await.unwrap();
        tx.documents()
            .insert(&NewDocument {
                id,
                name: name.to_owned(),
                label: label.clone(),
                label_id,
                metadata: json!({ "line": 4 }),
                tags: Vec::new(),
                supersedes: None,
                created_by: site.user,
                created_at: self.now(),
            })
            .await
            .unwrap();
        id
    }

    /// The next version of a document, queued.
    pub(crate) async fn version(&self, tx: &mut TenantTx, site: &Site, document: DocumentId) -> VersionId {
        let id = self.sources.new_id();
        let version = NewVersion {
            id,
            document_id: document,
            format: "text".to_owned(),
            media_type: "text/plain".to_owned(),
            sha256: [7; 32],
            created_by: site.user,
            created_at: self.now(),
            effective_from: self.now(),
            effective_until: None,
        };
        tx.versions().insert(&version, b"as uploaded").await.unwrap();
        id
    }

    /// Pages, chunks and one vector a chunk for a version.
    pub(crate) async fn fill(
        &self,
        tx: &mut TenantTx,
        document: DocumentId,
        version: VersionId,
        embeddings: &[Vec<f32>],
    ) -> Vec<ChunkId> {
        let text = "Lock out the pump before work.".to_owned();
        let blocks = json!([{ "kind": "paragraph" }]);
        let page = PageRow { page_number: 1, text: text.clone(), blocks, ..PageRow::default() };
        tx.versions().delete_pages(version).await.unwrap();
        tx.versions().insert_pages(version, &[page]).await.unwrap();
        tx.versions().set_parsed(version, true, 1).await.unwrap();
        let chunks: Vec<NewChunk> = (0..embeddings.len())
            .map(|number| NewChunk {
                id: self.sources.new_id(),
                ordinal: i32::try_from(number).unwrap(),
                page_number: 1,
                char_start: 0,
                char_end: 30,
                heading_path: vec!["Pump".to_owned(), "Lock\"out, {safely}".to_owned()],
                table_header: None,
                token_count: 7,
                text: text.clone(),
                quarantined: Vec::new(),
            })
            .collect();
        tx.chunks().replace(document, version, &chunks).await.unwrap();
        let vectors: Vec<NewVector> = chunks
            .iter()
            .zip(embeddings)
            .map(|(chunk, embedding)| NewVector { chunk_id: chunk.id, window_number: 0, embedding: embedding.clone() })
            .collect();
        for part in vectors.chunks(500) {
            tx.vectors().insert(document, version, VectorModel::FIRST, part).await.unwrap();
        }
        chunks.iter().map(|chunk| chunk.id).collect()
    }

    /// A document whose only version answers with these vectors.
    pub(crate) async fn manual(&self, site: &Site, name: &str, embeddings: &[Vec<f32>]) -> Manual {
        self.labelled_manual(site, name, &Label::of(Classification::Internal), embeddings).await
    }

    /// The same with another label.
    pub(crate) async fn labelled_manual(
        &self,
        site: &Site,
        name: &str,
        label: &Label,
        embeddings: &[Vec<f32>],
    ) -> Manual {
        let mut tx = self.begin(site).await;
        let document = self.labelled(&mut tx, site, name, label).await;
        let version = self.version(&mut tx, site, document).await;
        let chunks = self.fill(&mut tx, document, version, embeddings).await;
        assert_eq!(tx.versions().set_ready(version, self.now()).await.unwrap(), Standing::Answers);
        tx.commit(BOOKKEEPING).await.unwrap();
        Manual { document, version, chunks }
    }

    /// A conversation with a question, and a run that has begun to answer it.
    pub(crate) async fn chat(&self, site: &Site) -> Chat {
        let chat = Chat {
            conversation: self.sources.new_id(),
            question: self.sources.new_id(),
            answer: self.sources.new_id(),
            run: self.sources.new_id(),
            owner: self.sources.new_uuid(),
        };
        let mut tx = self.begin(site).await;
        tx.conversations().insert(chat.conversation, site.user, "Pump P-101", self.now()).await.unwrap();
        let question = self.message(chat.conversation, chat.question, None, MessageRole::User);
        tx.messages().insert(&question).await.unwrap();
        let mut answer = self.message(chat.conversation, chat.answer, Some(chat.question), MessageRole::Assistant);
        answer.status = MessageStatus::Streaming;
        answer.content = String::new();
        answer.label = None;
        answer.run_id = Some(chat.run);
        tx.messages().insert(&answer).await.unwrap();
        tx.runs()
            .insert(
                &NewRun {
                    id: chat.run,
                    conversation_id: chat.conversation,
                    user_id: site.user,
                    user_message_id: chat.question,
                    assistant_message_id: chat.answer,
                    tier: "LIGHT".to_owned(),
                    model: "extractive".to_owned(),
                    owner: chat.owner,
                    input: serde_json::json!({}),
                    created_at: self.now(),
                },
                &[],
            )
            .await
            .unwrap();
        tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await.unwrap();
        chat
    }

    pub(crate) fn message(
        &self,
        conversation: ConversationId,
        id: MessageId,
        parent: Option<MessageId>,
        role: MessageRole,
    ) -> NewMessage {
        NewMessage {
            id,
            conversation_id: conversation,
            parent_id: parent,
            role,
            content: "How do I lock out the pump?".to_owned(),
            status: MessageStatus::Complete,
            label: Some(Label::of(Classification::Internal)),
            run_id: None,
            as_of: None,
            created_at: self.now(),
        }
    }

    pub(crate) fn step(&self, number: i32, status: StepStatus) -> RunStepRow {
        RunStepRow {
            number,
            kind: StepKind::Observe,
            attempt: 1,
            status,
            detail: json!({ "passages": 3 }),
            record: None,
            started_at: self.now(),
            finished_at: None,
        }
    }

    pub(crate) fn job(&self, resource: Option<&str>) -> NewJob {
        NewJob {
            id: self.sources.new_id(),
            kind: "ingest",
            payload: json!({ "version": 1 }),
            resource_id: resource.map(str::to_owned),
            max_attempts: 5,
            created_at: self.now(),
        }
    }

    /// Enqueues a job and returns its id.
    pub(crate) async fn enqueue(&self, site: &Site) -> JobId {
        let job = self.job(None);
        let mut tx = self.begin(site).await;
        tx.jobs().enqueue(&job).await.unwrap();
        tx.commit(Proof::Bookkeeping(Bookkeeping::JobState)).await.unwrap();
        job.id
    }

    pub(crate) fn record(&self, site: &Site, action: &str) -> AuditRecord {
        let id: AuditEntryId = self.sources.new_id();
        AuditRecord {
            id,
            tenant_id: site.scope.tenant_id(),
            occurred_at: self.now(),
            actor: site.user.to_string(),
            action: action.to_owned(),
            resource_type: "document".to_owned(),
            resource_id: "doc_1".to_owned(),
            canonical: format!("{{\"action\":\"{action}\"}}").into_bytes(),
            mac: [1; 32],
        }
    }

    /// Commits a transaction whose only content is an audit entry.
    pub(crate) async fn audited(&self, site: &Site, action: &str) -> AuditEntryId {
        let record = self.record(site, action);
        let tx = self.begin(site).await;
        tx.commit(Proof::Entry(&record)).await.unwrap();
        record.id
    }

    /// A connection of the application's login, outside of any repository.
    pub(crate) async fn raw(&self) -> PgConnection {
        PgConnection::connect(&self.database.url).await.unwrap()
    }

    /// A superuser's connection to this database.
    pub(crate) async fn superuser(&self) -> PgConnection {
        let options: PgConnectOptions = self.database.admin_url().parse().unwrap();
        PgConnection::connect_with(&options.options([("search_path", "millwright,public")])).await.unwrap()
    }

    pub(crate) async fn drop(self) {
        self.database.drop().await;
    }
}

/// The first page of a list, as large as one may ask for.
pub(crate) const FIRST: PageRequest = PageRequest { limit: 200, after: None };

pub(crate) fn events(payloads: &[serde_json::Value]) -> Vec<RunEventRow> {
    (1..).zip(payloads).map(|(sequence, payload)| RunEventRow { sequence, payload: payload.clone() }).collect()
}

/// A unit vector along one axis.
pub(crate) fn axis(number: usize) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    vector[number % DIMENSIONS] = 1.0;
    vector
}

/// Unit vectors that look random and are the same in every run.
pub(crate) fn scattered(count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count)
        .map(|_| {
            let vector: Vec<f32> = (0..DIMENSIONS).map(|_| next()).collect();
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.into_iter().map(|value| value / length).collect()
        })
        .collect()
}

/// Asks again until the answer is there. The feed and the sealer stay below the oldest transaction of the whole
/// server, and other tests run on it at the same time.
pub(crate) async fn eventually<T, F: AsyncFnMut() -> Option<T>>(what: &str, mut ask: F) -> T {
    for _ in 0..600 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited too long for {what}")
}
