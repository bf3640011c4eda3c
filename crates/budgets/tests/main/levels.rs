//! Warnings: once each, with what they warn of.

use futures::future::join_all;
use millwright_budgets::{BudgetPeriod, BudgetSubjectKind, BudgetUnit, Level, Standing, period_starts};

use crate::support::{World, claim, used};

const NOTICES: &str = "SELECT kind || ' ' || (payload->>'spent') FROM notification_outbox ORDER BY kind DESC";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eighty_and_ninety_five_percent_are_told_once_each_however_many_cross_them() {
    let world = World::new().await;
    let site = world.site("Plant").await;
    world.budget(&site, BudgetUnit::Tokens, 1_000).await;
    let ((store_a, a), (store_b, b)) = (world.process().await, world.process().await);
    join_all((0..200).map(async |number| {
        let ledger = if number % 2 == 0 { &a } else { &b };
        let reservation = ledger.reserve(&site.scope, claim(&site, 5, 0)).await.unwrap();
        ledger.settle(reservation, used(5, 0), &world.audit(&site)).await.unwrap();
    }))
    .await;
    let notices = world.database.peek(NOTICES).await;
    let kinds: Vec<&str> = notices.iter().filter_map(|notice| notice.split(' ').next()).collect();
    assert_eq!(kinds, ["budget.warning", "budget.critical"]);
    for (notice, least) in notices.iter().zip([800, 950]) {
        assert!(notice.rsplit(' ').next().unwrap().parse::<i64>().unwrap() >= least, "{notice}");
    }
    store_a.close().await;
    store_b.close().await;
    world.drop().await;
}

#[tokio::test]
async fn each_level_is_told_when_it_is_reached_and_again_in_the_next_period() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    world.budget_of(&site, (BudgetSubjectKind::User, None), BudgetPeriod::Hour, BudgetUnit::Money, 100).await;
    let spend = async |micros: u64| {
        let reservation = ledger.reserve(&site.scope, claim(&site, 1, 0)).await.unwrap();
        ledger.settle(reservation, used(1, micros), &world.audit(&site)).await.unwrap();
    };
    spend(79).await;
    assert_eq!(world.count("notification_outbox").await, 0);
    spend(1).await;
    assert_eq!(world.database.peek(NOTICES).await, ["budget.warning 80"]);
    spend(14).await;
    assert_eq!(world.count("notification_outbox").await, 1);
    spend(40).await;
    assert_eq!(world.database.peek(NOTICES).await, ["budget.warning 80", "budget.critical 134"]);
    let told = "SELECT concat_ws(' ', payload->>'subject', payload->>'unit', payload->>'limit', payload->>'resets_at') \
                FROM notification_outbox WHERE kind = 'budget.critical'";
    assert_eq!(world.database.peek(told).await, [format!("{} money 100 2026-03-01T00:00:00+00:00", site.user)]);
    world.clock.advance(chrono::Duration::hours(1));
    spend(100).await;
    assert_eq!(world.count("notification_outbox").await, 4);
    world.drop().await;
}

#[tokio::test]
async fn a_budget_stands_where_its_spending_is() {
    let world = World::new().await;
    let (site, ledger) = (world.site("Plant").await, world.ledger());
    let budget = world.budget(&site, BudgetUnit::Tokens, 1_000).await;
    let now = world.sources.now();
    let standing = async || {
        let mut tx = world.database.store.tenant(&site.scope).read().await.unwrap();
        let row = tx.budgets().require(budget, &period_starts(now)).await.unwrap();
        Standing::of(&row, now)
    };
    let unused = standing().await;
    assert_eq!((unused.used, unused.remaining, unused.level), (0, 1_000, Level::Ok));
    for (more, level) in
        [(799, Level::Ok), (1, Level::Warning), (149, Level::Warning), (1, Level::Critical), (50, Level::Exhausted)]
    {
        let reservation = ledger.reserve(&site.scope, claim(&site, more, 0)).await.unwrap();
        assert_eq!(standing().await.reserved, more as i64);
        ledger.settle(reservation, used(more, 0), &world.audit(&site)).await.unwrap();
        assert_eq!(standing().await.level, level);
    }
    let full = standing().await;
    assert_eq!((full.used, full.reserved, full.remaining), (1_000, 0, 0));
    assert!((full.percent - 100.0).abs() < f64::EPSILON);
    world.drop().await;
}
