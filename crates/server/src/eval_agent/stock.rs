//! Takes a suite's documents in as uploads, by the job of ingestion.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use millwright_agents::eval::{Library, StoredDocument, StoredPage, Suite, SuiteDocument};
use millwright_api::AppState;
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    Label, TenantScope,
    id::{DocumentId, UserId, VersionId},
};
use millwright_documents::{Block, BlockKind, detect};
use millwright_store::{
    Proof,
    tenant::{NewDocument, NewVersion, VersionStatus},
};
use millwright_workers::ingest;
use sha2::{Digest, Sha256};

/// How long all documents together may take.
const MOST: Duration = Duration::from_mins(30);
/// How often is looked whether they are read.
const LOOK: Duration = Duration::from_millis(100);

struct Upload {
    file: String,
    document: DocumentId,
    version: VersionId,
}

/// Uploads all documents, waits until each was read, and returns what is stored of them.
pub(crate) async fn take_in(
    state: &AppState,
    scope: TenantScope,
    owner: UserId,
    suite: &Suite,
) -> anyhow::Result<Library> {
    let (mut uploads, mut ids) = (Vec::new(), HashMap::new());
    for document in &suite.documents {
        let path = suite.path_of(document);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let supersedes = document.supersedes.as_ref().and_then(|older| ids.get(older).copied());
        let upload = upload(state, scope, owner, (document, supersedes), &bytes).await;
        let upload = upload.with_context(|| format!("taking {} in", document.file))?;
        ids.insert(document.file.clone(), upload.document);
        uploads.push(upload);
    }
    state.jobs_wake.notify_one();
    let began = Instant::now();
    let mut library = Vec::new();
    for upload in uploads {
        let stored = loop {
            if let Some(stored) = stored(state, scope, &upload).await? {
                break stored;
            }
            if began.elapsed() > MOST {
                bail!("{} was not read within {} minutes", upload.file, MOST.as_secs() / 60);
            }
            tokio::time::sleep(LOOK).await;
        };
        library.push((upload.document, stored));
    }
    Ok(library.into_iter().collect())
}

async fn upload(
    state: &AppState,
    scope: TenantScope,
    owner: UserId,
    (document, supersedes): (&SuiteDocument, Option<DocumentId>),
    bytes: &[u8],
) -> anyhow::Result<Upload> {
    let format = detect(bytes, &document.file)?;
    let (sources, now) = (&state.sources, state.sources.now());
    let mut tx = state.store.tenant(&scope).begin().await?;
    if supersedes.is_some() {
        tx.validity().begin_replacing().await?;
    }
    let label = Label::of(document.classification);
    let new = NewDocument {
        id: sources.new_id(),
        name: document.file.clone(),
        label_id: tx.labels().intern(&label).await?,
        label,
        metadata: serde_json::json!({}),
        tags: Vec::new(),
        supersedes,
        created_by: owner,
        created_at: now,
    };
    let version = NewVersion {
        id: sources.new_id(),
        document_id: new.id,
        format: format.as_str().to_owned(),
        media_type: format.media_type().to_owned(),
        sha256: Sha256::digest(bytes).into(),
        created_by: owner,
        created_at: now,
        effective_from: now,
        effective_until: None,
    };
    tx.documents().insert(&new).await?;
    tx.versions().insert(&version, bytes).await?;
    tx.jobs().enqueue(&ingest::job(sources, new.id, version.id)).await?;
    let actor = Actor::System("eval");
    let event = AuditEvent::new(sources, scope.tenant_id(), actor, AuditAction::DocumentUploaded, new.id)
        .detail("name", new.name.clone())
        .detail("version", version.id.to_string());
    tx.commit(Proof::Entry(&state.audit_key.authenticate(&event)?)).await?;
    Ok(Upload { file: new.name, document: new.id, version: version.id })
}

/// The pages, once they were read.
async fn stored(state: &AppState, scope: TenantScope, upload: &Upload) -> anyhow::Result<Option<StoredDocument>> {
    let mut tx = state.store.tenant(&scope).read().await?;
    let version = tx.versions().require(upload.version).await?;
    match version.status {
        VersionStatus::Queued | VersionStatus::Processing => return Ok(None),
        VersionStatus::Failed => {
            bail!("{} cannot be read: {}", upload.file, version.error_detail.unwrap_or_default())
        }
        _ => {}
    }
    let mut pages = Vec::new();
    for page in tx.versions().pages(upload.version).await? {
        let blocks: Vec<Block> = serde_json::from_value(page.blocks).context("the blocks of a page")?;
        let headings = blocks.into_iter().filter_map(|block| match block.kind {
            BlockKind::Heading { level } => Some((level, block.start, block.end)),
            _ => None,
        });
        pages.push(StoredPage { number: page.page_number, headings: headings.collect(), text: page.text });
    }
    Ok(Some(StoredDocument { file: upload.file.clone(), version: version.number, pages }))
}
