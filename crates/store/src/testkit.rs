//! A migrated database per test, cloned from a template, opened as the application role.
//!
//! The server is named by `MILLWRIGHT_TEST_DATABASE_URL`, a superuser's URL; `scripts/test_postgres.sh` starts a private
//! one and prints it. Tests never log in as that user, because it would ignore the policies that they are about.

use std::{str::FromStr, time::Duration};

use millwright_core::{Sources, TenantScope, id::TenantId};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgConnectOptions};

use crate::{
    AppLogin, Store, StoreSettings,
    migrate::{self, migrate},
    platform::Platform,
};

const APP_ROLE: &str = "millwright_app";
const APP_PASSWORD: &str = "only-for-tests";
const PLATFORM_ROLE: &str = "millwright_operator";
/// So long closing may take.
const CLOSING: Duration = Duration::from_secs(5);

/// A database of one test's own.
pub struct TestDatabase {
    /// Opened as the application role.
    pub store: Store,
    /// The application's URL, for a second process.
    pub url: String,
    /// The platform's URL, which makes tenants.
    pub platform_url: String,
    admin_url: String,
    name: String,
}

/// The superuser's URL of the test server.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where their server is")]
fn server_url() -> String {
    std::env::var("MILLWRIGHT_TEST_DATABASE_URL").unwrap_or_else(|_| {
        // A test without its database must fail, not pass: see the module's documentation.
        unreachable!("MILLWRIGHT_TEST_DATABASE_URL is not set; run `scripts/test_postgres.sh` for one")
    })
}

fn with_database(url: &str, name: &str) -> String {
    let (head, _) = url.rsplit_once('/').unwrap_or((url, ""));
    format!("{head}/{name}")
}

fn template_name() -> String {
    let mut hash = Sha256::new();
    for checksum in migrate::checksums() {
        hash.update(checksum);
    }
    hash.update(include_str!("migrate.rs"));
    format!("millwright_template_{}", &hex::encode(hash.finalize())[..12])
}

impl TestDatabase {
    /// Clones the template, which is migrated first where it does not exist yet.
    ///
    /// # Panics
    /// When the test server cannot be used.
    #[expect(clippy::expect_used, reason = "a test without its database must fail")]
    pub async fn create() -> Self {
        let server = server_url();
        let template = template_name();
        let login = |role: &str| AppLogin { role: role.to_owned(), password: Some(APP_PASSWORD.to_owned()) };
        let (app, platform) = (login(APP_ROLE), login(PLATFORM_ROLE));
        let mut admin = PgConnection::connect(&server).await.expect("test server");
        sqlx::query("SELECT pg_advisory_lock(7810774203)").execute(&mut admin).await.expect("lock");
        let exists: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate)")
                .bind(&template)
                .fetch_one(&mut admin)
                .await
                .expect("look for template");
        if !exists {
            drop_left_behind(&mut admin).await;
            for statement in [format!("DROP DATABASE IF EXISTS {template}"), format!("CREATE DATABASE {template}")] {
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.expect("create template");
            }
            migrate(&with_database(&server, &template), &app, Some(&platform)).await.expect("migrate template");
            sqlx::raw_sql(AssertSqlSafe(format!("ALTER DATABASE {template} IS_TEMPLATE true")))
                .execute(&mut admin)
                .await
                .expect("mark template");
        }
        let name = format!("millwright_test_{}", Sources::system().new_uuid().as_simple());
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template}")))
            .execute(&mut admin)
            .await
            .expect("clone template");
        admin.close().await.expect("close");
        let admin_url = with_database(&server, &name);
        let url = login_url(&admin_url, APP_ROLE);
        let platform_url = login_url(&admin_url, PLATFORM_ROLE);
        let store = Store::open(&StoreSettings {
            url: url.clone(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(10),
        })
        .await
        .expect("open as the application role");
        Self { store, url, platform_url, admin_url, name }
    }

    /// Creates a tenant and returns its scope.
    ///
    /// # Panics
    /// When the database refuses.
    #[expect(clippy::expect_used, reason = "a test without its tenant must fail")]
    pub async fn tenant(&self, sources: &Sources, name: &str) -> TenantScope {
        let mut platform = Platform::open(&self.platform_url).await.expect("open as the platform");
        let mut tx = platform.begin().await.expect("begin");
        let scope = tx.create(sources.new_id::<TenantId>(), name, sources.now()).await.expect("insert tenant");
        tx.commit(&[]).await.expect("commit tenant");
        platform.close().await.expect("close");
        scope
    }

    /// The superuser's URL of this database, for tests that tamper with storage behind the application's back.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// Runs statements as superuser: an attacker with the database in hand.
    ///
    /// # Panics
    /// When a statement fails.
    #[expect(clippy::expect_used, reason = "a tampering test that does not tamper must fail")]
    pub async fn tamper(&self, statements: &str) {
        let mut connection = PgConnection::connect(&self.admin_url).await.expect("connect");
        let script = format!("SET search_path = millwright, public; {statements}");
        sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await.expect("tamper");
        connection.close().await.expect("close");
    }

    /// The first column of a query as text, as superuser.
    ///
    /// # Panics
    /// When the query fails.
    #[expect(clippy::expect_used, reason = "an assertion that cannot be read must fail")]
    pub async fn peek(&self, query: &str) -> Vec<String> {
        let options =
            PgConnectOptions::from_str(&self.admin_url).expect("url").options([("search_path", "millwright,public")]);
        let pool = PgPool::connect_with(options).await.expect("connect");
        let rows =
            sqlx::query_scalar::<_, String>(AssertSqlSafe(query.to_owned())).fetch_all(&pool).await.expect("query");
        pool.close().await;
        rows
    }

    /// Closes the connections and removes the database.
    ///
    /// # Panics
    /// When the database cannot be dropped.
    #[expect(clippy::expect_used, reason = "a leaked database would slow every later test")]
    pub async fn drop(self) {
        // A connection on its way back to the pool of a runtime that waits for this one would be waited for for ever; the server
        // ends those that are left.
        let _ = tokio::time::timeout(CLOSING, self.store.close()).await;
        let mut admin = PgConnection::connect(&server_url()).await.expect("test server");
        sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {} WITH (FORCE)", self.name)))
            .execute(&mut admin)
            .await
            .expect("drop database");
        admin.close().await.expect("close");
    }
}

/// Removes databases of tests that failed more than an hour ago: their names hold a UUIDv7 and so the time.
#[expect(clippy::expect_used, reason = "a server that cannot be cleaned cannot be used")]
async fn drop_left_behind(admin: &mut PgConnection) {
    let statements: Vec<String> = sqlx::query_scalar(
        "SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', datname) FROM pg_database \
         WHERE datname ~ '^millwright_test_[0-9a-f]{32}$' \
           AND ('x' || substr(datname, 17, 12))::bit(48)::bigint < extract(epoch FROM now() - interval '1 hour') * 1000",
    )
    .fetch_all(&mut *admin)
    .await
    .expect("list databases left behind");
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *admin).await.expect("drop a database left behind");
    }
}

fn login_url(admin_url: &str, role: &str) -> String {
    let rest = admin_url.split_once("://").map_or(admin_url, |(_, rest)| rest);
    let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
    format!("postgres://{role}:{APP_PASSWORD}@{address}")
}
