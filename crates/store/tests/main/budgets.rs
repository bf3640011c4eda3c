//! Budgets, what is held of them, and usage: as one tenant's rows, and as functions of the database.

use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};
use millwright_core::id::{BudgetId, ReservationId, UsageId};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{
        BudgetLevel, BudgetPeriod, BudgetSubjectKind, BudgetUnit, CallOutcome, EndedCall, HoldRow, NewBudget, NewUsage,
        PeriodKey, PeriodStarts, UsageFilter, UsageGroup,
    },
};

use crate::support::{BOOKKEEPING, FIRST, Site, World};

/// A budget of 100 tokens a month of which 90 are spent and 5 held, and the call that spent them.
#[derive(Clone, Copy)]
pub(crate) struct Spending {
    pub(crate) budget: BudgetId,
    pub(crate) reservation: ReservationId,
    pub(crate) call: UsageId,
}

const LEASE: Duration = Duration::from_secs(45);

pub(crate) fn starts(now: DateTime<Utc>) -> PeriodStarts {
    let month = now.date_naive().with_day(1).unwrap().and_time(chrono::NaiveTime::MIN).and_utc();
    PeriodStarts { hour: month, day: month, month }
}

pub(crate) fn key(world: &World, budget: BudgetId) -> PeriodKey {
    PeriodKey { budget, subject: String::new(), start: starts(world.now()).month }
}

fn budget(world: &World, site: &Site, name: &str) -> NewBudget {
    NewBudget {
        id: world.sources.new_id(),
        name: name.to_owned(),
        subject_kind: BudgetSubjectKind::Tenant,
        subject_id: None,
        period: BudgetPeriod::Month,
        unit: BudgetUnit::Tokens,
        limit: 100,
        created_by: site.user,
        created_at: world.now(),
    }
}

fn call(world: &World, site: &Site) -> NewUsage {
    NewUsage {
        id: world.sources.new_id(),
        occurred_at: world.now(),
        user_id: site.user,
        agent: Some("planner".to_owned()),
        api_key_id: None,
        task: None,
        run_id: None,
        model: "small".to_owned(),
        endpoint: "local".to_owned(),
        provider: "ollama".to_owned(),
        tier: "LIGHT".to_owned(),
        input_tokens: 80,
        output_tokens: 10,
        cached_tokens: 0,
        reasoning_tokens: 0,
        gpu_millis: 0,
        cost_micros: 0,
        outcome: CallOutcome::Complete,
        trace_id: None,
    }
}

/// Rows in each table of budgets and usage.
pub(crate) async fn spend(world: &World, tx: &mut TenantTx, site: &Site) -> Spending {
    let (budget, call) = (budget(world, site, "All of us"), call(world, site));
    let reservation = world.sources.new_id();
    tx.budgets().insert(&budget).await.unwrap();
    let row = key(world, budget.id);
    let hold = HoldRow { claim: 0, row: 0, amount: 5 };
    let rows = std::slice::from_ref(&row);
    assert!(tx.budget_ledger().reserve(rows, &[reservation], &[hold], LEASE).await.unwrap().is_empty());
    let call_id = call.id;
    let ended = EndedCall { usage: call, proof: world.record(site, "usage.recorded") };
    let alerts = tx.budget_ledger().settle(&[ended], &[], &[(row, 90)], world.now()).await.unwrap();
    assert_eq!(alerts.iter().map(|alert| (alert.level, alert.spent)).collect::<Vec<_>>(), [(BudgetLevel::Warning, 90)]);
    Spending { budget: budget.id, reservation, call: call_id }
}

fn missing<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::NotFound(_))), "{result:?}");
}

/// Every read, asked for another tenant's rows.
pub(crate) async fn assert_sees_no_spending(world: &World, tx: &mut TenantTx, other: &Spending) {
    let starts = starts(world.now());
    assert!(tx.budgets().all().await.unwrap().is_empty());
    assert_eq!(tx.budgets().count().await.unwrap(), 0);
    assert!(tx.budgets().list(&starts, FIRST).await.unwrap().items.is_empty());
    missing(&tx.budgets().require(other.budget, &starts).await);
    let everybody = [(BudgetSubjectKind::Tenant, String::new())];
    assert!(tx.budgets().binding(&everybody, &starts).await.unwrap().is_empty());
    assert!(!tx.usage().exists(other.call).await.unwrap());
    let all = UsageFilter::default();
    assert_eq!(tx.usage().total(&all).await.unwrap().calls, 0);
    assert!(tx.usage().totals(&all, UsageGroup::Model, None, 10).await.unwrap().is_empty());
    assert!(tx.usage().totals(&all, UsageGroup::User, None, 10).await.unwrap().is_empty());
    assert!(tx.usage().list(&all, FIRST).await.unwrap().items.is_empty());
}

/// Every change, tried on another tenant's rows.
pub(crate) async fn try_to_spend(world: &World, tx: &mut TenantTx, other: &Spending) {
    let (now, row) = (world.now(), key(world, other.budget));
    missing(&tx.budgets().change(other.budget, Some("mine"), Some(1_000_000), now).await);
    missing(&tx.budgets().delete(other.budget, now).await);
    let hold = HoldRow { claim: 0, row: 0, amount: 5 };
    let reservation = world.sources.new_id();
    let rows = std::slice::from_ref(&row);
    // It does not exist for this tenant, so it binds nobody and nothing is held.
    assert!(tx.budget_ledger().reserve(rows, &[reservation], &[hold], LEASE).await.unwrap().is_empty());
    assert!(tx.budget_ledger().settle(&[], &[other.reservation], &[(row, 1_000)], now).await.unwrap().is_empty());
    assert_eq!(tx.budget_ledger().return_expired(&[other.reservation], now).await.unwrap(), 0);
}

#[tokio::test]
async fn a_row_of_a_budget_cannot_be_made_by_or_for_a_stranger() {
    let world = World::new().await;
    let (site, other) = (world.site("TenantA").await, world.site("TenantB").await);
    let by_stranger = NewBudget { created_by: site.user, ..budget(&world, &other, "x") };
    let refused = world.begin(&other).await.budgets().insert(&by_stranger).await;
    assert!(matches!(refused, Err(StoreError::Statement(_))), "{refused:?}");
    world.drop().await;
}

#[tokio::test]
async fn claims_and_ends_in_one_trip_reach_no_other_tenant_and_leave_no_role_behind() {
    let world = World::new().await;
    let (site, other) = (world.site("TenantA").await, world.site("TenantB").await);
    let mut tx = world.begin(&other).await;
    let budget = budget(&world, &other, "theirs");
    tx.budgets().insert(&budget).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let (row, mine) = (key(&world, budget.id), world.store().tenant(&site.scope));
    let (rows, hold) = ([row.clone()], [HoldRow { claim: 0, row: 0, amount: 101 }]);
    let claims = [world.sources.new_id()];
    // For a stranger it does not exist: more than its limit is neither refused nor held.
    assert!(mine.reserve_budgets(&rows, &claims, &hold, LEASE).await.unwrap().is_empty());
    assert!(mine.settle_budgets(&[], &claims, &[(row.clone(), 95)], world.now()).await.unwrap().is_empty());
    assert_eq!(world.database.peek("SELECT count(*)::text FROM budget_periods").await, ["0"]);
    // A call does not commit with the proof of another tenant, nor without it.
    let mixed = EndedCall { usage: call(&world, &site), proof: world.record(&other, "usage.recorded") };
    let refused = mine.settle_budgets(&[mixed], &[], &[], world.now()).await;
    assert!(matches!(refused, Err(StoreError::Statement(_))), "{refused:?}");
    let ended = EndedCall { usage: call(&world, &site), proof: world.record(&site, "usage.recorded") };
    mine.settle_budgets(&[ended], &[], &[], world.now()).await.unwrap();
    let stored = "SELECT (SELECT count(*) FROM model_usage) || ' ' || (SELECT count(*) FROM audit_entries WHERE action = 'usage.recorded')";
    assert_eq!(world.database.peek(stored).await, ["1 1"]);
    // The same connections serve the owner next.
    let theirs = world.store().tenant(&other.scope);
    for _ in 0..4 {
        let refused = theirs.reserve_budgets(&rows, &[world.sources.new_id()], &hold, LEASE).await.unwrap();
        assert_eq!(refused.iter().map(|refused| refused.limit).collect::<Vec<_>>(), [100]);
    }
    world.drop().await;
}

#[tokio::test]
async fn reservations_of_all_tenants_are_renewed_at_once_and_found_when_they_expire() {
    let world = World::new().await;
    let mut held = Vec::new();
    for name in ["TenantA", "TenantB"] {
        let site = world.site(name).await;
        let mut tx = world.begin(&site).await;
        let spending = spend(&world, &mut tx, &site).await;
        tx.commit(BOOKKEEPING).await.unwrap();
        held.push((site.scope.tenant_id(), spending.reservation));
    }
    world.database.tamper("UPDATE budget_reservations SET expires_at = now() - interval '1 second'").await;
    let mut tx = world.store().system().await.unwrap();
    let expired = tx.reservations().list_expired(10).await.unwrap();
    assert_eq!(expired.iter().map(|tenant| tenant.ids.len()).collect::<Vec<_>>(), [1, 1]);
    let unknown = (held[0].0, world.sources.new_id());
    let foreign = (held[0].0, held[1].1);
    assert_eq!(tx.reservations().renew(&[held[0], unknown, foreign], LEASE).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let mut tx = world.store().system().await.unwrap();
    let left = tx.reservations().list_expired(10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].scope.tenant_id(), left[0].ids.as_slice()), (held[1].0, &[held[1].1][..]));
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn claims_of_one_batch_are_decided_in_their_order_each_as_a_whole() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.begin(&site).await;
    let (wide, narrow) = (budget(&world, &site, "wide"), NewBudget { limit: 10, ..budget(&world, &site, "narrow") });
    tx.budgets().insert(&wide).await.unwrap();
    tx.budgets().insert(&narrow).await.unwrap();
    let mut rows = vec![key(&world, wide.id), key(&world, narrow.id)];
    rows.sort();
    let place = |id: BudgetId| rows.iter().position(|row| row.budget == id).unwrap();
    let (wide_row, narrow_row) = (place(wide.id), place(narrow.id));
    let claims: Vec<ReservationId> = (0..4).map(|_| world.sources.new_id()).collect();
    let mut holds = Vec::new();
    for (claim, amount) in [6, 5, 4, 1].into_iter().enumerate() {
        let mut of_claim = vec![HoldRow { claim, row: wide_row, amount }, HoldRow { claim, row: narrow_row, amount }];
        of_claim.sort_by_key(|hold| hold.row);
        holds.extend(of_claim);
    }
    let refused = tx.budget_ledger().reserve(&rows, &claims, &holds, LEASE).await.unwrap();
    let seen: Vec<_> =
        refused.iter().map(|refused| (refused.claim, refused.row, refused.used, refused.limit)).collect();
    assert_eq!(seen, [(1, narrow_row, 6, 10), (3, narrow_row, 10, 10)]);
    tx.commit(BOOKKEEPING).await.unwrap();
    let held =
        "SELECT b.name || ' ' || p.reserved FROM budget_periods p JOIN budgets b ON b.id = p.budget_id ORDER BY 1";
    assert_eq!(world.database.peek(held).await, ["narrow 10", "wide 10"]);
    world.drop().await;
}
