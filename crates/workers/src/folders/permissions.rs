//! The pass over the permissions: looks at every known file without reading it, and labels its document accordingly.

use millwright_audit::AuditAction;
use millwright_core::{Label, audit::AuditRecord};
use millwright_store::{Bookkeeping, Proof, TenantTx, tenant::KnownFile};
use serde_json::json;

use super::{
    pass::Pass,
    place::{NotRead, Stat},
    report::{PassFailure, Skip},
};

/// Files looked at together.
const BATCH: i64 = 500;

impl Pass {
    /// Labels the document of every known file as its permissions say. A file that cannot be looked at hides its document
    /// until it can be.
    pub(super) async fn permissions(&self) -> Result<(), PassFailure> {
        let source = self.fence().source;
        let mut after = String::new();
        loop {
            let known = self.read().await?.source_files().list(source, &after, None, BATCH).await?;
            let Some(last) = known.last() else { return self.require_folder_if_known().await };
            after.clone_from(&last.path);
            let known: Vec<KnownFile> = known.into_iter().filter(|file| file.document.is_some()).collect();
            let looked = self.look_at(known).await?;
            // Before anything is concluded from a file that is not there.
            if looked.iter().any(|(_, found)| found.is_err()) {
                self.require_folder().await?;
            }
            self.label_all(looked).await?;
        }
    }

    async fn look_at(&self, known: Vec<KnownFile>) -> Result<Vec<(KnownFile, Result<Stat, NotRead>)>, PassFailure> {
        self.blocking(move |folder| {
            let mut descent = folder.descent();
            known
                .into_iter()
                .map(|file| {
                    let found = descent.stat(&file.path);
                    (file, found)
                })
                .collect()
        })
        .await
    }

    async fn label_all(&self, looked: Vec<(KnownFile, Result<Stat, NotRead>)>) -> Result<(), PassFailure> {
        let mut differing = Vec::new();
        for (file, found) in looked {
            self.progress.count(|report| report.seen += 1);
            let wanted = match found {
                Ok(stat) => self.label_behind(&stat),
                Err(_) => Err(Skip::Unreadable),
            };
            if let Err(reason) = wanted {
                self.progress.skip(&file.path, reason);
                self.progress.count(|report| report.hidden += 1);
            }
            if Self::differs(&file, &wanted) {
                differing.push((file, wanted));
            }
        }
        // Few at a time: each may have answers that rise with it.
        for part in differing.chunks(50) {
            let mut tx = self.begin().await?;
            let mut records = Vec::new();
            for (file, wanted) in part {
                records.extend(self.relabel(&mut tx, file, wanted).await?);
            }
            self.commit(tx, &records).await?;
        }
        Ok(())
    }

    /// The label of a file that was looked at, or why nobody may have it.
    pub(super) fn label_behind(&self, stat: &Stat) -> Result<Label, Skip> {
        self.groups.label(&self.source.settings.label, &stat.gates).map_err(Skip::from)
    }

    /// Whether a document has to be labelled anew.
    pub(super) fn differs(file: &KnownFile, wanted: &Result<Label, Skip>) -> bool {
        match wanted {
            Ok(label) => file.hidden || file.given.as_ref() != Some(label),
            Err(_) => !file.hidden,
        }
    }

    /// Labels the document of a file, or hides it. A label that a person raised stays at least as high.
    pub(super) async fn relabel(
        &self,
        tx: &mut TenantTx,
        file: &KnownFile,
        wanted: &Result<Label, Skip>,
    ) -> Result<Option<AuditRecord>, PassFailure> {
        let (Some(document), Some(present)) = (file.document, &file.label) else { return Ok(None) };
        if !Self::differs(file, wanted) {
            return Ok(None);
        }
        let (source, now) = (self.fence().source, self.sources.now());
        let (label, hidden) = match wanted {
            Ok(wanted) => {
                let untouched = file.given.as_ref().is_some_and(|given| same_readers(given, present));
                let label = if untouched { wanted.clone() } else { present.join(wanted) };
                (Label { integrity: present.integrity, ..label }, false)
            }
            Err(_) => (present.clone(), true),
        };
        let label_id = tx.labels().intern_of(source, &label, hidden).await?;
        tx.documents().set_label(document, &label, label_id, now).await?;
        if let Ok(wanted) = wanted {
            tx.source_files().set_given(source, &file.path, wanted).await?;
            self.progress.count(|report| report.relabelled += 1);
        }
        let details = [
            ("source", json!(source)),
            ("path", json!(file.path)),
            ("from", json!(present)),
            ("to", json!(label)),
            ("hidden", json!(hidden)),
        ];
        self.entry(AuditAction::DocumentRelabelled, document, &details).map(Some)
    }

    /// Commits what a pass did.
    pub(super) async fn commit(&self, tx: TenantTx, records: &[AuditRecord]) -> Result<(), PassFailure> {
        let proof =
            if records.is_empty() { Proof::Bookkeeping(Bookkeeping::SourcePass) } else { Proof::Entries(records) };
        Ok(tx.commit(proof).await?)
    }
}

/// Whether the same people may read both.
fn same_readers(one: &Label, other: &Label) -> bool {
    (one.classification, &one.export_control, &one.groups)
        == (other.classification, &other.export_control, &other.groups)
}
