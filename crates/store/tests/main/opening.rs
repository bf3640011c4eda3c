//! Who may open the store, and migration by several processes and by an admin who is no superuser.

use std::time::Duration;

use millwright_core::Sources;
use millwright_store::{AppLogin, Store, StoreError, StoreSettings, migrate, pending_migrations};

use crate::support::World;

fn settings(url: &str) -> StoreSettings {
    StoreSettings { url: url.to_owned(), max_connections: 2, acquire_timeout: Duration::from_secs(10) }
}

/// A name for a role or a database that no other test has.
fn unique(prefix: &str) -> String {
    format!("{prefix}_{}", Sources::system().new_uuid().as_simple())
}

fn with_role(admin_url: &str, role: &str) -> String {
    let (_, address) = admin_url.rsplit_once('@').unwrap();
    format!("postgres://{role}@{address}")
}

fn with_database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

async fn refusal(url: &str) -> &'static str {
    match Store::open(&settings(url)).await {
        Err(StoreError::UnsafeRole { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn logins_that_could_see_past_the_policies_are_refused() {
    let world = World::new().await;
    let admin_url = world.database.admin_url();
    assert!(refusal(admin_url).await.contains("superuser"));
    let (bypassing, taker, owner) = (unique("mw_bypassing"), unique("mw_taker"), unique("mw_owner"));
    world
        .database
        .tamper(&format!(
            "CREATE ROLE {bypassing} LOGIN BYPASSRLS; CREATE ROLE {taker} LOGIN; GRANT {bypassing} TO {taker}; \
             CREATE ROLE {owner} LOGIN; GRANT millwright_owner TO {owner}"
        ))
        .await;
    assert!(refusal(&with_role(admin_url, &bypassing)).await.contains("bypasses"));
    assert!(refusal(&with_role(admin_url, &taker)).await.contains("bypasses"));
    assert!(refusal(&with_role(admin_url, &owner)).await.contains("owns"));
    world.database.tamper(&format!("DROP ROLE {taker}; DROP ROLE {bypassing}; DROP ROLE {owner}")).await;
    world.drop().await;
}

#[tokio::test]
async fn a_schema_older_or_newer_than_the_binary_is_refused() {
    let world = World::new().await;
    assert_eq!(pending_migrations(&world.database.url).await.unwrap(), 0);
    world.database.tamper("UPDATE _sqlx_migrations SET version = 99990101 WHERE version = 5").await;
    for result in
        [Store::open(&settings(&world.database.url)).await.map(|_| 0), pending_migrations(&world.database.url).await]
    {
        assert!(matches!(&result, Err(StoreError::SchemaMismatch(why)) if why.contains("newer")), "{result:?}");
    }
    world.database.tamper("DELETE FROM _sqlx_migrations WHERE version = 99990101").await;
    let result = Store::open(&settings(&world.database.url)).await;
    assert!(matches!(&result, Err(StoreError::SchemaMismatch(why)) if why.contains("1 migration")), "{result:?}");
    assert_eq!(pending_migrations(&world.database.url).await.unwrap(), 1);
    world.drop().await;
}

#[tokio::test]
async fn migrating_again_and_at_the_same_time_changes_nothing_twice() {
    let world = World::new().await;
    let (first, second) = (unique("millwright_test"), unique("millwright_test"));
    for name in [&first, &second] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut world.superuser().await)
            .await
            .unwrap();
    }
    let role = unique("mw_app");
    let app = AppLogin { role: role.clone(), password: Some("it's a \\ \"secret\"".to_owned()) };
    let urls = [&first, &first, &second, &first, &second].map(|name| with_database(world.database.admin_url(), name));
    let mut running = tokio::task::JoinSet::new();
    for url in urls.clone() {
        let app = app.clone();
        running.spawn(async move { migrate(&url, &app, None).await.map(|report| report.applied.len()) });
    }
    let mut applied: Vec<usize> = running.join_all().await.into_iter().map(Result::unwrap).collect();
    applied.sort_unstable();
    assert_eq!(applied[..3], [0, 0, 0]);
    assert!(applied[3] == applied[4] && applied[3] >= 5);
    assert!(migrate(&urls[0], &app, None).await.unwrap().applied.is_empty());
    let store = Store::open(&settings(&with_role(&urls[0], &role))).await.unwrap();
    store.ping().await.unwrap();
    store.close().await;
    drop_all(&world, &[&first, &second], &[&role]).await;
    world.drop().await;
}

async fn drop_all(world: &World, databases: &[&str], roles: &[&str]) {
    let mut superuser = world.superuser().await;
    let databases = databases.iter().map(|name| format!("DROP DATABASE {name} WITH (FORCE)"));
    for statement in databases.chain(roles.iter().map(|role| format!("DROP ROLE {role}"))) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut superuser).await.unwrap();
    }
}

#[tokio::test]
async fn an_admin_who_is_no_superuser_can_migrate() {
    let world = World::new().await;
    let (admin, role, name) = (unique("mw_admin"), unique("mw_app"), unique("millwright_test"));
    let mut superuser = world.superuser().await;
    // What creating the four roles itself would have given it: on this server they exist already.
    for statement in [
        format!("CREATE ROLE {admin} LOGIN CREATEROLE CREATEDB"),
        format!(
            "GRANT millwright_owner, millwright_tenant, millwright_system, millwright_platform TO {admin} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
        ),
        format!("CREATE DATABASE {name} OWNER {admin}"),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut superuser).await.unwrap();
    }
    let superuser_url = with_database(world.database.admin_url(), &name);
    let mut inside = <sqlx::PgConnection as sqlx::Connection>::connect(&superuser_url).await.unwrap();
    sqlx::raw_sql("CREATE EXTENSION vector").execute(&mut inside).await.unwrap();
    let app = AppLogin { role: role.clone(), password: None };
    let admin_url = with_role(&superuser_url, &admin);
    assert!(migrate(&admin_url, &app, None).await.unwrap().applied.len() >= 5);
    assert!(migrate(&admin_url, &app, None).await.unwrap().applied.is_empty());

    // Once all is set up, it may lose the right to manage roles and still migrate.
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("ALTER ROLE {admin} NOCREATEROLE")))
        .execute(&mut superuser)
        .await
        .unwrap();
    assert!(migrate(&admin_url, &app, None).await.unwrap().applied.is_empty());
    let store = Store::open(&settings(&with_role(&superuser_url, &role))).await.unwrap();
    store.close().await;
    assert!(refusal(&admin_url).await.contains("owns"));
    drop(inside);
    drop_all(&world, &[&name], &[&role, &admin]).await;
    world.drop().await;
}

#[tokio::test]
async fn an_empty_database_has_everything_pending() {
    let world = World::new().await;
    let name = unique("millwright_test");
    let mut superuser = world.superuser().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut superuser).await.unwrap();
    let url = with_database(&world.database.url, &name);
    assert!(pending_migrations(&url).await.unwrap() >= 5);
    assert!(matches!(Store::open(&settings(&url)).await, Err(StoreError::SchemaMismatch(_))));
    drop_all(&world, &[&name], &[]).await;
    world.drop().await;
}
