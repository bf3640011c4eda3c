//! The two locks between tenants, the code's and the database's, and how a test opens one of them.

use millwright_core::TenantScope;

use super::MODEL;
use crate::kit::World;

/// Which of the two locks between tenants are shut.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Database {
    AsShipped,
    /// The code alone: row-level security is switched off for every table.
    CodeAlone,
    /// The database alone: where a statement of a tenant's transaction compares with a tenant, it finds both.
    PoliciesAlone,
    /// Neither, to show that the other tests can fail.
    Neither,
}

const NO_POLICIES: &str = "DO $$ DECLARE t text; BEGIN FOR t IN SELECT relname FROM pg_class \
    WHERE relnamespace = 'millwright'::regnamespace AND relrowsecurity LOOP \
    EXECUTE format('ALTER TABLE millwright.%I DISABLE ROW LEVEL SECURITY', t); END LOOP; END $$";

/// An equality in which two tenants are the same, put before the real one for the application's statements. Policies keep
/// the real one, which they were made with; so do constraints, indexes and the system's own transactions.
fn no_filters(a: &TenantScope, b: &TenantScope) -> String {
    let both = format!("('{}'::uuid, '{}'::uuid)", a.tenant_id().uuid(), b.tenant_id().uuid());
    let among = |value: &str| {
        both.trim_matches(['(', ')'])
            .split(", ")
            .map(|tenant| format!("{value} OPERATOR(pg_catalog.=) {tenant}"))
            .collect::<Vec<_>>()
            .join(" OR ")
    };
    format!(
        "CREATE SCHEMA bypass; GRANT USAGE ON SCHEMA bypass TO PUBLIC; \
         CREATE FUNCTION bypass.same(x uuid, y uuid) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT \
             x OPERATOR(pg_catalog.=) y OR (current_user OPERATOR(pg_catalog.=) 'millwright_tenant'::name \
                 AND ({}) AND ({})) $$; \
         CREATE OPERATOR bypass.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = bypass.same); \
         DO $$ BEGIN EXECUTE format('ALTER ROLE millwright_app IN DATABASE %I \
             SET search_path = bypass, millwright, public, pg_catalog', current_database()); END $$",
        among("x"),
        among("y")
    )
}

impl Database {
    /// A world with the tenants A and B. Its locks are as they are for servers that are started from now on.
    pub(super) async fn world(self) -> (World, TenantScope, TenantScope) {
        let world = World::new().await;
        let (a, b) = (world.tenant("A").await, world.tenant("B").await);
        world.called(&a, MODEL).await;
        if matches!(self, Self::CodeAlone | Self::Neither) {
            world.db().tamper(NO_POLICIES).await;
        }
        if matches!(self, Self::PoliciesAlone | Self::Neither) {
            world.db().tamper(&no_filters(&a, &b)).await;
        }
        (world, a, b)
    }
}
