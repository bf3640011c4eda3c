//! The feed that keyword indexes follow: nothing is skipped, whatever commits late.

use millwright_store::tenant::{IndexChange, IndexOperation};

use crate::support::{BOOKKEEPING, Site, World, eventually, scattered};

async fn changes(world: &World, site: &Site, after: (i64, i64)) -> Vec<IndexChange> {
    world.read(site).await.index_changes().list_after(after.0, after.1, 100).await.unwrap()
}

fn position(change: &IndexChange) -> (i64, i64) {
    (change.written_by, change.sequence)
}

#[tokio::test]
async fn a_change_that_commits_late_is_not_skipped() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (slow, quick) = (world.sources.new_id(), world.sources.new_id());
    let mut late = world.begin(&site).await;
    late.index_changes().touch(slow).await.unwrap();
    let mut early = world.begin(&site).await;
    early.index_changes().touch(quick).await.unwrap();
    early.commit(BOOKKEEPING).await.unwrap();
    // The quick change is committed and visible, but a follower that read it now would go past the slow one.
    for _ in 0..5 {
        assert!(changes(&world, &site, (0, 0)).await.is_empty());
        let mut system = world.store().system().await.unwrap();
        assert!(system.feed().list().await.unwrap().is_empty());
        assert!(system.feed().tenants_after(0, 0).await.unwrap().is_empty());
    }
    late.commit(BOOKKEEPING).await.unwrap();
    let read = eventually("both changes", async || {
        let read = changes(&world, &site, (0, 0)).await;
        (read.len() == 2).then_some(read)
    })
    .await;
    assert_eq!(read.iter().map(|change| change.version_id).collect::<Vec<_>>(), [slow, quick]);
    assert!(position(&read[0]) < position(&read[1]));
    world.drop().await;
}

#[tokio::test]
async fn a_follower_sees_every_change_of_concurrent_writers_once_and_in_order() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4_u64 {
        let (store, sources, scope) = (world.store().clone(), world.sources.clone(), site.scope);
        writers.spawn(async move {
            for round in 0..10_u64 {
                let mut tx = store.tenant(&scope).begin().await.unwrap();
                tx.index_changes().touch(sources.new_id()).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis((writer * 7 + round * 3) % 11)).await;
                tx.index_changes().touch(sources.new_id()).await.unwrap();
                tx.commit(BOOKKEEPING).await.unwrap();
            }
        });
    }
    let mut seen: Vec<IndexChange> = Vec::new();
    eventually("80 changes", async || {
        let after = seen.last().map_or((0, 0), position);
        seen.extend(changes(&world, &site, after).await);
        (seen.len() >= 80).then_some(())
    })
    .await;
    writers.join_all().await;
    assert_eq!(seen.len(), 80);
    assert!(seen.is_sorted_by(|a, b| position(a) < position(b)));
    let stored = world.database.peek("SELECT version_id::text FROM index_changes ORDER BY written_by, sequence").await;
    assert_eq!(seen.iter().map(|change| change.version_id.uuid().to_string()).collect::<Vec<_>>(), stored);
    world.drop().await;
}

#[tokio::test]
async fn the_follower_learns_which_tenants_have_changes() {
    let world = World::new().await;
    let (a, b, c) = (world.site("TenantA").await, world.site("TenantB").await, world.site("TenantC").await);
    world.manual(&a, "a.txt", &scattered(2, 1)).await;
    world.manual(&b, "b.txt", &scattered(2, 2)).await;
    let all = eventually("two tenants", async || {
        let states = world.store().system().await.unwrap().feed().list().await.unwrap();
        (states.len() == 2).then_some(states)
    })
    .await;
    assert!(all.iter().all(|state| state.scope != c.scope));
    let of = |site: &Site| all.iter().find(|state| state.scope == site.scope).unwrap();
    let newest = changes(&world, &a, (0, 0)).await.last().map(position).unwrap();
    assert_eq!((of(&a).written_by, of(&a).sequence), newest);

    let mut system = world.store().system().await.unwrap();
    let after_a = system.feed().tenants_after(newest.0, newest.1).await.unwrap();
    assert_eq!(after_a.iter().map(|state| state.scope).collect::<Vec<_>>(), [b.scope]);
    assert_eq!((after_a[0].written_by, after_a[0].sequence), (of(&b).written_by, of(&b).sequence));
    let both = system.feed().tenants_after(0, 0).await.unwrap();
    assert_eq!(both.iter().map(|state| state.scope).collect::<Vec<_>>(), [a.scope, b.scope]);
    drop(system);
    world.drop().await;
}

#[tokio::test]
async fn the_chunks_of_a_version_are_those_it_answers_with() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &scattered(3, 1)).await;
    let mut tx = world.read(&site).await;
    let chunks = tx.index_changes().chunks_of(manual.version).await.unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.id).collect::<Vec<_>>(), manual.chunks);
    assert_eq!(chunks[0].document_name, "Pump manual.txt");
    assert_eq!(chunks[0].heading_path, ["Pump", "Lock\"out, {safely}"]);
    drop(tx);
    let operations: Vec<_> = eventually("the change", async || {
        let read = changes(&world, &site, (0, 0)).await;
        (!read.is_empty()).then_some(read)
    })
    .await
    .iter()
    .map(|change| (change.version_id, change.operation))
    .collect();
    assert_eq!(operations, [(manual.version, IndexOperation::Upsert)]);
    world.drop().await;
}
