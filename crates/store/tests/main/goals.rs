//! Goals of one tenant, read and changed by another.

use chrono::TimeDelta;
use millwright_core::id::{GoalId, MessageId};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{
        GoalPlanRow, GoalRow, GoalStatus, GoalStepRow, GoalStepStatus, GoalUsage, MessageRole, MessageStatus, NewGoal,
        NewMessage, StepFence,
    },
};
use serde_json::json;

use crate::support::{BOOKKEEPING, FIRST, Site, World};

/// A goal that is planned and has a step.
pub(crate) async fn pursue(world: &World, tx: &mut TenantTx, site: &Site) -> GoalRow {
    let (id, conversation_id) = (world.sources.new_id::<GoalId>(), world.sources.new_id());
    let question_id = world.sources.new_id::<MessageId>();
    tx.conversations().insert(conversation_id, site.user, "Service", world.now()).await.unwrap();
    let question = NewMessage {
        id: question_id,
        conversation_id,
        parent_id: None,
        role: MessageRole::User,
        content: "Prepare the service.".to_owned(),
        status: MessageStatus::Complete,
        label: None,
        run_id: None,
        as_of: None,
        created_at: world.now(),
    };
    tx.messages().insert(&question).await.unwrap();
    let goal = NewGoal {
        id,
        user_id: site.user,
        conversation_id,
        question_id,
        status: GoalStatus::Planning,
        input: json!({}),
        created_at: world.now(),
    };
    tx.goals().insert(&goal).await.unwrap();
    let plan = GoalPlanRow {
        version: 1,
        text: "ask: How much oil?".to_owned(),
        steps: json!([]),
        sha256: "0".repeat(64),
        made_by: Some(site.user.uuid()),
        model: None,
        approved_by: None,
        approved_at: None,
        created_at: world.now(),
    };
    tx.goals().put_plan(id, &plan).await.unwrap();
    tx.goals().put_steps(id, &[&ready("oil")]).await.unwrap();
    tx.goals().require(id, site.user).await.unwrap()
}

fn ready(name: &str) -> GoalStepRow {
    GoalStepRow {
        name: name.to_owned(),
        status: GoalStepStatus::Ready,
        round: 1,
        run_id: None,
        message_id: None,
        conversation_id: None,
        error_code: None,
        error_detail: None,
        decided_by: None,
        note: None,
        started_at: None,
        finished_at: None,
    }
}

pub(crate) async fn assert_sees_no_goal(tx: &mut TenantTx, other: &GoalRow) {
    assert!(matches!(tx.goals().require(other.id, other.user_id).await, Err(StoreError::NotFound(_))));
    assert!(tx.goals().list(other.user_id, FIRST).await.unwrap().items.is_empty());
    assert!(tx.goals().plans(other.id).await.unwrap().is_empty());
    assert!(tx.goals().plan(other).await.unwrap().is_none());
    assert!(tx.goals().steps(other.id).await.unwrap().is_empty());
    assert_eq!(tx.goals().usage(other).await.unwrap(), GoalUsage::default());
    assert_eq!(tx.goals().under_way(other.id, other.created_at).await.unwrap(), TimeDelta::zero());
    assert!(tx.messages().these(&[other.question_id]).await.unwrap().is_empty());
}

pub(crate) async fn try_to_pursue(world: &World, tx: &mut TenantTx, other: &GoalRow) {
    let (now, id) = (world.now(), other.id);
    assert!(tx.goals().lock(id).await.unwrap().is_none());
    tx.goals().look(id, (true, true), now).await.unwrap();
    tx.goals().set_status(id, GoalStatus::Failed, Some(("x", "y")), now).await.unwrap();
    assert!(tx.goals().take_planning_over(id).await.unwrap().is_none());
    assert!(!tx.goals().hold_planning(id, 1, false).await.unwrap());
    assert!(tx.goals().lock_planning(id, 1).await.unwrap().is_none());
    tx.goals().approve_plan(other, other.user_id, now).await.unwrap();
    tx.goals().remove_steps(id, &["oil"]).await.unwrap();
    let run = (world.sources.new_id(), world.sources.new_id(), other.conversation_id);
    let fence = StepFence { goal: id, step: "oil", plan_version: 1, round: 1 };
    assert!(!tx.goals().begin_step(fence, run, now).await.unwrap());
    tx.goals().delete(id, now).await.unwrap();
}

#[tokio::test]
async fn a_goal_is_locked_only_for_the_attempt_that_plans_it_and_only_while_it_is_planned() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.begin(&site).await;
    let goal = pursue(&world, &mut tx, &site).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    let mut tx = world.begin(&site).await;
    assert!(tx.goals().lock_planning(goal.id, 1).await.unwrap().is_some());
    assert!(tx.goals().take_planning_over(goal.id).await.unwrap().is_none(), "its lease is held");
    tx.commit(BOOKKEEPING).await.unwrap();
    world.database.tamper("UPDATE goals SET lease_expires_at = now() - interval '1 second'").await;
    let mut tx = world.begin(&site).await;
    assert_eq!(tx.goals().take_planning_over(goal.id).await.unwrap(), Some(2));
    assert!(tx.goals().lock_planning(goal.id, 1).await.unwrap().is_none(), "another attempt has it");
    assert!(tx.goals().lock_planning(goal.id, 2).await.unwrap().is_some());
    tx.goals().set_status(goal.id, GoalStatus::Cancelled, None, world.now()).await.unwrap();
    assert!(tx.goals().lock_planning(goal.id, 2).await.unwrap().is_none(), "it was stopped");
}

#[tokio::test]
async fn a_goal_takes_the_time_of_its_runs_and_none_between_them() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.begin(&site).await;
    let goal = pursue(&world, &mut tx, &site).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    let begun = world.now();
    let at = |minutes: i64| begun + TimeDelta::minutes(minutes);
    // Two of them at once, and one that still is.
    for (from, to) in [(0, Some(10)), (5, Some(20)), (120, None)] {
        let run = world.chat(&site).await.run.uuid();
        let to = to.map_or_else(|| "NULL".to_owned(), |to| format!("'{}'", at(to).to_rfc3339()));
        let (id, from) = (goal.id.uuid(), at(from).to_rfc3339());
        let placed =
            format!("UPDATE runs SET goal_id = '{id}', created_at = '{from}', finished_at = {to} WHERE id = '{run}'");
        world.database.tamper(&placed).await;
    }
    let mut tx = world.read(&site).await;
    for (now, taken) in [(121, 21), (130, 30)] {
        assert_eq!(tx.goals().under_way(goal.id, at(now)).await.unwrap(), TimeDelta::minutes(taken));
    }
}
