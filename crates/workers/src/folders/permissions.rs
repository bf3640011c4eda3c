//! The pass over the permissions: looks at every known file without reading it, and labels its document accordingly.

use std::cmp::Reverse;

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

/// What a pass may do to the labels of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Whatever the look at the file says, which was taken a moment ago.
    Everything,
    /// Raise them, and hide documents: hours may have gone by since the look, and others may have looked or raised meanwhile.
    OnlyRaise,
}

/// How a document is to be labelled.
#[derive(Debug, PartialEq, Eq)]
struct Relabelling {
    label: Label,
    hidden: bool,
    /// What the source gives of it; `None` where it only hides.
    given: Option<Label>,
}

impl Relabelling {
    /// What becomes of the document of a file whose label is wanted to be this one, or which nobody may have; `None` if it
    /// stays as it is. What the source gives is joined with what a person gave, where one did: each goes its own way, so that
    /// a source that gives as much for a while does not take the person's part with it.
    fn of(file: &KnownFile, wanted: &Result<Label, Skip>, may: May) -> Option<Self> {
        let present = file.label.as_ref()?;
        let Ok(wanted) = wanted else {
            return (!file.hidden).then(|| Self { label: present.clone(), hidden: true, given: None });
        };
        let given = match (may, &file.given) {
            (May::OnlyRaise, _) if file.hidden => return None,
            (May::OnlyRaise, Some(before)) => before.join(wanted),
            (May::OnlyRaise, None) | (May::Everything, _) => wanted.clone(),
        };
        if !file.hidden && file.given.as_ref() == Some(&given) {
            return None;
        }
        let label = file.raised.as_ref().map_or_else(|| given.clone(), |raised| given.join(raised));
        Some(Self { label: Label { integrity: present.integrity, ..label }, hidden: false, given: Some(given) })
    }
}

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
            if Self::relabels(&file, &wanted, May::Everything) {
                differing.push((file, wanted));
            }
        }
        // Newer documents are locked first, as by answers that are made from several.
        differing.sort_unstable_by_key(|(file, _)| Reverse(file.document));
        // Few at a time: each may have answers that rise with it.
        for part in differing.chunks(50) {
            self.progress.beat();
            let mut tx = self.begin().await?;
            let mut records = Vec::new();
            for (file, wanted) in part {
                records.extend(self.relabel(&mut tx, &file.path, wanted, May::Everything).await?);
            }
            self.commit(tx, &records).await?;
        }
        Ok(())
    }

    /// The label of a file that was looked at, or why nobody may have it.
    pub(super) fn label_behind(&self, stat: &Stat) -> Result<Label, Skip> {
        self.groups.label(&self.source.settings.label, &stat.gates).map_err(Skip::from)
    }

    /// Whether a document has to be labelled anew, going by what was known of its file.
    pub(super) fn relabels(file: &KnownFile, wanted: &Result<Label, Skip>, may: May) -> bool {
        Relabelling::of(file, wanted, may).is_some()
    }

    /// Labels the document of a file, or hides it, going by how it stands now.
    pub(super) async fn relabel(
        &self,
        tx: &mut TenantTx,
        path: &str,
        wanted: &Result<Label, Skip>,
        may: May,
    ) -> Result<Option<AuditRecord>, PassFailure> {
        let (source, now) = (self.fence().source, self.sources.now());
        // A person or the other pass may have labelled it since it was listed.
        let Some(file) = tx.source_files().hold(source, path).await? else { return Ok(None) };
        let (Some(document), Some(next)) = (file.document, Relabelling::of(&file, wanted, may)) else {
            return Ok(None);
        };
        let label_id = tx.labels().intern_of(source, &next.label, next.hidden).await?;
        tx.documents().set_label(document, &next.label, label_id, now).await?;
        if let Some(given) = &next.given {
            tx.source_files().set_given(source, path, given).await?;
            self.progress.count(|report| report.relabelled += 1);
        }
        let details = [
            ("source", json!(source)),
            ("path", json!(path)),
            ("from", json!(file.label)),
            ("to", json!(next.label)),
            ("hidden", json!(next.hidden)),
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

#[cfg(test)]
mod tests {
    use millwright_core::{Classification, id::DocumentId};
    use millwright_store::tenant::FileCheck;

    use super::*;

    fn label(groups: &[&str]) -> Label {
        let groups = groups.iter().map(|group| group.parse().unwrap()).collect();
        Label { groups, ..Label::of(Classification::Internal) }
    }

    fn file(given: &[&str], present: &[&str], hidden: bool) -> KnownFile {
        KnownFile {
            path: "a.md".to_owned(),
            document: Some(millwright_core::Sources::system().new_id::<DocumentId>()),
            problem: None,
            check: FileCheck { size_bytes: 1, modified_ns: 1, inode: 1 },
            device: 1,
            given: Some(label(given)),
            raised: None,
            label: Some(label(present)),
            hidden,
        }
    }

    fn made(label: Label, given: Label) -> Relabelling {
        Relabelling { label, hidden: false, given: Some(given) }
    }

    #[test]
    fn an_old_look_lowers_nothing_and_shows_nothing() {
        let (open, closed) = (Ok(label(&[])), Err(Skip::OwnerOnly));
        let of_hr = file(&["hr"], &["hr"], false);
        assert_eq!(Relabelling::of(&of_hr, &open, May::OnlyRaise), None);
        assert_eq!(Relabelling::of(&of_hr, &open, May::Everything), Some(made(label(&[]), label(&[]))));
        let hidden = file(&["hr"], &["hr"], true);
        assert_eq!(Relabelling::of(&hidden, &open, May::OnlyRaise), None);
        assert_eq!(Relabelling::of(&hidden, &Ok(label(&["hr"])), May::OnlyRaise), None);
        assert_eq!(
            Relabelling::of(&hidden, &Ok(label(&["hr"])), May::Everything),
            Some(made(label(&["hr"]), label(&["hr"])))
        );
        for may in [May::OnlyRaise, May::Everything] {
            assert_eq!(Relabelling::of(&hidden, &closed, may), None);
            assert!(Relabelling::of(&of_hr, &closed, may).is_some_and(|next| next.hidden && next.given.is_none()));
        }
    }

    #[test]
    fn what_an_old_look_raised_too_high_a_fresh_one_lowers_again() {
        let wanted = Ok(label(&["plant"]));
        let raised = Relabelling::of(&file(&["hr"], &["hr"], false), &wanted, May::OnlyRaise);
        assert_eq!(raised, Some(made(label(&["hr", "plant"]), label(&["hr", "plant"]))));
        let after = file(&["hr", "plant"], &["hr", "plant"], false);
        assert_eq!(Relabelling::of(&after, &wanted, May::Everything), Some(made(label(&["plant"]), label(&["plant"]))));
    }

    #[test]
    fn what_a_person_raised_stays_raised() {
        let by_hand = KnownFile { raised: Some(label(&["board"])), ..file(&[], &["board"], false) };
        for may in [May::OnlyRaise, May::Everything] {
            assert_eq!(Relabelling::of(&by_hand, &Ok(label(&[])), may), None);
            let next = Relabelling::of(&by_hand, &Ok(label(&["hr"])), may);
            assert_eq!(next, Some(made(label(&["board", "hr"]), label(&["hr"]))));
        }
    }

    #[test]
    fn what_a_person_raised_stays_raised_after_the_share_gave_as_much_for_a_while() {
        let of_person = Some(label(&["hr"]));
        let by_hand = KnownFile { raised: of_person.clone(), ..file(&[], &["hr"], false) };
        let as_high = Relabelling::of(&by_hand, &Ok(label(&["hr"])), May::Everything);
        assert_eq!(as_high, Some(made(label(&["hr"]), label(&["hr"]))));
        let both = KnownFile { raised: of_person, ..file(&["hr"], &["hr"], false) };
        let lower = Relabelling::of(&both, &Ok(label(&[])), May::Everything);
        assert_eq!(lower, Some(made(label(&["hr"]), label(&[]))));
    }
}
