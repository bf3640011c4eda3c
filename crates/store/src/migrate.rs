use std::{collections::HashSet, str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::StoreError;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// A login of the database, created by migration where it is missing: the one that `serve` uses, or the platform's.
#[derive(Clone)]
pub struct AppLogin {
    /// Role name, for instance `millwright_app`.
    pub role: String,
    /// Its password; `None` leaves an existing role's password alone.
    pub password: Option<String>,
}

/// What a migration did.
#[derive(Debug, Clone, Default)]
pub struct MigrationReport {
    /// Descriptions of the migrations applied now, oldest first.
    pub applied: Vec<String>,
}

fn quote_identifier(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn quote_literal(text: &str) -> String {
    // E'' form: backslashes are doubled, so the result does not depend on a server setting.
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Creates what is missing (roles, schema, the `vector` extension) and brings the schema to this version.
/// `admin_url` must be able to create roles and extensions, or find them made. May be run any number of
/// times, also by several processes at once. `platform` is the login that makes and deletes tenants, where one is wanted.
pub async fn migrate(
    admin_url: &str,
    app: &AppLogin,
    platform: Option<&AppLogin>,
) -> Result<MigrationReport, StoreError> {
    let options = PgConnectOptions::from_str(admin_url)?.application_name("millwright-migrate");
    let mut connection = PgConnection::connect_with(&options).await?;
    // Concurrent migrations would race on CREATE ROLE, which is not transactional between databases.
    sqlx::query("SELECT pg_advisory_lock(7810774201)").execute(&mut connection).await?;
    bootstrap(&mut connection, app, platform).await?;
    let before = applied(&mut connection).await?;
    // Not `run`: its future could not be spawned ("implementation of `Acquire` is not general enough").
    MIGRATOR.run_direct(None, &mut connection, false).await.map_err(StoreError::Migration)?;
    // So that `serve` can see, as the application, whether the schema fits.
    let grant = format!("GRANT SELECT ON millwright._sqlx_migrations TO {}", quote_identifier(&app.role));
    sqlx::raw_sql(AssertSqlSafe(grant)).execute(&mut connection).await?;
    let applied = MIGRATOR
        .iter()
        .filter(|migration| !before.contains(&migration.version))
        .map(|migration| migration.description.to_string())
        .collect();
    connection.close().await?;
    Ok(MigrationReport { applied })
}

/// How many migrations the database lacks, seen through any login; also fails on a database that is newer
/// than this binary.
pub async fn pending_migrations(url: &str) -> Result<usize, StoreError> {
    let options = PgConnectOptions::from_str(url)?.ssl_mode(PgSslMode::Prefer);
    let pool = PgPool::connect_with(options).await?;
    let pending = pending(&pool).await?;
    pool.close().await;
    Ok(pending.len())
}

/// Roles belong to the whole server, so a migration of another of its databases can be at the same rows in the same
/// moment; PostgreSQL answers that with "tuple concurrently updated" instead of waiting.
async fn bootstrap(
    connection: &mut PgConnection,
    app: &AppLogin,
    platform: Option<&AppLogin>,
) -> Result<(), StoreError> {
    for _ in 0..20 {
        match prepare_roles(connection, app, platform).await {
            Err(StoreError::Statement(sqlx::Error::Database(error))) if error.code().as_deref() == Some("XX000") => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => return other,
        }
    }
    prepare_roles(connection, app, platform).await
}

async fn prepare_roles(
    connection: &mut PgConnection,
    app: &AppLogin,
    platform: Option<&AppLogin>,
) -> Result<(), StoreError> {
    for role in ["millwright_owner", "millwright_tenant", "millwright_system", "millwright_platform"] {
        create_role(connection, role, "NOLOGIN").await?;
    }
    let mut statements = login(connection, app, &["millwright_tenant", "millwright_system"]).await?;
    let mut logins = quote_identifier(&app.role);
    if let Some(platform) = platform {
        statements.extend(login(connection, platform, &["millwright_platform"]).await?);
        logins = format!("{logins}, {}", quote_identifier(&platform.role));
    }
    let owner: bool = sqlx::query_scalar("SELECT pg_has_role(current_user, 'millwright_owner', 'SET')")
        .fetch_one(&mut *connection)
        .await?;
    if !owner {
        statements.push("GRANT millwright_owner TO CURRENT_USER WITH SET TRUE".to_owned());
    }
    statements.push(format!(
        "CREATE SCHEMA IF NOT EXISTS millwright AUTHORIZATION millwright_owner;
         CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
         SET ROLE millwright_owner;
         SET search_path = millwright, public;
         GRANT USAGE ON SCHEMA millwright TO millwright_tenant, millwright_system, millwright_platform, {logins}"
    ));
    sqlx::raw_sql(AssertSqlSafe(statements.join(";"))).execute(&mut *connection).await?;
    Ok(())
}

/// Makes the login where it is missing and returns the statements that give it its password, its roles and its search path:
/// only what is missing, so that an admin who may not manage roles can migrate once they are set up.
async fn login(connection: &mut PgConnection, login: &AppLogin, roles: &[&str]) -> Result<Vec<String>, StoreError> {
    create_role(connection, &login.role, "LOGIN NOINHERIT").await?;
    let role = quote_identifier(&login.role);
    let (member, search_path): (bool, bool) = sqlx::query_as(
        "SELECT (SELECT bool_and(pg_has_role($1, needed, 'SET')) FROM unnest($2::text[]) needed), \
                EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1 AND 'search_path=millwright, public' = ANY (rolconfig))",
    )
    .bind(&login.role)
    .bind(roles)
    .fetch_one(&mut *connection)
    .await?;
    let mut statements = Vec::new();
    if let Some(password) = &login.password {
        statements.push(format!("ALTER ROLE {role} PASSWORD {}", quote_literal(password)));
    }
    if !member {
        // By SET only: the login itself holds no table rights until a transaction takes a role.
        statements.push(format!("GRANT {} TO {role} WITH INHERIT FALSE, SET TRUE", roles.join(", ")));
    }
    if !search_path {
        statements.push(format!("ALTER ROLE {role} SET search_path = millwright, public"));
    }
    Ok(statements)
}

async fn create_role(connection: &mut PgConnection, role: &str, attributes: &str) -> Result<(), StoreError> {
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)")
        .bind(role)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        let statement = format!("CREATE ROLE {} {attributes}", quote_identifier(role));
        match sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await {
            // Another database of the same cluster was migrated in the same moment.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42710") => {}
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
            other => {
                other?;
            }
        }
    }
    Ok(())
}

async fn applied(connection: &mut PgConnection) -> Result<HashSet<i64>, StoreError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('millwright._sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(HashSet::new());
    }
    let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM millwright._sqlx_migrations WHERE success")
        .fetch_all(connection)
        .await?;
    Ok(versions.into_iter().collect())
}

/// Checksums of all migrations, oldest first: names a template after what it holds.
#[cfg(feature = "testkit")]
pub(crate) fn checksums() -> impl Iterator<Item = &'static [u8]> {
    MIGRATOR.iter().map(|migration| &*migration.checksum)
}

pub(crate) async fn pending(pool: &PgPool) -> Result<Vec<i64>, StoreError> {
    let mut connection = pool.acquire().await?;
    let applied = applied(&mut connection).await?;
    let known: HashSet<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
    if let Some(newer) = applied.difference(&known).max() {
        return Err(StoreError::SchemaMismatch(format!("it has migration {newer}, made by a newer version")));
    }
    Ok(known.difference(&applied).copied().collect())
}
