//! Conversations, their trees of messages, and the runs that write the answers.

use chrono::Duration;
use millwright_core::{Classification, Clearance, Label, PageRequest, id::MessageId};
use millwright_store::{
    Bookkeeping, Proof, StoreError,
    tenant::{MessageRole, MessageStatus, RunFence, RunStatus, RunStepRow, StepStatus, label_of_json},
};
use serde_json::json;

use crate::{
    isolation::answer,
    support::{FIRST, World, events},
};

const PROGRESS: Proof<'static> = Proof::Bookkeeping(Bookkeeping::RunProgress);

#[tokio::test]
async fn an_edit_and_a_second_answer_are_siblings_and_a_branch_is_one_way_through_them() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let chat = world.chat(&site).await;
    let mut tx = world.begin(&site).await;
    let mut add = async |parent: Option<MessageId>, role| {
        let message = world.message(chat.conversation, world.sources.new_id(), parent, role);
        tx.messages().insert(&message).await.unwrap();
        message.id
    };
    let second_answer = add(Some(chat.question), MessageRole::Assistant).await;
    let follow_up = add(Some(second_answer), MessageRole::User).await;
    let edited = add(None, MessageRole::User).await;
    let ids = async |tx: &mut millwright_store::TenantTx, leaf, limit| {
        let rows = tx.messages().branch(leaf, limit).await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&mut tx, follow_up, 10).await, [chat.question, second_answer, follow_up]);
    assert_eq!(ids(&mut tx, follow_up, 2).await, [second_answer, follow_up]);
    assert_eq!(ids(&mut tx, chat.answer, 10).await, [chat.question, chat.answer]);
    assert_eq!(ids(&mut tx, edited, 10).await, [edited]);
    let all: Vec<MessageId> = tx.messages().list(chat.conversation).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(all, [chat.question, chat.answer, second_answer, follow_up, edited]);
    assert_eq!(tx.messages().newest(chat.conversation).await.unwrap().unwrap().id, edited);
    let row = tx.messages().get(chat.conversation, second_answer).await.unwrap().unwrap();
    assert_eq!((row.parent_id, row.role), (Some(chat.question.uuid()), MessageRole::Assistant));
    assert_eq!(tx.conversations().require(chat.conversation, site.user).await.unwrap().message_count, 5);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_message_of_another_conversation_is_absent() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (one, other) = (world.chat(&site).await, world.chat(&site).await);
    assert!(world.read(&site).await.messages().get(one.conversation, other.question).await.unwrap().is_none());
    world.drop().await;
}

#[tokio::test]
async fn an_answer_ends_once() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let chat = world.chat(&site).await;
    let mut tx = world.begin(&site).await;
    tx.messages().finish(chat.answer, &answer("Turn the switch.")).await.unwrap();
    let mut second = answer("Something else.");
    second.status = MessageStatus::Failed;
    tx.messages().finish(chat.answer, &second).await.unwrap();
    tx.messages().fail_from_events(chat.answer, chat.run, "interrupted", "x").await.unwrap();
    let row = tx.messages().get(chat.conversation, chat.answer).await.unwrap().unwrap();
    assert_eq!(
        (row.content.as_str(), row.status, row.answered),
        ("Turn the switch.", MessageStatus::Complete, Some(true))
    );
    let label = row.label.map(label_of_json);
    assert_eq!((row.model.as_deref(), label), (Some("extractive"), Some(Label::of(Classification::Internal))));
    assert_eq!((row.run_id, row.duration_ms), (Some(chat.run.uuid()), Some(12)));
    // A complete message, such as a question, is not touched either.
    tx.messages().finish(chat.question, &second).await.unwrap();
    let question = tx.messages().get(chat.conversation, chat.question).await.unwrap().unwrap();
    assert_eq!(question.content, "How do I lock out the pump?");
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn the_answer_of_a_process_that_died_keeps_the_text_that_was_streamed() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (chat, silent) = (world.chat(&site).await, world.chat(&site).await);
    let mut tx = world.begin(&site).await;
    let stream: Vec<_> = (0..12)
        .map(|number| json!({ "type": "TEXT_MESSAGE_CONTENT", "delta": format!("{number} ") }))
        .chain([json!({ "type": "STEP_STARTED", "delta": "not text" })])
        .collect();
    tx.runs().append_events(chat.run, &events(&stream)).await.unwrap();
    for chat in [&chat, &silent] {
        tx.messages().fail_from_events(chat.answer, chat.run, "interrupted", "the process ended").await.unwrap();
    }
    let row = tx.messages().get(chat.conversation, chat.answer).await.unwrap().unwrap();
    assert_eq!((row.content.as_str(), row.status), ("0 1 2 3 4 5 6 7 8 9 10 11 ", MessageStatus::Failed));
    assert_eq!(
        (row.error_code.as_deref(), row.error_detail.as_deref()),
        (Some("interrupted"), Some("the process ended"))
    );
    let empty = tx.messages().get(silent.conversation, silent.answer).await.unwrap().unwrap();
    assert_eq!((empty.content.as_str(), empty.status), ("", MessageStatus::Failed));
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn conversations_are_found_by_title_and_by_text_and_listed_last_used_first() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (first, second) = (world.chat(&site).await, world.chat(&site).await);
    let mut tx = world.begin(&site).await;
    tx.conversations().set_title(second.conversation, site.user, "Press 7 (100 %)").await.unwrap();
    let follow_up = world.message(first.conversation, world.sources.new_id(), None, MessageRole::User);
    tx.messages().insert(&follow_up).await.unwrap();
    let cleared = Clearance::up_to(Classification::Internal);
    let one = PageRequest { limit: 1, after: None };
    let page = tx.conversations().list(site.user, (None, &cleared), one).await.unwrap();
    assert_eq!(page.items[0].id, first.conversation, "a new message moves its conversation up");
    let rest = PageRequest { limit: 1, after: page.next_cursor };
    let page = tx.conversations().list(site.user, (None, &cleared), rest).await.unwrap();
    assert_eq!((page.items[0].id, page.next_cursor), (second.conversation, None));
    for (text, hits) in [("press 7", 1), ("100 %", 1), ("LOCK OUT", 2), ("%", 1), ("nothing of it", 0)] {
        let found = tx.conversations().list(site.user, (Some(text), &cleared), FIRST).await.unwrap();
        assert_eq!(found.items.len(), hits, "{text}");
    }
    tx.conversations().delete(first.conversation, site.user, world.now()).await.unwrap();
    let gone = tx.conversations().require(first.conversation, site.user).await;
    assert!(matches!(gone, Err(StoreError::NotFound("conversation"))));
    let again = tx.conversations().delete(first.conversation, site.user, world.now()).await;
    assert!(matches!(again, Err(StoreError::NotFound("conversation"))));
    assert_eq!(tx.conversations().count().await.unwrap(), 1);
    assert_eq!(tx.messages().list(first.conversation).await.unwrap().len(), 3, "its rows stay");
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_run_ends_once_and_its_lease_ends_with_it() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let chat = world.chat(&site).await;
    let mut tx = world.begin(&site).await;
    assert!(!tx.runs().renew_lease(chat.fence()).await.unwrap());
    assert!(tx.runs().request_cancel(chat.run, world.now()).await.unwrap());
    let asked = tx.runs().require(chat.run, site.user).await.unwrap().cancel_requested_at;
    assert!(tx.runs().request_cancel(chat.run, world.now() + Duration::seconds(9)).await.unwrap());
    assert_eq!(tx.runs().require(chat.run, site.user).await.unwrap().cancel_requested_at, asked, "the first counts");
    assert!(tx.runs().renew_lease(chat.fence()).await.unwrap(), "it is told to stop");
    tx.runs().finish(chat.run, RunStatus::Cancelled, Some(("cancelled", "by a person")), world.now()).await.unwrap();
    let ended = tx.runs().require(chat.run, site.user).await.unwrap();
    assert_eq!((ended.status, ended.error_code.as_deref()), (RunStatus::Cancelled, Some("cancelled")));
    assert!(ended.finished_at.is_some());
    let again = tx.runs().finish(chat.run, RunStatus::Finished, None, world.now()).await;
    assert!(matches!(again, Err(StoreError::LeaseLost)));
    assert!(matches!(tx.runs().renew_lease(chat.fence()).await, Err(StoreError::LeaseLost)));
    assert!(!tx.runs().request_cancel(chat.run, world.now()).await.unwrap());
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_run_without_a_sign_of_life_is_found_and_ended_unless_it_renews_first() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let (dead, alive) = (world.chat(&site).await, world.chat(&site).await);
    let mut system = world.store().system().await.unwrap();
    assert!(system.runs().list_expired(10).await.unwrap().is_empty());
    world.database.tamper("UPDATE runs SET lease_expires_at = now() - interval '1 second'").await;
    let expired = system.runs().list_expired(10).await.unwrap();
    assert_eq!(expired.len(), 2);
    assert!(expired.iter().all(|run| run.scope == site.scope));
    drop(system);
    let mut tx = world.begin(&site).await;
    tx.runs().renew_lease(alive.fence()).await.unwrap();
    let error = ("interrupted", "the process ended");
    assert!(!tx.runs().finish_expired(alive.run, error, world.now()).await.unwrap());
    assert!(tx.runs().finish_expired(dead.run, error, world.now()).await.unwrap());
    assert!(!tx.runs().finish_expired(dead.run, error, world.now()).await.unwrap());
    assert_eq!(tx.runs().require(dead.run, site.user).await.unwrap().status, RunStatus::Failed);
    assert_eq!(tx.runs().require(alive.run, site.user).await.unwrap().status, RunStatus::Running);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn steps_and_events_are_read_back_in_order() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let chat = world.chat(&site).await;
    let mut tx = world.begin(&site).await;
    tx.runs().put_step(chat.run, &world.step(2, StepStatus::Running)).await.unwrap();
    tx.runs().put_step(chat.run, &world.step(1, StepStatus::Running)).await.unwrap();
    let mut done = world.step(1, StepStatus::Finished);
    done.detail = json!({ "passages": 5 });
    done.finished_at = Some(world.now());
    tx.runs().put_step(chat.run, &done).await.unwrap();
    let steps = tx.runs().steps(chat.run).await.unwrap();
    assert_eq!(
        steps.iter().map(|step| (step.number, step.status)).collect::<Vec<_>>(),
        [(1, StepStatus::Finished), (2, StepStatus::Running)]
    );
    assert_eq!((&steps[0].detail, steps[0].finished_at), (&json!({ "passages": 5 }), done.finished_at));

    tx.runs().append_last_event(chat.run, &json!({ "n": 1 })).await.unwrap();
    let more: Vec<_> = events(&[json!({}), json!({ "n": 2 }), json!({ "n": 3 })]).split_off(1);
    tx.runs().append_events(chat.run, &more).await.unwrap();
    tx.runs().append_last_event(chat.run, &json!({ "n": 4 })).await.unwrap();
    let rows = tx.runs().events_after(chat.run, 1, 2).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.sequence, row.payload["n"].clone())).collect::<Vec<_>>(),
        [(2, json!(2)), (3, json!(3))]
    );
    assert_eq!(tx.runs().events_after(chat.run, 3, 10).await.unwrap()[0].sequence, 4);
    let twice = tx.runs().append_events(chat.run, &more).await;
    assert!(matches!(twice, Err(StoreError::Duplicate(_))), "a second writer is noticed");
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn runs_are_counted_with_those_that_found_an_answer() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let before = world.now();
    let (answered, _) = (world.chat(&site).await, world.chat(&site).await);
    let mut tx = world.begin(&site).await;
    tx.messages().finish(answered.answer, &answer("Turn the switch.")).await.unwrap();
    tx.commit(PROGRESS).await.unwrap();
    let mut tx = world.read(&site).await;
    assert_eq!(tx.runs().count_since(before).await.unwrap(), (2, 1));
    assert_eq!(tx.runs().count_since(world.now() + Duration::seconds(60)).await.unwrap(), (0, 0));
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_run_that_was_taken_over_takes_nothing_more_from_who_had_it_before() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let chat = world.chat(&site).await;
    let (old, new) = (chat.fence(), RunFence { owner: world.sources.new_uuid(), ..chat.fence() });
    let (most, long_ago) = (1, world.now() - Duration::hours(1));
    let mut tx = world.begin(&site).await;
    assert!(!tx.runs().take_over(new, most, long_ago).await.unwrap(), "it lives");
    tx.runs().release_lease(new).await.unwrap();
    assert!(!tx.runs().take_over(new, most, long_ago).await.unwrap(), "nobody releases what another holds");
    tx.runs().release_lease(old).await.unwrap();
    assert!(!tx.runs().take_over(new, most, world.now() + Duration::hours(1)).await.unwrap(), "too long ago");
    assert!(tx.runs().take_over(new, most, long_ago).await.unwrap());
    assert!(matches!(tx.runs().require_lease(old).await, Err(StoreError::LeaseLost)));
    assert!(matches!(tx.runs().renew_lease(old).await, Err(StoreError::LeaseLost)));
    tx.runs().require_lease(new).await.unwrap();
    assert!(!tx.runs().renew_lease(new).await.unwrap());
    let row = tx.runs().require(chat.run, site.user).await.unwrap();
    assert_eq!((row.lease_owner, row.takeovers), (Some(new.owner), 1));
    tx.runs().release_lease(new).await.unwrap();
    let third = RunFence { owner: world.sources.new_uuid(), ..new };
    assert!(!tx.runs().take_over(third, most, long_ago).await.unwrap(), "too often");
    let record = json!({ "chunks": [] });
    let step = RunStepRow { record: Some(record.clone()), ..world.step(1, StepStatus::Finished) };
    tx.runs().put_step(chat.run, &step).await.unwrap();
    assert_eq!(tx.runs().steps(chat.run).await.unwrap()[0].record, Some(record));
    drop(tx);
    world.drop().await;
}
