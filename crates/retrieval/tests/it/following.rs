use std::time::Duration;

use millwright_retrieval::keyword::KeywordIndexes;
use millwright_store::platform::Platform;

use crate::support::{BOOKKEEPING, PUMP_MANUAL, Plant, eventually, follow, of_all};

async fn finds(keyword: &KeywordIndexes, scope: &millwright_core::TenantScope, query: &str) -> bool {
    !keyword.search(scope, of_all(query)).await.unwrap().hits.is_empty()
}

#[tokio::test]
async fn a_deleted_folder_is_rebuilt_while_serving() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "pump-manual.md", PUMP_MANUAL).await;
    std::fs::remove_dir_all(plant.folder.path().join("index")).unwrap();
    let found = plant.search(&site, "mechanical seal").await;
    assert!(!found.passages.is_empty(), "vectors answer meanwhile");
    eventually("the index is rebuilt", || finds(&plant.keyword, &site.scope, "6205-2RS")).await;
}

#[tokio::test]
async fn what_a_deleted_tenant_wrote_leaves_the_index_and_the_disk() {
    let plant = Plant::new().await;
    let (gone, stays) = (plant.site("A").await, plant.site("B").await);
    plant.add(&gone, "pump-manual.md", PUMP_MANUAL).await;
    plant.add(&stays, "saw.md", "# Saw\n\nThe saw blade is changed weekly.").await;
    let folder = plant.folder.path().join("index").join(gone.scope.tenant_id().to_string());
    assert!(folder.exists());
    let mut platform = Platform::open(&plant.database.platform_url).await.unwrap();
    let mut tx = platform.begin().await.unwrap();
    tx.delete(&gone.scope, plant.sources.now()).await.unwrap();
    tx.commit(&[]).await.unwrap();
    eventually("the folder is gone", async || !folder.exists()).await;
    assert!(finds(&plant.keyword, &stays.scope, "saw").await);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!folder.exists(), "and stays gone");
}

#[tokio::test]
async fn a_replica_that_joins_late_catches_up() {
    let plant = Plant::new().await;
    let (a, b) = (plant.site("A").await, plant.site("B").await);
    plant.add(&a, "pump-manual.md", PUMP_MANUAL).await;
    plant.add(&a, "kiln.md", "# Kiln\n\nThe kiln may reach 850 degrees.").await;
    plant.add(&a, "kiln.md", "# Kiln\n\nThe furnace may reach 900 degrees.").await;
    plant.add(&b, "saw.md", "# Saw\n\nThe saw blade is changed weekly.").await;
    let folder = tempfile::tempdir().unwrap();
    let keyword = KeywordIndexes::new(folder.path());
    let (handle, _ends) = follow(&plant.database, &keyword);
    eventually("the late replica is there", async || {
        handle.lag().started && handle.lag().tenants_behind == 0 && finds(&keyword, &b.scope, "saw").await
    })
    .await;
    assert!(finds(&keyword, &a.scope, "6205-2RS").await && finds(&keyword, &a.scope, "furnace").await);
    assert!(!finds(&keyword, &a.scope, "850").await, "what was superseded before it joined");
    assert!(!finds(&keyword, &a.scope, "saw").await, "another tenant's");
}

#[tokio::test]
async fn a_process_that_ended_goes_on_where_it_was() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "one.md", "# One\n\nThe first anvil.").await;
    let folder = tempfile::tempdir().unwrap();
    let keyword = KeywordIndexes::new(folder.path());
    let (_, ends) = follow(&plant.database, &keyword);
    eventually("the first is there", || finds(&keyword, &site.scope, "anvil")).await;
    drop(ends);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let reached = keyword.writer(&site.scope).await.unwrap().position();
    drop(keyword);
    plant.add(&site, "two.md", "# Two\n\nThe second hammer.").await;
    let keyword = KeywordIndexes::new(folder.path());
    assert_eq!(keyword.writer(&site.scope).await.unwrap().position(), reached);
    let (_, _ends) = follow(&plant.database, &keyword);
    eventually("the second is there too", || finds(&keyword, &site.scope, "hammer")).await;
    assert!(finds(&keyword, &site.scope, "anvil").await);
}

#[tokio::test]
async fn it_outlives_its_connections() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "one.md", "# One\n\nThe first anvil.").await;
    for _ in 0..3 {
        plant
            .database
            .tamper(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let mut tx = loop {
        if let Ok(tx) = plant.database.store.tenant(&site.scope).begin().await {
            break tx;
        }
    };
    let reader = tx.labels().reader(site.user).await.unwrap();
    let document = tx.documents().find_by_name(&reader, "one.md").await.unwrap().unwrap();
    tx.documents().delete(document, plant.sources.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    eventually("it follows again", async || !finds(&plant.keyword, &site.scope, "anvil").await).await;
    eventually("and says so", async || plant.follower.lag().failure.is_none()).await;
}

#[tokio::test]
async fn an_index_ahead_of_a_restored_database_is_rebuilt() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "one.md", "# One\n\nThe first anvil.").await;
    let folder = tempfile::tempdir().unwrap();
    let keyword = KeywordIndexes::new(folder.path());
    let writer = keyword.writer(&site.scope).await.unwrap();
    let future = millwright_retrieval::keyword::FeedPosition { written_by: i64::MAX / 2, sequence: 1 };
    writer.commit(future).await.unwrap();
    drop(writer);
    let (_, _ends) = follow(&plant.database, &keyword);
    eventually("it began anew", || finds(&keyword, &site.scope, "anvil")).await;
}
