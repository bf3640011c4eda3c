//! What people of one tenant have remembered: their own alone, and no longer than it is to be.

use chrono::TimeDelta;
use millwright_core::{Classification, Cursor, Label, id::UserId};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{ChangedMemory, MemoryKind, MemoryRow, NewMemory, WantedMemories},
};

use crate::support::{BOOKKEEPING, Site, World};

fn memory(world: &World, user_id: UserId, kept: Option<TimeDelta>) -> NewMemory {
    NewMemory {
        id: world.sources.new_id(),
        user_id,
        kind: MemoryKind::AboutMe,
        sealed: vec![1, 2, 3],
        label: Label::of(Classification::Internal),
        conversation_id: None,
        message_id: None,
        run_id: None,
        goal_id: None,
        chunk_ids: Vec::new(),
        created_at: world.now(),
        expires_at: kept.map(|kept| world.now() + kept),
    }
}

pub(crate) async fn remember(world: &World, tx: &mut TenantTx, site: &Site) -> MemoryRow {
    let memory = memory(world, site.user, Some(TimeDelta::days(1)));
    tx.memories().insert(&memory).await.unwrap();
    tx.memories().require(memory.id, site.user, world.now()).await.unwrap()
}

pub(crate) async fn assert_sees_none(tx: &mut TenantTx, other: &MemoryRow) {
    let before = other.created_at;
    assert!(matches!(tx.memories().require(other.id, other.user_id, before).await, Err(StoreError::NotFound(_))));
    assert!(tx.memories().list(other.user_id, before, WantedMemories::default()).await.unwrap().is_empty());
    assert!(tx.memories().these(other.user_id, &[other.id]).await.unwrap().is_empty());
}

pub(crate) async fn try_to_change(world: &World, tx: &mut TenantTx, other: &MemoryRow) {
    let (user, now) = (other.user_id, world.now());
    let change = ChangedMemory { sealed: Some(vec![9]), expires_at: None, changed_at: now };
    assert!(matches!(tx.memories().change(other.id, user, &change).await, Err(StoreError::NotFound(_))));
    assert!(matches!(tx.memories().delete(other.id, user).await, Err(StoreError::NotFound(_))));
    tx.memories().set_used(user, &[other.id], now).await.unwrap();
    assert_eq!(tx.memories().clear(user).await.unwrap(), 0);
}

#[tokio::test]
async fn a_colleague_sees_and_changes_nothing_of_it() {
    let world = World::new().await;
    let site = world.site("A").await;
    let mut tx = world.begin(&site).await;
    let row = remember(&world, &mut tx, &site).await;
    let colleague = world.sources.new_id::<UserId>();
    let change = ChangedMemory { sealed: Some(vec![9]), expires_at: None, changed_at: world.now() };
    assert!(tx.memories().list(colleague, world.now(), WantedMemories::default()).await.unwrap().is_empty());
    assert!(tx.memories().these(colleague, &[row.id]).await.unwrap().is_empty());
    assert!(tx.memories().change(row.id, colleague, &change).await.is_err());
    assert!(tx.memories().delete(row.id, colleague).await.is_err());
    tx.memories().set_used(colleague, &[row.id], world.now()).await.unwrap();
    assert_eq!(tx.memories().clear(colleague).await.unwrap(), 0);
    let after = tx.memories().require(row.id, site.user, world.now()).await.unwrap();
    assert_eq!((after.sealed, after.revision, after.used_at), (vec![1, 2, 3], 1, None));
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn what_has_expired_is_gone_from_its_moment_on_and_then_deleted() {
    let world = World::new().await;
    let site = world.site("A").await;
    let mut tx = world.begin(&site).await;
    let kept = memory(&world, site.user, None);
    let passing = memory(&world, site.user, Some(TimeDelta::hours(1)));
    tx.memories().insert(&kept).await.unwrap();
    tx.memories().insert(&passing).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let later = world.now() + TimeDelta::hours(1);
    let mut system = world.store().system().await.unwrap();
    assert!(system.memories().tenants(world.now(), 9).await.unwrap().is_empty());
    assert_eq!(system.memories().tenants(later, 9).await.unwrap(), [site.scope]);
    drop(system);
    let mut tx = world.begin(&site).await;
    assert!(matches!(tx.memories().require(passing.id, site.user, later).await, Err(StoreError::NotFound(_))));
    let left: Vec<_> = tx
        .memories()
        .list(site.user, later, WantedMemories::default())
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(left, [kept.id]);
    assert_eq!(tx.memories().expire(later).await.unwrap(), 1);
    assert_eq!(tx.memories().these(site.user, &[kept.id, passing.id]).await.unwrap().len(), 1);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn memories_come_in_pages_of_a_kind_newest_first() {
    let world = World::new().await;
    let site = world.site("A").await;
    let mut tx = world.begin(&site).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let kind = if number == 2 { MemoryKind::Procedure } else { MemoryKind::AboutMe };
        let created_at = world.now() + TimeDelta::seconds(number);
        let memory = NewMemory { kind, created_at, ..memory(&world, site.user, None) };
        tx.memories().insert(&memory).await.unwrap();
        ids.push(memory.id);
    }
    assert_eq!(tx.memories().count(site.user, world.now()).await.unwrap(), 5);
    let kinds = [MemoryKind::AboutMe];
    let first = WantedMemories { kinds: &kinds, limit: Some(2), after: None };
    let page = tx.memories().list(site.user, world.now(), first).await.unwrap();
    assert_eq!(page.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[4], ids[3]]);
    let after = Some(Cursor { at: page[1].created_at, id: page[1].id.uuid() });
    let rest = tx.memories().list(site.user, world.now(), WantedMemories { after, ..first }).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[1], ids[0]]);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn two_runs_that_are_given_the_same_memories_do_not_wait_for_each_other() {
    let world = World::new().await;
    let site = world.site("A").await;
    let mut tx = world.begin(&site).await;
    let row = remember(&world, &mut tx, &site).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    let (mut one, mut other) = (world.begin(&site).await, world.begin(&site).await);
    one.memories().set_used(site.user, &[row.id], world.now()).await.unwrap();
    other.memories().set_used(site.user, &[row.id], world.now()).await.unwrap();
    other.commit(BOOKKEEPING).await.unwrap();
    one.commit(BOOKKEEPING).await.unwrap();
    let mut tx = world.begin(&site).await;
    assert!(tx.memories().require(row.id, site.user, world.now()).await.unwrap().used_at.is_some());
    drop(tx);
    world.drop().await;
}
