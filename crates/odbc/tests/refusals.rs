//! What a database is not asked, or does not do.

use millwright_odbc::{Cell, Credential, Dialect, OdbcError, Query, Writes, drivers};
use std::time::Duration;

use crate::kit::{Place, mariadb, one, places, postgres, read, runtime};

async fn count(place: &Place) -> Cell {
    one(&place.pool(), place, "SELECT COUNT(*) FROM work_orders", vec![]).await.expect("count")
}

#[test]
fn nothing_writes_even_for_who_may() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool();
            let before = count(place).await;
            let mut writing = vec![
                "INSERT INTO downtime_reasons VALUES ('X', 'x', 0)",
                "UPDATE work_orders SET cost = 0",
                "DELETE FROM operations",
                "DROP TABLE operations",
                "CREATE TABLE x (id integer)",
            ];
            if place.is(&Dialect::Postgres) {
                writing.push("WITH gone AS (DELETE FROM operations RETURNING step) SELECT * FROM gone");
                writing.push("SELECT setval('pg_catalog.none', 1)");
            }
            for sql in writing {
                let error = read(&pool, &place.owner, Query::new(sql, vec![])).await.expect_err(sql);
                let refused = matches!(error, OdbcError::ReadOnly | OdbcError::Refused { .. } | OdbcError::NoTable);
                assert!(refused, "{place}: {sql}: {error:?}");
            }
            assert_eq!(count(place).await, before, "{place}");
            let operations = one(&pool, place, "SELECT COUNT(*) FROM operations", vec![]).await.expect("operations");
            assert_eq!(operations, Cell::Integer(8223), "{place}");
        }
    });
}

#[test]
fn a_second_statement_cannot_hide() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool();
            for sql in ["SELECT 1; DELETE FROM operations", "SELECT 1;;", "SELECT ';'", "SELECT 1; COMMIT; SELECT 2;"] {
                assert_eq!(
                    read(&pool, &place.owner, Query::new(sql, vec![])).await,
                    Err(OdbcError::ManyStatements),
                    "{place}: {sql}"
                );
            }
            assert_eq!(
                one(&pool, place, "SELECT COUNT(*) FROM operations;\n", vec![]).await,
                Ok(Cell::Integer(8223)),
                "{place}"
            );
        }
    });
}

#[test]
fn a_refused_statement_says_why_and_costs_no_connection() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool();
            let error = read(&pool, &place.reader, Query::new("SELECT id,\n no_column FROM work_orders", vec![]))
                .await
                .expect_err("refused");
            let OdbcError::Refused { detail, .. } = &error else { panic!("{place}: {error:?}") };
            assert!(detail.contains("no_column"), "{place}: {detail}");
            let wanted =
                read(&pool, &place.reader, Query::new("SELECT id FROM work_orders WHERE id = ?", vec![])).await;
            assert_eq!(wanted, Err(OdbcError::Parameters { wanted: 1, given: 0 }), "{place}");
            let unfit =
                Query::new("SELECT id FROM work_orders WHERE id = ?", vec![Cell::Text("x".to_owned()), Cell::Null]);
            assert_eq!(
                read(&pool, &place.reader, unfit).await,
                Err(OdbcError::Parameters { wanted: 1, given: 2 }),
                "{place}"
            );
            assert!(one(&pool, place, "SELECT COUNT(*) FROM work_orders", vec![]).await.is_ok(), "{place}");
        }
    });
}

#[test]
fn a_login_that_can_write_is_found_out() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool();
            let time = Duration::from_secs(5);
            let owner = pool.check(&place.owner, time).await.expect("owner");
            assert_eq!(owner.dialect, place.dialect);
            assert!(matches!(&owner.writes, Writes::Could(reasons) if !reasons.is_empty()), "{place}: {owner:?}");
            assert!(!owner.product.is_empty() && !owner.driver.is_empty(), "{owner:?}");
            if !place.is(&Dialect::Sqlite) {
                assert_eq!(pool.check(&place.reader, time).await.expect("reader").writes, Writes::Nothing, "{place}");
            }
        }
    });
}

#[test]
fn a_wrong_password_is_told_from_a_database_that_is_not_there() {
    runtime().block_on(async {
        for place in [postgres(), mariadb()].into_iter().flatten() {
            let pool = place.pool();
            let wrong = Credential::new(place.reader_name.as_str(), "not the password");
            let error = read(&pool, &wrong, Query::new("SELECT 1", vec![])).await;
            if error.is_ok() {
                eprintln!("SKIPPED: this {place} trusts everybody");
            } else {
                assert_eq!(error, Err(OdbcError::CredentialsRefused), "{place}");
            }
            let nobody = Credential::new("nobody_here", "not the password");
            assert_eq!(
                read(&pool, &nobody, Query::new("SELECT 1", vec![])).await,
                Err(OdbcError::CredentialsRefused),
                "{place}"
            );
            assert!(one(&pool, place, "SELECT COUNT(*) FROM work_orders", vec![]).await.is_ok(), "{place}");
            let closed = place.pool_with(|settings| settings.port = Some(1), |_| {});
            let error = read(&closed, &place.reader, Query::new("SELECT 1", vec![])).await.expect_err("closed");
            assert_eq!(error.word(), "unreachable", "{place}: {error:?}");
            let other = place.pool_with(|settings| settings.database = "no_such_database".to_owned(), |_| {});
            let error = read(&other, &place.owner, Query::new("SELECT 1", vec![])).await.expect_err("no database");
            assert_eq!(error.word(), "unreachable", "{place}: {error:?}");
        }
    });
}

#[test]
fn a_missing_driver_is_named() {
    runtime().block_on(async {
        if drivers().is_err() {
            eprintln!("SKIPPED: this machine has no driver manager");
            return;
        }
        for place in places() {
            let pool = place.pool_with(|settings| settings.driver = "No Such Driver".to_owned(), |_| {});
            let error = read(&pool, &place.reader, Query::new("SELECT 1", vec![])).await;
            assert_eq!(error, Err(OdbcError::DriverMissing("No Such Driver".to_owned())));
        }
    });
}
