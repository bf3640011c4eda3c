//! What a failing database becomes, and that a failed transaction is never taken for a committed one.

use std::time::Duration;

use millwright_core::{ErrorCode, Role, ToProblem};
use millwright_store::{
    Proof, Store, StoreError, StoreSettings,
    platform::Platform,
    tenant::{NewUser, UserKind},
};

use crate::support::{BOOKKEEPING, World, eventually};

fn settings(url: String, wait: u64) -> StoreSettings {
    StoreSettings { url, max_connections: 1, acquire_timeout: Duration::from_millis(wait) }
}

#[tokio::test]
async fn an_address_that_is_taken_is_a_conflict_and_does_not_say_whose_it_is() {
    let world = World::new().await;
    world.site("TenantA").await;
    let other = world.site("TenantB").await;
    let user = NewUser {
        id: world.sources.new_id(),
        kind: UserKind::Person,
        email: Some("admin@tenanta.example".to_owned()),
        display_name: "Mallory".to_owned(),
        role: Role::Admin,
        password_hash: Some(String::new()),
        local: true,
        created_at: world.now(),
    };
    let error = world.begin(&other).await.users().insert(&user).await.unwrap_err();
    assert!(matches!(error, StoreError::Duplicate(_)));
    assert_eq!(error.problem().code, ErrorCode::Conflict);
    assert!(!error.is_transient());
    assert!(!error.problem().detail.contains("tenanta"));
    world.drop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    // Bound and let go again: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = Store::open(&settings(format!("postgres://nobody@127.0.0.1:{port}/nothing"), 300)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(error.problem().code, ErrorCode::UpstreamUnavailable);
    assert!(error.is_transient());
}

#[tokio::test]
async fn no_free_connection_in_time_is_unavailable() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let store = Store::open(&settings(world.database.url.clone(), 200)).await.unwrap();
    let held = store.tenant(&site.scope).begin().await.unwrap();
    let Err(error) = store.tenant(&site.scope).begin().await else { panic!("there is one connection only") };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    drop(held);
    store.close().await;
    world.drop().await;
}

#[tokio::test]
async fn after_the_server_ended_all_connections_the_store_recovers_by_itself() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.begin(&site).await;
    world
        .database
        .tamper(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND usename = 'millwright_app'",
        )
        .await;
    let error = tx.users().count().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    drop(tx);
    eventually("a fresh connection", async || {
        let answer = async { world.store().tenant(&site.scope).read().await?.users().count().await }.await;
        assert!(matches!(answer, Ok(1) | Err(StoreError::Unavailable(_))), "{answer:?}");
        answer.ok()
    })
    .await;
    world.drop().await;
}

#[tokio::test]
async fn a_reading_transaction_writes_nothing() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.read(&site).await;
    let error = tx.jobs().enqueue(&world.job(None)).await.unwrap_err();
    let StoreError::Statement(sqlx::Error::Database(cause)) = &error else { panic!("{error:?}") };
    assert_eq!(cause.code().as_deref(), Some("25006"));
    assert_eq!(error.problem().code, ErrorCode::Internal);
    assert!(tx.commit(Proof::Entry(&world.record(&site, "x"))).await.is_err());
    world.drop().await;
}

/// PostgreSQL answers COMMIT with success there, and undoes the transaction.
#[tokio::test]
async fn a_transaction_with_a_failed_statement_cannot_be_committed() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let record = world.record(&site, "x");
    for proof in [BOOKKEEPING, Proof::Entry(&record)] {
        let mut tx = world.begin(&site).await;
        let job = world.job(None);
        tx.jobs().enqueue(&job).await.unwrap();
        assert!(matches!(tx.jobs().enqueue(&job).await, Err(StoreError::Duplicate(_))));
        assert!(tx.commit(proof).await.is_err(), "what was enqueued first is lost, and that must be said");
    }
    let mut platform = Platform::open(&world.database.platform_url).await.unwrap();
    let mut tx = platform.begin().await.unwrap();
    let id = world.sources.new_id();
    tx.create(id, "TenantC", world.now()).await.unwrap();
    assert!(tx.create(id, "TenantD", world.now()).await.is_err());
    assert!(tx.commit(&[]).await.is_err());
    world.drop().await;
}

#[test]
fn messages_do_not_repeat_their_source_and_show_nothing_internal() {
    let error = StoreError::from(sqlx::Error::PoolTimedOut);
    assert_eq!(error.to_string(), "the database is unavailable");
    assert!(std::error::Error::source(&error).is_some());
    let faults = [
        StoreError::UnsafeRole { role: "postgres".to_owned(), reason: "a superuser" },
        StoreError::SchemaMismatch("5 migrations are pending".to_owned()),
        StoreError::UnknownValue("JobStatus"),
        StoreError::Statement(sqlx::Error::RowNotFound),
    ];
    for fault in faults {
        assert_eq!(fault.problem().code, ErrorCode::Internal);
        assert!(!fault.problem().detail.contains("postgres"));
    }
    assert_eq!(StoreError::NotFound("document").problem().code, ErrorCode::NotFound);
    assert_eq!(StoreError::InvalidState("x").problem().code, ErrorCode::InvalidTransition);
    assert_eq!(StoreError::LeaseLost.problem().code, ErrorCode::Interrupted);
}
