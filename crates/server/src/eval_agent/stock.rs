//! Takes a suite's documents in as uploads, by the job of ingestion.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use millwright_agents::eval::{Library, StoredDocument, Suite, stored_document};
use millwright_api::AppState;
use millwright_core::{
    Label, TenantScope,
    id::{DocumentId, UserId, VersionId},
};
use millwright_store::tenant::VersionStatus;

use crate::intake::{File, Intake};

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
    let (store, sources, key) = (&state.store, &state.sources, state.audit_key.as_ref());
    let intake = Intake { store, sources, key, actor: "eval" };
    let (mut uploads, mut ids) = (Vec::new(), HashMap::new());
    for document in &suite.documents {
        let path = suite.path_of(document);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let supersedes = document.supersedes.as_ref().and_then(|older| ids.get(older).copied());
        let (label, metadata) = (Label::of(document.classification), serde_json::json!({}));
        let file = File { name: &document.file, bytes: &bytes, label, metadata, supersedes };
        let stored = intake.store(&scope, owner, file).await;
        let (id, version) = stored.with_context(|| format!("taking {} in", document.file))?;
        ids.insert(document.file.clone(), id);
        uploads.push(Upload { file: document.file.clone(), document: id, version });
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
    Ok(Some(stored_document(&mut tx, &version, upload.file.clone()).await?))
}
