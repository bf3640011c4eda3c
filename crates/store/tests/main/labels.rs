//! Who may see which document: labels, clearances, and what becomes of both when they change.

use std::{collections::BTreeSet, time::Duration};

use millwright_core::{
    Allowed, Classification, Clearance, Label, Role,
    id::{ChunkId, DocumentId, UserId},
};
use millwright_store::tenant::{
    DocumentFilter, NewUser, PassageQuery, PassageScope, Reader, SearchFilter, UserChange, UserKind, VectorModel,
    VersionSet, label_of_json,
};
use serde_json::json;

use crate::{
    isolation::answer,
    support::{BOOKKEEPING, FIRST, Site, World, axis, scattered},
};

fn set<T: std::str::FromStr<Err: std::fmt::Debug> + Ord>(words: &[&str]) -> BTreeSet<T> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

fn label(classification: Classification, export: &[&str], groups: &[&str]) -> Label {
    Label { export_control: set(export), groups: set(groups), ..Label::of(classification) }
}

fn clearance(classification: Classification, export: &[&str], groups: &[&str]) -> Clearance {
    Clearance { classification, export_control: Allowed::Only(set(export)), groups: Allowed::Only(set(groups)) }
}

/// A person of the tenant with that clearance.
async fn person(world: &World, site: &Site, cleared: Clearance) -> UserId {
    let id: UserId = world.sources.new_id();
    let mut tx = world.begin(site).await;
    let user = NewUser {
        id,
        kind: UserKind::Person,
        email: Some(format!("{id}@works.example")),
        display_name: "Somebody".to_owned(),
        role: Role::Viewer,
        password_hash: None,
        local: true,
        created_at: world.now(),
    };
    tx.users().insert(&user).await.unwrap();
    let change = UserChange { clearance: Some(cleared), ..UserChange::default() };
    tx.users().change(id, &change).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    id
}

async fn reader(world: &World, site: &Site, user: UserId) -> Reader {
    world.read(site).await.labels().reader(user).await.unwrap()
}

/// The names of the documents that somebody finds, in every way there is to find them.
async fn seen(world: &World, site: &Site, user: UserId, all: &[(DocumentId, ChunkId)]) -> Vec<String> {
    let reader = reader(world, site, user).await;
    let mut tx = world.read(site).await;
    let listed = tx.documents().list(&reader, &DocumentFilter::default(), FIRST).await.unwrap().items;
    let mut names: Vec<String> = listed.iter().map(|row| row.name.clone()).collect();
    names.sort();
    assert_eq!(tx.documents().count(&reader).await.unwrap().0, names.len() as i64);
    let chunks: Vec<ChunkId> = all.iter().map(|(_, chunk)| *chunk).collect();
    let embedding = axis(0);
    let by_vector = PassageQuery {
        reader: &reader,
        embedding: Some(&embedding),
        model: VectorModel::FIRST,
        nearest: 100,
        keyword_hits: &[],
        scope: PassageScope::Current,
        visible_chunks: None,
    };
    let by_keyword = PassageQuery { embedding: None, keyword_hits: &chunks, ..by_vector.clone() };
    let documents: Vec<DocumentId> = all.iter().map(|(document, _)| *document).collect();
    let filter = SearchFilter { documents: Some(documents), ..SearchFilter::default() };
    let passing = tx.validity().versions(&reader, &filter).await.unwrap();
    assert_eq!(passing.ids.len(), names.len(), "neither does a filter tell of what is hidden");
    let past = SearchFilter { as_of: Some(world.now()), ..filter };
    assert_eq!(tx.validity().versions(&reader, &past).await.unwrap().ids.len(), names.len());
    // Even had it told of all.
    let mut all_versions = VersionSet { ids: Vec::new(), chunks: all.len() as i64 };
    for (document, _) in all {
        all_versions.ids.extend(tx.versions().list(*document).await.unwrap().iter().map(|version| version.id));
    }
    let one_by_one = PassageQuery { visible_chunks: Some(all.len() as u64), ..by_vector.clone() };
    let by_version = PassageQuery { scope: PassageScope::Any(&all_versions), ..by_vector.clone() };
    for query in [by_vector, by_keyword, one_by_one, by_version] {
        let rows = tx.passages().find(&query).await.unwrap();
        // Nor are the others read by whoever knows their numbers.
        let rows = (rows.len(), tx.passages().read(&query, &chunks).await.unwrap());
        assert_eq!(rows.0, rows.1.len());
        let mut found: Vec<String> = rows.1.into_iter().map(|row| row.document_name).collect();
        found.sort();
        assert_eq!(found, names);
    }
    for (document, _) in all {
        let row = tx.documents().get(&reader, *document).await.unwrap();
        assert_eq!(row.is_some(), listed.iter().any(|other| other.id == *document));
        assert_eq!(row.is_some(), tx.documents().require(&reader, *document).await.is_ok());
    }
    names
}

#[tokio::test]
async fn a_reader_sees_what_classification_export_control_and_groups_allow_and_nothing_else() {
    use Classification::{Confidential, Internal, Public, Restricted};
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut all = Vec::new();
    for (name, label) in [
        ("a public", label(Public, &[], &[])),
        ("b internal", label(Internal, &[], &[])),
        ("c confidential", label(Confidential, &[], &[])),
        ("d restricted", label(Restricted, &[], &[])),
        ("e EAR:3A001", label(Internal, &["EAR:3A001"], &[])),
        ("f EAR:EAR99", label(Internal, &["EAR:EAR99"], &[])),
        ("g ITAR", label(Internal, &["ITAR"], &[])),
        ("h ITAR and EAR", label(Internal, &["EAR:3A001", "ITAR"], &[])),
        ("i hr", label(Internal, &[], &["hr"])),
        ("j hr and board", label(Internal, &[], &["board", "hr"])),
        ("k hr and ITAR", label(Internal, &["ITAR"], &["hr"])),
    ] {
        let manual = world.labelled_manual(&site, name, &label, &[axis(0)]).await;
        all.push((manual.document, manual.chunks[0]));
    }
    for (cleared, expected) in [
        (clearance(Public, &[], &[]), "a"),
        (clearance(Internal, &[], &[]), "ab"),
        (clearance(Confidential, &[], &[]), "abc"),
        (clearance(Restricted, &[], &[]), "abcd"),
        (clearance(Internal, &["EAR"], &[]), "abef"),
        (clearance(Internal, &["EAR:3A001"], &[]), "abe"),
        (clearance(Internal, &["EAR:EAR99"], &[]), "abf"),
        (clearance(Internal, &["ITAR"], &[]), "abg"),
        (clearance(Internal, &["ITAR", "EAR"], &[]), "abefgh"),
        (clearance(Public, &["ITAR", "EAR"], &["hr", "board"]), "a"),
        (clearance(Internal, &[], &["hr"]), "abi"),
        (clearance(Internal, &[], &["board"]), "ab"),
        (clearance(Internal, &[], &["hr", "board"]), "abij"),
        (clearance(Restricted, &["ITAR"], &["hr"]), "abcdgik"),
    ] {
        let user = person(&world, &site, cleared.clone()).await;
        let names = seen(&world, &site, user, &all).await;
        let letters: String = names.iter().map(|name| &name[..1]).collect();
        assert_eq!(letters, expected, "{cleared:?}");
        assert_eq!(world.read(&site).await.labels().clearance(user).await.unwrap(), cleared);
    }
    world.drop().await;
}

#[tokio::test]
async fn a_label_that_came_after_the_reader_is_not_seen() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let admin = world.reader(&site).await;
    world.labelled_manual(&site, "New.txt", &label(Classification::Public, &[], &[]), &[axis(0)]).await;
    let mut tx = world.read(&site).await;
    assert_eq!(tx.documents().count(&admin).await.unwrap(), (0, 0), "a reader is of one moment");
    drop(tx);
    assert_eq!(world.read(&site).await.documents().count(&world.reader(&site).await).await.unwrap(), (1, 1));
    world.drop().await;
}

#[tokio::test]
async fn a_label_has_one_number_however_often_and_by_however_many_it_is_stored() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let secret = label(Classification::Restricted, &["ITAR", "EAR:3A001"], &["hr", "board"]);
    let mut tx = world.begin(&site).await;
    let first = tx.labels().intern(&secret).await.unwrap();
    assert_eq!(tx.labels().intern(&secret).await.unwrap(), first);
    let trusted = Label { integrity: millwright_core::Integrity::Trusted, ..secret.clone() };
    assert_eq!(tx.labels().intern(&trusted).await.unwrap(), first, "integrity hides nothing");
    assert_ne!(tx.labels().intern(&label(Classification::Restricted, &["ITAR"], &[])).await.unwrap(), first);
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(world.begin(&site).await.labels().intern(&secret).await.unwrap(), first);

    let fresh = label(Classification::Public, &["EAR:EAR99"], &["night-shift"]);
    let mut slow = world.begin(&site).await;
    let number = slow.labels().intern(&fresh).await.unwrap();
    let others: tokio::task::JoinSet<_> = (0..6)
        .map(|_| {
            let (store, fresh) = (world.store().clone(), fresh.clone());
            async move {
                let mut tx = store.tenant(&site.scope).begin().await.unwrap();
                let number = tx.labels().intern(&fresh).await.unwrap();
                tx.commit(BOOKKEEPING).await.unwrap();
                number
            }
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    slow.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(others.join_all().await, [number; 6], "who came second waited for the first");

    let abandoned = label(Classification::Public, &[], &["abandoned"]);
    let mut slow = world.begin(&site).await;
    slow.labels().intern(&abandoned).await.unwrap();
    let store = world.store().clone();
    let waiting = tokio::task::JoinSet::from_iter([async move {
        let mut tx = store.tenant(&site.scope).begin().await.unwrap();
        tx.labels().intern(&abandoned).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
    }]);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    drop(slow);
    waiting.join_all().await;
    world.drop().await;
}

/// 19 of 20 vectors around the one that is asked for are hidden: were they taken out of the result instead of the search,
/// hardly any would be left.
#[tokio::test]
async fn a_search_finds_as_many_as_were_asked_for_though_nearly_all_of_the_nearest_are_hidden() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    // Around one axis, so that they are the nearest, in an order that the hidden ones lead.
    let near: Vec<Vec<f32>> = scattered(4_000, 11)
        .into_iter()
        .enumerate()
        .map(|(number, mut vector)| {
            vector[0] += if number < 3_800 { 3.0 } else { 1.0 };
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.into_iter().map(|value| value / length).collect()
        })
        .collect();
    let secret = label(Classification::Restricted, &[], &[]);
    for (number, part) in near[..3_800].chunks(200).enumerate() {
        world.labelled_manual(&site, &format!("Secret {number}.txt"), &secret, part).await;
    }
    let public = label(Classification::Public, &[], &[]);
    let open = world.labelled_manual(&site, "Open.txt", &public, &near[3_800..]).await;
    world.database.tamper("ANALYZE").await;
    let user = person(&world, &site, clearance(Classification::Internal, &[], &[])).await;
    let reader = reader(&world, &site, user).await;
    let embedding = axis(0);
    let query = PassageQuery {
        reader: &reader,
        embedding: Some(&embedding),
        model: VectorModel::FIRST,
        nearest: 50,
        keyword_hits: &[],
        scope: PassageScope::Current,
        visible_chunks: None,
    };
    let mut tx = world.read(&site).await;
    let plan = tx.passages().explain(&query).await.unwrap().join("\n");
    assert!(plan.contains("_embedding_idx"), "{plan}");
    let few = PassageQuery { visible_chunks: Some(200), ..query.clone() };
    let plan = tx.passages().explain(&few).await.unwrap().join("\n");
    assert!(!plan.contains("_embedding_idx") && plan.contains("_version_id_model_id_idx"), "{plan}");
    for query in [query, few] {
        let rows = tx.passages().find(&query).await.unwrap();
        assert_eq!(rows.len(), 50);
        assert!(rows.iter().all(|row| open.chunks.contains(&row.chunk_id)));
    }
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_new_label_hides_a_document_at_once_and_raises_the_answers_that_cite_it() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let other = world.manual(&site, "Press manual.txt", &[axis(1)]).await;
    let viewer = person(&world, &site, clearance(Classification::Internal, &[], &[])).await;
    let (cites, cites_other, hr) = (world.chat(&site).await, world.chat(&site).await, set(&["hr"]));
    let mut tx = world.begin(&site).await;
    for (chat, document) in [(&cites, manual.document), (&cites_other, other.document)] {
        let mut end = answer("Turn the switch. [1]");
        end.citations = json!([{ "number": 1, "document_id": document }]);
        end.label = Some(Label { groups: set(&["hr"]), ..Label::of(Classification::Public) });
        tx.messages().finish(chat.answer, &end).await.unwrap();
    }
    tx.commit(BOOKKEEPING).await.unwrap();
    let before = world.database.peek("SELECT count(*)::text FROM index_changes").await;
    let all = [(manual.document, manual.chunks[0]), (other.document, other.chunks[0])];
    assert_eq!(seen(&world, &site, viewer, &all).await, ["Press manual.txt", "Pump manual.txt"]);

    let mut tx = world.begin(&site).await;
    let secret = label(Classification::Restricted, &["ITAR"], &[]);
    let number = tx.labels().intern(&secret).await.unwrap();
    tx.documents().set_label(manual.document, &secret, number, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let reader_before = reader(&world, &site, viewer).await;
    assert!(world.read(&site).await.documents().get(&reader_before, manual.document).await.unwrap().is_none());
    let mut tx = world.read(&site).await;
    assert_eq!(tx.documents().label_of(manual.document).await.unwrap(), Some(secret));
    let label_of = async |tx: &mut millwright_store::TenantTx, chat: &crate::support::Chat| {
        let row = tx.messages().get(chat.conversation, chat.answer).await.unwrap().unwrap();
        label_of_json(row.label.unwrap())
    };
    let raised = Label { groups: hr, ..label(Classification::Restricted, &["ITAR"], &[]) };
    assert_eq!(label_of(&mut tx, &cites).await, raised, "joined, not replaced");
    let run = tx.runs().get(cites.run).await.unwrap().unwrap();
    let of_run = run.label.map(label_of_json).unwrap();
    assert_eq!(of_run.classification, Classification::Restricted, "its events repeat what the answer says");
    let kept = Label { groups: set(&["hr"]), ..Label::of(Classification::Public) };
    assert_eq!(label_of(&mut tx, &cites_other).await, kept);
    drop(tx);
    let after = world.database.peek("SELECT count(*)::text FROM index_changes").await;
    assert_ne!(before, after, "the keyword indexes are told");

    assert_eq!(seen(&world, &site, viewer, &all).await, ["Press manual.txt"]);
    // A lower label shows the document again; what was written from it keeps what it was.
    let mut tx = world.begin(&site).await;
    let public = label(Classification::Public, &[], &[]);
    let number = tx.labels().intern(&public).await.unwrap();
    tx.documents().set_label(manual.document, &public, number, world.now()).await.unwrap();
    assert_eq!(label_of(&mut tx, &cites).await, raised);
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(seen(&world, &site, viewer, &all).await.len(), 2);
    world.drop().await;
}

#[tokio::test]
async fn a_label_that_changes_while_its_document_is_waited_for_is_held_as_it_is_then() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let secret = label(Classification::Restricted, &["ITAR"], &[]);
    let mut changing = world.begin(&site).await;
    let number = changing.labels().intern(&secret).await.unwrap();
    changing.documents().set_label(manual.document, &secret, number, world.now()).await.unwrap();
    let hold = async {
        let mut tx = world.begin(&site).await;
        tx.documents().hold_labels(&[manual.document]).await.unwrap()
    };
    let change = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        changing.commit(BOOKKEEPING).await.unwrap();
    };
    let (held, ()) = tokio::join!(hold, change);
    assert_eq!(held, [secret]);
    world.drop().await;
}

#[tokio::test]
async fn two_people_who_cannot_see_each_others_documents_may_give_them_the_same_name() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let hr = person(&world, &site, clearance(Classification::Confidential, &[], &["hr"])).await;
    let board = person(&world, &site, clearance(Classification::Confidential, &[], &["board"])).await;
    let of_hr = world
        .labelled_manual(&site, "Plan.txt", &label(Classification::Internal, &[], &["hr"]), &[axis(0)])
        .await
        .document;
    let of_board = reader(&world, &site, board).await;
    let mut tx = world.begin(&site).await;
    assert_eq!(tx.documents().find_by_name(&of_board, "Plan.txt").await.unwrap(), None, "the name tells nothing");
    tx.commit(BOOKKEEPING).await.unwrap();
    let second = world
        .labelled_manual(&site, "Plan.txt", &label(Classification::Internal, &[], &["board"]), &[axis(0)])
        .await
        .document;
    for (user, own) in [(hr, of_hr), (board, second)] {
        let reader = reader(&world, &site, user).await;
        let mut tx = world.begin(&site).await;
        assert_eq!(tx.documents().find_by_name(&reader, "Plan.txt").await.unwrap(), Some(own));
    }
    // Who sees both is led to the one that was changed last.
    let both = person(&world, &site, clearance(Classification::Internal, &[], &["hr", "board"])).await;
    let reader = reader(&world, &site, both).await;
    let mut tx = world.begin(&site).await;
    assert_eq!(tx.documents().find_by_name(&reader, "Plan.txt").await.unwrap(), Some(second));
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn conversations_are_not_found_by_words_of_answers_that_may_not_be_read_any_more() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let chat = world.chat(&site).await;
    let mut tx = world.begin(&site).await;
    let mut end = answer("The flywheel has a crack.");
    end.label = Some(label(Classification::Confidential, &["EAR:3A001"], &["hr"]));
    tx.messages().finish(chat.answer, &end).await.unwrap();
    for (cleared, hits) in [
        (clearance(Classification::Confidential, &["EAR:3A001"], &["hr"]), 1),
        (clearance(Classification::Internal, &["EAR:3A001"], &["hr"]), 0),
        (clearance(Classification::Confidential, &[], &["hr"]), 0),
        (clearance(Classification::Confidential, &["EAR:3A001"], &[]), 0),
        (clearance(Classification::Restricted, &["EAR:3A001", "ITAR"], &["hr", "board"]), 1),
        (clearance(Classification::Confidential, &["EAR"], &["hr"]), 1),
    ] {
        let found = tx.conversations().list(site.user, (Some("flywheel"), &cleared), FIRST).await.unwrap();
        assert_eq!(found.items.len(), hits, "{cleared:?}");
    }
    drop(tx);
    world.drop().await;
}
