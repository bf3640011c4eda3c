//! Wires that break, drivers that hang, readers that go away: each has its error, and the pool recovers.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use millwright_odbc::{Cell, Dialect, Limits, OdbcError, Pool, PoolState, Query};

use crate::kit::{Place, mariadb, one, places, postgres, read, runtime, within};
use crate::proxy::Proxy;

fn many(place: &Place) -> &'static str {
    match place.dialect {
        Dialect::Postgres => "SELECT w.*, o.description FROM work_orders w, operations o",
        _ => "SELECT w.*, o.description FROM work_orders w CROSS JOIN operations o",
    }
}

/// More than any test reads. MariaDB's driver of these tests holds all of it.
fn without_end() -> Limits {
    Limits { rows: 400_000, bytes: u64::MAX, ..Limits::default() }
}

async fn works(place: &Place, pool: &Pool) {
    assert_eq!(one(pool, place, "SELECT COUNT(*) FROM work_orders", vec![]).await, Ok(Cell::Integer(2741)), "{place}");
}

/// Waits for the pool to be as it should, and fails where it never is.
async fn until(pool: &Pool, right: impl Fn(PoolState) -> bool) {
    let begun = Instant::now();
    while !right(pool.state()) {
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", pool.state());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_connection_that_breaks_amid_rows_is_told_and_replaced() {
    runtime().block_on(async {
        for place in [postgres(), mariadb()].into_iter().flatten() {
            let proxy = Proxy::new(place.settings.port.expect("port"));
            let pool = place.pool_with(|settings| settings.port = Some(proxy.port), |_| {});
            let query = Query { limits: without_end(), ..Query::new(many(place), vec![]) };
            let ended = read(&pool, &place.reader, query);
            let cut = async {
                while proxy.passed() < 1 << 20 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                proxy.cut();
            };
            let (end, ()) = tokio::join!(ended, cut);
            assert_eq!(end, Err(OdbcError::ConnectionLost), "{place}");
            assert!(proxy.passed() < 20 << 20, "{place}: it was cut at the end");
            works(place, &pool).await;
            // One that broke while nobody used it is replaced without a word.
            proxy.cut();
            works(place, &pool).await;
            assert_eq!(pool.state().hung, 0);
        }
    });
}

#[test]
fn a_driver_that_hangs_is_given_up_and_the_pool_goes_on() {
    runtime().block_on(async {
        for place in [postgres(), mariadb()].into_iter().flatten() {
            let proxy = Proxy::new(place.settings.port.expect("port"));
            let options = |options: &mut millwright_odbc::PoolOptions| {
                (options.threads, options.hung, options.grace) = (NonZeroUsize::MIN, 1, Duration::from_millis(200));
            };
            let pool = place.pool_with(|settings| settings.port = Some(proxy.port), options);
            works(place, &pool).await;
            proxy.silence(true);
            let begun = Instant::now();
            let query = || Query { limits: within(300), ..Query::new("SELECT id FROM work_orders", vec![]) };
            let unresponsive = Err(OdbcError::Unresponsive(Duration::from_millis(300)));
            assert_eq!(read(&pool, &place.reader, query()).await, unresponsive, "{place}");
            assert!(begun.elapsed() < Duration::from_millis(1500), "{place}: {:?}", begun.elapsed());
            assert_eq!((pool.state().live, pool.state().hung), (1, 1), "{place}");
            // Its replacement cannot even sign in.
            let second = read(&pool, &place.reader, query()).await.expect_err("hangs");
            assert!(matches!(second, OdbcError::Unresponsive(_) | OdbcError::Timeout(_)), "{place}: {second:?}");
            if pool.state().live == 0 {
                assert_eq!(read(&pool, &place.reader, query()).await, Err(OdbcError::Exhausted), "{place}");
            }
            proxy.silence(false);
            until(&pool, |state| state.hung == 0 && state.live == 1 && state.running == 0).await;
            works(place, &pool).await;
        }
    });
}

#[test]
fn rows_that_nobody_wants_are_not_read_on() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool_with(|_| {}, |options| options.threads = NonZeroUsize::MIN);
            let query = Query { limits: without_end(), ..Query::new(many(place), vec![]) };
            let mut rows = pool.query(&place.reader, query).await.expect("query");
            assert!(rows.next().await.expect("rows").is_some());
            let begun = Instant::now();
            drop(rows);
            works(place, &pool).await;
            assert!(begun.elapsed() < Duration::from_secs(2), "{place}: {:?}", begun.elapsed());
            assert_eq!(
                pool.state(),
                PoolState { live: 1, hung: 0, running: pool.state().running, waiting: 0 },
                "{place}"
            );
        }
    });
}

#[test]
fn a_request_that_nobody_waits_for_is_cancelled_at_the_database() {
    runtime().block_on(async {
        let Some(place) = postgres() else { return };
        let pool = place.pool();
        works(place, &pool).await;
        let sleeping = "SELECT pg_sleep(59), 'of this test'";
        let asked = tokio::time::timeout(Duration::from_millis(150), pool.query(&place.reader, Query::new(sleeping, vec![]))).await;
        assert!(asked.is_err());
        until(&pool, |state| state.running == 0).await;
        let count = "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%of this test%' AND query NOT LIKE '%COUNT%'";
        let rows = read(&pool, &place.owner, Query::new(count, vec![])).await.expect("count");
        assert_eq!(rows[0][0], Cell::Integer(0));
    });
}

#[test]
fn a_wire_carries_no_more_than_is_read() {
    runtime().block_on(async {
        let Some(place) = postgres() else { return };
        let proxy = Proxy::new(place.settings.port.expect("port"));
        let pool = place.pool_with(|settings| settings.port = Some(proxy.port), |_| {});
        let limits = Limits { rows: u64::MAX, ..without_end() };
        let mut rows =
            pool.query(&place.reader, Query { limits, ..Query::new(many(place), vec![]) }).await.expect("query");
        assert!(rows.next().await.expect("rows").is_some());
        // The result has over a gigabyte. The buffers of the wire take some of it; the reader takes no more.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(proxy.passed() < 4 << 20, "{}", proxy.passed());
    });
}

#[test]
fn cancelling_at_any_moment_harms_nobody() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool();
            for step in 0..25_u64 {
                let query = Query { limits: without_end(), ..Query::new(many(place), vec![]) };
                let reading = read(&pool, &place.reader, query);
                let ended = tokio::time::timeout(Duration::from_micros(step * 1000), reading).await;
                assert!(ended.is_err() || ended.is_ok_and(|ended| ended.is_err()), "{place}: it was read to its end");
            }
            until(&pool, |state| state.running == 0 && state.waiting == 0).await;
            works(place, &pool).await;
            assert_eq!(pool.state().hung, 0, "{place}");
        }
    });
}
