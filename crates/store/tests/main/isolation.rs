//! Two tenants, every repository: neither sees, changes nor reaches a row of the other.

use chrono::TimeDelta;
use millwright_core::{
    Classification, Clearance, Label, Role,
    audit::AuditRecord,
    id::{DecisionId, DocumentId, GlossaryEntryId, LabelRequestId, McpServerId, SourceId, UserId},
};
use millwright_store::{
    Bookkeeping, Proof, StoreError, TenantTx,
    tenant::{
        AuditFilter, DocumentFilter, FinishedMessage, GoalRow, JobFence, JobOutcome, LabelRequestStatus, MemoryRow,
        MessageRole, MessageStatus, NewAgentVersion, NewDecision, NewGlossaryEntry, NewLabelRequest, NewPolicyEvent,
        NewVector, PageRow, PassageQuery, PassageScope, PolicyEventFilter, PolicyEventKind, Reader, RunStatus,
        SearchFilter, SecondFactorState, SessionEnd, Stage, Standing, StepStatus, UserChange, VectorModel, VersionSet,
    },
};
use serde_json::json;

use crate::{
    access::Keyring,
    budgets::{self, Spending},
    evaluations, goals, mcp_servers, memories, sources,
    support::{BOOKKEEPING, Chat, FIRST, Manual, Site, World, axis, events, scattered},
};

/// A tenant in which every table has rows.
pub(crate) struct Full {
    pub(crate) site: Site,
    ring: Keyring,
    manual: Manual,
    glossary_entry: GlossaryEntryId,
    chat: Chat,
    request: LabelRequestId,
    policy_version: i32,
    decision: DecisionId,
    spending: Spending,
    source: SourceId,
    goal: GoalRow,
    memory: MemoryRow,
    mcp_server: McpServerId,
    evaluation: evaluations::Asked,
    job: millwright_core::id::JobId,
    record: AuditRecord,
}

pub(crate) async fn fill(world: &World, name: &str) -> Full {
    let site = world.site(name).await;
    let ring = world.keyring(&site, 1).await;
    let manual = world.manual(&site, "Pump manual.txt", &scattered(20, 3)).await;
    plan_another_version(world, &site, manual.document).await;
    let chat = world.chat(&site).await;
    let mut tx = world.begin(&site).await;
    tx.runs().put_step(chat.run, &world.step(1, StepStatus::Running)).await.unwrap();
    tx.runs().append_events(chat.run, &events(&[json!({ "type": "RUN_STARTED" })])).await.unwrap();
    let glossary_entry = world.sources.new_id();
    let entry = NewGlossaryEntry {
        id: glossary_entry,
        term: "PM".to_owned(),
        expansions: vec!["preventive maintenance".to_owned()],
        language: Some("en".to_owned()),
        created_by: site.user,
        created_at: world.now(),
    };
    tx.glossary().insert(&entry).await.unwrap();
    let job = world.job(Some(&manual.document.to_string()));
    tx.jobs().enqueue(&job).await.unwrap();
    let record = world.record(&site, "document.uploaded");
    let (request, policy_version, decision) = governed(world, &mut tx, &site, &manual, &chat).await;
    let spending = budgets::spend(world, &mut tx, &site).await;
    let source = sources::watch(world, &mut tx, &site).await;
    let goal = goals::pursue(world, &mut tx, &site).await;
    let memory = memories::remember(world, &mut tx, &site).await;
    let mcp_server = mcp_servers::register(world, &mut tx, &site).await;
    let evaluation = evaluations::ask(world, &mut tx, &site).await;
    tx.commit(Proof::Entry(&record)).await.unwrap();
    let job = job.id;
    Full {
        site,
        ring,
        manual,
        glossary_entry,
        chat,
        request,
        policy_version,
        decision,
        spending,
        source,
        goal,
        memory,
        mcp_server,
        evaluation,
        job,
        record,
    }
}

/// What the policy layer keeps.
pub(crate) async fn governed(
    world: &World,
    tx: &mut TenantTx,
    site: &Site,
    manual: &Manual,
    chat: &Chat,
) -> (LabelRequestId, i32, DecisionId) {
    let request = NewLabelRequest {
        id: world.sources.new_id(),
        document_id: manual.document,
        from: Label::of(Classification::Internal),
        to: Label::of(Classification::Public),
        reason: "it is on the web site".to_owned(),
        requested_by: site.user,
        requested_at: world.now(),
    };
    tx.label_requests().insert(&request).await.unwrap();
    tx.policy_events().insert(&[policy_event(world, site, chat)]).await.unwrap();
    let empty = json!({});
    tx.policies().set_settings((&empty, &empty, None), 0, site.user, world.now()).await.unwrap();
    let version = tx.policies().insert_version(&json!([]), "first", site.user, world.now()).await.unwrap();
    tx.policies().activate(version, site.user, world.now()).await.unwrap();
    let agent = NewAgentVersion { name: "guard", definition: "name: guard", digest: [5; 32], note: "first" };
    assert_eq!(tx.agents().insert_version(&agent, site.user, world.now()).await.unwrap(), 1);
    tx.agents().activate("guard", Some(1), site.user, world.now()).await.unwrap();
    let decision = decision(world, site, chat);
    tx.policies().insert_decisions(std::slice::from_ref(&decision)).await.unwrap();
    assert!(tx.vaults().put(chat.conversation, b"sealed", None).await.unwrap());
    (request.id, version, decision.id)
}

fn decision(world: &World, site: &Site, chat: &Chat) -> NewDecision {
    NewDecision {
        id: world.sources.new_id(),
        decided_at: world.now(),
        user_id: site.user,
        run_id: Some(chat.run),
        action: "documents.read".to_owned(),
        request: json!({}),
        inputs_digest: [3; 32],
        policy_version: [4; 32],
        verdict: "ALLOW",
        policies: json!([]),
        would_allow: json!([]),
    }
}

/// One whose day has not come.
async fn plan_another_version(world: &World, site: &Site, document: DocumentId) {
    let mut tx = world.begin(site).await;
    let version = world.version(&mut tx, site, document).await;
    tx.versions().set_effective(version, world.now() + TimeDelta::days(9), None).await.unwrap();
    world.fill(&mut tx, document, version, &scattered(2, 3)).await;
    assert_eq!(tx.versions().set_ready(version, world.now()).await.unwrap(), Standing::Scheduled);
    tx.commit(BOOKKEEPING).await.unwrap();
}

fn policy_event(world: &World, site: &Site, chat: &Chat) -> NewPolicyEvent {
    NewPolicyEvent {
        id: world.sources.new_id(),
        occurred_at: world.now(),
        kind: PolicyEventKind::LabelDenied,
        outcome: "block",
        user_id: Some(site.user),
        run_id: Some(chat.run),
        document_id: None,
        chunk_id: None,
        score: Some((0.9, 0.5)),
        detail: "kept back".to_owned(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "reads as a sentence around a call")]
fn missing<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::NotFound(_))), "{result:?}");
}

/// Every read of every tenant repository, asked by one tenant for the other's ids.
async fn assert_sees_nothing(tx: &mut TenantTx, reader: &Reader, other: &Full) {
    let (document, version) = (other.manual.document, other.manual.version);
    assert!(tx.users().get(other.site.user).await.unwrap().is_none());
    assert_eq!(tx.users().count().await.unwrap(), 1);
    assert!(tx.users().subject_at(other.site.user, "plant").await.unwrap().is_none());
    assert!(tx.sessions().list(other.site.user, FIRST).await.unwrap().items.is_empty());
    assert!(tx.api_keys().list(other.site.user, FIRST).await.unwrap().items.is_empty());
    assert_eq!(tx.security().second_factor(other.site.user).await.unwrap(), SecondFactorState::Absent);
    assert!(tx.documents().get(reader, document).await.unwrap().is_none());
    missing(tx.documents().require(reader, document).await);
    assert!(tx.documents().list(reader, &DocumentFilter::default(), FIRST).await.unwrap().items.is_empty());
    assert_eq!(tx.documents().count(reader).await.unwrap(), (0, 0));
    assert!(!tx.documents().exists(document).await.unwrap());
    assert!(tx.documents().label_of(document).await.unwrap().is_none());
    assert!(tx.versions().get(version).await.unwrap().is_none());
    missing(tx.versions().require(version).await);
    missing(tx.versions().require_number(document, None).await);
    assert!(tx.versions().list(document).await.unwrap().is_empty());
    assert!(tx.versions().list_by_ids(&[version]).await.unwrap().is_empty());
    missing(tx.versions().content(version).await);
    assert!(tx.versions().pages(version).await.unwrap().is_empty());
    missing(tx.versions().page_text(version, 1).await);
    missing(tx.versions().page_layout(version, 1).await);
    assert!(tx.chunks().list(version, FIRST).await.unwrap().items.is_empty());
    assert!(tx.vectors().list_unembedded(version, VectorModel::FIRST, &[], 10).await.unwrap().is_empty());
    let newer = VectorModel::from(2);
    assert!(tx.vectors().list_lacking(newer, 10).await.unwrap().is_empty());
    assert_eq!(tx.vectors().progress(newer).await.unwrap().total, 0);
    assert!(tx.index_changes().list_after(0, 0, 100).await.unwrap().is_empty());
    assert!(tx.index_changes().chunks_of(version).await.unwrap().is_empty());
    let filter = SearchFilter { documents: Some(vec![document]), ..SearchFilter::default() };
    assert_eq!(tx.validity().versions(reader, &filter).await.unwrap(), VersionSet::default());
    let past = SearchFilter { as_of: Some(millwright_core::Sources::system().now()), ..filter };
    assert_eq!(tx.validity().versions(reader, &past).await.unwrap(), VersionSet::default());
    let (set, hits, embedding) =
        (VersionSet { ids: vec![version], chunks: 1 }, &other.manual.chunks, Some(&axis(0)[..]));
    let current = PassageScope::Current;
    for (scope, visible_chunks) in [(PassageScope::Any(&set), None), (current, None), (current, Some(1))] {
        let query = PassageQuery {
            reader,
            embedding,
            model: VectorModel::FIRST,
            nearest: 50,
            keyword_hits: hits,
            scope,
            visible_chunks,
        };
        assert!(tx.passages().find(&query).await.unwrap().is_empty());
        assert!(tx.passages().read(&query, hits).await.unwrap().is_empty());
    }
    missing(tx.versions().digests(version).await);
    missing(tx.glossary().require(other.glossary_entry).await);
    assert!(tx.glossary().list("", FIRST).await.unwrap().items.is_empty());
    assert_eq!((tx.glossary().count().await.unwrap(), tx.glossary().all().await.unwrap().len()), (0, 0));
    missing(tx.conversations().require(other.chat.conversation, other.site.user).await);
    let pump = (Some("pump"), &Clearance::EVERYTHING);
    assert!(tx.conversations().list(other.site.user, pump, FIRST).await.unwrap().items.is_empty());
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
    sources::assert_sees_no_source(tx, other.source).await;
    goals::assert_sees_no_goal(tx, &other.goal).await;
    memories::assert_sees_none(tx, &other.memory).await;
    mcp_servers::assert_sees_none(tx, other.mcp_server).await;
    evaluations::assert_sees_none(tx, &other.evaluation).await;
    assert_sees_no_policy(tx, reader, other).await;
}

/// The same of what labels and policies keep.
async fn assert_sees_no_policy(tx: &mut TenantTx, reader: &Reader, other: &Full) {
    missing(tx.labels().reader(other.site.user).await);
    missing(tx.labels().clearance(other.site.user).await);
    assert_eq!(tx.labels().groups().await.unwrap(), Vec::<String>::new());
    assert!(tx.label_requests().list(reader, None, FIRST).await.unwrap().items.is_empty());
    assert!(tx.policy_events().list(&PolicyEventFilter::default(), FIRST).await.unwrap().items.is_empty());
    let of_run = PolicyEventFilter { run_id: Some(other.chat.run), ..PolicyEventFilter::default() };
    assert!(tx.policy_events().list(&of_run, FIRST).await.unwrap().items.is_empty());
    let ever = chrono::DateTime::UNIX_EPOCH;
    assert!(tx.policy_events().count_since(ever).await.unwrap().is_empty());
    let state = tx.policies().state().await.unwrap();
    assert_eq!((state.settings_version, state.policy_number, state.activated_at), (0, 0, None));
    assert!(tx.policies().settings().await.unwrap().is_none());
    assert!(tx.policies().active().await.unwrap().is_none());
    assert!(tx.policies().versions().await.unwrap().is_empty());
    missing(tx.policies().require_version(other.policy_version).await);
    missing(tx.agents().require_version("guard", 1).await);
    assert!(tx.agents().states().await.unwrap().is_empty() && tx.agents().versions("guard").await.unwrap().is_empty());
    let decisions = tx.policies().decisions(FIRST).await.unwrap().items;
    assert!(decisions.iter().all(|row| row.id != other.decision) && decisions.is_empty());
    assert!(tx.policies().decisions_since(ever, 10).await.unwrap().is_empty());
    assert!(tx.vaults().get(other.chat.conversation).await.unwrap().is_none());
    assert!(tx.vaults().list(&[other.chat.conversation]).await.unwrap().is_empty());
}

/// Every change of every tenant repository, tried by one tenant on the other's ids. What the methods answer differs
/// (some say that nothing was there, some do nothing); what must not differ is the other tenant's rows.
async fn try_to_change(world: &World, site: &Site, other: &Full) {
    let (document, version, now) = (other.manual.document, other.manual.version, world.now());
    let full_reader = world.reader(&other.site).await;
    let mut tx = world.begin(site).await;
    let (user, ring) = (other.site.user, &other.ring);
    let change = UserChange { role: Some(Role::Viewer), disabled_at: Some(Some(now)), ..UserChange::default() };
    missing(tx.users().change(user, &change).await);
    tx.users().set_password(user, "$argon2id$stolen").await.unwrap();
    assert!(!tx.users().signed_in(user, 1, now).await.unwrap());
    tx.users().end_sign_ins(user).await.unwrap();
    tx.users().revoke_access(user).await.unwrap();
    missing(tx.sessions().end(user, ring.session, SessionEnd::EndedByAdmin, now).await);
    assert_eq!(tx.sessions().end_all(user, None, SessionEnd::EndedByAdmin, now).await.unwrap(), 0);
    assert!(!tx.sessions().rotate(ring.session, 1, now).await.unwrap());
    tx.sessions().set_provider_tokens(ring.session, b"stolen").await.unwrap();
    tx.sessions().confirm_second_factor(ring.session).await.unwrap();
    missing(tx.api_keys().revoke(user, ring.api_key, now).await);
    assert_eq!(tx.api_keys().revoke_all(user, now).await.unwrap(), 0);
    assert!(!tx.security().take_step(user, 99).await.unwrap());
    assert!(!tx.security().take_recovery_code(user, &[1; 32], now).await.unwrap());
    assert!(!tx.security().take_password_link(&[1; 32], now).await.unwrap());
    missing(tx.security().remove_second_factor(user).await);
    missing(tx.documents().delete(document, now).await);
    let public = Label::of(Classification::Public);
    let label_id = tx.labels().intern(&public).await.unwrap();
    tx.documents().set_label(document, &public, label_id, now).await.unwrap();
    tx.documents().describe(document, Some(&json!({ "stolen": true })), Some(&[]), Some(None), now).await.unwrap();
    let unseen = tx.documents().missing_names(&full_reader, &["Pump manual.txt"]).await.unwrap();
    assert_eq!(unseen, ["Pump manual.txt"]);
    assert!(tx.documents().find_by_name(&full_reader, "Pump manual.txt").await.unwrap().is_none());
    tx.versions().set_progress(version, Stage::Parse, 1, None).await.unwrap();
    tx.versions().set_queued(version).await.unwrap();
    tx.versions().set_timing(version, Stage::Parse, 5).await.unwrap();
    tx.versions().set_failed(version, "x", "y").await.unwrap();
    tx.versions().set_parsed(version, false, 9).await.unwrap();
    tx.versions().set_scans(version, 9, &[9], &[9]).await.unwrap();
    tx.versions().set_read_with(version, &json!({ "parser": "mine" })).await.unwrap();
    tx.versions().delete_pages(version).await.unwrap();
    missing(tx.versions().set_ready(version, now).await);
    missing(tx.glossary().delete(other.glossary_entry).await);
    tx.versions().set_effective(version, now, None).await.unwrap();
    tx.versions().set_language(version, "de").await.unwrap();
    assert!(!tx.validity().settle(document, Some(version), now).await.unwrap());
    tx.chunks().replace(document, version, &[]).await.unwrap();
    let vector = NewVector { chunk_id: other.manual.chunks[0], window_number: 9, embedding: axis(1) };
    assert!(!tx.vectors().add(document, version, VectorModel::FIRST, &[vector]).await.unwrap());
    tx.vectors().set_gone_through(version, VectorModel::FIRST, true).await.unwrap();
    tx.vectors().forget(VectorModel::from(0)).await.unwrap();
    tx.vectors().revisit_withheld().await.unwrap();
    assert!(tx.vectors().delete_some(VectorModel::FIRST, None, 100).await.unwrap().is_none());
    missing(tx.conversations().set_title(other.chat.conversation, other.site.user, "mine").await);
    missing(tx.conversations().delete(other.chat.conversation, other.site.user, now).await);
    tx.messages().finish(other.chat.answer, &answer("stolen")).await.unwrap();
    tx.messages().fail_from_events(other.chat.answer, other.chat.run, "x", "y").await.unwrap();
    let fence = other.chat.fence();
    assert!(matches!(tx.runs().renew_lease(fence).await, Err(StoreError::LeaseLost)));
    assert!(matches!(tx.runs().require_lease(fence).await, Err(StoreError::LeaseLost)));
    tx.runs().release_lease(fence).await.unwrap();
    assert!(!tx.runs().take_over(fence, 9, chrono::DateTime::UNIX_EPOCH).await.unwrap());
    assert!(!tx.runs().request_cancel(other.chat.run, now).await.unwrap());
    let finished = tx.runs().finish(other.chat.run, RunStatus::Failed, None, now).await;
    assert!(matches!(finished, Err(StoreError::LeaseLost)));
    assert!(!tx.runs().finish_expired(other.chat.run, ("x", "y"), now).await.unwrap());
    missing(tx.jobs().retry(other.job).await);
    tx.jobs().delete_queued_for(&document.to_string()).await.unwrap();
    let fence = JobFence { id: other.job, owner: world.sources.new_uuid(), attempt: 0 };
    assert!(matches!(tx.jobs().require_lease(&fence).await, Err(StoreError::LeaseLost)));
    assert!(matches!(tx.jobs().finish(&fence, &JobOutcome::Succeeded).await, Err(StoreError::LeaseLost)));
    try_to_govern(world, &mut tx, site, other).await;
    sources::try_to_watch(world, &mut tx, other.source).await;
    goals::try_to_pursue(world, &mut tx, &other.goal).await;
    memories::try_to_change(world, &mut tx, &other.memory).await;
    mcp_servers::try_to_change(world, &mut tx, site, other.mcp_server).await;
    evaluations::try_to_change(world, &mut tx, &other.evaluation).await;
    budgets::try_to_spend(world, &mut tx, &other.spending).await;
    tx.commit(BOOKKEEPING).await.unwrap();
}

/// The same of what labels and policies keep.
async fn try_to_govern(world: &World, tx: &mut TenantTx, site: &Site, other: &Full) {
    let now = world.now();
    let restricted = Label::of(Classification::Restricted);
    tx.messages().set_label(other.chat.answer, &restricted).await.unwrap();
    tx.runs().set_label(other.chat.run, &restricted, "stolen").await.unwrap();
    let reader = world.reader(&other.site).await;
    missing(tx.label_requests().require(&reader, other.request).await);
    let approved = LabelRequestStatus::Approved;
    assert!(!tx.label_requests().decide(other.request, approved, site.user, None, now).await.unwrap());
    tx.label_requests().close_pending(other.manual.document, site.user, now).await.unwrap();
    missing(tx.policies().activate(other.policy_version, site.user, now).await);
    tx.agents().set_enabled("guard", false, site.user, now).await.unwrap();
    let stolen = json!({ "stolen": true });
    // After the other tenant's version there is nothing to follow on; one's own first is one's own.
    let after_others = tx.policies().set_settings((&stolen, &stolen, None), 1, site.user, now).await.unwrap();
    assert_eq!(after_others, None);
    assert_eq!(tx.policies().set_settings((&stolen, &stolen, None), 0, site.user, now).await.unwrap(), Some(1));
}

pub(crate) fn answer(content: &str) -> FinishedMessage {
    FinishedMessage {
        content: content.to_owned(),
        status: MessageStatus::Complete,
        citations: json!([]),
        model: "extractive".to_owned(),
        tier: "LIGHT".to_owned(),
        label: Some(Label::of(Classification::Internal)),
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
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' \
             WHERE c.relnamespace = 'millwright'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
             ORDER BY 1",
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
    for reader in [world.reader(&other).await, world.reader(&full.site).await] {
        // Not even with a list of the other tenant's labels in hand.
        assert_sees_nothing(&mut world.read(&other).await, &reader, &full).await;
        budgets::assert_sees_no_spending(&world, &mut world.read(&other).await, &full.spending).await;
    }
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
    for reader in [world.reader(&other).await, world.reader(&full.site).await] {
        // Not even with a list of the other tenant's labels in hand.
        assert_sees_nothing(&mut world.read(&other).await, &reader, &full).await;
        budgets::assert_sees_no_spending(&world, &mut world.read(&other).await, &full.spending).await;
    }
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

    let page = PageRow { page_number: 2, text: "x".to_owned(), blocks: json!([]), ..PageRow::default() };
    refused(world.begin(&other).await.versions().insert_pages(version, &[page]).await);
    refused(world.begin(&other).await.runs().put_step(full.chat.run, &world.step(9, StepStatus::Running)).await);
    refused(world.begin(&other).await.runs().append_events(full.chat.run, &events(&[json!({})])).await);
    refused(world.begin(&other).await.runs().append_last_event(full.chat.run, &json!({})).await);
    for replaces in [None, Some(&b"sealed"[..])] {
        let put = world.begin(&other).await.vaults().put(full.chat.conversation, b"stolen", replaces).await;
        refused(put.map(|_| ()));
    }
    let request = NewLabelRequest {
        id: id(&world),
        document_id: document,
        from: Label::of(Classification::Internal),
        to: Label::of(Classification::Public),
        reason: "mine".to_owned(),
        requested_by: other.user,
        requested_at: world.now(),
    };
    refused(world.begin(&other).await.label_requests().insert(&request).await);
    let none = json!([]);
    let by_stranger =
        world.begin(&other).await.policies().insert_version(&none, "x", full.site.user, world.now()).await;
    refused(by_stranger.map(|_| ()));
    refused(world.begin(&other).await.sessions().insert(&world.session(&full.site)).await);
    refused(world.begin(&other).await.api_keys().insert(&world.api_key(&full.site, 77)).await);
    refused(world.begin(&other).await.users().add_identity(full.site.user, "plant", "stolen", world.now()).await);
    let link = world
        .begin(&other)
        .await
        .security()
        .insert_password_link(full.site.user, &[7; 32], world.now(), world.now())
        .await;
    refused(link);
    let begun = world.begin(&other).await.security().begin_second_factor(full.site.user, b"stolen", world.now()).await;
    refused(begun.map(|_| ()));
    refused(world.begin(&other).await.security().set_recovery_codes(full.site.user, &[[7; 32]]).await);
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
        table_header: None,
        token_count: 1,
        text: "x".to_owned(),
        quarantined: Vec::new(),
    };
    refused(world.begin(&other).await.chunks().replace(document, version, &[chunk]).await);
    let vector = NewVector { chunk_id: full.manual.chunks[0], window_number: 9, embedding: axis(1) };
    // Passed over, as one of a chunk that is gone.
    let mut tx = world.begin(&other).await;
    tx.vectors().insert(document, version, VectorModel::FIRST, &[vector]).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let of_other =
        format!("SELECT count(*)::text FROM chunk_vectors WHERE tenant_id = '{}'", other.scope.tenant_id().uuid());
    assert_eq!(world.database.peek(&of_other).await, ["0"]);
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
    let all = (None, &Clearance::EVERYTHING);
    assert!(tx.conversations().list(stranger, all, FIRST).await.unwrap().items.is_empty());
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
