//! The database alone, with the repositories' statements left out: what a forgotten `WHERE tenant_id` would meet.

use millwright_core::Sources;
use pgvector::HalfVector;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    isolation,
    support::{BOOKKEEPING, Site, World, axis, scattered},
};

async fn run(connection: &mut PgConnection, statement: &str) -> Result<u64, sqlx::Error> {
    Ok(sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await?.rows_affected())
}

/// Takes the tenant role for the session, with that tenant's setting.
async fn become_tenant(connection: &mut PgConnection, site: &Site) {
    let tenant = site.scope.tenant_id().uuid();
    run(connection, &format!("SET ROLE millwright_tenant; SET millwright.tenant_id = '{tenant}'")).await.unwrap();
}

async fn count(connection: &mut PgConnection, table: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(tenant_id) FROM {table}")))
        .fetch_one(connection)
        .await
        .unwrap()
}

async fn tenant_tables(world: &World) -> Vec<String> {
    world
        .database
        .peek(
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' \
             WHERE c.relnamespace = 'millwright'::regnamespace AND c.relkind IN ('r', 'p') \
               AND NOT c.relispartition ORDER BY 1",
        )
        .await
}

async fn two_sites() -> (World, Site, Site) {
    let world = World::new().await;
    let (a, b) = (world.site("TenantA").await, world.site("TenantB").await);
    let manual = world.manual(&a, "Pump manual.txt", &scattered(50, 1)).await;
    let chat = world.chat(&a).await;
    let mut tx = world.begin(&a).await;
    isolation::governed(&world, &mut tx, &a, &manual, &chat).await;
    crate::budgets::spend(&world, &mut tx, &a).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    world.enqueue(&a).await;
    world.audited(&a, "document.uploaded").await;
    (world, a, b)
}

#[tokio::test]
async fn a_statement_without_a_filter_shows_only_the_own_tenant() {
    let (world, a, b) = two_sites().await;
    let mut connection = world.raw().await;
    become_tenant(&mut connection, &b).await;
    for table in tenant_tables(&world).await {
        let own = i64::from(matches!(table.as_str(), "tenants" | "users"));
        assert_eq!(count(&mut connection, &table).await, own, "{table}");
    }
    become_tenant(&mut connection, &a).await;
    assert_eq!(count(&mut connection, "chunks").await, 50);
    world.drop().await;
}

#[tokio::test]
async fn a_statement_without_a_tenant_shows_nothing() {
    let (world, ..) = two_sites().await;
    for setting in ["RESET millwright.tenant_id", "SET millwright.tenant_id = ''"] {
        let mut connection = world.raw().await;
        run(&mut connection, &format!("SET ROLE millwright_tenant; {setting}")).await.unwrap();
        for table in tenant_tables(&world).await {
            assert_eq!(count(&mut connection, &table).await, 0, "{table}");
        }
    }
    world.drop().await;
}

#[tokio::test]
async fn a_part_of_the_vectors_cannot_be_read_by_its_own_name() {
    let (world, a, _) = two_sites().await;
    let mut connection = world.raw().await;
    become_tenant(&mut connection, &a).await;
    for part in 0..16 {
        let error = run(&mut connection, &format!("SELECT 1 FROM chunk_vectors_{part}")).await.unwrap_err();
        assert_eq!(code(&error), "42501", "{part}");
    }
    world.drop().await;
}

#[tokio::test]
async fn the_login_without_a_role_may_read_no_table() {
    let (world, ..) = two_sites().await;
    let mut connection = world.raw().await;
    for table in tenant_tables(&world).await {
        let error = run(&mut connection, &format!("SELECT 1 FROM {table}")).await.unwrap_err();
        assert_eq!(code(&error), "42501", "{table}");
    }
    world.drop().await;
}

fn code(error: &sqlx::Error) -> String {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned()
}

#[tokio::test]
async fn the_vector_index_returns_no_other_tenants_rows() {
    let (world, a, b) = two_sites().await;
    let mut connection = world.raw().await;
    run(&mut connection, "SET enable_seqscan = off; SET enable_sort = off; SET hnsw.iterative_scan = relaxed_order")
        .await
        .unwrap();
    let nearest =
        "SELECT chunk_id FROM chunk_vectors WHERE model_id = 1 ORDER BY embedding::halfvec(384) <=> $1 LIMIT 100";
    for (site, expected) in [(&b, 0), (&a, 50)] {
        become_tenant(&mut connection, site).await;
        let vector = HalfVector::from_f32_slice(&axis(0));
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {nearest}")))
            .bind(vector.clone())
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert!(plan.iter().any(|line| line.contains("_embedding_idx")), "{plan:#?}");
        let rows = sqlx::query(nearest).bind(vector).fetch_all(&mut connection).await.unwrap();
        assert_eq!(rows.len(), expected);
    }
    world.drop().await;
}

#[tokio::test]
async fn a_row_of_another_tenant_can_be_neither_written_nor_moved() {
    let (world, a, b) = two_sites().await;
    let (tenant, id) = (a.scope.tenant_id().uuid(), Sources::system().new_uuid());
    let mut connection = world.raw().await;
    become_tenant(&mut connection, &b).await;
    let foreign = format!(
        "INSERT INTO jobs (tenant_id, id, kind, payload, created_at) VALUES ('{tenant}', '{id}', 'x', '{{}}', now())"
    );
    assert_eq!(code(&run(&mut connection, &foreign).await.unwrap_err()), "42501");
    let own = foreign.replace(&tenant.to_string(), &b.scope.tenant_id().uuid().to_string());
    assert_eq!(run(&mut connection, &own).await.unwrap(), 1);
    let moved = format!("UPDATE jobs SET tenant_id = '{tenant}'");
    assert_eq!(code(&run(&mut connection, &moved).await.unwrap_err()), "42501");
    for table in ["documents", "document_versions", "jobs", "conversations", "messages", "runs"] {
        let statement = format!("UPDATE {table} SET created_at = now() WHERE tenant_id = '{tenant}'");
        assert_eq!(run(&mut connection, &statement).await.unwrap(), 0, "{table}");
    }
    for table in [
        "decisions",
        "policy_events",
        "chunk_vectors",
        "chunks",
        "document_pages",
        "document_contents",
        "index_changes",
    ] {
        let statement = format!("DELETE FROM {table} WHERE tenant_id = '{tenant}'");
        assert_eq!(run(&mut connection, &statement).await.unwrap(), 0, "{table}");
    }
    world.drop().await;
}

#[tokio::test]
async fn audit_tables_cannot_be_changed_by_any_role_of_the_application() {
    let (world, a, _) = two_sites().await;
    let mut connection = world.raw().await;
    for role in ["millwright_tenant", "millwright_system"] {
        become_tenant(&mut connection, &a).await;
        run(&mut connection, &format!("RESET ROLE; SET ROLE {role}")).await.unwrap();
        for statement in [
            "UPDATE audit_entries SET actor = 'x'",
            "DELETE FROM audit_entries",
            "TRUNCATE audit_entries",
            "UPDATE audit_seals SET sequence = 2",
            "DELETE FROM audit_seals",
            "TRUNCATE audit_seals",
            "DELETE FROM audit_heads",
            "TRUNCATE audit_heads",
            "ALTER TABLE audit_entries DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
            "DROP TABLE audit_entries CASCADE",
        ] {
            assert_eq!(code(&run(&mut connection, statement).await.unwrap_err()), "42501", "{role}: {statement}");
        }
    }
    run(&mut connection, "RESET ROLE; SET ROLE millwright_tenant").await.unwrap();
    for statement in [
        "INSERT INTO audit_seals SELECT tenant_id, 1, id, mac, mac, now() FROM audit_entries",
        "INSERT INTO audit_heads SELECT tenant_id, 1, mac, mac FROM audit_entries",
        "UPDATE audit_heads SET sequence = 1",
        "SELECT 1 FROM audit_sealer_position",
    ] {
        assert_eq!(code(&run(&mut connection, statement).await.unwrap_err()), "42501", "{statement}");
    }
    world.drop().await;
}

#[tokio::test]
async fn the_application_cannot_become_the_owner_or_widen_its_rights() {
    let (world, ..) = two_sites().await;
    let mut connection = world.raw().await;
    for statement in [
        "SET ROLE millwright_owner",
        "ALTER ROLE millwright_app BYPASSRLS",
        "GRANT millwright_owner TO millwright_app",
        "CREATE TABLE millwright.mine (id integer)",
        "CREATE TABLE public.mine (id integer)",
        "DROP POLICY tenant_isolation ON documents",
    ] {
        assert_eq!(code(&run(&mut connection, statement).await.unwrap_err()), "42501", "{statement}");
    }
    run(&mut connection, "SET row_security = off; SET ROLE millwright_tenant").await.unwrap();
    assert_eq!(code(&run(&mut connection, "SELECT 1 FROM documents").await.unwrap_err()), "42501");
    world.drop().await;
}
