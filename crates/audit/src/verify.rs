use std::fmt;

use chrono::{DateTime, Utc};
use millwright_core::{
    audit::AuditRecord,
    id::{AuditEntryId, TenantId},
};

use crate::{AuditKey, Head, Seal, SignedHead, canonical, chain};

/// In which way a log is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingKind {
    /// Bytes, MAC, a column or a seal of the entry were changed.
    Altered,
    /// A seal or its entry is gone from the middle.
    Missing,
    /// An authentic entry stands where another was sealed.
    Reordered,
    /// The newest seals are gone.
    CutOff,
    /// Seals that the holder of the key never stated.
    Forged,
    /// The entry was authenticated with another secret key than the one given.
    OtherKey,
}

/// The first place at which a log is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In which way.
    pub kind: FindingKind,
    /// Sequence number of the place; `None` for an entry that is not sealed yet.
    pub sequence: Option<i64>,
    /// The entry, where it is known.
    pub entry_id: Option<AuditEntryId>,
    /// What does not fit, in words.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FindingKind::Altered => "altered",
            FindingKind::Missing => "missing",
            FindingKind::Reordered => "reordered",
            FindingKind::CutOff => "cut off",
            FindingKind::Forged => "forged",
            FindingKind::OtherKey => "another key",
        };
        match self.sequence {
            Some(sequence) => write!(f, "{kind} at sequence {sequence}")?,
            None => write!(f, "{kind} among the entries not sealed yet")?,
        }
        if let Some(id) = self.entry_id {
            write!(f, " ({id})")?;
        }
        write!(f, ": {}", self.detail)
    }
}

/// What a verifier saw of a log in which it found nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Entries checked, sealed or not.
    pub entries: u64,
    /// Of these, sealed.
    pub sealed: u64,
    /// Of these, waiting for the sealer. Their order is not proved yet and they could be removed unseen.
    pub unsealed: u64,
    /// Since when the oldest of them waits. Longer than a few seconds means that the sealer stands still.
    pub oldest_unsealed: Option<DateTime<Utc>>,
    /// The head that the seals lead to. Kept elsewhere and given to [`Verifier::anchor`] the next time,
    /// it shows a log that was rolled back together with its heads.
    pub head: Head,
}

/// Recomputes one tenant's log from storage alone, entry by entry, in constant memory.
///
/// Read everything in one snapshot. Pass the seals in the order of their sequence numbers to
/// [`sealed`](Self::sealed), entries without a seal to [`unsealed`](Self::unsealed), then call
/// [`finish`](Self::finish). The first `Err` names the first place that is wrong; stop there.
#[derive(Debug)]
pub struct Verifier<'k> {
    key: &'k AuditKey,
    head: Head,
    /// The newest sequence number that a signed head covers.
    confirmed: i64,
    anchor: Option<Head>,
    doubt: Option<Doubt>,
    unsealed: u64,
    oldest_unsealed: Option<DateTime<Utc>>,
}

/// A seal whose hash is not the one computed from its entry. What follows it tells whether the hash was
/// altered or the entry put there.
#[derive(Debug)]
struct Doubt {
    sequence: i64,
    entry_id: AuditEntryId,
    computed: [u8; 32],
}

impl Doubt {
    /// Decides by what the next seal or the signed head says that this seal's hash was.
    fn settle(self, stated: &[u8; 32]) -> Finding {
        let (kind, detail) = if *stated == self.computed {
            (FindingKind::Altered, "the seal's hash was changed")
        } else {
            (FindingKind::Reordered, "the entry is authentic but another one was sealed here")
        };
        Finding { kind, sequence: Some(self.sequence), entry_id: Some(self.entry_id), detail: detail.to_owned() }
    }
}

impl<'k> Verifier<'k> {
    /// Starts at the beginning of a tenant's log.
    pub fn new(key: &'k AuditKey, tenant_id: TenantId) -> Self {
        let head = Head::genesis(tenant_id);
        Self { key, head, confirmed: 0, anchor: None, doubt: None, unsealed: 0, oldest_unsealed: None }
    }

    /// Also demands that the log still contains a head that was reported earlier and kept elsewhere.
    #[must_use]
    pub fn anchor(mut self, head: Head) -> Self {
        self.anchor = Some(head);
        self
    }

    /// Checks the next seal, the entry with the seal's entry id if there is one, and the signed head with
    /// the seal's sequence number if there is one.
    pub fn sealed(
        &mut self,
        seal: &Seal,
        entry: Option<&AuditRecord>,
        signed: Option<&SignedHead>,
    ) -> Result<(), Finding> {
        if let Some(doubt) = self.doubt.take() {
            return Err(doubt.settle(&seal.previous_hash));
        }
        let find = |kind, sequence, detail: &str| {
            let entry_id = (sequence == seal.sequence).then_some(seal.entry_id);
            Err(Finding { kind, sequence: Some(sequence), entry_id, detail: detail.to_owned() })
        };
        let expected = self.head.sequence + 1;
        if seal.sequence > expected {
            return find(FindingKind::Missing, expected, "there is no seal with this number");
        }
        if seal.sequence < expected {
            return find(FindingKind::Reordered, seal.sequence, "this number stands twice");
        }
        let Some(entry) = entry else {
            return find(FindingKind::Missing, expected, "the sealed entry is gone");
        };
        self.check_entry(entry, Some(expected))?;
        if seal.entry_id != entry.id || seal.tenant_id != self.head.tenant_id {
            return find(FindingKind::Altered, expected, "the seal names another entry or tenant");
        }
        let due = chain::seal(&self.head, entry.id, &entry.canonical, &entry.mac);
        match (seal.previous_hash == due.previous_hash, seal.hash == due.hash) {
            (true, true) => {}
            (false, true) => return find(FindingKind::Altered, expected, "the seal's previous hash was changed"),
            (false, false) => return find(FindingKind::Reordered, expected, "the seal belongs to another place"),
            (true, false) => {
                self.doubt = Some(Doubt { sequence: expected, entry_id: entry.id, computed: due.hash });
            }
        }
        self.head = due.head();
        if self.doubt.is_some() {
            return Ok(());
        }
        if self.anchor.is_some_and(|anchor| anchor.sequence == expected && anchor != self.head) {
            return find(FindingKind::Forged, expected, "the log had another entry here when it was last verified");
        }
        signed.map_or(Ok(()), |signed| self.check_head(signed))
    }

    /// Checks an entry that has no seal yet.
    pub fn unsealed(&mut self, entry: &AuditRecord) -> Result<(), Finding> {
        self.check_entry(entry, None)?;
        self.unsealed += 1;
        self.oldest_unsealed =
            Some(self.oldest_unsealed.map_or(entry.occurred_at, |oldest| oldest.min(entry.occurred_at)));
        Ok(())
    }

    /// Compares the end of the seals with the newest signed head in storage.
    pub fn finish(mut self, newest: Option<&SignedHead>) -> Result<Report, Finding> {
        if let Some(doubt) = self.doubt.take() {
            let stated =
                newest.filter(|signed| self.key.vouches_for(signed)).map_or([0; 32], |signed| signed.head.hash);
            return Err(doubt.settle(&stated));
        }
        if let Some(signed) = newest {
            self.check_head(signed)?;
        }
        let find = |kind, sequence, detail: &str| {
            Err(Finding { kind, sequence: Some(sequence), entry_id: None, detail: detail.to_owned() })
        };
        if let Some(anchor) = self.anchor.filter(|anchor| anchor.sequence > self.head.sequence) {
            let detail = format!("the log reached {} when it was last verified", anchor.sequence);
            return find(FindingKind::CutOff, self.head.sequence + 1, &detail);
        }
        if self.confirmed < self.head.sequence {
            return find(FindingKind::Forged, self.confirmed + 1, "no signed head covers the seals from here on");
        }
        let sealed = u64::try_from(self.head.sequence).unwrap_or_default();
        Ok(Report {
            entries: sealed + self.unsealed,
            sealed,
            unsealed: self.unsealed,
            oldest_unsealed: self.oldest_unsealed,
            head: self.head,
        })
    }

    fn check_entry(&self, entry: &AuditRecord, sequence: Option<i64>) -> Result<(), Finding> {
        let find = |kind, detail: String| Err(Finding { kind, sequence, entry_id: Some(entry.id), detail });
        let Some(claimed) = canonical::Claimed::read(&entry.canonical) else {
            return find(FindingKind::Altered, "its bytes are not those of an audit entry".to_owned());
        };
        if !self.key.is_authentic(&entry.canonical, &entry.mac) {
            return if claimed.key == self.key.id() {
                find(FindingKind::Altered, "its bytes and its MAC do not agree".to_owned())
            } else {
                let detail = format!("it names key {}, the one given is {}", claimed.key, self.key.id());
                find(FindingKind::OtherKey, detail)
            };
        }
        if claimed.v != canonical::SCHEMA_VERSION {
            return find(FindingKind::Altered, format!("its schema version {} is not known", claimed.v));
        }
        if let Some(column) = claimed.differing_column(entry) {
            return find(FindingKind::Altered, format!("column `{column}` does not repeat what its bytes say"));
        }
        if entry.tenant_id != self.head.tenant_id {
            return find(FindingKind::Altered, format!("it belongs to the log of {}", entry.tenant_id));
        }
        Ok(())
    }

    /// A signed head must be authentic and lie on the chain just recomputed.
    fn check_head(&mut self, signed: &SignedHead) -> Result<(), Finding> {
        let find =
            |kind, sequence, detail: String| Err(Finding { kind, sequence: Some(sequence), entry_id: None, detail });
        let stated = signed.head;
        if !self.key.vouches_for(signed) {
            return find(
                FindingKind::Forged,
                stated.sequence,
                "the signed head at this place is not authentic".to_owned(),
            );
        }
        if stated.sequence > self.head.sequence {
            let detail = format!("the log once reached {}", stated.sequence);
            return find(FindingKind::CutOff, self.head.sequence + 1, detail);
        }
        if stated.sequence == self.head.sequence && stated != self.head {
            let detail = format!("the seals up to {} are not those that were signed", stated.sequence);
            return find(FindingKind::Forged, self.confirmed + 1, detail);
        }
        self.confirmed = self.confirmed.max(stated.sequence);
        Ok(())
    }
}
