//! Processes that die and callers that go away.

use std::future::Future;

use futures::FutureExt;
use millwright_budgets::{BudgetUnit, ReservationSweeper};

use crate::support::{World, claim, eventually, refused, used};

const EXPIRED: &str = "UPDATE budget_reservations SET expires_at = now() - interval '1 second'";

#[tokio::test]
async fn what_a_dead_process_held_is_given_back() {
    let world = World::new().await;
    let (plant, office) = (world.site("Plant").await, world.site("Office").await);
    let budgets =
        [world.budget(&plant, BudgetUnit::Tokens, 10).await, world.budget(&office, BudgetUnit::Tokens, 10).await];
    let (store, dying) = world.process().await;
    for site in [&plant, &office] {
        let lost = dying.reserve(&site.scope, claim(site, 10, 0)).await.unwrap();
        drop(lost);
    }
    drop(dying);
    store.close().await;

    let (ledger, sweeper) =
        (world.ledger(), ReservationSweeper::new(world.database.store.clone(), world.sources.clone()));
    assert_eq!(sweeper.sweep_once().await.unwrap(), 0, "the lease still holds");
    refused(ledger.reserve(&plant.scope, claim(&plant, 1, 0)).await);
    let longest = "SELECT (max(expires_at) <= now() + interval '45 seconds')::text FROM budget_reservations";
    assert_eq!(world.database.peek(longest).await, ["true"]);
    world.database.tamper(EXPIRED).await;
    assert_eq!(sweeper.sweep_once().await.unwrap(), 2);
    for budget in budgets {
        assert_eq!(world.rows(budget).await, ["0 0"]);
    }
    let again = ledger.reserve(&plant.scope, claim(&plant, 10, 0)).await.unwrap();
    ledger.release(again).await.unwrap();
    world.drop().await;
}

#[tokio::test]
async fn a_call_that_runs_is_renewed_and_one_that_was_dropped_is_not() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 10).await;
    let running = ledger.reserve(&site.scope, claim(&site, 4, 0)).await.unwrap();
    let lost = ledger.reserve(&site.scope, claim(&site, 5, 0)).await.unwrap();
    drop(lost);
    world.database.tamper(EXPIRED).await;
    assert_eq!(ledger.renew_once().await.unwrap(), 1);
    let sweeper = ReservationSweeper::new(world.database.store.clone(), world.sources.clone());
    assert_eq!(sweeper.sweep_once().await.unwrap(), 1);
    assert_eq!(world.rows(budget).await, ["0 4"]);
    ledger.settle(running, used(3, 0), &world.audit(&site)).await.unwrap();
    assert_eq!(world.rows(budget).await, ["3 0"]);
    world.drop().await;
}

#[tokio::test]
async fn a_call_whose_reservation_expired_is_counted_all_the_same() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 10).await;
    let late = ledger.reserve(&site.scope, claim(&site, 8, 0)).await.unwrap();
    world.database.tamper(EXPIRED).await;
    ReservationSweeper::new(world.database.store.clone(), world.sources.clone()).sweep_once().await.unwrap();
    let other = ledger.reserve(&site.scope, claim(&site, 9, 0)).await.unwrap();
    ledger.settle(late, used(7, 0), &world.audit(&site)).await.unwrap();
    assert_eq!(world.rows(budget).await, ["7 9"], "what others hold stays held");
    ledger.release(other).await.unwrap();
    world.drop().await;
}

#[tokio::test]
async fn a_settlement_counts_when_the_database_lost_the_reservation() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 10).await;
    let reservation = ledger.reserve(&site.scope, claim(&site, 8, 0)).await.unwrap();
    // Reserving does not wait for the disk: a database that dies may forget all of it.
    world.database.tamper("DELETE FROM budget_reservations; DELETE FROM budget_periods").await;
    ledger.settle(reservation, used(6, 0), &world.audit(&site)).await.unwrap();
    assert_eq!(world.rows(budget).await, ["6 0"]);
    world.drop().await;
}

/// Polls a future once, so that its wish is on its way, and drops it.
fn begin_and_go_away(future: impl Future) {
    let mut future = std::pin::pin!(future);
    let _ = future.as_mut().now_or_never();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_caller_goes_away_holds_nothing() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 100).await;
    // So that the budgets are known and claims go straight to their queue.
    let first = ledger.reserve(&site.scope, claim(&site, 1, 0)).await.unwrap();
    ledger.release(first).await.unwrap();
    // Held up in the database, with claims in the transaction and behind it.
    let blocker = world.lock(&site, budget).await;
    for _ in 0..50 {
        begin_and_go_away(ledger.reserve(&site.scope, claim(&site, 2, 0)));
    }
    drop(blocker);
    eventually("an empty budget", async || {
        world.rows(budget).await == ["0 0"] && world.count("budget_reservations").await == 0
    })
    .await;
    let all = ledger.reserve(&site.scope, claim(&site, 100, 0)).await.unwrap();
    ledger.release(all).await.unwrap();
    world.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_whose_caller_goes_away_is_made() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 100).await;
    for _ in 0..20 {
        let reservation = ledger.reserve(&site.scope, claim(&site, 2, 0)).await.unwrap();
        drop(ledger.settle(reservation, used(2, 0), &world.audit(&site)));
    }
    eventually("twenty settled calls", async || world.rows(budget).await == ["40 0"]).await;
    assert_eq!(world.count("model_usage").await, 20);
    world.drop().await;
}

#[tokio::test]
async fn an_answer_that_the_stop_itself_cut_off_is_on_disk_when_the_process_ends() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 10).await;
    let running = ledger.reserve(&site.scope, claim(&site, 4, 0)).await.unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    ledger.run(stop).await;
    // Streams end after the renewer has: nobody waits for what they hand over.
    drop(ledger.settle(running, used(3, 0), &world.audit(&site)));
    ledger.drain().await;
    assert_eq!(world.rows(budget).await, ["3 0"]);
    world.drop().await;
}
