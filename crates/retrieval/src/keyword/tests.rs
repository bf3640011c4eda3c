use millwright_core::{
    TenantScope,
    id::{ChunkId, TenantId, VersionId},
};
use uuid::Uuid;

use super::*;

#[expect(clippy::disallowed_methods, reason = "tests stand in for a verified credential")]
fn scope(n: u128) -> TenantScope {
    TenantScope::establish(TenantId::from(Uuid::from_u128(n)))
}

fn chunk(n: u128, heading: &str, text: &str) -> KeywordChunk {
    KeywordChunk {
        id: ChunkId::from(Uuid::from_u128(n)),
        document_id: DocumentId::from(Uuid::from_u128(n / 100)),
        version_id: VersionId::from(Uuid::from_u128(n / 10)),
        headings: vec![heading.to_owned()],
        text: text.to_owned(),
    }
}

fn change(chunks: Vec<KeywordChunk>) -> VersionChange {
    VersionChange { version_id: chunks[0].version_id, chunks }
}

fn at(written_by: i64) -> FeedPosition {
    FeedPosition { written_by, sequence: 1 }
}

async fn put(indexes: &KeywordIndexes, change: VersionChange, position: FeedPosition) {
    let writer = indexes.writer(&scope(1)).await.unwrap();
    writer.apply(change).await.unwrap();
    writer.commit(position).await.unwrap();
}

async fn position(indexes: &KeywordIndexes) -> FeedPosition {
    indexes.writer(&scope(1)).await.unwrap().position()
}

async fn found(indexes: &KeywordIndexes, scope: &TenantScope, query: &str) -> Vec<u128> {
    let outcome = indexes.search(scope, query, 10, None).await.unwrap();
    outcome.hits.iter().map(|hit| hit.chunk_id.uuid().as_u128()).collect()
}

async fn sample(folder: &std::path::Path) -> KeywordIndexes {
    let indexes = KeywordIndexes::new(folder);
    let writer = indexes.writer(&scope(1)).await.unwrap();
    writer
        .apply(change(vec![
            chunk(1000, "Bearings", "Fit the bearing 6205-2RS with a press. Grease lightly."),
            chunk(1001, "Screws", "Tighten the M8x1.25 screws to 25 Nm."),
            chunk(1002, "Safety", "Press the E-stop before opening the guard."),
        ]))
        .await
        .unwrap();
    let orders = change(vec![chunk(1110, "Orders", "See SAP 4500001234 for the spare seals of the pump.")]);
    writer.apply(orders).await.unwrap();
    writer.commit(at(7)).await.unwrap();
    indexes
}

#[tokio::test]
async fn part_numbers_match_as_typed() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    for (query, expected) in [
        ("6205-2RS", 1000),
        ("6205-2rs?", 1000),
        ("62052RS", 1000),
        ("M8x1.25", 1001),
        ("E-stop", 1002),
        ("estop", 1002),
        ("e\u{2011}stop", 1002),
        ("SAP 4500001234", 1110),
        ("greasing", 1000),
        ("where are the seals", 1110),
    ] {
        assert_eq!(found(&indexes, &scope(1), query).await.first(), Some(&expected), "{query}");
    }
}

#[tokio::test]
async fn nothing_in_a_query_is_syntax() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    for query in
        ["", "   ", "\"", "text:(", "AND OR NOT", "+-!(){}[]^\"~*?:\\/", "*", "heading:pump^9 AND (", "the of a", "\0"]
    {
        indexes.search(&scope(1), query, 10, None).await.unwrap();
    }
    assert_eq!(found(&indexes, &scope(1), "NOT bearing").await, [1000], "`NOT` is a word");
    let page = "bearing seal pump ".repeat(5000);
    assert!(!found(&indexes, &scope(1), &page).await.is_empty());
}

#[tokio::test]
async fn tenants_see_their_own_index_only() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    assert!(found(&indexes, &scope(2), "bearing").await.is_empty());
    assert_eq!(indexes.take_emptied(), HashSet::from([scope(1), scope(2)]), "both began empty");
    assert!(indexes.take_emptied().is_empty());
}

#[tokio::test]
async fn a_filter_keeps_to_its_documents() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    let only = [DocumentId::from(Uuid::from_u128(11))];
    let outcome = indexes.search(&scope(1), "press the pump", 10, Some(&only)).await.unwrap();
    assert_eq!(outcome.hits.len(), 1);
    assert_eq!(outcome.hits[0].chunk_id.uuid().as_u128(), 1110);
    assert_eq!(indexes.search(&scope(1), "pump", 10, Some(&[])).await.unwrap().hits, []);
}

#[tokio::test]
async fn a_version_is_replaced_and_removed_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    put(&indexes, change(vec![chunk(1000, "Bearings", "Use the bearing 6206.")]), at(8)).await;
    assert_eq!(found(&indexes, &scope(1), "guard").await, [0_u128; 0], "chunks of the old text are gone");
    assert_eq!(found(&indexes, &scope(1), "6206").await, [1000]);
    let removed = VersionChange { version_id: VersionId::from(Uuid::from_u128(100)), chunks: vec![] };
    put(&indexes, removed, at(9)).await;
    assert_eq!(found(&indexes, &scope(1), "6206").await, [0_u128; 0]);
}

#[tokio::test]
async fn uncommitted_changes_do_not_survive_but_the_position_does() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    let writer = indexes.writer(&scope(1)).await.unwrap();
    writer.apply(change(vec![chunk(1220, "New", "gasket")])).await.unwrap();
    writer.rollback().await.unwrap();
    drop((writer, indexes));
    let reopened = KeywordIndexes::new(folder.path());
    assert_eq!(position(&reopened).await, at(7));
    assert!(found(&reopened, &scope(1), "gasket").await.is_empty());
    assert_eq!(found(&reopened, &scope(1), "bearing").await, [1000]);
    assert!(reopened.take_emptied().is_empty());
}

#[tokio::test]
async fn a_folder_deleted_while_open_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    indexes.take_emptied();
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    assert!(found(&indexes, &scope(1), "bearing").await.is_empty());
    assert_eq!(position(&indexes).await, FeedPosition::default());
    assert_eq!(indexes.take_emptied(), HashSet::from([scope(1)]));
    put(&indexes, change(vec![chunk(1000, "", "bearing")]), at(7)).await;
    assert_eq!(found(&indexes, &scope(1), "bearing").await, [1000]);
}

#[tokio::test]
async fn a_replaced_index_takes_no_more_writes() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    let writer = indexes.writer(&scope(1)).await.unwrap();
    writer.apply(change(vec![chunk(1220, "New", "gasket")])).await.unwrap();
    // The writer's thread may put a file into the folder between listing and removing it.
    while std::fs::remove_dir_all(folder.path().join("index")).is_err() {}
    assert!(found(&indexes, &scope(1), "bearing").await.is_empty(), "opened anew by the search");
    // Had this gone into the new index, it would claim to hold what it never read.
    assert!(matches!(writer.commit(at(9)).await, Err(RetrievalError::IndexReplaced)));
    assert_eq!(position(&indexes).await, FeedPosition::default());
    indexes.reset(&scope(1)).await.unwrap();
    assert!(found(&indexes, &scope(1), "bearing").await.is_empty());
}

#[tokio::test]
async fn a_damaged_index_begins_anew() {
    for (name, bytes) in [("meta.json", &b"{ not json"[..]), ("meta.json", b""), (".managed.json", b"[")] {
        let folder = tempfile::tempdir().unwrap();
        drop(sample(folder.path()).await);
        let index = folder.path().join("index").join(scope(1).tenant_id().to_string());
        std::fs::write(index.join(name), bytes).unwrap();
        let indexes = KeywordIndexes::new(folder.path());
        let position = position(&indexes).await;
        assert!(position == FeedPosition::default() || position == at(7), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    drop(sample(folder.path()).await);
    let index = folder.path().join("index").join(scope(1).tenant_id().to_string());
    for entry in std::fs::read_dir(&index).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().ends_with(".fast") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let indexes = KeywordIndexes::new(folder.path());
    assert_eq!(position(&indexes).await, FeedPosition::default());
}

#[tokio::test]
async fn words_come_with_their_frequencies() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    let outcome = indexes.search(&scope(1), "how do I press the flywheel?", 10, None).await.unwrap();
    let words: Vec<(&str, u64)> = outcome.words.iter().map(|word| (word.stem.as_str(), word.chunk_frequency)).collect();
    assert_eq!(words, [("press", 2), ("flywheel", 0)]);
    assert_eq!(outcome.chunk_count, 4);
}
