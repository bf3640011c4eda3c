//! Every answer has an end.

use std::time::{Duration, Instant};

use millwright_odbc::{Cell, Dialect, Limits, OdbcError, Query};

use crate::kit::{Place, one, places, read, runtime, within};

/// Ten million rows that the database makes while they are read.
fn ten_million(place: &Place) -> &'static str {
    match place.dialect {
        Dialect::Postgres => "SELECT n, 'row ' || n AS name FROM (SELECT generate_series(1, 10000000) AS n) AS s",
        Dialect::MariaDb => "SELECT seq AS n, CONCAT('row ', seq) AS name FROM seq_1_to_10000000",
        _ => {
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 10000000) \
             SELECT n, 'row ' || n AS name FROM s"
        }
    }
}

/// Works until it is stopped.
fn endless(place: &Place) -> &'static str {
    match place.dialect {
        Dialect::Postgres => "SELECT pg_sleep(60)",
        Dialect::MariaDb => "SELECT SLEEP(60) FROM downtime_reasons",
        _ => "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT COUNT(*) FROM s",
    }
}

async fn works(place: &Place, pool: &millwright_odbc::Pool) {
    assert_eq!(one(pool, place, "SELECT COUNT(*) FROM work_orders", vec![]).await, Ok(Cell::Integer(2741)), "{place}");
}

#[test]
fn ten_million_rows_end_at_the_limit_at_once() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool();
            let begun = Instant::now();
            let limits = Limits { rows: 25_001, ..Limits::default() };
            let mut rows = pool
                .query(&place.reader, Query { limits, ..Query::new(ten_million(place), vec![]) })
                .await
                .expect("query");
            let mut seen = 0;
            let end = loop {
                match rows.next().await {
                    Ok(Some(block)) => {
                        for row in block {
                            seen += 1;
                            assert_eq!(row[1], Cell::Text(format!("row {seen}")), "{place}");
                        }
                    }
                    other => break other,
                }
            };
            assert_eq!((seen, end), (25_001, Err(OdbcError::TooManyRows(25_001))), "{place}");
            works(place, &pool).await;
            let limits = Limits { bytes: 100_000, ..Limits::default() };
            let all = read(&pool, &place.reader, Query { limits, ..Query::new(ten_million(place), vec![]) }).await;
            assert_eq!(all, Err(OdbcError::TooLarge(100_000)), "{place}");
            works(place, &pool).await;
            assert!(begun.elapsed() < Duration::from_secs(5), "{place}: {:?}", begun.elapsed());
        }
    });
}

#[test]
fn a_value_is_never_cut() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool();
            let of = |id: u32| Query::new(format!("SELECT * FROM wide WHERE id = {id}"), vec![]);
            let rows = read(&pool, &place.reader, of(1)).await.expect("fits");
            assert_eq!(rows[0][1], Cell::Text("x".repeat(60_000)), "{place}");
            let column = if place.is(&Dialect::MariaDb) { "long_text" } else { "long" };
            let too_large = |limit| Err(OdbcError::ValueTooLarge { column: column.to_owned(), limit });
            // Of 60,000 characters, and twice as many bytes.
            assert_eq!(read(&pool, &place.reader, of(2)).await, too_large(65_536), "{place}");
            assert_eq!(read(&pool, &place.reader, of(3)).await, too_large(65_536), "{place}");
            let limits = Limits { cell_bytes: 200_000, ..Limits::default() };
            let rows = read(&pool, &place.reader, Query { limits, ..of(3) }).await.expect("fits");
            assert_eq!(rows[0][1], Cell::Text("y".repeat(200_000)), "{place}");
            works(place, &pool).await;
        }
    });
}

#[test]
fn a_slow_statement_is_stopped_at_its_deadline() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool();
            works(place, &pool).await;
            let begun = Instant::now();
            let query = Query { limits: within(300), ..Query::new(endless(place), vec![]) };
            let end = read(&pool, &place.reader, query).await;
            let took = begun.elapsed();
            // MariaDB's SLEEP returns when it is interrupted.
            assert_eq!(end, Err(OdbcError::Timeout(Duration::from_millis(300))), "{place}");
            assert!(took >= Duration::from_millis(290) && took < Duration::from_millis(1500), "{place}: {took:?}");
            works(place, &pool).await;
            assert_eq!(pool.state().hung, 0, "{place}");
        }
    });
}

#[test]
fn a_slow_reader_does_not_hold_a_thread_past_the_deadline() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool_with(|_| {}, |options| options.threads = std::num::NonZeroUsize::MIN);
            let limits = Limits { rows: 100_000, bytes: u64::MAX, ..within(600) };
            let mut rows = pool
                .query(&place.reader, Query { limits, ..Query::new(ten_million(place), vec![]) })
                .await
                .expect("query");
            // The only thread is held until the deadline, though nobody reads; what was read before arrives.
            works(place, &pool).await;
            let mut blocks = 0;
            let end = loop {
                match rows.next().await {
                    Ok(Some(_)) => blocks += 1,
                    other => break other,
                }
            };
            assert_eq!(end, Err(OdbcError::Timeout(Duration::from_millis(600))), "{place}");
            assert!((1..=8).contains(&blocks), "{place}: {blocks}");
        }
    });
}

#[test]
fn statements_of_threads_run_beside_each_other() {
    runtime().block_on(async {
        for place in places().filter(|place| !place.is(&Dialect::Sqlite)) {
            let pool = place.pool();
            let sleep = if place.is(&Dialect::Postgres) { "SELECT pg_sleep(0.4), 1" } else { "SELECT SLEEP(0.4), 1" };
            tokio::join!(works(place, &pool), works(place, &pool), works(place, &pool));
            let begun = Instant::now();
            let query = || read(&pool, &place.reader, Query::new(sleep, vec![]));
            let (first, second, third) = tokio::join!(query(), query(), query());
            assert!(first.is_ok() && second.is_ok() && third.is_ok(), "{place}: {first:?}");
            assert!(begun.elapsed() < Duration::from_secs(1), "{place}: {:?}", begun.elapsed());
        }
    });
}

#[test]
fn a_full_line_says_so() {
    runtime().block_on(async {
        let Some(place) = places().next() else { return };
        let pool =
            place.pool_with(|_| {}, |options| (options.threads, options.line) = (std::num::NonZeroUsize::MIN, 1));
        let query = || pool.query(&place.reader, Query { limits: within(400), ..Query::new(endless(place), vec![]) });
        // The first is taken by the thread at some time, so one of three finds no place at the latest.
        let ends = tokio::join!(query(), query(), query());
        let words = [ends.0.err(), ends.1.err(), ends.2.err()].map(|error| error.map(|error| error.word()));
        assert!(words.contains(&Some("unavailable")), "{words:?}");
        works(place, &pool).await;
    });
}
