//! Documents that this program brings with it, stored as an upload stores them: with the job that reads them, and the proof.

use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{
    Label, Sources, TenantScope,
    id::{DocumentId, UserId, VersionId},
};
use millwright_documents::detect;
use millwright_store::{
    Proof, Store,
    tenant::{NewDocument, NewVersion},
};
use millwright_workers::ingest;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What stores them.
pub(crate) struct Intake<'i> {
    pub(crate) store: &'i Store,
    pub(crate) sources: &'i Sources,
    pub(crate) key: &'i AuditKey,
    /// The part of the program that does, for the proof.
    pub(crate) actor: &'static str,
}

/// A document to be stored.
pub(crate) struct File<'f> {
    pub(crate) name: &'f str,
    pub(crate) bytes: &'f [u8],
    pub(crate) label: Label,
    pub(crate) metadata: Value,
    /// The document whose place it takes.
    pub(crate) supersedes: Option<DocumentId>,
}

impl Intake<'_> {
    /// Stores a document of the user.
    ///
    /// # Errors
    /// When it is of no format that can be read, or the database fails.
    pub(crate) async fn store(
        &self,
        scope: &TenantScope,
        owner: UserId,
        file: File<'_>,
    ) -> anyhow::Result<(DocumentId, VersionId)> {
        let File { name, bytes, label, metadata, supersedes } = file;
        let format = detect(bytes, name)?;
        let now = self.sources.now();
        let mut tx = self.store.tenant(scope).begin().await?;
        if supersedes.is_some() {
            tx.validity().begin_replacing().await?;
        }
        let document = NewDocument {
            id: self.sources.new_id(),
            name: name.to_owned(),
            label_id: tx.labels().intern(&label).await?,
            label,
            metadata,
            tags: Vec::new(),
            supersedes,
            created_by: owner,
            created_at: now,
        };
        let version = NewVersion {
            id: self.sources.new_id(),
            document_id: document.id,
            format: format.as_str().to_owned(),
            media_type: format.media_type().to_owned(),
            sha256: Sha256::digest(bytes).into(),
            created_by: owner,
            created_at: now,
            effective_from: now,
            effective_until: None,
        };
        tx.documents().insert(&document).await?;
        tx.versions().insert(&version, bytes).await?;
        tx.jobs().enqueue(&ingest::job(self.sources, document.id, version.id)).await?;
        let (tenant, actor) = (scope.tenant_id(), Actor::System(self.actor));
        let event = AuditEvent::new(self.sources, tenant, actor, AuditAction::DocumentUploaded, document.id)
            .detail("name", name)
            .detail("version", version.id.to_string());
        tx.commit(Proof::Entry(&self.key.authenticate(&event)?)).await?;
        Ok((document.id, version.id))
    }
}
