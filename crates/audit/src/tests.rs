//! A log in memory, changed in every way that somebody with access to the database but without the key
//! could change it.

use std::sync::Arc;

use chrono::DateTime;
use millwright_core::{
    FixedClock, SeededRandomness, Sources,
    audit::AuditRecord,
    id::{TenantId, UserId},
};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::{
    Actor, AuditAction, AuditError, AuditEvent, AuditKey, Finding, FindingKind, Head, Report, Seal, SignedHead,
    Verifier, seal,
};

fn sources() -> Sources {
    let clock = FixedClock::new(DateTime::from_timestamp_micros(1_760_000_000_123_456).unwrap());
    Sources { clock: Arc::new(clock), randomness: Arc::new(SeededRandomness::new(3)) }
}

fn key() -> AuditKey {
    AuditKey::derive(b"a secret key of more than 32 bytes").unwrap()
}

fn tenant() -> TenantId {
    TenantId::from(Uuid::from_u128(0xA))
}

fn event(sources: &Sources, number: usize) -> AuditEvent {
    let actor = if number.is_multiple_of(3) {
        Actor::System("worker")
    } else {
        Actor::User(UserId::from(Uuid::from_u128(number as u128)))
    };
    let action = AuditAction::ALL[number % AuditAction::ALL.len()];
    AuditEvent::new(sources, tenant(), actor, action, format!("thing-{number}"))
        .trace("4bf92f3577b34da6a3ce929d0e0e4736")
        .detail("size", number)
        .detail("name", "pümp \"CR-15\"")
}

/// What the database holds for one tenant.
#[derive(Clone)]
struct Log {
    entries: Vec<AuditRecord>,
    seals: Vec<Seal>,
    heads: Vec<SignedHead>,
}

impl Log {
    /// So many sealed entries in batches of so many, and two more that wait.
    fn new(sealed: usize, batch: usize) -> Self {
        let (key, sources) = (key(), sources());
        let entries: Vec<_> =
            (0..sealed + 2).map(|number| key.authenticate(&event(&sources, number)).unwrap()).collect();
        let mut log = Self { entries, seals: Vec::new(), heads: Vec::new() };
        log.chain_anew(sealed);
        log.heads = log.seals.chunks(batch).map(|batch| key.sign_head(batch[batch.len() - 1].head())).collect();
        log
    }

    /// What anybody can do: recompute all seals over the first entries.
    fn chain_anew(&mut self, sealed: usize) {
        let mut head = Head::genesis(tenant());
        self.seals.clear();
        for entry in &self.entries[..sealed] {
            let next = seal(&head, entry.id, &entry.canonical, &entry.mac);
            head = next.head();
            self.seals.push(next);
        }
    }

    /// As storage reads it: seals by number with their entries and heads, then entries without a seal.
    fn verify_with(&self, key: &AuditKey, anchor: Option<Head>) -> Result<Report, Finding> {
        let mut verifier = Verifier::new(key, tenant());
        if let Some(anchor) = anchor {
            verifier = verifier.anchor(anchor);
        }
        let mut seals = self.seals.clone();
        seals.sort_by_key(|seal| seal.sequence);
        for seal in &seals {
            let entry = self.entries.iter().find(|entry| entry.id == seal.entry_id);
            let head = self.heads.iter().find(|signed| signed.head.sequence == seal.sequence);
            verifier.sealed(seal, entry, head)?;
        }
        for entry in self.entries.iter().filter(|entry| seals.iter().all(|seal| seal.entry_id != entry.id)) {
            verifier.unsealed(entry)?;
        }
        verifier.finish(self.heads.iter().max_by_key(|signed| signed.head.sequence))
    }

    fn verify(&self) -> Result<Report, Finding> {
        self.verify_with(&key(), None)
    }

    fn place(&self) -> (FindingKind, Option<i64>) {
        let finding = self.verify().unwrap_err();
        (finding.kind, finding.sequence)
    }
}

#[test]
fn an_untouched_log_verifies() {
    for (sealed, batch) in [(0, 1), (1, 1), (7, 3), (9, 3)] {
        let log = Log::new(sealed, batch);
        let report = log.verify().unwrap();
        assert_eq!((report.sealed, report.unsealed, report.entries), (sealed as u64, 2, sealed as u64 + 2));
        assert_eq!(report.oldest_unsealed, Some(log.entries[sealed].occurred_at));
        assert_eq!(report.head.sequence, i64::try_from(sealed).unwrap());
    }
}

#[test]
fn canonical_bytes_do_not_change() {
    let sources = sources();
    let mut event = event(&sources, 4).detail("ratio", 0.1).detail("empty", json!({}));
    event.id = Uuid::from_u128(1).into();
    event.action = AuditAction::DocumentUploaded;
    let key = AuditKey::derive(&[1; 32]).unwrap();
    let record = key.authenticate(&event).unwrap();
    let first = seal(&Head::genesis(tenant()), record.id, &record.canonical, &record.mac);
    assert_eq!(
        String::from_utf8(record.canonical).unwrap(),
        concat!(
            r#"{"action":"document.uploaded","actor":"usr_00000000000000000000000000000004","#,
            r#""details":{"empty":{},"name":"pümp \"CR-15\"","ratio":0.1,"size":4},"id":"aud_00000000000000000000000000000001","#,
            r#""key":"f8919c8a","occurred_at":"2025-10-09T08:53:20.123456Z","resource_id":"thing-4","resource_type":"document","#,
            r#""tenant_id":"ten_0000000000000000000000000000000a","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","v":1}"#
        )
    );
    // Computed by another program (Python's hashlib and hmac) from the description of the format.
    assert_eq!(hex::encode(record.mac), "386c7341a2484d34096dbf61620c0f03f6533371d4e452e66f1b68e62a770a4f");
    assert_eq!(hex::encode(first.previous_hash), "29419b7f9d6439a02108e9875d06a82b24ee41334c43a37d604cc3107a3822ae");
    assert_eq!(hex::encode(first.hash), "c83c2a1fd0246b531ce3706903b1f5866361409dae6a75d373c8aad7391a7441");
    assert_eq!(
        hex::encode(key.sign_head(first.head()).mac),
        "58d22999eb16a972e1120720463384f8813d75b3a18fcdbf719383ae44d2633c"
    );
}

#[test]
fn a_number_that_would_be_rounded_is_refused() {
    let sources = sources();
    let authenticate = |value: serde_json::Value| key().authenticate(&event(&sources, 1).detail("n", value));
    assert!(authenticate(json!(9_007_199_254_740_992_i64)).is_ok());
    assert!(matches!(authenticate(json!([{ "deep": 9_007_199_254_740_993_i64 }])), Err(AuditError::InexactNumber(_))));
    assert!(matches!(authenticate(json!(-9_007_199_254_740_993_i64)), Err(AuditError::InexactNumber(_))));
    assert!(matches!(authenticate(json!(u64::MAX)), Err(AuditError::InexactNumber(_))));
    assert!(matches!(AuditKey::derive(&[0; 31]), Err(AuditError::WeakKey(31))));
}

#[test]
fn another_key_is_told_apart_from_altered_entries() {
    let log = Log::new(3, 3);
    let other = AuditKey::derive(b"another secret of more than 32 bytes").unwrap();
    let finding = log.verify_with(&other, None).unwrap_err();
    assert_eq!((finding.kind, finding.sequence), (FindingKind::OtherKey, Some(1)));
    assert_ne!(other.id(), key().id());
    assert!(!format!("{other:?}").contains("secret"));
}

#[test]
fn a_log_that_was_cut_off_is_told_from_a_short_one() {
    let mut log = Log::new(7, 3);
    log.seals.truncate(5);
    log.entries.truncate(5);
    assert_eq!(log.place(), (FindingKind::CutOff, Some(6)));
    log.seals.clear();
    log.entries.clear();
    assert_eq!(log.place(), (FindingKind::CutOff, Some(1)));
}

#[test]
fn a_log_rolled_back_with_its_heads_is_found_by_the_anchor() {
    let mut log = Log::new(9, 3);
    let anchor = log.verify().unwrap().head;
    log.seals.truncate(6);
    log.entries.truncate(6);
    log.heads.truncate(2);
    assert!(log.verify().is_ok(), "the stated limit of what storage alone can tell");
    let finding = log.verify_with(&key(), Some(anchor)).unwrap_err();
    assert_eq!((finding.kind, finding.sequence), (FindingKind::CutOff, Some(7)));
    let other_past = Head { sequence: 4, hash: [9; 32], ..anchor };
    let finding = log.verify_with(&key(), Some(other_past)).unwrap_err();
    assert_eq!((finding.kind, finding.sequence), (FindingKind::Forged, Some(4)));
}

#[test]
fn seals_recomputed_without_the_key_are_found() {
    let mut log = Log::new(9, 3);
    log.entries.remove(4);
    log.chain_anew(8);
    assert_eq!(log.place(), (FindingKind::Forged, Some(4)), "the batch of the removed entry");
    log.heads.retain(|signed| signed.head.sequence < 4);
    assert_eq!(log.place(), (FindingKind::Forged, Some(4)), "even without the heads that would contradict");
    log.heads.clear();
    assert_eq!(log.place(), (FindingKind::Forged, Some(1)));
}

#[test]
fn a_log_of_another_tenant_does_not_fit() {
    let log = Log::new(3, 3);
    let key = key();
    let mut verifier = Verifier::new(&key, TenantId::from(Uuid::from_u128(0xB)));
    let finding = verifier.sealed(&log.seals[0], Some(&log.entries[0]), None).unwrap_err();
    assert_eq!((finding.kind, finding.sequence), (FindingKind::Altered, Some(1)));
}

#[test]
fn a_finding_reads_as_a_sentence() {
    let mut log = Log::new(3, 3);
    log.entries[1].actor = "usr_somebody".to_owned();
    let id = log.entries[1].id;
    assert_eq!(
        log.verify().unwrap_err().to_string(),
        format!("altered at sequence 2 ({id}): column `actor` does not repeat what its bytes say")
    );
}

fn flip(bytes: &mut [u8], place: prop::sample::Index, bit: u8) {
    let place = place.index(bytes.len());
    bytes[place] ^= 1 << (bit % 8);
}

proptest! {
    /// One change to one entry, sealed or not: its place is named.
    #[test]
    fn a_changed_entry_is_named(sealed in 1_usize..12, batch in 1_usize..5, at: prop::sample::Index,
                                what in 0..9, place: prop::sample::Index, bit: u8) {
        let mut log = Log::new(sealed, batch);
        let at = at.index(log.entries.len());
        let entry = &mut log.entries[at];
        match what {
            0 => flip(&mut entry.canonical, place, bit),
            1 => flip(&mut entry.mac, place, bit),
            2 => entry.tenant_id = Uuid::from_u128(5).into(),
            3 => entry.occurred_at += chrono::Duration::microseconds(1),
            4 => entry.actor.push('0'),
            5 => entry.action.push('0'),
            6 => entry.resource_type.push('0'),
            7 => entry.resource_id.push('0'),
            _ => { entry.canonical.pop(); }
        }
        let id = entry.id;
        let finding = log.verify().unwrap_err();
        // A flipped bit in the name of the key inside the bytes makes it look like another key's.
        prop_assert!(matches!(finding.kind, FindingKind::Altered | FindingKind::OtherKey));
        prop_assert_eq!(finding.entry_id, Some(id));
        prop_assert_eq!(finding.sequence, (at < sealed).then(|| i64::try_from(at).unwrap() + 1));
    }

    /// One change to one seal: its place is named.
    #[test]
    fn a_changed_seal_is_named(sealed in 1_usize..12, batch in 1_usize..5, at: prop::sample::Index,
                               what in 0..4, place: prop::sample::Index, bit: u8) {
        let mut log = Log::new(sealed, batch);
        let at = at.index(sealed);
        let seal = &mut log.seals[at];
        let kind = match what {
            0 => { flip(&mut seal.previous_hash, place, bit); FindingKind::Altered }
            1 => { flip(&mut seal.hash, place, bit); FindingKind::Altered }
            2 => { seal.tenant_id = Uuid::from_u128(5).into(); FindingKind::Altered }
            _ => { seal.entry_id = Uuid::from_u128(5).into(); FindingKind::Missing }
        };
        prop_assert_eq!(log.place(), (kind, Some(i64::try_from(at).unwrap() + 1)));
    }

    /// A changed head is found; that one is named by its own number.
    #[test]
    fn a_changed_head_is_named(sealed in 1_usize..12, batch in 1_usize..5, at: prop::sample::Index,
                               in_mac: bool, place: prop::sample::Index, bit: u8) {
        let mut log = Log::new(sealed, batch);
        let at = at.index(log.heads.len());
        let signed = &mut log.heads[at];
        flip(if in_mac { &mut signed.mac } else { &mut signed.head.hash }, place, bit);
        let sequence = signed.head.sequence;
        prop_assert_eq!(log.place(), (FindingKind::Forged, Some(sequence)));
    }

    /// A removed seal or sealed entry is named, the end of the log included.
    #[test]
    fn a_removed_row_is_named(sealed in 1_usize..12, batch in 1_usize..5, at: prop::sample::Index, what in 0..3) {
        let mut log = Log::new(sealed, batch);
        let at = at.index(sealed);
        if what > 0 { log.seals.remove(at); }
        if what < 2 { log.entries.remove(at); }
        let kind = if what > 0 && at + 1 == sealed { FindingKind::CutOff } else { FindingKind::Missing };
        prop_assert_eq!(log.place(), (kind, Some(i64::try_from(at).unwrap() + 1)));
    }

    /// Two entries or two seals that changed places: the first of them is named.
    #[test]
    fn swapped_rows_are_named(sealed in 2_usize..12, batch in 1_usize..5, a: prop::sample::Index,
                              b: prop::sample::Index, whole_seals: bool) {
        let mut log = Log::new(sealed, batch);
        let (a, b) = (a.index(sealed), b.index(sealed));
        prop_assume!(a != b);
        if whole_seals {
            let sequence = log.seals[a].sequence;
            log.seals[a].sequence = log.seals[b].sequence;
            log.seals[b].sequence = sequence;
        } else {
            let id = log.seals[a].entry_id;
            log.seals[a].entry_id = log.seals[b].entry_id;
            log.seals[b].entry_id = id;
        }
        prop_assert_eq!(log.place(), (FindingKind::Reordered, Some(i64::try_from(a.min(b)).unwrap() + 1)));
    }

    /// An entry made up without the key, sealed in a chain computed anew or waiting.
    #[test]
    fn an_invented_entry_is_named(sealed in 1_usize..12, at: prop::sample::Index, mac: [u8; 32]) {
        let mut log = Log::new(sealed, 3);
        let at = at.index(log.entries.len());
        let mut invented = log.entries[at].clone();
        let id: millwright_core::id::AuditEntryId = Uuid::from_u128(99).into();
        let text = String::from_utf8(invented.canonical).unwrap().replace(&invented.id.to_string(), &id.to_string());
        invented.canonical = text.into_bytes();
        invented.id = id;
        invented.mac = mac;
        log.entries.insert(at, invented);
        if at < sealed { log.chain_anew(sealed + 1); }
        let finding = log.verify().unwrap_err();
        prop_assert_eq!(finding.sequence, (at < sealed).then(|| i64::try_from(at).unwrap() + 1));
        prop_assert_eq!((finding.kind, finding.entry_id), (FindingKind::Altered, Some(id)));
    }

    /// The canonicalizer's word for it: other order of insertion, same bytes.
    #[test]
    fn the_order_of_details_does_not_matter(names in prop::collection::hash_set("\\PC{0,6}", 0..6)) {
        let sources = sources();
        let event = event(&sources, 1);
        let names: Vec<_> = names.into_iter().collect();
        let with = |names: &mut dyn Iterator<Item = &String>| {
            let event = names.fold(event.clone(), |event, name| event.detail(name, name.clone()));
            key().authenticate(&event).unwrap().canonical
        };
        prop_assert_eq!(with(&mut names.iter()), with(&mut names.iter().rev()));
    }
}
