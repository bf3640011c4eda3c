//! Many calls in one transaction: together when they can, apart when one of them cannot.

use futures::future::join_all;
use millwright_budgets::{BudgetPeriod, BudgetSubjectKind, BudgetUnit, Claim, Subjects};

use crate::support::{World, claim, subjects, used};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_cannot_be_decided_does_not_fail_the_others() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 1_000).await;
    world.budget_of(&site, (BudgetSubjectKind::Agent, None), BudgetPeriod::Day, BudgetUnit::Tokens, 1_000).await;
    let results = join_all((0..60).map(|number| {
        // PostgreSQL's text has no zero byte.
        let agent = Some(if number % 20 == 7 { "zero\0byte" } else { "planner" }.to_owned());
        let subjects = Subjects { agent, ..subjects(site.user) };
        ledger.reserve(&site.scope, Claim { subjects, tokens: 1, cost_micros: 0 })
    }))
    .await;
    let failed: Vec<usize> = (0..60).filter(|number| results[*number].is_err()).collect();
    assert_eq!(failed, [7, 27, 47]);
    assert_eq!(world.rows(budget).await, ["0 57"]);
    world.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_cannot_be_settled_does_not_fail_the_others() {
    let world = World::new().await;
    let (site, other, ledger) = (world.site("Plant").await, world.site("Office").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 1_000).await;
    let mut reservations = Vec::new();
    for _ in 0..60 {
        reservations.push(ledger.reserve(&site.scope, claim(&site, 2, 0)).await.unwrap());
    }
    let results = join_all(reservations.into_iter().enumerate().map(|(number, reservation)| {
        let audit = world.audit(if number % 20 == 7 { &other } else { &site });
        ledger.settle(reservation, used(2, 0), &audit)
    }))
    .await;
    let failed: Vec<usize> = (0..60).filter(|number| results[*number].is_err()).collect();
    assert_eq!(failed, [7, 27, 47]);
    assert_eq!(world.count("model_usage").await, 57);
    // What those three spent is unknown to the books, so what they held is given back by the sweeper alone.
    assert_eq!(world.rows(budget).await, ["114 6"]);
    world.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_lose_and_double_no_call() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 1_000_000).await;
    let mut reservations = Vec::new();
    for _ in 0..300 {
        reservations.push(ledger.reserve(&site.scope, claim(&site, 2, 0)).await.unwrap());
    }
    let cut = async {
        for _ in 0..10 {
            world
                .database
                .tamper(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = current_database() AND usename = 'millwright_app'",
                )
                .await;
        }
    };
    let settle = join_all(reservations.into_iter().map(async |reservation| {
        tokio::task::yield_now().await;
        ledger.settle(reservation, used(2, 0), &world.audit(&site)).await
    }));
    let (results, ()) = futures::join!(settle, cut);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(world.count("model_usage").await, 300);
    assert_eq!(world.count("audit_entries WHERE action = 'model.called' AND resource_id = 'small'").await, 301);
    assert_eq!(world.rows(budget).await, ["600 0"]);
    world.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_together_share_transactions() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    world.budget(&site, BudgetUnit::Tokens, 1_000_000).await;
    join_all((0..200).map(async |_| {
        let reservation = ledger.reserve(&site.scope, claim(&site, 2, 0)).await.unwrap();
        ledger.settle(reservation, used(2, 0), &world.audit(&site)).await.unwrap();
    }))
    .await;
    let transactions = world.count("(SELECT DISTINCT xmin::text FROM model_usage) t").await;
    assert!(transactions < 100, "{transactions} transactions for 200 calls");
    world.drop().await;
}

#[tokio::test]
async fn without_a_budget_calls_are_counted_and_nothing_is_held() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let reservation = ledger.reserve(&site.scope, claim(&site, 5, 3)).await.unwrap();
    assert!(!reservation.holds_something());
    ledger.settle(reservation, used(5, 3), &world.audit(&site)).await.unwrap();
    let row = "SELECT concat_ws(' ', model, endpoint, provider, tier, input_tokens, gpu_millis, cost_micros, outcome) FROM model_usage";
    assert_eq!(world.database.peek(row).await, ["small local ollama LIGHT 5 7 3 complete"]);
    assert_eq!(world.count("audit_entries").await, 1);
    assert_eq!(world.count("budget_reservations").await, 0);
    world.drop().await;
}
