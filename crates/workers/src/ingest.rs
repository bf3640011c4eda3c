//! The job that takes a document in: what it is told, and the handler that runs retrieval's stages.

use std::sync::Arc;

use async_trait::async_trait;
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{
    ErrorCode, Problem, Sources, ToProblem,
    audit::AuditRecord,
    id::{DocumentId, VersionId},
};
use millwright_documents::Format;
use millwright_retrieval::ingest::{IngestError, IngestTask, Ingestor, ReadyVersion};
use millwright_store::{
    Proof, Store, StoreError, TenantTx,
    system::ClaimedJob,
    tenant::{NewJob, Standing, VersionRow, VersionStatus},
};
use serde::{Deserialize, Serialize};

use crate::{JobFailure, JobHandler};

/// The kind, as jobs name it.
pub const KIND: &str = "document.ingest";

/// Five attempts over about a quarter of a minute outlast a restart of the database.
const MAX_ATTEMPTS: i32 = 5;

/// Characters that make a name look like another: direction changes, zero-width and byte-order marks.
const INVISIBLE: [char; 13] = [
    '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}',
    '\u{202e}', '\u{2066}', '\u{2069}', '\u{feff}',
];

/// Whether a name holds characters that nobody sees, and that could make it pass for another.
pub fn has_hidden_characters(name: &str) -> bool {
    name.chars().any(|c| c.is_control() || INVISIBLE.contains(&c))
}

/// Whether a version was made of these bytes and can be, or is being, read.
pub fn holds(version: &VersionRow, format: Format, digest: [u8; 32]) -> bool {
    version.sha256 == digest && version.format == format.as_str() && version.status != VersionStatus::Failed
}

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    document_id: DocumentId,
    version_id: VersionId,
}

/// The job for a version.
pub fn job(sources: &Sources, document_id: DocumentId, version_id: VersionId) -> NewJob {
    NewJob {
        id: sources.new_id(),
        kind: KIND,
        payload: serde_json::json!({ "document_id": document_id, "version_id": version_id }),
        resource_id: Some(document_id.to_string()),
        max_attempts: MAX_ATTEMPTS,
        created_at: sources.now(),
    }
}

/// Takes documents in.
pub struct IngestHandler {
    store: Store,
    ingestor: Ingestor,
    sources: Sources,
    key: Arc<AuditKey>,
}

impl IngestHandler {
    /// A handler that proves its outcomes with this key.
    pub fn new(store: Store, ingestor: Ingestor, sources: Sources, key: Arc<AuditKey>) -> Self {
        Self { store, ingestor, sources, key }
    }

    fn payload(job: &ClaimedJob) -> Result<Payload, Problem> {
        serde_json::from_value(job.payload.clone())
            .map_err(|_| Problem::new(ErrorCode::Internal, "the job's payload is not of this version's form"))
    }

    fn entry(
        &self,
        job: &ClaimedJob,
        action: AuditAction,
        document: DocumentId,
        details: &[(&str, serde_json::Value)],
    ) -> Result<AuditRecord, millwright_audit::AuditError> {
        let event = AuditEvent::new(&self.sources, job.scope.tenant_id(), Actor::System("ingest"), action, document);
        self.key.authenticate(&details.iter().fold(event, |event, (name, value)| event.detail(name, value.clone())))
    }

    /// Records that the version cannot be read; the job itself has done its work.
    async fn fail(&self, job: &ClaimedJob, payload: &Payload, problem: &Problem) -> Result<(), JobFailure> {
        let mut tx = self.store.tenant(&job.scope).begin().await?;
        tx.jobs().require_lease(&job.fence).await?;
        // Pages read before the fault stay only where an earlier reading answers, whose citations lead to them.
        if tx.versions().get(payload.version_id).await?.is_some_and(|version| version.ready_at.is_none()) {
            tx.versions().delete_pages(payload.version_id).await?;
        }
        let records = self.failed(job, payload, problem, &mut tx).await?;
        tx.commit(Proof::Entries(&records)).await?;
        Ok(())
    }

    async fn failed(
        &self,
        job: &ClaimedJob,
        payload: &Payload,
        problem: &Problem,
        tx: &mut TenantTx,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        tx.versions().set_failed(payload.version_id, problem.code.as_str(), &explain(problem)).await?;
        let details = [("version", payload.version_id.to_string().into()), ("code", problem.code.as_str().into())];
        self.entry(job, AuditAction::DocumentVersionFailed, payload.document_id, &details)
            .map(|record| vec![record])
            .map_err(|_| StoreError::InvalidState("no change without proof"))
    }
}

/// Detail and remedy in one text, as the uploader reads it.
fn explain(problem: &Problem) -> String {
    match &problem.remedy {
        Some(remedy) => format!("{}; {remedy}", problem.detail),
        None => problem.detail.clone(),
    }
}

#[async_trait]
impl JobHandler for IngestHandler {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobFailure> {
        let payload = Self::payload(job).map_err(JobFailure::Permanent)?;
        let task = IngestTask { scope: job.scope, fence: job.fence, version_id: payload.version_id };
        let prove = |ready: &ReadyVersion<'_>| {
            let details = [
                ("version", ready.version.id.to_string().into()),
                ("number", ready.version.number.into()),
                ("chunks", ready.version.chunk_count.unwrap_or_default().into()),
                ("answers", (ready.standing == Standing::Answers).into()),
                ("also_settled", serde_json::json!(ready.also_settled)),
                ("manifest", serde_json::json!(ready.manifest)),
            ];
            self.entry(job, AuditAction::DocumentVersionReady, payload.document_id, &details).map_err(Into::into)
        };
        match self.ingestor.run(&task, &prove).await {
            Ok(outcome) => {
                tracing::info!(document.id = %payload.document_id, ?outcome, "document taken in");
                Ok(())
            }
            Err(IngestError::Store(error)) => Err(error.into()),
            Err(error) if error.is_permanent() => {
                tracing::info!(document.id = %payload.document_id, code = error.problem().code.as_str(),
                               "document cannot be read");
                self.fail(job, &payload, &error.problem()).await
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "document not taken in yet");
                Err(JobFailure::Transient(error.problem()))
            }
        }
    }

    async fn give_up(
        &self,
        job: &ClaimedJob,
        problem: &Problem,
        tx: &mut TenantTx,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        match Self::payload(job) {
            Ok(payload) => self.failed(job, &payload, problem, tx).await,
            Err(_) => Ok(Vec::new()),
        }
    }
}
