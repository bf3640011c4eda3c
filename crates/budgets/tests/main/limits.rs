//! What is granted and what is refused.

use futures::future::join_all;
use millwright_budgets::{BudgetError, BudgetPeriod, BudgetSubjectKind, BudgetUnit, Claim, Ledger, Reservation};
use millwright_core::{
    ErrorCode, ToProblem,
    id::{ApiKeyId, UserId},
};
use millwright_store::{Bookkeeping, Proof};

use crate::support::{Site, World, claim, refused, subjects, used};

/// Invariant 5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_first_requests_in_two_processes_never_spend_more_than_one() {
    let world = World::new().await;
    let site = world.site("Plant").await;
    let (tokens, money) =
        (world.budget(&site, BudgetUnit::Tokens, 1).await, world.budget(&site, BudgetUnit::Money, 1).await);
    let ((store_a, a), (store_b, b)) = (world.process().await, world.process().await);

    let ask = async |ledger: &Ledger| -> Result<(), BudgetError> {
        let reservation = ledger.reserve(&site.scope, claim(&site, 1, 1)).await?;
        ledger.settle(reservation, used(1, 1), &world.audit(&site)).await
    };
    let results = join_all((0..1_000).map(|number| ask(if number % 2 == 0 { &a } else { &b }))).await;

    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(BudgetError::Exceeded(_)))));
    assert_eq!(world.rows(tokens).await, ["1 0"]);
    assert_eq!(world.rows(money).await, ["1 0"]);
    assert_eq!(world.count("model_usage").await, 1);
    store_a.close().await;
    store_b.close().await;
    world.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_and_spent_together_never_passes_the_limit() {
    let world = World::new().await;
    let site = world.site("Plant").await;
    let budget = world.budget(&site, BudgetUnit::Tokens, 100).await;
    let ((store_a, a), (store_b, b)) = (world.process().await, world.process().await);
    let ask = async |number: usize| -> u64 {
        let ledger = if number.is_multiple_of(2) { &a } else { &b };
        let Ok(reservation) = ledger.reserve(&site.scope, claim(&site, 7, 0)).await else { return 0 };
        let tokens = (number % 8) as u64;
        ledger.settle(reservation, used(tokens, 0), &world.audit(&site)).await.unwrap();
        tokens
    };
    let spent: u64 = join_all((0..400).map(ask)).await.iter().sum();
    assert!(spent <= 100, "{spent}");
    assert_eq!(world.rows(budget).await, [format!("{spent} 0")]);
    assert_eq!(world.count("budget_reservations").await, 0);
    store_a.close().await;
    store_b.close().await;
    world.drop().await;
}

#[tokio::test]
async fn a_refusal_names_the_budget_and_when_it_resets() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world
        .budget_of(&site, (BudgetSubjectKind::Tenant, None), BudgetPeriod::Day, BudgetUnit::Money, 3_000_000)
        .await;
    let reservation = ledger.reserve(&site.scope, claim(&site, 5, 2_500_000)).await.unwrap();

    let result = ledger.reserve(&site.scope, claim(&site, 5, 1_000_000)).await;
    let problem = result.as_ref().unwrap_err().problem();
    let exceeded = refused(result);
    assert_eq!(
        (exceeded.budget, exceeded.limit, exceeded.used, exceeded.asked),
        (budget, 3_000_000, 2_500_000, 1_000_000)
    );
    assert_eq!(exceeded.resets_at.to_rfc3339(), "2026-03-01T00:00:00+00:00");
    assert_eq!((problem.code, problem.code.status()), (ErrorCode::BudgetExceeded, 429));
    assert_eq!(problem.retry_after, Some(30 * 60));
    for part in [exceeded.name.as_str(), "2.500000 of 3.000000", "1.000000", "2026-03-01T00:00:00Z"] {
        assert!(problem.detail.contains(part), "{}", problem.detail);
    }
    assert!(problem.remedy.unwrap().contains("raise the limit"));

    ledger.release(reservation).await.unwrap();
    assert_eq!(world.rows(budget).await, ["0 0"]);
    assert_eq!(world.count("model_usage").await, 0);
    world.drop().await;
}

#[tokio::test]
async fn a_claim_that_one_of_its_budgets_refuses_holds_nothing_of_the_others() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let wide = world.budget(&site, BudgetUnit::Tokens, 1_000).await;
    let narrow =
        world.budget_of(&site, (BudgetSubjectKind::User, None), BudgetPeriod::Hour, BudgetUnit::Tokens, 10).await;
    assert_eq!(refused(ledger.reserve(&site.scope, claim(&site, 11, 0)).await).budget, narrow);
    assert_eq!(world.rows(wide).await, ["0 0"]);
    world.drop().await;
}

#[tokio::test]
async fn each_user_has_an_allowance_of_their_own_and_a_named_user_another() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let others: Vec<UserId> = (0..3).map(|_| world.sources.new_id()).collect();
    let each = world.budget_of(&site, (BudgetSubjectKind::User, None), BudgetPeriod::Day, BudgetUnit::Tokens, 10).await;
    let named = (BudgetSubjectKind::User, Some(others[2].to_string()));
    let named = world.budget_of(&site, named, BudgetPeriod::Day, BudgetUnit::Tokens, 4).await;
    for user in &others[..2] {
        let ask = || ledger.reserve(&site.scope, Claim { subjects: subjects(*user), tokens: 10, cost_micros: 0 });
        let reservation = ask().await.unwrap();
        ledger.settle(reservation, used(10, 0), &world.audit(&site)).await.unwrap();
        assert_eq!(refused(ask().await).budget, each);
    }
    let ask = Claim { subjects: subjects(others[2]), tokens: 5, cost_micros: 0 };
    assert_eq!(refused(ledger.reserve(&site.scope, ask).await).budget, named);
    world.drop().await;
}

#[tokio::test]
async fn agents_keys_and_tasks_have_budgets_too() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let key: ApiKeyId = world.sources.new_id();
    let mut subjects = subjects(site.user);
    (subjects.agent, subjects.api_key, subjects.task) =
        (Some("planner".to_owned()), Some(key), Some("tsk_1".to_owned()));
    let named = [
        (BudgetSubjectKind::Agent, "planner".to_owned()),
        (BudgetSubjectKind::ApiKey, key.to_string()),
        (BudgetSubjectKind::Task, "tsk_1".to_owned()),
    ];
    let mut budgets = Vec::new();
    for (kind, id) in named {
        budgets.push(world.budget_of(&site, (kind, Some(id)), BudgetPeriod::Day, BudgetUnit::Tokens, 10).await);
        budgets.push(world.budget_of(&site, (kind, None), BudgetPeriod::Hour, BudgetUnit::Tokens, 20).await);
    }
    let other = world
        .budget_of(&site, (BudgetSubjectKind::Agent, Some("x".to_owned())), BudgetPeriod::Day, BudgetUnit::Tokens, 0)
        .await;
    let reservation = ledger.reserve(&site.scope, Claim { subjects, tokens: 9, cost_micros: 0 }).await.unwrap();
    ledger.settle(reservation, used(8, 0), &world.audit(&site)).await.unwrap();
    for budget in budgets {
        assert_eq!(world.rows(budget).await, ["8 0"]);
    }
    assert!(world.rows(other).await.is_empty());
    world.drop().await;
}

#[tokio::test]
async fn what_costs_nothing_is_not_blocked_by_money_and_counts_its_tokens() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let money = world.budget(&site, BudgetUnit::Money, 0).await;
    let tokens = world.budget(&site, BudgetUnit::Tokens, 50).await;
    refused(ledger.reserve(&site.scope, claim(&site, 20, 1)).await);
    let reservation = ledger.reserve(&site.scope, claim(&site, 20, 0)).await.unwrap();
    ledger.settle(reservation, used(20, 0), &world.audit(&site)).await.unwrap();
    assert!(world.rows(money).await.iter().all(|row| row == "0 0"));
    assert_eq!(world.rows(tokens).await, ["20 0"]);
    world.drop().await;
}

#[tokio::test]
async fn a_call_expected_to_cost_nothing_that_costs_is_counted() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let money = world.budget(&site, BudgetUnit::Money, 10).await;
    let reservation = ledger.reserve(&site.scope, claim(&site, 20, 0)).await.unwrap();
    ledger.settle(reservation, used(20, 12), &world.audit(&site)).await.unwrap();
    assert_eq!(world.rows(money).await, ["12 0"]);
    world.drop().await;
}

#[tokio::test]
async fn a_call_that_used_more_than_it_reserved_counts_in_full_and_the_next_is_refused() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 100).await;
    let reservation = ledger.reserve(&site.scope, claim(&site, 10, 0)).await.unwrap();
    ledger.settle(reservation, used(130, 0), &world.audit(&site)).await.unwrap();
    assert_eq!(world.rows(budget).await, ["130 0"]);
    assert_eq!(refused(ledger.reserve(&site.scope, claim(&site, 1, 0)).await).used, 130);
    // Not even a call that says it needs nothing: none uses no token.
    refused(ledger.reserve(&site.scope, claim(&site, 0, 0)).await);
    world.drop().await;
}

#[tokio::test]
async fn a_budget_begins_anew_with_its_period_and_a_call_counts_where_it_was_reserved() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let hour =
        world.budget_of(&site, (BudgetSubjectKind::Tenant, None), BudgetPeriod::Hour, BudgetUnit::Tokens, 10).await;
    let month = world.budget(&site, BudgetUnit::Tokens, 1_000).await;
    let before = ledger.reserve(&site.scope, claim(&site, 10, 0)).await.unwrap();
    refused(ledger.reserve(&site.scope, claim(&site, 1, 0)).await);
    // Half past eleven in the evening of the last of February.
    world.clock.advance(chrono::Duration::minutes(29));
    refused(ledger.reserve(&site.scope, claim(&site, 1, 0)).await);
    world.clock.advance(chrono::Duration::minutes(1));
    let after = ledger.reserve(&site.scope, claim(&site, 4, 0)).await.unwrap();
    ledger.settle(before, used(9, 0), &world.audit(&site)).await.unwrap();
    ledger.settle(after, used(3, 0), &world.audit(&site)).await.unwrap();
    assert_eq!(world.rows(hour).await, ["9 0", "3 0"]);
    assert_eq!(world.rows(month).await, ["9 0", "3 0"], "March is another month");
    world.drop().await;
}

async fn change(world: &World, site: &Site, budget: millwright_core::id::BudgetId, limit: Option<i64>) {
    let mut tx = world.database.store.tenant(&site.scope).begin().await.unwrap();
    match limit {
        Some(limit) => tx.budgets().change(budget, None, Some(limit), world.sources.now()).await.unwrap(),
        None => tx.budgets().delete(budget, world.sources.now()).await.unwrap(),
    }
    tx.commit(Proof::Bookkeeping(Bookkeeping::JobState)).await.unwrap();
}

#[tokio::test]
async fn another_limit_holds_at_once_and_a_deleted_budget_binds_nobody() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 10).await;
    let running: Reservation = ledger.reserve(&site.scope, claim(&site, 10, 0)).await.unwrap();
    refused(ledger.reserve(&site.scope, claim(&site, 1, 0)).await);
    change(&world, &site, budget, Some(12)).await;
    // The ledger was not told: it remembers the budget, and the database knows its limit.
    let second = ledger.reserve(&site.scope, claim(&site, 2, 0)).await.unwrap();
    change(&world, &site, budget, None).await;
    let unbound = ledger.reserve(&site.scope, claim(&site, 500, 0)).await.unwrap();
    for (reservation, tokens) in [(running, 10), (second, 1), (unbound, 400)] {
        ledger.settle(reservation, used(tokens, 0), &world.audit(&site)).await.unwrap();
    }
    assert_eq!(world.count("model_usage").await, 3);
    assert_eq!(world.count("budget_reservations").await, 0);
    world.drop().await;
}

#[tokio::test]
async fn budgets_of_one_tenant_do_not_bind_another() {
    let world = World::new().await;
    let (plant, office, ledger) = (world.site("Plant").await, world.site("Office").await, world.ledger());
    let budget = world.budget(&plant, BudgetUnit::Tokens, 10).await;
    let big = Claim { subjects: subjects(plant.user), tokens: 1_000, cost_micros: 0 };
    let reservation = ledger.reserve(&office.scope, big.clone()).await.unwrap();
    assert!(!reservation.holds_something());
    ledger.settle(reservation, used(1_000, 0), &world.audit(&office)).await.unwrap();
    refused(ledger.reserve(&plant.scope, big).await);
    assert_eq!(world.rows(budget).await, ["0 0"]);
    // What one tenant spent cannot be proved in the log of another.
    let reservation = ledger.reserve(&office.scope, claim(&office, 1, 0)).await.unwrap();
    assert!(ledger.settle(reservation, used(1, 0), &world.audit(&plant)).await.is_err());
    assert_eq!(world.count("model_usage").await, 1);
    world.drop().await;
}
