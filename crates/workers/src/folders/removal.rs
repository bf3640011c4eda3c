//! What is gone from a folder, or from the list of what is watched.

use millwright_audit::AuditAction;
use millwright_core::{audit::AuditRecord, id::DocumentId};
use millwright_store::{Bookkeeping, Proof, StoreError, TenantTx, tenant::KnownFile};
use serde_json::json;

use super::{
    pass::Pass,
    report::{PassFailure, Skip},
};

/// Files looked at together.
const BATCH: i64 = 200;

impl Pass {
    /// Deletes the documents of files that this pass did not see, each after one more look: a file that cannot be looked at
    /// is not gone, nor is one that may lie on a share that is not mounted, and where the folder itself is gone nothing is.
    pub(super) async fn remove_unseen(&self) -> Result<(), PassFailure> {
        let (source, pass) = (self.fence().source, self.fence().attempt);
        let mut after = String::new();
        loop {
            let unseen = self.read().await?.source_files().list(source, &after, Some(pass), BATCH).await?;
            let Some(last) = unseen.last() else { return Ok(()) };
            after.clone_from(&last.path);
            let looked: Vec<(KnownFile, bool)> = self
                .blocking(move |folder| {
                    let look = |file: KnownFile| {
                        let gone = folder.is_gone(&file.path, file.device);
                        (file, gone)
                    };
                    unseen.into_iter().map(look).collect()
                })
                .await?;
            // After the look, before anything is concluded from it.
            self.require_folder().await?;
            for (file, gone) in looked {
                if gone {
                    self.remove(&file).await?;
                } else {
                    self.progress.skip(&file.path, Skip::Unreadable);
                }
            }
        }
    }

    async fn remove(&self, file: &KnownFile) -> Result<(), PassFailure> {
        // Nothing of the file system is asked here, so that nothing else tells that the pass is alive.
        self.progress.beat();
        let mut tx = self.begin().await?;
        let mut records = Vec::new();
        if let Some(document) = file.document {
            records.push(self.delete_document(&mut tx, &file.path, document).await?);
            self.progress.count(|report| report.removed += 1);
        }
        tx.source_files().delete(self.fence().source, &file.path).await?;
        self.commit(tx, &records).await
    }

    /// Deletes a document as a person would.
    pub(super) async fn delete_document(
        &self,
        tx: &mut TenantTx,
        path: &str,
        document: DocumentId,
    ) -> Result<AuditRecord, PassFailure> {
        tx.jobs().delete_queued_for(&document.to_string()).await?;
        let also_settled = match tx.documents().delete(document, self.sources.now()).await {
            // Somebody was faster.
            Err(StoreError::NotFound(_)) => None,
            other => other?,
        };
        let details =
            [("source", json!(self.fence().source)), ("path", json!(path)), ("also_settled", json!(also_settled))];
        self.entry(AuditAction::DocumentDeleted, document, &details)
    }

    /// Removes a source that is not to be watched any more: its documents one after the other, and then what is known of it.
    pub(super) async fn remove_source(&self) -> Result<(), PassFailure> {
        let source = self.fence().source;
        loop {
            let known = self.read().await?.source_files().list(source, "", None, BATCH).await?;
            if known.is_empty() {
                break;
            }
            for file in &known {
                self.remove(file).await?;
            }
        }
        let mut tx = self.begin().await?;
        tx.sources().remove(source).await?;
        tx.commit(Proof::Bookkeeping(Bookkeeping::SourcePass)).await?;
        // Nothing is left whose pass could be ended.
        Err(PassFailure::LeaseLost)
    }
}
