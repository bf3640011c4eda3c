//! The pass over the contents: which files there are, what they hold, and which are gone.

use std::{collections::HashMap, time::Duration};

use millwright_audit::AuditAction;
use millwright_core::{Label, id::DocumentId};
use millwright_documents::{Format, detect};
use millwright_store::tenant::{KnownFile, NewDocument, NewVersion, SourceFileRow};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use unicode_normalization::UnicodeNormalization;

use super::{
    pass::Pass,
    permissions::May,
    place::{NotRead, Stat},
    report::{PassFailure, Skip},
    walk::{Met, walk},
};
use crate::ingest;

/// Batches that wait between the walk and the database.
const WAITING: usize = 2;
/// A file written later than so long ago may be written again without its clock showing it.
const SETTLING_NS: i64 = 2_000_000_000;
/// How long to wait where too many documents wait to be read.
const PAUSE: Duration = Duration::from_millis(500);
/// Looks for a place before a pass gives its own to another source: 20 seconds.
const LOOKS: u32 = 40;
const MOST_NAME_CHARS: usize = 255;

/// A file that was read, and what is to become of it.
struct Reading {
    bytes: Vec<u8>,
    stat: Stat,
    label: Label,
    format: Format,
    digest: [u8; 32],
}

impl Pass {
    /// Takes in what is new or changed, and deletes the documents of files that are gone.
    pub(super) async fn contents(&self) -> Result<(), PassFailure> {
        let (sink, mut met) = mpsc::channel(WAITING);
        let walking = self.blocking(move |folder| walk(folder, &sink));
        let taking_in = async {
            while let Some(batch) = met.recv().await {
                self.progress.beat();
                self.take_in_batch(batch).await?;
            }
            Ok::<_, PassFailure>(())
        };
        tokio::try_join!(walking, taking_in)?;
        self.remove_unseen().await
    }

    async fn take_in_batch(&self, batch: Vec<Met>) -> Result<(), PassFailure> {
        let mut files = Vec::with_capacity(batch.len());
        for met in batch {
            match met {
                Met::File(path, stat) => files.push((path, stat)),
                Met::Skipped(path, reason) => self.progress.skip(&path, reason),
                Met::PassedOver => self.progress.count(|report| report.passed_over += 1),
            }
        }
        if files.is_empty() {
            return Ok(());
        }
        let (source, pass) = (self.fence().source, self.fence().attempt);
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let seen: Vec<(&str, i64)> = files.iter().map(|(path, stat)| (path.as_str(), stat.device)).collect();
        // What is met is not gone, whatever becomes of it below.
        let mut tx = self.begin().await?;
        tx.source_files().set_seen(source, &seen, pass).await?;
        let known = tx.source_files().known(source, &paths).await?;
        self.commit(tx, &[]).await?;
        let mut known: HashMap<String, KnownFile> = known.into_iter().map(|file| (file.path.clone(), file)).collect();
        for (path, stat) in files {
            self.progress.count(|report| report.seen += 1);
            let known = known.remove(&path);
            self.take_in_file(&path, &stat, known.as_ref()).await?;
        }
        Ok(())
    }

    async fn take_in_file(&self, path: &str, stat: &Stat, known: Option<&KnownFile>) -> Result<(), PassFailure> {
        let wanted = self.label_behind(stat);
        if let Some(known) = known
            && known.document.is_some()
            && Self::relabels(known, &wanted, May::OnlyRaise)
        {
            let mut tx = self.begin().await?;
            let record = self.relabel(&mut tx, path, &wanted, May::OnlyRaise).await?;
            self.commit(tx, record.as_slice()).await?;
        }
        if let Err(reason) = wanted {
            self.progress.skip(path, reason);
            return Ok(());
        }
        match known {
            Some(KnownFile { document: None, problem: Some(problem), check, .. }) if *check == stat.check => {
                self.progress.skip(path, Skip::of_stored(problem));
                Ok(())
            }
            Some(KnownFile { document: Some(_), check, .. }) if *check == stat.check => Ok(()),
            _ => self.read_file(path, known).await,
        }
    }

    async fn read_file(&self, path: &str, known: Option<&KnownFile>) -> Result<(), PassFailure> {
        self.wait_for_a_place().await?;
        let (most, settled) = (self.settings.max_file_bytes, self.sources.now().timestamp_nanos_opt());
        let settled_before = settled.unwrap_or(i64::MAX).saturating_sub(SETTLING_NS);
        let of_path = path.to_owned();
        let read = self.blocking(move |folder| folder.read(&of_path, most, settled_before)).await?;
        let (bytes, stat) = match read {
            Ok(read) => read,
            Err(NotRead::TooLarge(stat)) => return self.leave_out(path, known, (Skip::TooLarge, stat)).await,
            // Gone between two looks, or not to be opened: what is known of it stays.
            Err(NotRead::Gone | NotRead::NotAFile | NotRead::Failed) => {
                self.progress.skip(path, Skip::Unreadable);
                return Ok(());
            }
        };
        let label = match self.label_behind(&stat) {
            Ok(label) => label,
            Err(reason) => {
                self.progress.skip(path, reason);
                return Ok(());
            }
        };
        let of_path = path.to_owned();
        let told = self.blocking(move |_| {
            let format = detect(&bytes, &of_path);
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            (bytes, format, digest)
        });
        let (bytes, format, digest) = told.await?;
        let Ok(format) = format else { return self.leave_out(path, known, (Skip::Format, stat)).await };
        self.store_file(path, known, Reading { bytes, stat, label, format, digest }).await
    }

    /// Waits while many documents of the tenant wait to be read: uploads of people come before. Not for long: passes of other
    /// tenants wait for this one's place, and the next pass goes on from here.
    async fn wait_for_a_place(&self) -> Result<(), PassFailure> {
        let most = (self.settings.documents_waiting / 2).max(1);
        for _ in 0..LOOKS {
            if self.read().await?.jobs().count_queued(ingest::KIND, most).await? < most {
                return Ok(());
            }
            self.progress.beat();
            tokio::time::sleep(PAUSE).await;
        }
        Err(PassFailure::NoPlace)
    }

    /// Notes that a file is not taken in, so that it is not read again until it changes. What it held before is gone.
    async fn leave_out(
        &self,
        path: &str,
        known: Option<&KnownFile>,
        (reason, stat): (Skip, Stat),
    ) -> Result<(), PassFailure> {
        self.progress.skip(path, reason);
        let mut tx = self.begin().await?;
        let mut records = Vec::new();
        if let Some(document) = known.and_then(|known| known.document) {
            records.push(self.delete_document(&mut tx, path, document).await?);
        }
        let row = SourceFileRow {
            path: path.to_owned(),
            document: None,
            problem: Some(reason.as_str()),
            check: stat.check,
            device: stat.device,
            given: None,
            seen_in: self.fence().attempt,
        };
        tx.source_files().put(self.fence().source, &row).await?;
        self.commit(tx, &records).await
    }

    async fn store_file(&self, path: &str, known: Option<&KnownFile>, file: Reading) -> Result<(), PassFailure> {
        let (source, now) = (self.fence().source, self.sources.now());
        let mut tx = self.begin().await?;
        let mut records = Vec::new();
        let mut row = SourceFileRow {
            path: path.to_owned(),
            document: known.and_then(|known| known.document),
            problem: None,
            check: file.stat.check,
            device: file.stat.device,
            given: None,
            seen_in: self.fence().attempt,
        };
        let document = if let Some(document) = row.document {
            // Before it was read, it was waited for: its permissions may have been checked since.
            records.extend(self.relabel(&mut tx, path, &Ok(file.label.clone()), May::OnlyRaise).await?);
            let newest = tx.versions().find_newest(document).await?;
            if newest.is_some_and(|newest| ingest::holds(&newest, file.format, file.digest)) {
                tx.source_files().put(source, &row).await?;
                return self.commit(tx, &records).await;
            }
            self.progress.count(|report| report.changed += 1);
            document
        } else {
            let document = self.new_document(path, &file.label, now);
            let label_id = tx.labels().intern_of(source, &file.label, false).await?;
            tx.documents().insert_of(source, &NewDocument { label_id, ..document }).await?;
            self.progress.count(|report| report.new += 1);
            row.given = Some(file.label.clone());
            document.id
        };
        row.document = Some(document);
        let version = NewVersion {
            id: self.sources.new_id(),
            document_id: document,
            format: file.format.as_str().to_owned(),
            media_type: file.format.media_type().to_owned(),
            sha256: file.digest,
            created_by: self.source.created_by,
            created_at: now,
            effective_from: now,
            effective_until: None,
        };
        tx.versions().insert(&version, &file.bytes).await?;
        tx.jobs().enqueue(&ingest::job(&self.sources, document, version.id)).await?;
        tx.source_files().put(source, &row).await?;
        let details = [
            ("source", json!(source)),
            ("name", json!(name_of(path))),
            ("path", json!(path)),
            ("sha256", json!(hex::encode(file.digest))),
            ("label", json!(file.label)),
            ("version", json!(version.id)),
        ];
        records.push(self.entry(AuditAction::DocumentUploaded, document, &details)?);
        self.commit(tx, &records).await?;
        self.jobs_wake.notify_one();
        Ok(())
    }

    fn new_document(&self, path: &str, label: &Label, now: chrono::DateTime<chrono::Utc>) -> NewDocument {
        NewDocument {
            id: self.sources.new_id::<DocumentId>(),
            name: name_of(path),
            label: label.clone(),
            label_id: 0,
            metadata: Value::Object(Map::new()),
            tags: self.source.settings.tags.clone(),
            supersedes: None,
            created_by: self.source.created_by,
            created_at: now,
        }
    }
}

/// What a document is called: the way to its file, or the end of a long one.
fn name_of(path: &str) -> String {
    let name: String = path.nfc().collect();
    let surplus = name.chars().count().saturating_sub(MOST_NAME_CHARS);
    if surplus == 0 {
        return name;
    }
    std::iter::once('…').chain(name.chars().skip(surplus + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_long_way_is_told_by_its_end() {
        assert_eq!(name_of("pumps/u\u{308}ber.md"), "pumps/\u{fc}ber.md");
        let name = name_of(&format!("{}/manual.pdf", "a".repeat(400)));
        assert_eq!(name.chars().count(), 255);
        assert!(name.starts_with('…') && name.ends_with("a/manual.pdf"));
    }
}
