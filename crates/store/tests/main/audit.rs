//! The audit log as a tenant reads it, and the chain as the sealer writes it.

use chrono::Duration;
use millwright_core::{
    PageRequest, TenantScope,
    id::{AuditEntryId, TenantId},
};
use millwright_store::platform::Platform;
use millwright_store::{
    Proof,
    system::{NewSeal, UnsealedEntry},
    tenant::AuditFilter,
};

use crate::support::{FIRST, Site, World, eventually};

async fn unsealed(world: &World) -> Vec<UnsealedEntry> {
    world.store().system().await.unwrap().seals().list_unsealed(100).await.unwrap()
}

fn seal(sequence: i64, entry: AuditEntryId) -> NewSeal {
    let byte = u8::try_from(sequence).unwrap();
    NewSeal { sequence, entry_id: entry, previous_hash: [byte - 1; 32], hash: [byte; 32] }
}

async fn store_seals(world: &World, scope: &TenantScope, seals: &[NewSeal]) {
    let mut tx = world.store().system().await.unwrap();
    let mac = [u8::try_from(seals.last().map_or(0, |seal| seal.sequence)).unwrap(); 32];
    tx.seals().insert(scope, seals, mac, world.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn ids(world: &World, site: &Site, filter: AuditFilter) -> Vec<AuditEntryId> {
    let page = world.read(site).await.audit().list(&filter, FIRST).await.unwrap();
    page.items.iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn entries_commit_with_their_change_and_are_found_by_every_filter() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let start = world.now();
    let mut records: Vec<_> = (0..4).map(|_| world.record(&site, "document.uploaded")).collect();
    for (number, record) in (0..).zip(&mut records) {
        record.occurred_at = start + Duration::seconds(number);
    }
    records[1].actor = "system:ingest".to_owned();
    records[2].action = "document.deleted".to_owned();
    records[3].resource_type = "conversation".to_owned();
    records[3].resource_id = "cnv_9".to_owned();
    world.begin(&site).await.commit(Proof::Entries(&records)).await.unwrap();
    let all: Vec<_> = records.iter().map(|record| record.id).rev().collect();
    let any = AuditFilter::default;
    assert_eq!(ids(&world, &site, any()).await, all);
    let actor = Some(site.user.to_string());
    assert_eq!(ids(&world, &site, AuditFilter { actor, ..any() }).await, [all[0], all[1], all[3]]);
    let action = Some("document.deleted".to_owned());
    assert_eq!(ids(&world, &site, AuditFilter { action, ..any() }).await, [all[1]]);
    let resource_type = Some("conversation".to_owned());
    assert_eq!(ids(&world, &site, AuditFilter { resource_type, ..any() }).await, [all[0]]);
    let resource_id = Some("cnv_9".to_owned());
    assert_eq!(ids(&world, &site, AuditFilter { resource_id, ..any() }).await, [all[0]]);
    let (from, to) = (Some(start + Duration::seconds(1)), Some(start + Duration::seconds(3)));
    assert_eq!(ids(&world, &site, AuditFilter { from, to, ..any() }).await, [all[1], all[2]], "`to` is excluded");

    let row = world.read(&site).await.audit().list(&any(), FIRST).await.unwrap().items.remove(3);
    assert_eq!((row.actor, row.actor_name.as_deref()), (site.user.to_string(), Some("Admin of TenantA")));
    assert_eq!((row.occurred_at, row.canonical), (start, records[0].canonical.clone()));
    assert_eq!((row.sequence, row.hash), (None, None));
    world.drop().await;
}

#[tokio::test]
async fn pages_follow_each_other_also_where_times_are_equal() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut records: Vec<_> = (0..7).map(|_| world.record(&site, "document.uploaded")).collect();
    let moment = records[0].occurred_at;
    for record in &mut records {
        record.occurred_at = moment;
    }
    world.begin(&site).await.commit(Proof::Entries(&records)).await.unwrap();
    let mut seen = Vec::new();
    let mut page = PageRequest { limit: 3, after: None };
    loop {
        let part = world.read(&site).await.audit().list(&AuditFilter::default(), page).await.unwrap();
        seen.extend(part.items.iter().map(|row| row.id));
        let Some(next) = part.next_cursor else { break };
        // As a client sends it back: through its text.
        page.after = Some(next.to_string().parse().unwrap());
    }
    let mut expected: Vec<_> = records.iter().map(|record| record.id).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(seen, expected);
    world.drop().await;
}

#[tokio::test]
async fn a_change_whose_entry_is_refused_is_not_made() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let record = world.record(&site, "document.uploaded");
    world.begin(&site).await.commit(Proof::Entry(&record)).await.unwrap();
    let mut tx = world.begin(&site).await;
    let document = world.document(&mut tx, &site, "Pump manual.txt").await;
    assert!(tx.commit(Proof::Entry(&record)).await.is_err(), "an entry proves one change only");
    let reader = world.reader(&site).await;
    assert!(world.read(&site).await.documents().find_by_name(&reader, "x").await.is_err(), "a read locks nothing");
    let id = document.uuid();
    assert!(world.database.peek(&format!("SELECT name FROM documents WHERE id = '{id}'")).await.is_empty());
    world.drop().await;
}

#[tokio::test]
async fn the_sealer_is_given_no_entry_that_another_could_still_precede() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    // The slow transaction has its number before the quick one, and commits after it. Transactions of other
    // databases of the same server, such as other tests', also hold entries back: only the order is promised.
    let mut slow = world.begin(&site).await;
    slow.index_changes().touch(world.sources.new_id()).await.unwrap();
    let quick = world.audited(&site, "quick").await;
    for _ in 0..5 {
        assert!(unsealed(&world).await.is_empty());
    }
    let record = world.record(&site, "slow");
    slow.commit(Proof::Entry(&record)).await.unwrap();
    let entries = eventually("both entries", async || {
        let entries = unsealed(&world).await;
        assert!(entries.first().is_none_or(|first| first.id == record.id), "the slow one comes first");
        (entries.len() == 2).then_some(entries)
    })
    .await;
    assert_eq!(entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [record.id, quick]);
    assert_eq!((entries[0].scope, entries[0].canonical.clone()), (site.scope, record.canonical));
    assert!(entries[0].inserted_by < entries[1].inserted_by);
    world.drop().await;
}

/// Many writers, a sealer that takes what it is given as it goes: what it is given later never belongs before.
#[tokio::test]
async fn under_concurrent_writers_entries_reach_the_sealer_in_one_order_and_once() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4_u64 {
        let records: Vec<_> = (0..10).map(|_| world.record(&site, "document.uploaded")).collect();
        let (store, scope) = (world.store().clone(), site.scope);
        writers.spawn(async move {
            for (round, record) in (0_u64..).zip(&records) {
                let mut tx = store.tenant(&scope).begin().await.unwrap();
                tx.index_changes().touch(millwright_core::id::VersionId::from(record.id.uuid())).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis((writer * 5 + round * 7) % 13)).await;
                tx.commit(Proof::Entry(record)).await.unwrap();
            }
        });
    }
    let mut order: Vec<(i64, AuditEntryId)> = Vec::new();
    eventually("40 sealed entries", async || {
        let mut tx = world.store().system().await.unwrap();
        assert!(tx.seals().try_lock().await.unwrap());
        let entries = tx.seals().list_unsealed(7).await.unwrap();
        let first = i64::try_from(order.len()).unwrap() + 1;
        let seals: Vec<_> = (first..).zip(&entries).map(|(sequence, entry)| seal(sequence, entry.id)).collect();
        tx.seals().insert(&site.scope, &seals, [9; 32], world.now()).await.unwrap();
        if let Some(last) = entries.last() {
            tx.seals().set_position(last.inserted_by).await.unwrap();
        }
        tx.commit().await.unwrap();
        order.extend(entries.iter().map(|entry| (entry.inserted_by, entry.id)));
        (order.len() >= 40).then_some(())
    })
    .await;
    writers.join_all().await;
    assert_eq!(order.len(), 40);
    assert!(order.is_sorted());
    assert!(unsealed(&world).await.is_empty());
    let mut tx = world.store().system().await.unwrap();
    assert!(tx.seals().entries_unsealed(&site.scope, 10).await.unwrap().is_empty());
    assert_eq!(tx.seals().head(&site.scope).await.unwrap().unwrap().sequence, 40);
    drop(tx);
    assert_eq!(world.database.peek("SELECT count(*)::text FROM audit_heads").await, ["1"]);
    world.drop().await;
}

#[tokio::test]
async fn seals_and_their_head_are_read_back_and_shown_with_the_entries() {
    let world = World::new().await;
    let (site, other) = (world.site("TenantA").await, world.site("TenantB").await);
    let first = world.audited(&site, "first").await;
    let second = world.audited(&site, "second").await;
    let foreign = world.audited(&other, "foreign").await;
    let mut tx = world.store().system().await.unwrap();
    assert!(tx.seals().head(&site.scope).await.unwrap().is_none());
    assert_eq!(tx.seals().entries_unsealed(&site.scope, 10).await.unwrap().len(), 2);
    drop(tx);
    store_seals(&world, &site.scope, &[seal(1, first)]).await;
    store_seals(&world, &site.scope, &[seal(2, second)]).await;
    store_seals(&world, &other.scope, &[seal(1, foreign)]).await;
    store_seals(&world, &other.scope, &[]).await;

    let mut tx = world.store().system().await.unwrap();
    let head = tx.seals().head(&site.scope).await.unwrap().unwrap();
    assert_eq!((head.sequence, head.hash, head.mac), (2, vec![2; 32], vec![2; 32]));
    assert_eq!(tx.seals().head(&other.scope).await.unwrap().unwrap().sequence, 1);
    let seals = tx.seals().list_after(&site.scope, 0, 10).await.unwrap();
    assert_eq!(seals.iter().map(|seal| (seal.sequence, seal.entry_id)).collect::<Vec<_>>(), [(1, first), (2, second)]);
    assert_eq!(seals[1].previous_hash, seals[0].hash);
    assert_eq!(tx.seals().list_after(&site.scope, 1, 10).await.unwrap().len(), 1);
    let entries = tx.seals().entries(&site.scope, &[first, foreign]).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].id, entries[0].tenant_id, entries[0].action.as_str()),
        (first, site.scope.tenant_id(), "first")
    );
    drop(tx);

    let rows = world.read(&site).await.audit().list(&AuditFilter::default(), FIRST).await.unwrap().items;
    assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), [Some(2), Some(1)]);
    assert_eq!(rows[0].hash.as_deref(), Some(&[2; 32][..]));
    world.drop().await;
}

#[tokio::test]
async fn a_head_never_goes_back_and_a_place_is_taken_once() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let entries = [world.audited(&site, "a").await, world.audited(&site, "b").await, world.audited(&site, "c").await];
    store_seals(&world, &site.scope, &[seal(1, entries[0]), seal(2, entries[1])]).await;
    for wrong in [seal(2, entries[2]), seal(3, entries[0])] {
        let mut tx = world.store().system().await.unwrap();
        let result = tx.seals().insert(&site.scope, &[wrong], [0; 32], world.now()).await;
        assert!(matches!(result, Err(millwright_store::StoreError::Duplicate(_))), "{result:?}");
    }
    world.database.tamper("DELETE FROM audit_seals WHERE sequence = 1").await;
    store_seals(&world, &site.scope, &[seal(1, entries[0])]).await;
    let mut tx = world.store().system().await.unwrap();
    assert_eq!(tx.seals().head(&site.scope).await.unwrap().unwrap().sequence, 2);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn only_one_process_seals_at_a_time() {
    let world = World::new().await;
    let mut one = world.store().system().await.unwrap();
    let mut other = world.store().system().await.unwrap();
    assert!(one.seals().try_lock().await.unwrap());
    assert!(!other.seals().try_lock().await.unwrap());
    one.commit().await.unwrap();
    assert!(other.seals().try_lock().await.unwrap());
    drop(other);
    world.drop().await;
}

#[tokio::test]
async fn accounts_and_tenants_are_found_by_what_people_type() {
    let world = World::new().await;
    let (site, _) = (world.site("TenantA").await, world.site("TenantB").await);
    let mut tx = world.store().system().await.unwrap();
    let account = tx.accounts().find_by_email("admin@tenanta.example").await.unwrap().unwrap();
    assert_eq!((account.user_id, account.scope, account.tenant_name.as_str()), (site.user, site.scope, "TenantA"));
    assert_eq!(account.password_hash.as_deref(), Some("$argon2id$not-a-real-one"));
    assert!(account.disabled_at.is_none());
    assert!(tx.accounts().find_by_email("nobody@tenanta.example").await.unwrap().is_none());
    assert_eq!(tx.tenants().list().await.unwrap().len(), 2);
    assert_eq!(tx.tenants().find_by_name("TenantA").await.unwrap().unwrap().scope, site.scope);
    assert!(tx.tenants().find_by_name("tenanta").await.unwrap().is_none());
    drop(tx);
    let mut platform = Platform::open(&world.database.platform_url).await.unwrap();
    let id: TenantId = world.sources.new_id();
    let taken = platform.begin().await.unwrap().create(id, "TenantA", world.now()).await;
    assert!(matches!(taken, Err(millwright_store::StoreError::Duplicate(_))));
    let user = world.read(&site).await.users().get(site.user).await.unwrap().unwrap();
    assert_eq!((user.tenant_name.as_str(), user.email.as_deref()), ("TenantA", Some("admin@tenanta.example")));
    world.drop().await;
}
