//! What ends by itself ends in its own tenant, at its time, and in parts.

use chrono::TimeDelta;

use crate::support::{BOOKKEEPING, World, events};

#[tokio::test]
async fn events_records_and_deleted_texts_end_at_their_time_in_their_own_tenant() {
    let world = World::new().await;
    let (a, b) = (world.site("A").await, world.site("B").await);
    let (one, two, other) = (world.chat(&a).await, world.chat(&a).await, world.chat(&b).await);
    for (site, chat) in [(&a, &one), (&a, &two), (&b, &other)] {
        let mut tx = world.begin(site).await;
        tx.runs().append_events(chat.run, &events(&[serde_json::json!({ "type": "RUN_STARTED" })])).await.unwrap();
        tx.conversations().delete(chat.conversation, site.user, world.now()).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
    }
    world.database.tamper("UPDATE runs SET status = 'finished', finished_at = created_at").await;
    let count = async |what: &str| world.database.peek(&format!("SELECT count(*)::text FROM {what}")).await.remove(0);
    let (now, later) = (world.now(), world.now() + TimeDelta::days(1));

    let mut tx = world.begin(&a).await;
    let before = now - TimeDelta::days(1);
    assert_eq!(tx.retention().prune_events(before, now, 9).await.unwrap(), 0);
    assert_eq!(tx.retention().erase_deleted(before, now, 9).await.unwrap().conversations, 0);
    assert_eq!(tx.retention().prune_events(later, now, 1).await.unwrap(), 1, "in parts");
    assert_eq!(tx.retention().prune_events(later, now, 9).await.unwrap(), 1);
    assert_eq!(tx.retention().prune_records(later, now, 9).await.unwrap(), 2);
    assert_eq!(tx.retention().prune_events(later, now, 9).await.unwrap(), 0, "once");
    let erased = tx.retention().erase_deleted(later, now, 9).await.unwrap();
    assert_eq!((erased.conversations, erased.runs), (2, 2));
    assert_eq!(tx.retention().prune_decisions(later, 9).await.unwrap(), 0);
    tx.commit(BOOKKEEPING).await.unwrap();

    let of_b = b.scope.tenant_id().uuid();
    assert_eq!(count("run_events").await, "1");
    assert_eq!(count("messages WHERE content <> ''").await, "1");
    assert_eq!(count(&format!("messages WHERE content <> '' AND tenant_id = '{of_b}'")).await, "1");
    assert_eq!(count("runs").await, "3", "that there were runs is still known");
    world.drop().await;
}
