//! The life of a version: queued, read, ready, superseded, failed, deleted with its document.

use millwright_core::{
    Classification, Label, PageRequest,
    id::{DocumentId, VersionId},
};
use millwright_store::{
    StoreError,
    tenant::{DocumentFilter, Stage, Standing, VersionRow, VersionStatus},
};
use serde_json::json;

use crate::support::{BOOKKEEPING, FIRST, Site, World, axis, scattered};

async fn version(world: &World, site: &Site, id: VersionId) -> VersionRow {
    world.read(site).await.versions().require(id).await.unwrap()
}

async fn set_ready(world: &World, site: &Site, id: VersionId) -> Standing {
    let mut tx = world.begin(site).await;
    let standing = tx.versions().set_ready(id, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    standing
}

/// The operations that the feed holds for a version, oldest first; read past the watermark.
async fn fed(world: &World, id: VersionId) -> Vec<String> {
    let id = id.uuid();
    let query = format!("SELECT operation FROM index_changes WHERE version_id = '{id}' ORDER BY written_by, sequence");
    world.database.peek(&query).await
}

/// How many rows of what was read of a version are stored: bytes, pages, chunks, vectors.
async fn stored(world: &World, id: VersionId) -> Vec<String> {
    let id = id.uuid();
    let counts = ["document_contents", "document_pages", "chunks", "chunk_vectors"]
        .map(|table| format!("(SELECT count(*)::text FROM {table} WHERE version_id = '{id}')"));
    world.database.peek(&format!("SELECT unnest(ARRAY[{}])", counts.join(","))).await
}

/// A document with two versions, both filled, neither ready.
async fn two_versions(world: &World, site: &Site) -> (DocumentId, VersionId, VersionId) {
    let mut tx = world.begin(site).await;
    let document = world.document(&mut tx, site, "Pump manual.txt").await;
    let first = world.version(&mut tx, site, document).await;
    let second = world.version(&mut tx, site, document).await;
    for id in [first, second] {
        world.fill(&mut tx, document, id, &[axis(0), axis(1)]).await;
    }
    tx.commit(BOOKKEEPING).await.unwrap();
    (document, first, second)
}

#[tokio::test]
async fn a_version_goes_from_queued_over_its_stages_to_ready() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.begin(&site).await;
    let document = world.document(&mut tx, &site, "Pump manual.txt").await;
    let id = world.version(&mut tx, &site, document).await;
    let queued = tx.versions().require(id).await.unwrap();
    assert_eq!((queued.number, queued.status, queued.size_bytes), (1, VersionStatus::Queued, 11));
    assert_eq!(tx.versions().content(id).await.unwrap(), b"as uploaded");
    tx.versions().set_progress(id, Stage::Embed, 3, Some(8)).await.unwrap();
    tx.versions().set_timing(id, Stage::Parse, 40).await.unwrap();
    tx.versions().set_timing(id, Stage::Chunk, 2).await.unwrap();
    let busy = tx.versions().require(id).await.unwrap();
    assert_eq!((busy.status, busy.stage.as_deref()), (VersionStatus::Processing, Some("embed")));
    assert_eq!((busy.stage_done, busy.stage_total), (3, Some(8)));
    world.fill(&mut tx, document, id, &scattered(4, 2)).await;
    assert_eq!(tx.versions().set_ready(id, world.now()).await.unwrap(), Standing::Answers);
    let ready = tx.versions().require(id).await.unwrap();
    assert_eq!((ready.status, ready.stage, ready.chunk_count), (VersionStatus::Ready, None, Some(4)));
    assert_eq!((ready.paged, ready.page_count, ready.timings_ms), (true, Some(1), json!({ "parse": 40, "chunk": 2 })));
    assert!(ready.ready_at.is_some());
    assert_eq!(tx.versions().page_text(id, 1).await.unwrap(), "Lock out the pump before work.");
    assert!(matches!(tx.versions().page_text(id, 2).await, Err(StoreError::NotFound("page"))));
    assert_eq!(tx.versions().pages(id).await.unwrap()[0].blocks, json!([{ "kind": "paragraph" }]));
    let reader = tx.labels().reader(site.user).await.unwrap();
    let row = tx.documents().require(&reader, document).await.unwrap();
    assert_eq!((row.current_version, row.latest_version_id), (Some(1), id));
    assert_eq!(
        (row.label.0.classification, row.created_by_name.as_str()),
        (Classification::Internal, "Admin of TenantA")
    );
    assert_eq!(tx.documents().count(&reader).await.unwrap(), (1, 4));
    // Progress that comes late changes nothing any more.
    tx.versions().set_progress(id, Stage::Parse, 0, None).await.unwrap();
    tx.versions().set_failed(id, "x", "y").await.unwrap();
    assert_eq!(tx.versions().require(id).await.unwrap().status, VersionStatus::Ready);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_newer_version_supersedes_the_older_one_and_takes_its_place_in_the_indexes() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (document, first, second) = two_versions(&world, &site).await;
    assert_eq!(set_ready(&world, &site, first).await, Standing::Answers);
    assert_eq!(set_ready(&world, &site, second).await, Standing::Answers);
    assert_eq!(version(&world, &site, first).await.status, VersionStatus::Superseded);
    assert_eq!(version(&world, &site, second).await.status, VersionStatus::Ready);
    assert_eq!(fed(&world, first).await, ["upsert", "upsert"]);
    assert_eq!(fed(&world, second).await, ["upsert"]);
    assert_eq!(stored(&world, first).await, ["1", "1", "2", "0"], "it can still be read, not found");
    let reader = world.reader(&site).await;
    let mut tx = world.read(&site).await;
    assert_eq!(tx.documents().require(&reader, document).await.unwrap().current_version, Some(2));
    assert_eq!(tx.versions().require_number(document, None).await.unwrap().number, 2);
    assert_eq!(tx.versions().require_number(document, Some(1)).await.unwrap().id, first);
    let numbers: Vec<i32> = tx.versions().list(document).await.unwrap().iter().map(|row| row.number).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(tx.versions().list_by_ids(&[first, second]).await.unwrap().len(), 2);
    for (version, is_dormant) in [(first, true), (second, false)] {
        let chunks = tx.index_changes().chunks_of(version).await.unwrap();
        assert_eq!(chunks.iter().map(|chunk| chunk.is_dormant).collect::<Vec<_>>(), [is_dormant; 2]);
    }
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn an_older_version_that_finishes_late_replaces_nothing() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (document, first, second) = two_versions(&world, &site).await;
    assert_eq!(set_ready(&world, &site, second).await, Standing::Answers);
    assert_eq!(set_ready(&world, &site, first).await, Standing::Past);
    let late = version(&world, &site, first).await;
    assert_eq!((late.status, late.ready_at.is_some()), (VersionStatus::Superseded, true));
    assert_eq!(fed(&world, first).await, ["upsert"]);
    assert_eq!(stored(&world, first).await[3], "0");
    let reader = world.reader(&site).await;
    assert_eq!(world.read(&site).await.documents().require(&reader, document).await.unwrap().current_version, Some(2));
    world.drop().await;
}

#[tokio::test]
async fn two_versions_that_finish_at_the_same_time_leave_the_newer_one() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (document, first, second) = two_versions(&world, &site).await;
    let mut one = world.begin(&site).await;
    assert_eq!(one.versions().set_ready(second, world.now()).await.unwrap(), Standing::Answers);
    let store = world.store().clone();
    let now = world.now();
    let waiting = tokio::task::JoinSet::from_iter([async move {
        let mut other = store.tenant(&site.scope).begin().await.unwrap();
        let answers = other.versions().set_ready(first, now).await.unwrap();
        other.commit(BOOKKEEPING).await.unwrap();
        answers
    }]);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    one.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(waiting.join_all().await, [Standing::Past]);
    let reader = world.reader(&site).await;
    assert_eq!(world.read(&site).await.documents().require(&reader, document).await.unwrap().current_version, Some(2));
    world.drop().await;
}

#[tokio::test]
async fn two_uploads_of_one_name_follow_each_other() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let reader = world.reader(&site).await;
    let upload = async |name: &str| {
        let mut tx = world.begin(&site).await;
        let document = tx.documents().find_by_name(&reader, name).await.unwrap().unwrap();
        world.version(&mut tx, &site, document).await;
        tx.commit(BOOKKEEPING).await.unwrap();
    };
    tokio::join!(upload("Pump manual.txt"), upload("Pump manual.txt"), upload("Pump manual.txt"));
    let mut tx = world.read(&site).await;
    let numbers: Vec<i32> = tx.versions().list(manual.document).await.unwrap().iter().map(|row| row.number).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_version_that_failed_says_why_and_the_one_before_goes_on_answering() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (document, first, second) = two_versions(&world, &site).await;
    assert_eq!(set_ready(&world, &site, first).await, Standing::Answers);
    let mut tx = world.begin(&site).await;
    tx.versions().set_failed(second, "document_encrypted", "needs a password").await.unwrap();
    let failed = tx.versions().require(second).await.unwrap();
    assert_eq!((failed.status, failed.error_code.as_deref()), (VersionStatus::Failed, Some("document_encrypted")));
    let reader = tx.labels().reader(site.user).await.unwrap();
    let row = tx.documents().require(&reader, document).await.unwrap();
    assert_eq!((row.current_version, row.latest_version_id), (Some(1), second));
    let filter = |status| DocumentFilter { name_contains: Some("PUMP".to_owned()), status: Some(status), tag: None };
    assert_eq!(tx.documents().list(&reader, &filter(VersionStatus::Failed), FIRST).await.unwrap().items.len(), 1);
    assert!(tx.documents().list(&reader, &filter(VersionStatus::Ready), FIRST).await.unwrap().items.is_empty());
    tx.versions().set_queued(second).await.unwrap();
    let queued = tx.versions().require(second).await.unwrap();
    assert_eq!((queued.status, queued.error_code, queued.stage), (VersionStatus::Queued, None, None));
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn deleting_a_document_removes_what_was_read_of_it_and_tells_the_indexes() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (document, first, second) = two_versions(&world, &site).await;
    let other = world.manual(&site, "Press manual.txt", &[axis(0)]).await;
    assert_eq!(set_ready(&world, &site, first).await, Standing::Answers);
    let mut tx = world.begin(&site).await;
    tx.documents().delete(document, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    for id in [first, second] {
        assert_eq!(stored(&world, id).await, ["0", "0", "0", "0"]);
        assert_eq!(fed(&world, id).await.last().unwrap(), "delete");
    }
    assert_eq!(stored(&world, other.version).await, ["1", "1", "1", "1"]);
    let reader = world.reader(&site).await;
    let mut tx = world.begin(&site).await;
    assert!(tx.documents().get(&reader, document).await.unwrap().is_none());
    assert!(tx.documents().find_by_name(&reader, "Pump manual.txt").await.unwrap().is_none());
    assert_eq!(tx.documents().count(&reader).await.unwrap(), (1, 1));
    assert!(matches!(tx.documents().delete(document, world.now()).await, Err(StoreError::NotFound("document"))));
    assert!(tx.index_changes().chunks_of(first).await.unwrap().is_empty());
    // The name is free again.
    world.document(&mut tx, &site, "Pump manual.txt").await;
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn ingestion_that_ends_after_its_document_was_deleted_leaves_nothing() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (document, first, second) = two_versions(&world, &site).await;
    let mut tx = world.begin(&site).await;
    tx.documents().delete(document, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let mut tx = world.begin(&site).await;
    world.fill(&mut tx, document, second, &[axis(3)]).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(set_ready(&world, &site, second).await, Standing::Gone);
    assert_eq!(stored(&world, second).await, ["0", "0", "0", "0"]);
    assert_eq!(fed(&world, first).await, ["delete"]);
    world.drop().await;
}

#[tokio::test]
async fn documents_are_listed_newest_first_page_by_page() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    for number in 0..5 {
        world.manual(&site, &format!("Manual {number}.txt"), &[axis(number)]).await;
    }
    let reader = world.reader(&site).await;
    let mut names = Vec::new();
    let mut page = PageRequest { limit: 2, after: None };
    loop {
        let part = world.read(&site).await.documents().list(&reader, &DocumentFilter::default(), page).await.unwrap();
        assert!(part.items.len() <= 2);
        names.extend(part.items.into_iter().map(|row| row.name));
        let Some(next) = part.next_cursor else { break };
        page.after = Some(next);
    }
    assert_eq!(names, ["Manual 4.txt", "Manual 3.txt", "Manual 2.txt", "Manual 1.txt", "Manual 0.txt"]);
    let filter = DocumentFilter { name_contains: Some("%".to_owned()), ..DocumentFilter::default() };
    assert!(
        world.read(&site).await.documents().list(&reader, &filter, FIRST).await.unwrap().items.is_empty(),
        "no pattern"
    );
    world.drop().await;
}

#[tokio::test]
async fn new_fields_and_a_new_label_are_kept() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let mut tx = world.begin(&site).await;
    let (label, fields) = (Label::of(Classification::Restricted), json!({ "plant": "Ulm" }));
    let number = tx.labels().intern(&label).await.unwrap();
    tx.documents().describe(manual.document, Some(&fields), None, None, world.now()).await.unwrap();
    tx.documents().set_label(manual.document, &label, number, world.now()).await.unwrap();
    let reader = tx.labels().reader(site.user).await.unwrap();
    let row = tx.documents().require(&reader, manual.document).await.unwrap();
    assert_eq!((row.label.0, row.metadata), (label, fields));
    drop(tx);
    world.drop().await;
}
