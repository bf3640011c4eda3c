//! The database's own catalogue, asked whether every table keeps tenants apart.

use sqlx::PgConnection;

use crate::support::World;

/// Indexes that do not begin with the tenant. Each needs a reason; the list only shrinks.
const INDEXES_OVER_ALL_TENANTS: &[(&str, &str)] = &[
    ("users_email", "sign-in names no tenant, so an address belongs to one user of the platform"),
    ("sessions_by_expiry", "sessions of all tenants are tidied away"),
    ("api_keys_hash", "a key says itself and not whose it is"),
    ("password_links_hash", "so does a link"),
    ("revocations_by_arrival", "every replica follows all tenants"),
    ("revocations_by_age", "revocations of all tenants are tidied away"),
    ("failed_attempts_pkey", "attempts to sign in belong to no tenant"),
    ("failed_attempts_by_age", "and are tidied away"),
    ("tenants_name_key", "names of tenants are unique over the platform"),
    ("audit_entries_by_arrival", "the sealer follows all tenants in one pass"),
    ("embedding_models_pkey", "a few rows for the whole platform"),
    ("embedding_models_digest", "of which each model is one"),
    ("embedding_models_state", "and one serves"),
    ("document_versions_by_model", "what lacks vectors of a new model is found in all tenants"),
    ("audit_sealer_position_pkey", "one row for the whole platform"),
    ("index_changes_by_arrival", "the follower asks which tenants have changes"),
    ("jobs_leased", "workers take over jobs of all tenants"),
    ("document_versions_due", "the calendar finds days that have come in all tenants"),
    ("document_versions_ending", "and those that are over"),
    ("budget_reservations_by_expiry", "the sweeper finds reservations of all tenants"),
    ("evaluations_under_way", "any process finds evaluations of all tenants that nobody has looked at"),
    ("goals_under_way", "any process finds goals of all tenants that nobody has looked at"),
    ("memories_by_expiry", "the sweeper finds what has expired in all tenants"),
    ("runs_leased", "the reaper finds runs of all tenants"),
    ("messages_by_citation", "GIN on one jsonb column; the statement filters by tenant what it finds"),
    (
        "chunk_vectors_nearest_1",
        "HNSW has one column; each of its parts holds few tenants, and the scan goes on until it has enough",
    ),
];

/// Tables without a tenant. Each needs a reason; the list only shrinks.
const TABLES_OF_THE_PLATFORM: &[(&str, &str)] = &[
    ("audit_sealer_position", "a hint for the sealer, which tenants cannot read"),
    ("failed_attempts", "accounts that do not exist are counted too"),
    ("embedding_models", "all tenants' vectors are of the same model"),
];

/// Of these, what tenants may read: it says nothing of anybody. The list only shrinks.
const READABLE_BY_ALL: &[(&str, &str)] =
    &[("embedding_models", "whose vectors answer is read in the snapshot of the vectors themselves")];

/// Tables that a tenant may read and not write. Each needs a reason; the list only shrinks.
const READ_ONLY_FOR_TENANTS: &[(&str, &str)] =
    &[("audit_seals", "only the sealer seals"), ("audit_heads", "only the sealer moves the head")];

/// All that the system role is granted.
const SYSTEM_GRANTS: &[&str] = &[
    "api_keys SELECT",
    "audit_entries INSERT,SELECT",
    "audit_heads INSERT,SELECT,UPDATE",
    "audit_sealer_position SELECT,UPDATE",
    "audit_seals INSERT,SELECT",
    "embedding_models INSERT,SELECT,UPDATE",
    "failed_attempts DELETE,INSERT,SELECT,UPDATE",
    "identities SELECT",
    "index_changes SELECT",
    "jobs SELECT,UPDATE",
    "password_links DELETE,SELECT",
    "recovery_codes SELECT",
    "revocations DELETE,SELECT",
    "second_factors SELECT",
    "sessions DELETE,SELECT",
    "source_clocks SELECT,UPDATE",
    "tenants SELECT",
    "used_proofs DELETE,SELECT",
    "users SELECT",
];

/// All that the platform's role is granted, but for deleting a tenant's rows and naming whose they are.
const PLATFORM_GRANTS: &[&str] = &[
    "audit_entries INSERT",
    "password_links INSERT",
    "revocations INSERT",
    "tenants INSERT,SELECT,UPDATE",
    "users INSERT",
];

const OWN_ROWS: &str = "(tenant_id = current_tenant())";

fn names(list: &[(&str, &str)]) -> Vec<String> {
    list.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// What in the schema does not keep tenants apart; empty when all is well.
async fn violations(connection: &mut PgConnection) -> Vec<String> {
    let mut found = Vec::new();
    let platform = names(TABLES_OF_THE_PLATFORM);
    let read_only = names(&[READ_ONLY_FOR_TENANTS, READABLE_BY_ALL].concat());
    for (statement, allowed) in [(TABLES, &platform), (POLICIES, &read_only), (KEYS, &platform)] {
        let rows: Vec<String> =
            sqlx::query_scalar(statement).bind(allowed).bind(OWN_ROWS).fetch_all(&mut *connection).await.unwrap();
        found.extend(rows);
    }
    let indexes: Vec<String> = sqlx::query_scalar(INDEXES)
        .bind(names(INDEXES_OVER_ALL_TENANTS))
        .bind(OWN_ROWS)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    found.extend(indexes);
    found
}

const TABLES: &str = "SELECT c.relname || ': ' || problem FROM pg_class c, LATERAL (VALUES \
        ('row-level security is not enabled', NOT c.relrowsecurity), \
        ('row-level security is not forced', NOT c.relforcerowsecurity), \
        ('not owned by millwright_owner', pg_get_userbyid(c.relowner) <> 'millwright_owner'), \
        ('no tenant_id', NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid \
                                     AND a.attname = 'tenant_id' AND a.attnotnull AND a.atttypid = 'uuid'::regtype)), \
        ('no policy for millwright_tenant', NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid \
                                     AND 'millwright_tenant'::regrole = ANY (p.polroles))) \
    ) AS checks (problem, broken) \
    WHERE c.relnamespace = 'millwright'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> '_sqlx_migrations' \
      AND broken AND $2 <> '' \
      AND NOT (c.relname = ANY ($1) AND problem IN ('no tenant_id', 'no policy for millwright_tenant')) \
    UNION ALL \
    SELECT c.relname || ': a view reads with its owner''s rights' FROM pg_class c \
    WHERE c.relnamespace = 'millwright'::regnamespace AND c.relkind IN ('v', 'm') \
    UNION ALL \
    SELECT p.proname || ': a function that runs with its owner''s rights' FROM pg_proc p \
    WHERE p.pronamespace = 'millwright'::regnamespace AND p.prosecdef";

const POLICIES: &str = "SELECT c.relname || ': policy ' || p.polname || ' ' || problem \
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid, LATERAL (VALUES \
        ('is for somebody else', NOT p.polroles <@ ARRAY['millwright_tenant', 'millwright_system', 'millwright_platform']::regrole[]::oid[]), \
        ('does not show own rows only', 'millwright_tenant'::regrole = ANY (p.polroles) \
             AND pg_get_expr(p.polqual, p.polrelid) IS DISTINCT FROM $2 \
             AND NOT (c.relname = 'embedding_models' AND p.polname = 'readable_by_all')), \
        ('does not check what is written', 'millwright_tenant'::regrole = ANY (p.polroles) \
             AND pg_get_expr(p.polwithcheck, p.polrelid) IS DISTINCT FROM $2 \
             AND NOT (p.polcmd = 'r' AND c.relname = ANY ($1))), \
        ('lets a tenant write', c.relname = ANY ($1) AND 'millwright_tenant'::regrole = ANY (p.polroles) \
             AND p.polcmd <> 'r') \
    ) AS checks (problem, broken) \
    WHERE c.relnamespace = 'millwright'::regnamespace AND broken";

const KEYS: &str = "SELECT c.relname || ': ' || k.conname || ' does not begin with tenant_id' \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1] \
    LEFT JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[1] \
    WHERE c.relnamespace = 'millwright'::regnamespace AND c.relname <> '_sqlx_migrations' AND k.contype IN ('p', 'f') \
      AND (a.attname <> 'tenant_id' OR f.attname <> 'tenant_id') AND NOT c.relname = ANY ($1) AND $2 <> '' \
    UNION ALL \
    SELECT c.relname || ': no primary key' FROM pg_class c \
    WHERE c.relnamespace = 'millwright'::regnamespace AND c.relkind IN ('r', 'p') \
      AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p')";

const INDEXES: &str = "SELECT t.relname || ': index ' || c.relname || ' does not begin with tenant_id' \
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
    LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0] \
    WHERE t.relnamespace = 'millwright'::regnamespace AND t.relname <> '_sqlx_migrations' \
      AND a.attname IS DISTINCT FROM 'tenant_id' AND NOT c.relname = ANY ($1) AND $2 <> '' AND NOT c.relispartition";

#[tokio::test]
async fn every_table_keeps_tenants_apart() {
    let world = World::new().await;
    assert_eq!(violations(&mut world.superuser().await).await, Vec::<String>::new());
    world.drop().await;
}

#[tokio::test]
async fn the_allow_lists_name_only_what_exists() {
    let world = World::new().await;
    let relations =
        world.database.peek("SELECT relname::text FROM pg_class WHERE relnamespace = 'millwright'::regnamespace").await;
    for (name, reason) in
        [INDEXES_OVER_ALL_TENANTS, TABLES_OF_THE_PLATFORM, READ_ONLY_FOR_TENANTS, READABLE_BY_ALL].concat()
    {
        assert!(relations.iter().any(|relation| relation == name), "`{name}` is gone; so must be its exception");
        assert!(!reason.is_empty());
    }
    world.drop().await;
}

#[tokio::test]
async fn a_careless_table_is_named() {
    let world = World::new().await;
    world
        .database
        .tamper(
            "CREATE TABLE careless (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, document_id uuid); \
             CREATE INDEX careless_document ON careless (document_id); \
             CREATE TABLE sloppy (tenant_id uuid NOT NULL, id uuid, PRIMARY KEY (tenant_id, id)); \
             ALTER TABLE sloppy OWNER TO millwright_owner; ALTER TABLE sloppy ENABLE ROW LEVEL SECURITY; \
             CREATE POLICY leak ON sloppy TO millwright_tenant USING (true); \
             CREATE POLICY open ON sloppy FOR SELECT TO PUBLIC USING (true); \
             CREATE VIEW peephole AS SELECT * FROM documents; \
             CREATE FUNCTION backdoor() RETURNS bigint LANGUAGE sql SECURITY DEFINER RETURN 1",
        )
        .await;
    let found = violations(&mut world.superuser().await).await;
    for expected in [
        "careless: row-level security is not enabled",
        "careless: row-level security is not forced",
        "careless: not owned by millwright_owner",
        "careless: no policy for millwright_tenant",
        "careless: careless_pkey does not begin with tenant_id",
        "careless: index careless_document does not begin with tenant_id",
        "sloppy: row-level security is not forced",
        "sloppy: policy leak does not show own rows only",
        "sloppy: policy leak does not check what is written",
        "sloppy: policy open is for somebody else",
        "peephole: a view reads with its owner's rights",
        "backdoor: a function that runs with its owner's rights",
    ] {
        assert!(found.iter().any(|problem| problem == expected), "{expected} not in {found:#?}");
    }
    world.drop().await;
}

fn grants_to(role: &str) -> String {
    format!(
        "SELECT c.relname || ' ' || string_agg(g.privilege_type, ',' ORDER BY g.privilege_type) \
         FROM pg_class c, LATERAL aclexplode(c.relacl) g \
         WHERE c.relnamespace = 'millwright'::regnamespace AND c.relkind IN ('r', 'p') AND g.grantee = '{role}'::regrole \
         GROUP BY c.relname ORDER BY c.relname"
    )
}

#[tokio::test]
async fn the_system_role_is_granted_exactly_this() {
    let world = World::new().await;
    assert_eq!(world.database.peek(&grants_to("millwright_system")).await, SYSTEM_GRANTS);
    let columns = world
        .database
        .peek(
            "SELECT c.relname || '.' || a.attname || ' ' || g.privilege_type FROM pg_class c \
             JOIN pg_attribute a ON a.attrelid = c.oid, LATERAL aclexplode(a.attacl) g \
             WHERE c.relnamespace = 'millwright'::regnamespace AND g.grantee = 'millwright_system'::regrole \
             ORDER BY a.attnum",
        )
        .await;
    let mut expected = vec!["api_keys.last_used_at UPDATE".to_owned()];
    expected.extend(["tenant_id", "id", "status", "lease_expires_at"].map(|column| format!("runs.{column} SELECT")));
    let of_goals = ["tenant_id", "id", "status", "lease_expires_at", "looked_at"];
    expected.extend(of_goals.map(|column| format!("goals.{column} SELECT")));
    expected.push("goals.looked_at UPDATE".to_owned());
    expected.extend(["tenant_id", "id", "status", "looked_at"].map(|column| format!("evaluations.{column} SELECT")));
    expected.push("evaluations.looked_at UPDATE".to_owned());
    expected.extend(["tenant_id", "expires_at"].map(|column| format!("memories.{column} SELECT")));
    expected.extend(["tenant_id", "id", "expires_at"].map(|column| format!("budget_reservations.{column} SELECT")));
    expected.push("budget_reservations.expires_at UPDATE".to_owned());
    let of_versions = [
        "tenant_id",
        "id",
        "document_id",
        "status",
        "effective_from",
        "effective_until",
        "chunk_count",
        "ready_at",
        "vectors_by",
    ];
    expected.extend(["tenant_id", "current_version_id"].map(|column| format!("documents.{column} SELECT")));
    expected.extend(of_versions.map(|column| format!("document_versions.{column} SELECT")));
    let sorted = |mut columns: Vec<String>| {
        columns.sort();
        columns
    };
    assert_eq!(sorted(columns), sorted(expected));
    world.drop().await;
}

#[tokio::test]
async fn the_platforms_role_writes_tenants_and_reads_nothing_inside() {
    let world = World::new().await;
    let grants = world.database.peek(&grants_to("millwright_platform")).await;
    let mut beyond: Vec<_> = grants.iter().map(|grant| grant.replace("DELETE,", "").replace(" DELETE", "")).collect();
    beyond.retain(|grant| grant.contains(' '));
    assert_eq!(beyond, PLATFORM_GRANTS);
    let readable = "SELECT DISTINCT a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, \
         LATERAL aclexplode(a.attacl) g WHERE c.relnamespace = 'millwright'::regnamespace \
         AND g.grantee = 'millwright_platform'::regrole";
    assert_eq!(world.database.peek(readable).await, ["tenant_id"]);
    let undeletable = "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         AND a.attname = 'tenant_id' WHERE c.relnamespace = 'millwright'::regnamespace AND c.relkind IN ('r', 'p') \
         AND NOT c.relispartition AND NOT has_table_privilege('millwright_platform', c.oid, 'DELETE') ORDER BY 1";
    let kept = ["audit_entries", "audit_heads", "audit_seals", "tenants"];
    assert_eq!(world.database.peek(undeletable).await, kept, "what deleting a tenant would leave behind");
    world.drop().await;
}

#[tokio::test]
async fn no_role_may_truncate_and_the_login_itself_holds_nothing() {
    let world = World::new().await;
    let grants = world
        .database
        .peek(
            "SELECT c.relname || ' ' || g.privilege_type || ' ' || CASE g.grantee WHEN 0 THEN 'PUBLIC' \
                    ELSE pg_get_userbyid(g.grantee) END \
             FROM pg_class c, LATERAL aclexplode(c.relacl) g \
             WHERE c.relnamespace = 'millwright'::regnamespace AND g.grantee <> c.relowner \
               AND (g.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') OR g.is_grantable \
                    OR g.grantee NOT IN ('millwright_tenant'::regrole, 'millwright_system'::regrole, \
                                       'millwright_platform'::regrole))",
        )
        .await;
    assert_eq!(grants, ["_sqlx_migrations SELECT millwright_app"]);
    let owned = "SELECT relname::text FROM pg_class WHERE pg_get_userbyid(relowner) = 'millwright_app'";
    assert!(world.database.peek(owned).await.is_empty());
    world.drop().await;
}

#[tokio::test]
async fn tenants_never_read_secrets_that_they_wrote() {
    let world = World::new().await;
    let readable = |table: &str, column: &str| {
        format!("SELECT has_column_privilege('millwright_tenant', '{table}', '{column}', 'SELECT')::text")
    };
    for (table, column) in [("users", "password_hash"), ("second_factors", "secret"), ("api_keys", "hash")] {
        assert_eq!(world.database.peek(&readable(table, column)).await, ["false"], "{table}.{column}");
    }
    assert_eq!(world.database.peek(&readable("users", "email")).await, ["true"]);
    world.drop().await;
}
