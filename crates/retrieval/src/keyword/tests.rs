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
        version_id: VersionId::from(Uuid::from_u128(n / 10)),
        label_id: 1,
        is_dormant: false,
        headings: vec![heading.to_owned()],
        text: text.to_owned(),
    }
}

/// Somebody who may see all labels there are.
fn of_all(text: &str) -> KeywordQuery {
    KeywordQuery {
        text: text.to_owned(),
        limit: 10,
        visible: VisibleLabels::new(&[1], true),
        versions: None,
        hints: QueryHints::default(),
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
    let outcome = indexes.search(scope, of_all(query)).await.unwrap();
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
        indexes.search(&scope(1), of_all(query)).await.unwrap();
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
async fn a_filter_keeps_to_its_versions() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    let only = [VersionId::from(Uuid::from_u128(111))];
    let outcome = indexes
        .search(&scope(1), KeywordQuery { versions: Some(only.to_vec()), ..of_all("press the pump") })
        .await
        .unwrap();
    assert_eq!(outcome.hits.len(), 1);
    assert_eq!(outcome.hits[0].chunk_id.uuid().as_u128(), 1110);
    let none = KeywordQuery { versions: Some(Vec::new()), ..of_all("pump") };
    assert_eq!(indexes.search(&scope(1), none).await.unwrap().hits, []);
}

#[tokio::test]
async fn what_does_not_answer_now_changes_no_score_and_is_found_for_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    let before = indexes.search(&scope(1), of_all("bearing press")).await.unwrap();
    let old = KeywordChunk { is_dormant: true, ..chunk(9000, "Bearings", "Fit the bearing with a bearing press.") };
    put(&indexes, change(vec![old]), at(9)).await;
    assert_eq!(indexes.search(&scope(1), of_all("bearing press")).await.unwrap(), before);
    for visible in [VisibleLabels::new(&[1], true), VisibleLabels::new(&[1], false)] {
        let past = KeywordQuery { visible: visible.with_dormant(), ..of_all("bearing press") };
        assert_eq!(indexes.search(&scope(1), past).await.unwrap().hits[0].chunk_id.uuid().as_u128(), 9000);
    }
    let hidden = KeywordQuery { visible: VisibleLabels::new(&[2], false).with_dormant(), ..of_all("bearing press") };
    assert!(indexes.search(&scope(1), hidden).await.unwrap().hits.is_empty());
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
    let outcome = indexes.search(&scope(1), of_all("how do I press the flywheel?")).await.unwrap();
    let words: Vec<(&str, u64)> = outcome.words.iter().map(|word| (word.stem.as_str(), word.chunk_frequency)).collect();
    assert_eq!(words, [("press", 2), ("flywheel", 0)]);
    assert_eq!(outcome.chunk_count, 4);
}

/// What a reader of label 1 learns.
async fn learned(indexes: &KeywordIndexes, text: &str, limit: usize) -> KeywordOutcome {
    let visible = VisibleLabels::new(&[1], false);
    let query = KeywordQuery { text: text.to_owned(), limit, visible, versions: None, hints: QueryHints::default() };
    indexes.search(&scope(1), query).await.unwrap()
}

/// Two labels in one version do not occur; each hidden chunk is a document of its own, as many as there are visible ones.
fn hidden(n: u128) -> VersionChange {
    let text = "Press the bearing 6205-2RS with the pump: the secret gasket of the guard. Bearing, bearing, bearing.";
    let mut chunk = chunk(5_000 + 10 * n, "Bearings and seals of the pump", text);
    chunk.label_id = 2;
    change(vec![chunk])
}

#[tokio::test]
async fn hidden_chunks_change_neither_hits_nor_scores_nor_frequencies_nor_counts() {
    let (folder, other_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (plain, mixed) = (sample(folder.path()).await, sample(other_folder.path()).await);
    // In the same segment as visible ones, in one of their own, and some deleted again.
    for n in 0..8 {
        put(&mixed, hidden(n), at(8)).await;
    }
    put(&mixed, VersionChange { version_id: hidden(3).version_id, chunks: vec![] }, at(9)).await;
    for (indexes, has_hidden) in [(&plain, false), (&mixed, true)] {
        // Long enough for its length to be rounded in the index.
        let long = "The bearing of the pump takes no grease. ".repeat(37);
        let more = change(vec![chunk(2_000, "Bearings", &long)]);
        let writer = indexes.writer(&scope(1)).await.unwrap();
        if has_hidden {
            writer.apply(hidden(20)).await.unwrap();
        }
        writer.apply(more).await.unwrap();
        writer.commit(at(10)).await.unwrap();
    }
    for query in [
        "bearing",
        "6205-2RS",
        "62052RS",
        "press the pump",
        "secret gasket",
        "gasket",
        "where are the seals of the pump",
        "E-stop guard",
        "SAP 4500001234",
        "the of a",
        "nothing that any chunk holds",
    ] {
        for limit in [1, 2, 10] {
            // Without hidden chunks the same reader sees all labels there are.
            let query_of_all = KeywordQuery { limit, ..of_all(query) };
            let without = plain.search(&scope(1), query_of_all).await.unwrap();
            let with = learned(&mixed, query, limit).await;
            assert_eq!(without, with, "{query}, {limit}");
            assert_eq!(with.chunk_count, 5);
        }
    }
    // Whoever sees all learns more, so that the comparison has something to compare.
    let all = mixed.search(&scope(1), of_all("gasket")).await.unwrap();
    assert_eq!((all.hits.len(), all.words[0].chunk_frequency), (8, 8));
}

#[tokio::test]
async fn without_hidden_chunks_the_filtered_statistics_are_those_of_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    for query in ["bearing", "press the pump", "6205-2RS", "seals"] {
        let all = indexes.search(&scope(1), of_all(query)).await.unwrap();
        assert_eq!(learned(&indexes, query, 10).await, all, "{query}");
    }
}

#[tokio::test]
async fn a_reader_of_no_label_finds_nothing_and_learns_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    let visible = VisibleLabels::new(&[], false);
    let outcome = indexes.search(&scope(1), KeywordQuery { visible, ..of_all("bearing") }).await.unwrap();
    assert_eq!((outcome.hits.len(), outcome.chunk_count, outcome.words[0].chunk_frequency), (0, 0, 0));
}

fn corrections(outcome: &KeywordOutcome) -> Vec<(&str, &str)> {
    outcome.spelling.iter().map(|one| (one.from.as_str(), one.to.as_str())).collect()
}

#[tokio::test]
async fn a_slip_finds_what_was_meant_and_a_code_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let indexes = sample(folder.path()).await;
    let outcome = indexes.search(&scope(1), of_all("Tigthen the scrwes!")).await.unwrap();
    assert_eq!(corrections(&outcome), [("tigthen", "tighten"), ("scrwes", "screws")]);
    assert_eq!(outcome.hits[0].chunk_id.uuid().as_u128(), 1001);
    let stems: Vec<&str> = outcome.words.iter().map(|word| word.stem.as_str()).collect();
    assert!(stems.contains(&"scrwes") && stems.contains(&"screw"), "both are searched for: {stems:?}");
    for query in [
        "6205-2RT",
        "M8x1.26",
        "4500001235",
        "E-stpo",
        "P6205",
        "GAURD",
        "pimp",
        "tighten the screws",
        "seasl pmup xyzzy-7",
    ] {
        let outcome = indexes.search(&scope(1), of_all(query)).await.unwrap();
        let corrected = corrections(&outcome);
        let expected: &[(&str, &str)] = match query {
            "pimp" => &[("pimp", "pump")],
            "seasl pmup xyzzy-7" => &[("seasl", "seals"), ("pmup", "pump")],
            _ => &[],
        };
        assert_eq!(corrected, expected, "{query}");
    }
    let hints = QueryHints { known_words: ["pimp".to_owned()].into(), ..QueryHints::default() };
    let outcome = indexes.search(&scope(1), KeywordQuery { hints, ..of_all("pimp") }).await.unwrap();
    assert_eq!(corrections(&outcome), [], "a word of the language is no slip");
}

#[tokio::test]
async fn a_hidden_word_is_never_suggested_and_hides_none_that_is_shown() {
    let (folder, other_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (plain, mixed) = (sample(folder.path()).await, sample(other_folder.path()).await);
    for n in 0..20 {
        let mut chunk = chunk(5_000 + 10 * n, "Quixotrium", "The guarrds of the Quixotrium stand by the guaard.");
        chunk.label_id = 2;
        put(&mixed, change(vec![chunk]), at(8)).await;
    }
    for query in ["quixotriun", "guarrd", "open the gaurd of the quixotrim"] {
        let without = plain.search(&scope(1), of_all(query)).await.unwrap();
        assert_eq!(learned(&mixed, query, 10).await, without, "{query}");
    }
    assert_eq!(corrections(&learned(&mixed, "guarrd", 10).await), [("guarrd", "guard")]);
    let all = mixed.search(&scope(1), of_all("quixotriun")).await.unwrap();
    assert_eq!(corrections(&all), [("quixotriun", "quixotrium")], "whoever may see it is helped by it");
}
