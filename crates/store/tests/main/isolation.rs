//! Two tenants, every repository: neither sees, changes nor reaches a row of the other.

use millwright_core::{Classification, audit::AuditRecord, id::UserId};
use millwright_store::{
    Bookkeeping, Proof, StoreError, TenantTx,
    tenant::{
        AuditFilter, DocumentFilter, FinishedMessage, JobFence, JobOutcome, MessageRole, MessageStatus, PageRow,
        PassageQuery, RunStatus, Stage, StepStatus,
    },
};
use serde_json::json;

use crate::support::{BOOKKEEPING, Chat, FIRST, Manual, Site, World, axis, events, scattered};

/// A tenant in which every table has rows.
struct Full {
    site: Site,
    manual: Manual,
    chat: Chat,
    job: millwright_core::id::JobId,
    record: AuditRecord,
}

async fn fill(world: &World, name: &str) -> Full {
    let site = world.site(name).await;
    let manual = world.manual(&site, "Pump manual.txt", &scattered(20, 3)).await;
    let chat = world.chat(&site).await;
    let mut tx = world.begin(&site).await;
    tx.runs().put_step(chat.run, &world.step(1, StepStatus::Running)).await.unwrap();
    tx.runs().append_events(chat.run, &events(&[json!({ "type": "RUN_STARTED" })])).await.unwrap();
    let job = world.job(Some(&manual.document.to_string()));
    tx.jobs().enqueue(&job).await.unwrap();
    let record = world.record(&site, "document.uploaded");
    tx.commit(Proof::Entry(&record)).await.unwrap();
    Full { site, manual, chat, job: job.id, record }
}

#[expect(clippy::needless_pass_by_value, reason = "reads as a sentence around a call")]
fn missing<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::NotFound(_))), "{result:?}");
}

/// Every read of every tenant repository, asked by one tenant for the other's ids.
async fn assert_sees_nothing(tx: &mut TenantTx, other: &Full) {
    let (document, version) = (other.manual.document, other.manual.version);
    assert!(tx.users().get(other.site.user).await.unwrap().is_none());
    assert_eq!(tx.users().count().await.unwrap(), 1);
    assert!(tx.documents().get(document).await.unwrap().is_none());
    missing(tx.documents().require(document).await);
    assert!(tx.documents().list(&DocumentFilter::default(), FIRST).await.unwrap().items.is_empty());
    assert_eq!(tx.documents().count().await.unwrap(), (0, 0));
    assert!(tx.versions().get(version).await.unwrap().is_none());
    missing(tx.versions().require(version).await);
    missing(tx.versions().require_number(document, None).await);
    assert!(tx.versions().list(document).await.unwrap().is_empty());
    assert!(tx.versions().list_by_ids(&[version]).await.unwrap().is_empty());
    missing(tx.versions().content(version).await);
    assert!(tx.versions().pages(version).await.unwrap().is_empty());
    missing(tx.versions().page_text(version, 1).await);
    assert!(tx.chunks().list(version, FIRST).await.unwrap().items.is_empty());
    assert!(tx.chunks().list_unembedded(version, 10).await.unwrap().is_empty());
    assert!(tx.index_changes().list_after(0, 0, 100).await.unwrap().is_empty());
    assert!(tx.index_changes().chunks_of(version).await.unwrap().is_empty());
    let query = PassageQuery {
        embedding: Some(&axis(0)),
        nearest: 50,
        keyword_hits: &other.manual.chunks,
        documents: Some(&[document]),
    };
    assert!(tx.passages().find(&query).await.unwrap().is_empty());
    assert!(tx.passages().find(&PassageQuery { documents: None, ..query }).await.unwrap().is_empty());
    missing(tx.conversations().require(other.chat.conversation, other.site.user).await);
    assert!(tx.conversations().list(other.site.user, Some("pump"), FIRST).await.unwrap().items.is_empty());
    assert_eq!(tx.conversations().count().await.unwrap(), 0);
    assert!(tx.messages().get(other.chat.conversation, other.chat.question).await.unwrap().is_none());
    assert!(tx.messages().newest(other.chat.conversation).await.unwrap().is_none());
    assert!(tx.messages().list(other.chat.conversation).await.unwrap().is_empty());
    assert!(tx.messages().branch(other.chat.answer, 10).await.unwrap().is_empty());
    assert!(tx.runs().get(other.chat.run).await.unwrap().is_none());
    missing(tx.runs().require(other.chat.run, other.site.user).await);
    assert!(tx.runs().steps(other.chat.run).await.unwrap().is_empty());
    assert!(tx.runs().events_after(other.chat.run, 0, 10).await.unwrap().is_empty());
    assert_eq!(tx.runs().count_since(chrono::DateTime::UNIX_EPOCH).await.unwrap(), (0, 0));
    assert!(tx.jobs().list(None, FIRST).await.unwrap().items.is_empty());
    assert!(tx.audit().list(&AuditFilter::default(), FIRST).await.unwrap().items.is_empty());
}

/// Every change of every tenant repository, tried by one tenant on the other's ids. What the methods answer differs
/// (some say that nothing was there, some do nothing); what must not differ is the other tenant's rows.
async fn try_to_change(world: &World, site: &Site, other: &Full) {
    let (document, version, now) = (other.manual.document, other.manual.version, world.now());
    let mut tx = world.begin(site).await;
    missing(tx.documents().delete(document, now).await);
    tx.documents().set_label(document, Classification::Public, &json!({}), now).await.unwrap();
    assert!(tx.documents().find_by_name("Pump manual.txt").await.unwrap().is_none());
    tx.versions().set_progress(version, Stage::Parse, 1, None).await.unwrap();
    tx.versions().set_queued(version).await.unwrap();
    tx.versions().set_timing(version, Stage::Parse, 5).await.unwrap();
    tx.versions().set_failed(version, "x", "y").await.unwrap();
    tx.versions().set_parsed(version, false, 9).await.unwrap();
    tx.versions().delete_pages(version).await.unwrap();
    missing(tx.versions().set_ready(version, now).await);
    tx.chunks().replace(document, version, &[]).await.unwrap();
    missing(tx.conversations().set_title(other.chat.conversation, other.site.user, "mine").await);
    missing(tx.conversations().delete(other.chat.conversation, other.site.user, now).await);
    tx.messages().finish(other.chat.answer, &answer("stolen")).await.unwrap();
    tx.messages().fail_from_events(other.chat.answer, other.chat.run, "x", "y").await.unwrap();
    assert!(matches!(tx.runs().renew_lease(other.chat.run).await, Err(StoreError::LeaseLost)));
    assert!(!tx.runs().request_cancel(other.chat.run, now).await.unwrap());
    let finished = tx.runs().finish(other.chat.run, RunStatus::Failed, None, now).await;
    assert!(matches!(finished, Err(StoreError::LeaseLost)));
    assert!(!tx.runs().finish_expired(other.chat.run, ("x", "y"), now).await.unwrap());
    missing(tx.jobs().retry(other.job).await);
    tx.jobs().delete_queued_for(&document.to_string()).await.unwrap();
    let fence = JobFence { id: other.job, owner: world.sources.new_uuid(), attempt: 0 };
    assert!(matches!(tx.jobs().require_lease(&fence).await, Err(StoreError::LeaseLost)));
    assert!(matches!(tx.jobs().finish(&fence, &JobOutcome::Succeeded).await, Err(StoreError::LeaseLost)));
    tx.commit(BOOKKEEPING).await.unwrap();
}

pub(crate) fn answer(content: &str) -> FinishedMessage {
    FinishedMessage {
        content: content.to_owned(),
        status: MessageStatus::Complete,
        citations: json!([]),
        model: "extractive".to_owned(),
        tier: "LIGHT".to_owned(),
        classification: Some(Classification::Internal),
        answered: Some(true),
        error: None,
        duration_ms: 12,
    }
}

/// All rows of a tenant in every table, as text, read past all policies.
async fn snapshot(world: &World, site: &Site) -> Vec<String> {
    let tables = world
        .database
        .peek(
            "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'millwright' \
             AND column_name = 'tenant_id' ORDER BY 1",
        )
        .await;
    let mut rows = Vec::new();
    for table in tables {
        let tenant = site.scope.tenant_id().uuid();
        let statement = format!("SELECT '{table} ' || t::text FROM {table} t WHERE tenant_id = '{tenant}' ORDER BY 1");
        let found = world.database.peek(&statement).await;
        assert!(!found.is_empty() || table.starts_with("audit_"), "the fixture leaves `{table}` empty");
        rows.extend(found);
    }
    rows
}

const NO_POLICIES: &str = "DO $$ DECLARE t text; BEGIN FOR t IN SELECT relname FROM pg_class \
    WHERE relnamespace = 'millwright'::regnamespace AND relrowsecurity LOOP \
    EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', t); END LOOP; END $$";

#[tokio::test]
async fn a_tenant_sees_and_changes_nothing_of_another() {
    let world = World::new().await;
    let full = fill(&world, "TenantA").await;
    let other = world.site("TenantB").await;
    let before = snapshot(&world, &full.site).await;
    assert_sees_nothing(&mut world.read(&other).await, &full).await;
    try_to_change(&world, &other, &full).await;
    assert_eq!(before, snapshot(&world, &full.site).await);
    world.drop().await;
}

#[tokio::test]
async fn the_statements_hold_even_without_the_databases_policies() {
    let world = World::new().await;
    let full = fill(&world, "TenantA").await;
    let other = world.site("TenantB").await;
    world.database.tamper(NO_POLICIES).await;
    let before = snapshot(&world, &full.site).await;
    assert_sees_nothing(&mut world.read(&other).await, &full).await;
    try_to_change(&world, &other, &full).await;
    assert_eq!(before, snapshot(&world, &full.site).await);
    world.drop().await;
}

#[tokio::test]
async fn rows_cannot_be_hung_on_another_tenants_rows() {
    let world = World::new().await;
    let full = fill(&world, "TenantA").await;
    let other = world.site("TenantB").await;
    let (document, version) = (full.manual.document, full.manual.version);
    let refused =
        |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Statement(_))), "{result:?}");

    let page = PageRow { page_number: 2, text: "x".to_owned(), blocks: json!([]) };
    refused(world.begin(&other).await.versions().insert_pages(version, &[page]).await);
    refused(world.begin(&other).await.runs().put_step(full.chat.run, &world.step(9, StepStatus::Running)).await);
    refused(world.begin(&other).await.runs().append_events(full.chat.run, &events(&[json!({})])).await);
    refused(world.begin(&other).await.runs().append_last_event(full.chat.run, &json!({})).await);
    refused(world.begin(&other).await.conversations().insert(id(&world), full.site.user, "x", world.now()).await);
    let message = world.message(full.chat.conversation, id(&world), None, MessageRole::User);
    refused(world.begin(&other).await.messages().insert(&message).await);
    let chunk = millwright_store::tenant::NewChunk {
        id: world.sources.new_id(),
        ordinal: 900,
        page_number: 1,
        char_start: 0,
        char_end: 1,
        heading_path: Vec::new(),
        token_count: 1,
        text: "x".to_owned(),
    };
    refused(world.begin(&other).await.chunks().replace(document, version, &[chunk]).await);
    let vector =
        millwright_store::tenant::NewVector { chunk_id: full.manual.chunks[0], window_number: 9, embedding: axis(1) };
    refused(world.begin(&other).await.chunks().insert_vectors(document, version, &[vector]).await);
    world.drop().await;
}

fn id<T: millwright_core::id::EntityId>(world: &World) -> T {
    world.sources.new_id()
}

#[tokio::test]
async fn an_audit_entry_of_another_tenant_cannot_prove_a_change() {
    let world = World::new().await;
    let full = fill(&world, "TenantA").await;
    let other = world.site("TenantB").await;
    let tx = world.begin(&other).await;
    let error = tx.commit(Proof::Entry(&full.record)).await.unwrap_err();
    let StoreError::Statement(sqlx::Error::Database(cause)) = &error else { panic!("{error:?}") };
    assert_eq!(cause.code().as_deref(), Some("42501"), "row-level security refuses it");
    world.drop().await;
}

#[tokio::test]
async fn within_a_tenant_a_conversation_belongs_to_one_user() {
    let world = World::new().await;
    let full = fill(&world, "TenantA").await;
    let stranger: UserId = world.sources.new_id();
    let mut tx = world.read(&full.site).await;
    missing(tx.conversations().require(full.chat.conversation, stranger).await);
    missing(tx.runs().require(full.chat.run, stranger).await);
    assert!(tx.conversations().list(stranger, None, FIRST).await.unwrap().items.is_empty());
    drop(tx);
    let mut tx = world.begin(&full.site).await;
    missing(tx.conversations().set_title(full.chat.conversation, stranger, "mine").await);
    missing(tx.conversations().delete(full.chat.conversation, stranger, world.now()).await);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing_and_its_connection_forgets_the_tenant() {
    let world = World::new().await;
    let full = fill(&world, "TenantA").await;
    let before = snapshot(&world, &full.site).await;
    for _ in 0..20 {
        let mut tx = world.begin(&full.site).await;
        tx.conversations().delete(full.chat.conversation, full.site.user, world.now()).await.unwrap();
    }
    assert_eq!(before, snapshot(&world, &full.site).await);
    let mut tx = world.store().system().await.unwrap();
    assert_eq!(tx.tenants().list().await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    let mut tx = world.begin(&full.site).await;
    tx.conversations().require(full.chat.conversation, full.site.user).await.unwrap();
    tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await.unwrap();
    world.drop().await;
}
