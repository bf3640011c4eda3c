//! Watched folders: their clocks, and how a stale one hides.

use std::time::Duration;

use millwright_core::{
    Classification, Label, TenantScope,
    id::{DocumentId, SourceId},
};
use millwright_store::{
    StoreError, TenantTx,
    system::ClaimedClock,
    tenant::{
        ClockFence, DocumentFilter, FileCheck, NewDocument, NewSource, NewVersion, PassEnd, RunStepRow, SourceChange,
        SourceClock, SourceFileRow, StepKind, StepStatus, label_of_json,
    },
};
use serde_json::json;

use crate::{
    isolation::answer,
    support::{BOOKKEEPING, Chat, FIRST, Site, World},
};

const LEASE: Duration = Duration::from_mins(1);
const CHECK: FileCheck = FileCheck { size_bytes: 5, modified_ns: 7, inode: 9 };

fn settings() -> SourceChange {
    SourceChange {
        label: Label::of(Classification::Internal),
        tags: vec!["share".to_owned()],
        group_map: Some(json!({ "2000": "hr" })),
        content_interval_s: 60,
        permission_interval_s: 30,
        permission_max_age_s: 600,
    }
}

fn file(path: &str) -> SourceFileRow {
    SourceFileRow {
        path: path.to_owned(),
        document: None,
        problem: Some("format"),
        check: CHECK,
        device: 3,
        given: None,
        seen_in: 0,
    }
}

fn named(world: &World, site: &Site, name: &str) -> NewSource {
    NewSource {
        id: world.sources.new_id(),
        name: name.to_owned(),
        path: ".".to_owned(),
        settings: settings(),
        created_by: site.user,
        created_at: world.now(),
    }
}

/// A source with one file that is no document.
pub(crate) async fn watch(world: &World, tx: &mut TenantTx, site: &Site) -> SourceId {
    let source = named(world, site, "Share");
    tx.sources().insert(&source).await.unwrap();
    tx.source_files().put(source.id, &file("a.png")).await.unwrap();
    source.id
}

/// Of another tenant nothing is there.
pub(crate) async fn assert_sees_no_source(tx: &mut TenantTx, other: SourceId) {
    assert!(tx.sources().get(other).await.unwrap().is_none());
    assert!(matches!(tx.sources().require(other).await, Err(StoreError::NotFound(_))));
    assert!(tx.sources().list(false).await.unwrap().is_empty());
    assert!(tx.source_files().known(other, &["a.png"]).await.unwrap().is_empty());
    assert!(tx.source_files().list(other, "", None, 10).await.unwrap().is_empty());
    assert!(!tx.source_files().any(other).await.unwrap());
}

/// Every change of both repositories, tried on another tenant's source.
pub(crate) async fn try_to_watch(world: &World, tx: &mut TenantTx, other: SourceId) {
    let now = world.now();
    let absent = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::NotFound(_))), "{result:?}");
    absent(tx.sources().change(other, "stolen", &settings(), true, now).await);
    absent(tx.sources().delete(other, now).await);
    tx.sources().hold(other).await.unwrap();
    tx.sources().request_pass(other).await.unwrap();
    tx.sources().remove(other).await.unwrap();
    let owner = world.sources.new_uuid();
    let fence = ClockFence { source: other, clock: SourceClock::Contents, owner, attempt: 1 };
    let end = PassEnd { report: json!({}), failure: None, revision: 1, again_after: LEASE };
    assert!(matches!(tx.sources().require_lease(&fence, 1).await, Err(StoreError::LeaseLost)));
    assert!(matches!(tx.sources().renew(&fence, LEASE, &json!({})).await, Err(StoreError::LeaseLost)));
    assert!(matches!(tx.sources().finish(&fence, &end).await, Err(StoreError::LeaseLost)));
    assert!(tx.source_files().hold(other, "a.png").await.unwrap().is_none());
    tx.source_files().set_seen(other, &[("a.png", 4)], 9).await.unwrap();
    tx.source_files().set_given(other, "a.png", &Label::of(Classification::Public)).await.unwrap();
    tx.source_files().delete(other, "a.png").await.unwrap();
}

async fn claim(world: &World, clock: SourceClock) -> Vec<ClaimedClock> {
    claim_up_to(world, clock, 10).await
}

async fn claim_up_to(world: &World, clock: SourceClock, limit: i64) -> Vec<ClaimedClock> {
    let mut tx = world.store().system().await.unwrap();
    let claimed = tx.source_clocks().claim(clock, world.sources.new_uuid(), LEASE, limit).await.unwrap();
    tx.commit().await.unwrap();
    claimed
}

async fn pass(world: &World, scope: &TenantScope, fence: &ClockFence, failure: Option<(&'static str, String)>) {
    let end = PassEnd { report: json!({ "seen": 1 }), failure, revision: 1, again_after: LEASE };
    let mut tx = world.store().tenant(scope).begin().await.unwrap();
    tx.sources().finish(fence, &end).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
}

async fn watched(world: &World, name: &str) -> (Site, SourceId) {
    let site = world.site(name).await;
    let mut tx = world.begin(&site).await;
    let source = watch(world, &mut tx, &site).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    (site, source)
}

/// A document of a source, with the number of its label.
async fn document(world: &World, site: &Site, source: SourceId) -> DocumentId {
    let mut tx = world.begin(site).await;
    let label = Label::of(Classification::Internal);
    let document = NewDocument {
        id: world.sources.new_id(),
        name: "a.md".to_owned(),
        label_id: tx.labels().intern_of(source, &label, false).await.unwrap(),
        label: label.clone(),
        metadata: json!({}),
        tags: Vec::new(),
        supersedes: None,
        created_by: site.user,
        created_at: world.now(),
    };
    tx.documents().insert_of(source, &document).await.unwrap();
    let version = NewVersion {
        id: world.sources.new_id(),
        document_id: document.id,
        format: "text".to_owned(),
        media_type: "text/plain".to_owned(),
        sha256: [7; 32],
        created_by: site.user,
        created_at: world.now(),
        effective_from: world.now(),
        effective_until: None,
    };
    tx.versions().insert(&version, b"text").await.unwrap();
    let row = SourceFileRow { document: Some(document.id), problem: None, given: Some(label), ..file("a.md") };
    tx.source_files().put(source, &row).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    document.id
}

async fn listed(world: &World, site: &Site) -> usize {
    let reader = world.reader(site).await;
    let found = world.read(site).await.documents().list(&reader, &DocumentFilter::default(), FIRST).await.unwrap();
    found.items.len()
}

#[tokio::test]
async fn a_clock_is_worked_on_by_one_at_a_time_and_goes_forward_only_when_all_was_gone_through() {
    let world = World::new().await;
    let (site, source) = watched(&world, "A").await;
    let claimed = claim(&world, SourceClock::Permissions).await;
    let [first] = claimed.as_slice() else { panic!("{claimed:?}") };
    assert!(claim(&world, SourceClock::Permissions).await.is_empty());
    assert_eq!(claim(&world, SourceClock::Contents).await.len(), 1, "the clocks do not wait for each other");
    let state = world.read(&site).await.sources().require(source).await.unwrap();
    let clock = state.permissions.unwrap();
    assert!((clock.running, clock.checked_at, state.stale) == (true, None, true));

    // Its process dies: another has it, and the first writes nothing more.
    world.database.tamper("UPDATE source_clocks SET lease_expires_at = now() - interval '1 second'").await;
    let claimed = claim(&world, SourceClock::Permissions).await;
    let [second] = claimed.as_slice() else { panic!("{claimed:?}") };
    let held = world.begin(&site).await.sources().require_lease(&first.fence, 1).await;
    assert!(matches!(held, Err(StoreError::LeaseLost)));
    assert!(world.begin(&site).await.sources().require_lease(&second.fence, 1).await.unwrap());

    pass(&world, &site.scope, &second.fence, Some(("folder_missing", "gone".to_owned()))).await;
    let state = world.read(&site).await.sources().require(source).await.unwrap();
    let clock = state.permissions.unwrap();
    assert_eq!((clock.failure_code.as_deref(), clock.checked_at, state.stale), (Some("folder_missing"), None, true));
    assert!(claim(&world, SourceClock::Permissions).await.is_empty(), "not before it is due");

    world.database.tamper("UPDATE source_clocks SET due_at = now()").await;
    let third = claim(&world, SourceClock::Permissions).await[0];
    pass(&world, &site.scope, &third.fence, None).await;
    let state = world.read(&site).await.sources().require(source).await.unwrap();
    let clock = state.permissions.unwrap();
    assert!(clock.checked_at.is_some() && clock.checked_at == clock.started_at && clock.failure_code.is_none());
    assert!(!state.stale);
    world.drop().await;
}

#[tokio::test]
async fn a_tenant_with_many_clocks_that_are_due_leaves_places_to_others_in_the_same_claim() {
    let world = World::new().await;
    let (many, _) = watched(&world, "A").await;
    let mut tx = world.begin(&many).await;
    for name in ["One", "Two", "Three"] {
        tx.sources().insert(&named(&world, &many, name)).await.unwrap();
    }
    tx.commit(BOOKKEEPING).await.unwrap();
    // It has waited less than all of the other's.
    let (few, source) = watched(&world, "B").await;
    let claimed = claim_up_to(&world, SourceClock::Contents, 2).await;
    let of_few: Vec<_> = claimed.iter().filter(|claimed| claimed.fence.source == source).collect();
    assert_eq!((claimed.len(), of_few.len()), (2, 1), "{claimed:?}");
    assert_eq!(of_few[0].scope.tenant_id(), few.scope.tenant_id());
    assert_eq!(claim_up_to(&world, SourceClock::Contents, 2).await.len(), 2, "no place stays empty");
    assert_eq!(claim(&world, SourceClock::Contents).await.len(), 1);
    world.drop().await;
}

#[tokio::test]
async fn a_source_that_is_changed_while_it_is_waited_for_is_seen_as_it_is_then() {
    let world = World::new().await;
    let (site, source) = watched(&world, "A").await;
    let raised = SourceChange { label: Label::of(Classification::Confidential), ..settings() };
    let mut changing = world.begin(&site).await;
    changing.sources().hold(source).await.unwrap();
    changing.sources().change(source, "Share", &raised, true, world.now()).await.unwrap();
    let hold = async {
        let mut tx = world.begin(&site).await;
        tx.sources().hold(source).await.unwrap();
        tx.sources().require(source).await.unwrap().settings
    };
    let change = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        changing.commit(BOOKKEEPING).await.unwrap();
    };
    let (held, ()) = tokio::join!(hold, change);
    assert_eq!(held, raised);
    world.drop().await;
}

#[tokio::test]
async fn documents_of_a_stale_source_are_hidden_from_everybody_until_it_was_checked() {
    let world = World::new().await;
    let (site, source) = watched(&world, "A").await;
    let id = document(&world, &site, source).await;
    assert_eq!(listed(&world, &site).await, 0, "nothing was checked yet");
    let first = claim(&world, SourceClock::Permissions).await[0];
    pass(&world, &site.scope, &first.fence, None).await;
    assert_eq!(listed(&world, &site).await, 1);
    let reader = world.reader(&site).await;
    let row = world.read(&site).await.documents().require(&reader, id).await.unwrap();
    assert_eq!(row.source.map(|source| source.name).as_deref(), Some("Share"));
    assert!(world.begin(&site).await.documents().find_by_name(&reader, "a.md").await.unwrap().is_none());

    world.database.tamper("UPDATE source_clocks SET checked_at = now() - interval '11 minutes'").await;
    assert_eq!(listed(&world, &site).await, 0);
    let reader = world.reader(&site).await;
    assert!(!reader.sees_all());
    assert!(world.read(&site).await.documents().get(&reader, id).await.unwrap().is_none());
    world.database.tamper("UPDATE source_clocks SET checked_at = now()").await;
    assert_eq!(listed(&world, &site).await, 1);

    // Ended, it hides them at once, fresh or not.
    let mut tx = world.begin(&site).await;
    tx.sources().delete(source, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(listed(&world, &site).await, 0);
    assert!(world.read(&site).await.sources().list(false).await.unwrap().is_empty());
    assert_eq!(claim(&world, SourceClock::Contents).await.len(), 1, "and has them removed");
    world.drop().await;
}

#[tokio::test]
async fn another_label_hides_until_a_pass_that_began_after_it() {
    let world = World::new().await;
    let (site, source) = watched(&world, "A").await;
    document(&world, &site, source).await;
    let first = claim(&world, SourceClock::Permissions).await[0];
    pass(&world, &site.scope, &first.fence, None).await;
    world.database.tamper("UPDATE source_clocks SET due_at = now()").await;
    let during = claim(&world, SourceClock::Permissions).await[0];
    let mut tx = world.begin(&site).await;
    let raised = SourceChange { label: Label::of(Classification::Confidential), ..settings() };
    tx.sources().change(source, "Share", &raised, true, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(listed(&world, &site).await, 0);
    assert!(!world.begin(&site).await.sources().require_lease(&during.fence, 1).await.unwrap());
    pass(&world, &site.scope, &during.fence, None).await;
    assert_eq!(listed(&world, &site).await, 0, "that pass knew nothing of the change");
    let after = claim(&world, SourceClock::Permissions).await[0];
    let end = PassEnd { report: json!({}), failure: None, revision: 2, again_after: LEASE };
    let mut tx = world.begin(&site).await;
    tx.sources().finish(&after.fence, &end).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(listed(&world, &site).await, 1);
    world.drop().await;
}

#[tokio::test]
async fn what_is_known_of_a_file_follows_where_it_was_seen_and_keeps_what_it_was_given() {
    let world = World::new().await;
    let (site, source) = watched(&world, "A").await;
    let id = document(&world, &site, source).await;
    let mut tx = world.begin(&site).await;
    tx.source_files().set_seen(source, &[("a.md", 11), ("a.png", 12), ("unknown.md", 13)], 5).await.unwrap();
    let known = tx.source_files().list(source, "", None, 10).await.unwrap();
    let devices: Vec<(&str, i64)> = known.iter().map(|file| (file.path.as_str(), file.device)).collect();
    assert_eq!(devices, [("a.md", 11), ("a.png", 12)]);
    assert!(tx.source_files().list(source, "", Some(5), 10).await.unwrap().is_empty(), "both were seen");

    let by_hand = Label::of(Classification::Restricted);
    tx.source_files().set_raised(id, &by_hand).await.unwrap();
    let row = SourceFileRow { document: Some(id), problem: None, device: 14, ..file("a.md") };
    tx.source_files().put(source, &row).await.unwrap();
    let held = tx.source_files().hold(source, "a.md").await.unwrap().unwrap();
    assert_eq!((held.document, held.device), (Some(id), 14));
    assert_eq!(held.given, Some(Label::of(Classification::Internal)), "another version changes no label");
    assert_eq!(held.raised, Some(by_hand), "nor what a person gave");
    tx.source_files().put(source, &file("a.md")).await.unwrap();
    let held = tx.source_files().hold(source, "a.md").await.unwrap().unwrap();
    assert_eq!((held.document, held.given, held.raised), (None, None, None));
    tx.commit(BOOKKEEPING).await.unwrap();
    world.drop().await;
}

#[tokio::test]
async fn no_label_lets_a_document_escape_from_its_source() {
    let world = World::new().await;
    let (site, source) = watched(&world, "A").await;
    let id = document(&world, &site, source).await;
    let public = Label::of(Classification::Public);
    let mut tx = world.begin(&site).await;
    let of_nobody = tx.labels().intern(&public).await.unwrap();
    assert!(tx.documents().set_label(id, &public, of_nobody, world.now()).await.is_err());
    drop(tx);
    let mut tx = world.begin(&site).await;
    let own = tx.labels().intern_for(id, &public).await.unwrap();
    assert_ne!(own, of_nobody);
    tx.documents().set_label(id, &public, own, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();

    // A hidden label is the same to look at, and nobody sees what carries it.
    let first = claim(&world, SourceClock::Permissions).await[0];
    pass(&world, &site.scope, &first.fence, None).await;
    assert_eq!(listed(&world, &site).await, 1);
    let mut tx = world.begin(&site).await;
    let hidden = tx.labels().intern_of(source, &public, true).await.unwrap();
    tx.documents().set_label(id, &public, hidden, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(listed(&world, &site).await, 0);
    let known = world.read(&site).await.source_files().known(source, &["a.md"]).await.unwrap();
    assert!(known[0].hidden && known[0].label.as_ref() == Some(&public));
    assert_eq!(world.read(&site).await.sources().require(source).await.unwrap().documents, (1, 1));

    // Another label for it, from somebody who saw it a moment before, does not show it.
    let mut tx = world.begin(&site).await;
    assert_eq!(tx.labels().intern_for(id, &public).await.unwrap(), hidden);
    drop(tx);
    world.drop().await;
}

fn read_by_a_tool(world: &World, document: DocumentId) -> RunStepRow {
    let detail = json!({ "calls": [{ "tool": "read_on", "document_ids": [document.to_string()] }] });
    RunStepRow { kind: StepKind::Tool, detail, ..world.step(7, StepStatus::Finished) }
}

/// Its steps name documents, their headings too.
#[tokio::test]
async fn a_run_that_read_what_is_hidden_is_withheld_although_its_answer_cites_nothing_of_it() {
    let world = World::new().await;
    let (site, source) = watched(&world, "A").await;
    let id = document(&world, &site, source).await;
    let chat = world.chat(&site).await;
    let mut tx = world.begin(&site).await;
    tx.messages().finish(chat.answer, &answer("Nothing is said of it.")).await.unwrap();
    tx.runs().put_step(chat.run, &read_by_a_tool(&world, id)).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let first = claim(&world, SourceClock::Permissions).await[0];
    pass(&world, &site.scope, &first.fence, None).await;
    let label = async || world.read(&site).await.runs().get(chat.run).await.unwrap().unwrap().label.map(label_of_json);
    assert_ne!(label().await, Some(Label::unreadable()));
    world.database.tamper("UPDATE source_clocks SET checked_at = NULL").await;
    assert_eq!(label().await, Some(Label::unreadable()));
    world.drop().await;
}

/// A document of a source that was checked, and an answer that cites it.
async fn cited(world: &World, site: &Site, source: SourceId) -> (DocumentId, Chat) {
    let id = document(world, site, source).await;
    let chat = world.chat(site).await;
    let mut tx = world.begin(site).await;
    let mut cited = answer("Grease it.");
    cited.citations = json!([{ "document_id": id.to_string(), "quote": "Grease it." }]);
    tx.messages().finish(chat.answer, &cited).await.unwrap();
    tx.runs().put_step(chat.run, &read_by_a_tool(world, id)).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let first = claim(world, SourceClock::Permissions).await[0];
    pass(world, &site.scope, &first.fence, None).await;
    (id, chat)
}

/// Of an answer, and of its run.
async fn labels(world: &World, site: &Site, chat: &Chat) -> (Option<Label>, Option<Label>) {
    let mut tx = world.read(site).await;
    let message = tx.messages().get(chat.conversation, chat.answer).await.unwrap().unwrap();
    let run = tx.runs().get(chat.run).await.unwrap().unwrap();
    let branch = tx.messages().branch(chat.answer, 5).await.unwrap().pop().unwrap();
    assert_eq!(branch.label, message.label);
    (message.label.map(label_of_json), run.label.map(label_of_json))
}

#[tokio::test]
async fn what_was_hidden_when_it_was_deleted_or_whose_source_is_gone_is_quoted_nowhere() {
    let withheld = (Some(Label::unreadable()), Some(Label::unreadable()));
    for hidden in [true, false] {
        let world = World::new().await;
        let (site, source) = watched(&world, "A").await;
        let (id, chat) = cited(&world, &site, source).await;
        let mut tx = world.begin(&site).await;
        if hidden {
            let label = Label::of(Classification::Internal);
            let number = tx.labels().intern_of(source, &label, true).await.unwrap();
            tx.documents().set_label(id, &label, number, world.now()).await.unwrap();
        }
        tx.documents().delete(id, world.now()).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        assert_eq!(labels(&world, &site, &chat).await == withheld, hidden);

        let mut tx = world.begin(&site).await;
        tx.sources().delete(source, world.now()).await.unwrap();
        tx.sources().remove(source).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        assert_eq!(labels(&world, &site, &chat).await, withheld);
        world.drop().await;
    }
}

#[tokio::test]
async fn an_answer_that_cites_what_is_hidden_is_withheld_with_its_run() {
    let world = World::new().await;
    let (site, source) = watched(&world, "A").await;
    let (_, chat) = cited(&world, &site, source).await;
    let of_chat = async || labels(&world, &site, &chat).await;
    assert_eq!(of_chat().await.0, Some(Label::of(Classification::Internal)));
    world.database.tamper("UPDATE source_clocks SET checked_at = NULL").await;
    assert_eq!(of_chat().await, (Some(Label::unreadable()), Some(Label::unreadable())));
    let everything = (Some("grease"), &millwright_core::Clearance::EVERYTHING);
    let found = world.read(&site).await.conversations().list(site.user, everything, FIRST).await.unwrap();
    assert!(found.items.is_empty(), "its words find it no more");
    world.drop().await;
}
