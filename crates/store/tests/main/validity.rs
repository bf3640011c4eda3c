//! Truth in time: which version answers on which day, and which document takes the place of which.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use millwright_core::{
    Classification, Label,
    id::{ChunkId, DocumentId, VersionId},
};
use millwright_store::tenant::{
    PassageQuery, PassageScope, SearchFilter, Standing, VectorModel, VersionSet, VersionStatus,
};

use crate::support::{BOOKKEEPING, Site, World, axis};

/// A version of a document that holds from one day until another, counted from now; read, and not settled yet.
async fn version(world: &World, site: &Site, document: DocumentId, days: (i64, Option<i64>)) -> (VersionId, Standing) {
    let mut tx = world.begin(site).await;
    let id = world.version(&mut tx, site, document).await;
    let day = |number| world.now() + TimeDelta::days(number);
    tx.versions().set_effective(id, day(days.0), days.1.map(day)).await.unwrap();
    world.fill(&mut tx, document, id, &[axis(0)]).await;
    let standing = tx.versions().set_ready(id, world.now()).await.unwrap();
    tx.validity().settle_superseded_by(document, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    (id, standing)
}

async fn document(world: &World, site: &Site, name: &str) -> DocumentId {
    let mut tx = world.begin(site).await;
    let id = world.document(&mut tx, site, name).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    id
}

async fn supersede(world: &World, site: &Site, document: DocumentId, older: Option<DocumentId>) {
    let mut tx = world.begin(site).await;
    tx.documents().describe(document, None, None, Some(older), world.now()).await.unwrap();
    tx.validity().settle_superseded_by(document, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
}

async fn settle(world: &World, site: &Site, document: DocumentId, now: DateTime<Utc>) -> bool {
    let mut tx = world.begin(site).await;
    let changed = tx.validity().settle(document, None, now).await.unwrap();
    tx.validity().settle_superseded_by(document, now).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    changed
}

/// The versions that answer, and those that would so many days from now.
async fn answering(world: &World, site: &Site, days: Option<i64>) -> Vec<VersionId> {
    let as_of = days.map(|days| world.now() + TimeDelta::days(days));
    let filter = SearchFilter { as_of, ..SearchFilter::default() };
    let reader = world.reader(site).await;
    let set: VersionSet = world.read(site).await.validity().versions(&reader, &filter).await.unwrap();
    let query = PassageQuery {
        reader: &reader,
        embedding: Some(&axis(0)),
        model: VectorModel::FIRST,
        nearest: 50,
        keyword_hits: &[],
        scope: if as_of.is_some() { PassageScope::Any(&set) } else { PassageScope::Current },
        visible_chunks: None,
    };
    let found = world.read(site).await.passages().find(&query).await.unwrap();
    assert_eq!(found.len(), set.ids.len(), "each has one passage, which is found by its vector");
    let chunks: Vec<ChunkId> = found.iter().map(|row| row.chunk_id).collect();
    let read = world.read(site).await.passages().read(&query, &chunks).await.unwrap();
    assert_eq!(read.len(), found.len());
    assert!(as_of.is_some() || read.iter().all(|row| row.is_current));
    let mut ids = set.ids;
    ids.sort_unstable();
    ids
}

async fn status(world: &World, site: &Site, id: VersionId) -> VersionStatus {
    world.read(site).await.versions().require(id).await.unwrap().status
}

#[tokio::test]
async fn each_day_is_answered_by_the_version_that_holds_then() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = document(&world, &site, "Pump manual.txt").await;
    let (first, standing) = version(&world, &site, manual, (-30, None)).await;
    assert_eq!(standing, Standing::Answers);
    let (second, standing) = version(&world, &site, manual, (-10, Some(20))).await;
    assert_eq!(standing, Standing::Answers);
    // A revision that comes in late belongs to its own time.
    let (older, standing) = version(&world, &site, manual, (-60, None)).await;
    assert_eq!(standing, Standing::Past);
    let (next, standing) = version(&world, &site, manual, (5, Some(15))).await;
    assert_eq!(standing, Standing::Scheduled);
    assert_eq!(answering(&world, &site, None).await, [second]);
    for (days, expected) in
        [(-90, &[][..]), (-40, &[older]), (-20, &[first]), (-1, &[second]), (4, &[second]), (6, &[next]), (16, &[])]
    {
        assert_eq!(answering(&world, &site, Some(days)).await, expected, "{days} days from now");
    }
    let standings = [older, first, second, next];
    let expected =
        [VersionStatus::Superseded, VersionStatus::Superseded, VersionStatus::Ready, VersionStatus::Scheduled];
    for (id, expected) in standings.into_iter().zip(expected) {
        assert_eq!(status(&world, &site, id).await, expected);
    }
    world.drop().await;
}

#[tokio::test]
async fn a_day_that_comes_is_noticed_and_so_is_one_that_is_over() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = document(&world, &site, "Pump manual.txt").await;
    let (first, _) = version(&world, &site, manual, (-30, None)).await;
    let (second, _) = version(&world, &site, manual, (5, Some(15))).await;
    let due = async |days| {
        let mut system = world.store().system().await.unwrap();
        let due = system.due_versions().list(world.now() + TimeDelta::days(days), 10).await.unwrap();
        due.iter().map(|due| due.id).collect::<Vec<_>>()
    };
    assert_eq!(due(4).await, []);
    assert!(!settle(&world, &site, manual, world.now() + TimeDelta::days(4)).await);
    assert_eq!(due(6).await, [manual]);
    assert!(settle(&world, &site, manual, world.now() + TimeDelta::days(6)).await);
    assert_eq!(due(6).await, [], "dealt with");
    assert_eq!(answering(&world, &site, None).await, [second]);
    assert_eq!(status(&world, &site, first).await, VersionStatus::Superseded);
    assert_eq!(due(16).await, [manual]);
    assert!(settle(&world, &site, manual, world.now() + TimeDelta::days(16)).await);
    assert_eq!(due(16).await, []);
    assert_eq!(answering(&world, &site, None).await, [], "the one before does not come back");
    assert_eq!(status(&world, &site, second).await, VersionStatus::Expired);
    assert_eq!(answering(&world, &site, Some(6)).await, [second]);
    world.drop().await;
}

#[tokio::test]
async fn a_document_takes_the_place_of_another_from_its_day_on() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (old, new) = (document(&world, &site, "Rev A.txt").await, document(&world, &site, "Rev B.txt").await);
    let (first, _) = version(&world, &site, old, (-30, None)).await;
    supersede(&world, &site, new, Some(old)).await;
    assert_eq!(answering(&world, &site, None).await, [first], "a document without a version replaces nothing");
    let (second, _) = version(&world, &site, new, (-10, None)).await;
    assert_eq!(answering(&world, &site, None).await, [second]);
    assert_eq!(answering(&world, &site, Some(-20)).await, [first]);
    assert_eq!(status(&world, &site, first).await, VersionStatus::Superseded);
    let (third, standing) = version(&world, &site, old, (-5, None)).await;
    assert_eq!(standing, Standing::Past, "nor does a newer version of it answer");
    let reader = world.reader(&site).await;
    let mut tx = world.read(&site).await;
    let row = tx.documents().require(&reader, old).await.unwrap();
    assert_eq!((row.superseded_by.unwrap().name.as_str(), row.current_version), ("Rev B.txt", None));
    assert!(tx.validity().supersedes(new, old).await.unwrap(), "a circle would leave nothing");
    assert!(!tx.validity().supersedes(old, new).await.unwrap());
    drop(tx);
    supersede(&world, &site, new, None).await;
    settle(&world, &site, old, world.now()).await;
    let mut both = vec![second, third];
    both.sort_unstable();
    assert_eq!(answering(&world, &site, None).await, both);
    supersede(&world, &site, new, Some(old)).await;
    let mut tx = world.begin(&site).await;
    tx.documents().delete(new, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(answering(&world, &site, None).await, [third], "what replaced it is gone");
    world.drop().await;
}

#[tokio::test]
async fn a_deleted_document_is_never_due() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = document(&world, &site, "Pump manual.txt").await;
    version(&world, &site, manual, (-9, Some(3))).await;
    version(&world, &site, manual, (5, None)).await;
    let mut tx = world.begin(&site).await;
    tx.documents().delete(manual, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let mut system = world.store().system().await.unwrap();
    assert_eq!(system.due_versions().list(world.now() + TimeDelta::days(9), 10).await.unwrap(), []);
    drop(system);
    world.drop().await;
}

#[tokio::test]
async fn what_was_replaced_stays_so_while_its_successor_is_read_again_or_moves() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (old, new) = (document(&world, &site, "Rev A.txt").await, document(&world, &site, "Rev B.txt").await);
    let (first, _) = version(&world, &site, old, (-30, None)).await;
    supersede(&world, &site, new, Some(old)).await;
    let (second, _) = version(&world, &site, new, (-10, None)).await;
    let mut tx = world.begin(&site).await;
    tx.versions().set_queued(second).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    settle(&world, &site, old, world.now()).await;
    assert_eq!(answering(&world, &site, None).await, [second]);
    for (days, expected) in [(9, first), (-3, second)] {
        let mut tx = world.begin(&site).await;
        tx.versions().set_ready(second, world.now()).await.unwrap();
        tx.versions().set_effective(second, world.now() + TimeDelta::days(days), None).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        settle(&world, &site, new, world.now()).await;
        assert_eq!(answering(&world, &site, None).await, [expected], "{days} days from now");
    }
    world.drop().await;
}

#[tokio::test]
async fn who_takes_the_place_of_a_deleted_document_inherits_what_it_replaced() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut names = ["Rev A.txt", "Rev B.txt", "Rev C.txt"].into_iter();
    let (mut before, mut documents, mut last) = (None, Vec::new(), None);
    for name in names.by_ref() {
        let id = document(&world, &site, name).await;
        supersede(&world, &site, id, before).await;
        last = Some(version(&world, &site, id, (-9, None)).await.0);
        documents.push(id);
        before = Some(id);
    }
    let mut tx = world.begin(&site).await;
    tx.documents().delete(documents[1], world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(answering(&world, &site, None).await, [last.unwrap()]);
    world.drop().await;
}

/// A takes the place of B and B that of C; A is to take that of C while B is settled.
#[tokio::test]
async fn replacing_another_document_while_the_one_before_is_settled_is_no_deadlock() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut chain = Vec::new();
    for name in ["Rev C.txt", "Rev B.txt", "Rev A.txt"] {
        let id = document(&world, &site, name).await;
        supersede(&world, &site, id, chain.last().copied()).await;
        version(&world, &site, id, (-9, None)).await;
        chain.push(id);
    }
    let [c, b, a] = chain[..] else { panic!("{chain:?}") };
    let now = world.now();
    let replace = async {
        let mut tx = world.begin(&site).await;
        tx.validity().begin_replacing().await.unwrap();
        let before = tx.documents().describe(a, None, None, Some(Some(c)), now).await.unwrap();
        assert_eq!(before, Some(b));
        // The other has come as far as it can.
        tokio::time::sleep(Duration::from_millis(400)).await;
        tx.validity().settle(b, None, now).await.unwrap();
        tx.validity().settle_superseded_by(a, now).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
    };
    let settle_before = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        settle(&world, &site, b, now).await
    };
    tokio::join!(replace, settle_before);
    assert_eq!(answering(&world, &site, None).await.len(), 2, "A and B");
    world.drop().await;
}

#[tokio::test]
async fn deleting_a_document_while_its_successor_is_settled_is_no_deadlock() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (old, new) = (document(&world, &site, "Rev A.txt").await, document(&world, &site, "Rev B.txt").await);
    version(&world, &site, old, (-30, None)).await;
    supersede(&world, &site, new, Some(old)).await;
    let (answers, _) = version(&world, &site, new, (-9, None)).await;
    let now = world.now();
    let settle_slowly = async {
        let mut tx = world.begin(&site).await;
        tx.validity().settle(new, None, now).await.unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        tx.validity().settle_superseded_by(new, now).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
    };
    let delete = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let mut tx = world.begin(&site).await;
        tx.documents().delete(old, now).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
    };
    tokio::join!(settle_slowly, delete);
    assert_eq!(answering(&world, &site, None).await, [answers]);
    world.drop().await;
}

#[tokio::test]
async fn a_version_that_could_not_be_read_again_ends_on_its_day_and_is_remembered() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = document(&world, &site, "Pump manual.txt").await;
    let (first, _) = version(&world, &site, manual, (-9, Some(3))).await;
    let mut tx = world.begin(&site).await;
    tx.versions().set_queued(first).await.unwrap();
    tx.versions().set_failed(first, "document_unreadable", "a fault").await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(answering(&world, &site, None).await, [first]);
    let (later, now) = (world.now() + TimeDelta::days(4), world.now());
    let mut system = world.store().system().await.unwrap();
    assert_eq!(system.due_versions().list(later, 10).await.unwrap().len(), 1);
    assert_eq!(system.due_versions().list(now, 10).await.unwrap().len(), 0);
    drop(system);
    assert!(settle(&world, &site, manual, later).await);
    assert_eq!(status(&world, &site, first).await, VersionStatus::Expired);
    assert_eq!(answering(&world, &site, None).await, []);
    assert_eq!(answering(&world, &site, Some(1)).await, [first]);
    world.drop().await;
}

#[tokio::test]
async fn vectors_that_were_put_away_in_the_middle_of_reading_are_not_made_again() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (old, new) = (document(&world, &site, "Rev A.txt").await, document(&world, &site, "Rev B.txt").await);
    let (first, _) = version(&world, &site, old, (-30, None)).await;
    supersede(&world, &site, new, Some(old)).await;
    let mut tx = world.begin(&site).await;
    tx.versions().set_queued(first).await.unwrap();
    world.fill(&mut tx, old, first, &[axis(0), axis(1)]).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    version(&world, &site, new, (-10, None)).await;
    let mut tx = world.begin(&site).await;
    assert!(tx.vectors().list_unembedded(first, VectorModel::FIRST, &[], 10).await.unwrap().is_empty());
    assert_eq!(tx.versions().set_ready(first, world.now()).await.unwrap(), Standing::Past);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn without_a_number_the_version_is_the_one_that_answers_whatever_became_of_it() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = document(&world, &site, "Pump manual.txt").await;
    let (first, _) = version(&world, &site, manual, (-9, None)).await;
    version(&world, &site, manual, (5, None)).await;
    let mut tx = world.begin(&site).await;
    tx.versions().set_queued(first).await.unwrap();
    assert_eq!(tx.versions().require_number(manual, None).await.unwrap().id, first);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn another_label_is_told_to_the_indexes_for_versions_that_do_not_answer_too() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = document(&world, &site, "Pump manual.txt").await;
    let (first, _) = version(&world, &site, manual, (-9, None)).await;
    let (second, _) = version(&world, &site, manual, (-5, None)).await;
    let fed = "SELECT version_id::text FROM index_changes WHERE operation = 'upsert'";
    let before = world.database.peek(fed).await.len();
    let mut tx = world.begin(&site).await;
    let label = Label::of(Classification::Restricted);
    let number = tx.labels().intern(&label).await.unwrap();
    tx.documents().set_label(manual, &label, number, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let mut told = world.database.peek(&format!("{fed} ORDER BY written_by, sequence")).await.split_off(before);
    told.sort();
    let mut expected = [first, second].map(|id| id.uuid().to_string());
    expected.sort();
    assert_eq!(told, expected);
    world.drop().await;
}

#[tokio::test]
async fn filters_hold_together() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = document(&world, &site, "Pump manual.txt").await;
    let (version, _) = version(&world, &site, manual, (-30, None)).await;
    world.manual(&site, "Press manual.txt", &[axis(0)]).await;
    let mut tx = world.begin(&site).await;
    let tags = ["pump".to_owned(), "hall-2".to_owned()];
    tx.documents().describe(manual, None, Some(&tags), None, world.now()).await.unwrap();
    tx.versions().set_language(version, "de").await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let reader = world.reader(&site).await;
    let found = async |filter: SearchFilter| {
        world.read(&site).await.validity().versions(&reader, &filter).await.unwrap().ids.len()
    };
    let none = SearchFilter::default;
    assert_eq!(found(none()).await, 2);
    assert_eq!(found(SearchFilter { tags: tags.to_vec(), ..none() }).await, 1);
    assert_eq!(found(SearchFilter { tags: vec!["pump".into(), "hall-3".into()], ..none() }).await, 0);
    assert_eq!(found(SearchFilter { languages: vec!["de".into(), "en".into()], ..none() }).await, 1);
    assert_eq!(found(SearchFilter { formats: vec!["text".into()], ..none() }).await, 2);
    assert_eq!(found(SearchFilter { formats: vec!["pdf".into()], ..none() }).await, 0);
    assert_eq!(found(SearchFilter { documents: Some(vec![manual]), formats: vec!["pdf".into()], ..none() }).await, 0);
    let yesterday = Some(world.now() - TimeDelta::days(1));
    assert_eq!(found(SearchFilter { effective_since: yesterday, ..none() }).await, 1);
    assert_eq!(found(SearchFilter { effective_before: yesterday, ..none() }).await, 1);
    assert_eq!(found(SearchFilter { as_of: yesterday, tags: tags.to_vec(), ..none() }).await, 1);
    world.drop().await;
}
