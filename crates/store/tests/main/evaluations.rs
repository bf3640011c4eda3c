//! Suites of one tenant and their evaluations: cases begin once, and whoever is not cleared for a suite finds nothing of it.

use millwright_core::{
    Classification,
    id::{EvaluationId, EvaluationSuiteId, UserId},
};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{
        CaseFence, EvaluationCaseStatus, EvaluationEnd, EvaluationRow, EvaluationStatus, NewEvaluation, SuiteContent,
    },
};
use serde_json::json;

use crate::support::{BOOKKEEPING, FIRST, Site, World};

const ALL: Classification = Classification::Restricted;

/// A suite that was asked.
pub(crate) struct Asked {
    suite: EvaluationSuiteId,
    pub(crate) evaluation: EvaluationId,
    user: UserId,
    row: EvaluationRow,
}

fn content(name: &str) -> SuiteContent {
    let (name, definition) = (name.to_owned(), "name: x".to_owned());
    SuiteContent { name, definition, classification: Classification::Confidential, cases: 2 }
}

fn started(world: &World, site: &Site, suite: EvaluationSuiteId) -> NewEvaluation {
    NewEvaluation {
        id: world.sources.new_id(),
        suite_id: suite,
        user_id: site.user,
        api_key_id: None,
        agent_name: Some("generalist".to_owned()),
        agent_version: None,
        agent_digest: Some("0".repeat(64)),
        compared_with: None,
        classification: Classification::Confidential,
        request_key: Some("once".to_owned()),
        place: 0,
        trace_id: "trace".to_owned(),
        created_at: world.now(),
    }
}

pub(crate) async fn ask(world: &World, tx: &mut TenantTx, site: &Site) -> Asked {
    let suite = world.sources.new_id();
    tx.evaluations().insert_suite(suite, &content("Fan"), site.user, world.now()).await.unwrap();
    let evaluation = started(world, site, suite);
    tx.evaluations().insert(&evaluation, &[json!({ "id": "a" }), json!({ "id": "b" })]).await.unwrap();
    tx.evaluations().set_running(evaluation.id, world.now()).await.unwrap();
    let row = tx.evaluations().require(evaluation.id, ALL).await.unwrap();
    Asked { suite, evaluation: evaluation.id, user: site.user, row }
}

pub(crate) async fn assert_sees_none(tx: &mut TenantTx, other: &Asked) {
    let missing = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::NotFound(_))));
    missing(tx.evaluations().require_suite(other.suite, ALL).await.map(drop));
    missing(tx.evaluations().require(other.evaluation, ALL).await.map(drop));
    assert!(tx.evaluations().list_suites(ALL, FIRST).await.unwrap().items.is_empty());
    assert!(tx.evaluations().list(Some(other.suite), ALL, FIRST).await.unwrap().items.is_empty());
    assert!(tx.evaluations().list(None, ALL, FIRST).await.unwrap().items.is_empty());
    assert!(tx.evaluations().of_request(other.user, "once").await.unwrap().is_empty());
    assert!(tx.evaluations().cases(other.evaluation).await.unwrap().is_empty());
    assert_eq!(tx.evaluations().first_under_way().await.unwrap(), None);
    assert_eq!(tx.evaluations().find_before(&other.row, ALL).await.unwrap(), None);
    assert_eq!(tx.evaluations().last_end(other.evaluation).await.unwrap(), None);
    assert_eq!(tx.evaluations().count_suites().await.unwrap(), 0);
    assert_eq!(tx.evaluations().count_under_way(Some(other.suite)).await.unwrap(), 0);
    let run = other.row.id.uuid().into();
    assert!(tx.evaluations().usage((other.user, chrono::DateTime::UNIX_EPOCH), &[run]).await.unwrap().is_empty());
}

pub(crate) async fn try_to_change(world: &World, tx: &mut TenantTx, other: &Asked) {
    let missing = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::NotFound(_))));
    let now = world.now();
    assert!(tx.evaluations().lock(other.evaluation).await.unwrap().is_none());
    missing(tx.evaluations().change_suite(other.suite, &content("Stolen"), now).await);
    missing(tx.evaluations().hold_suite(other.suite, ALL).await.map(drop));
    missing(tx.evaluations().delete(other.evaluation, now).await);
    missing(tx.evaluations().delete_suite(other.suite, now).await.map(drop));
    let fence = CaseFence { evaluation: other.evaluation, number: 1 };
    let run = (world.sources.new_id(), world.sources.new_id(), world.sources.new_id());
    assert!(!tx.evaluations().begin_case(fence, run).await.unwrap());
    tx.evaluations().finish_case(fence, EvaluationCaseStatus::Pending, &json!({ "stolen": true })).await.unwrap();
    tx.evaluations().set_report(fence, &json!({ "stolen": true })).await.unwrap();
    tx.evaluations().set_running(other.evaluation, now).await.unwrap();
    let end = EvaluationEnd { status: EvaluationStatus::Failed, error: None, models: &[], totals: &json!({}), at: now };
    tx.evaluations().finish(other.evaluation, &end).await.unwrap();
}

#[tokio::test]
async fn a_case_begins_once_and_what_was_not_judged_at_the_end_is_skipped() {
    let world = World::new().await;
    let site = world.site("A").await;
    let mut tx = world.begin(&site).await;
    let asked = ask(&world, &mut tx, &site).await;
    let fence = |number| CaseFence { evaluation: asked.evaluation, number };
    let run = || (world.sources.new_id(), world.sources.new_id(), world.sources.new_id());
    assert!(tx.evaluations().begin_case(fence(1), run()).await.unwrap());
    assert!(!tx.evaluations().begin_case(fence(1), run()).await.unwrap(), "another process was faster");
    assert!(!tx.evaluations().begin_case(fence(3), run()).await.unwrap(), "there are two");
    tx.evaluations().finish_case(fence(1), EvaluationCaseStatus::Running, &json!({ "right": true })).await.unwrap();
    tx.evaluations().finish_case(fence(1), EvaluationCaseStatus::Running, &json!({ "right": false })).await.unwrap();
    assert!(!tx.evaluations().begin_case(fence(1), run()).await.unwrap(), "what was judged stays judged");
    assert_eq!(tx.evaluations().first_under_way().await.unwrap(), Some(asked.evaluation));
    let end = EvaluationEnd {
        status: EvaluationStatus::Failed,
        error: Some(("budget_exceeded", "nothing is left")),
        models: &["m".to_owned()],
        totals: &json!({ "cases": 1 }),
        at: world.now(),
    };
    tx.evaluations().finish(asked.evaluation, &end).await.unwrap();
    let cases = tx.evaluations().cases(asked.evaluation).await.unwrap();
    assert_eq!(
        cases.iter().map(|case| case.status).collect::<Vec<_>>(),
        [EvaluationCaseStatus::Done, EvaluationCaseStatus::Skipped]
    );
    assert_eq!(cases[0].report, Some(json!({ "right": true })));
    let again = EvaluationEnd { status: EvaluationStatus::Finished, error: None, ..end };
    tx.evaluations().finish(asked.evaluation, &again).await.unwrap();
    let row = tx.evaluations().require(asked.evaluation, ALL).await.unwrap();
    assert_eq!(
        (row.status, row.error_code.as_deref(), row.cases, row.cases_done),
        (EvaluationStatus::Failed, Some("budget_exceeded"), 2, 1)
    );
    assert!(!tx.evaluations().begin_case(fence(2), run()).await.unwrap(), "it has ended");
    tx.commit(BOOKKEEPING).await.unwrap();
}

#[tokio::test]
async fn whoever_is_not_cleared_for_a_suite_finds_neither_it_nor_its_evaluations() {
    let world = World::new().await;
    let site = world.site("A").await;
    let mut tx = world.begin(&site).await;
    let asked = ask(&world, &mut tx, &site).await;
    for (most, seen) in [(Classification::Internal, false), (Classification::Confidential, true)] {
        assert_eq!(tx.evaluations().require_suite(asked.suite, most).await.is_ok(), seen);
        assert_eq!(tx.evaluations().hold_suite(asked.suite, most).await.is_ok(), seen);
        assert_eq!(tx.evaluations().require(asked.evaluation, most).await.is_ok(), seen);
        assert_eq!(tx.evaluations().list_suites(most, FIRST).await.unwrap().items.len(), usize::from(seen));
        assert_eq!(tx.evaluations().list(None, most, FIRST).await.unwrap().items.len(), usize::from(seen));
    }
    let before = tx.evaluations().delete_suite(asked.suite, world.now()).await.unwrap();
    assert_eq!(before, 1, "its evaluations go with it");
    assert!(tx.evaluations().cases(asked.evaluation).await.unwrap().is_empty());
    tx.commit(BOOKKEEPING).await.unwrap();
}

#[tokio::test]
async fn a_request_that_comes_twice_and_a_name_that_is_taken_are_duplicates() {
    let world = World::new().await;
    let site = world.site("A").await;
    let mut tx = world.begin(&site).await;
    let asked = ask(&world, &mut tx, &site).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    let mut tx = world.begin(&site).await;
    let twice = tx.evaluations().insert(&started(&world, &site, asked.suite), &[json!({})]).await;
    assert!(matches!(twice, Err(StoreError::Duplicate(_))), "{twice:?}");
    drop(tx);
    let mut tx = world.begin(&site).await;
    let taken = tx.evaluations().insert_suite(world.sources.new_id(), &content("Fan"), site.user, world.now()).await;
    assert!(matches!(taken, Err(StoreError::Duplicate(_))), "{taken:?}");
}
