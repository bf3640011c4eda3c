//! Sessions, second factors, keys, links, and how access ends: by the tenant, by the system, by the platform.

use chrono::Duration;
use millwright_core::{
    Permission, Role,
    id::{ApiKeyId, SessionId},
};
use millwright_store::{
    platform::{FirstAdmin, Platform},
    system::{Credential, RevocationRow},
    tenant::{
        NewApiKeyRow, NewSession, SecondFactorState, SecurityPolicy, SessionEnd, SignInMethod, Transport, UserChange,
        UserFilter, UserStatus,
    },
};

use crate::support::{BOOKKEEPING, FIRST, Site, World};

const FORGIVES: std::time::Duration = std::time::Duration::from_mins(5);

/// What an admin has to sign in with.
#[derive(Clone, Copy)]
pub(crate) struct Keyring {
    pub(crate) session: SessionId,
    pub(crate) api_key: ApiKeyId,
}

impl World {
    pub(crate) fn session(&self, site: &Site) -> NewSession {
        NewSession {
            id: self.sources.new_id(),
            user_id: site.user,
            transport: Transport::Token,
            method: SignInMethod::Password,
            provider: None,
            second_factor: false,
            provider_tokens: None,
            address: Some("192.0.2.7".to_owned()),
            user_agent: Some("test".to_owned()),
            created_at: self.now(),
            expires_at: self.now() + Duration::hours(1),
        }
    }

    pub(crate) fn api_key(&self, site: &Site, seed: u8) -> NewApiKeyRow {
        NewApiKeyRow {
            id: self.sources.new_id(),
            user_id: site.user,
            name: "reader".to_owned(),
            prefix: "mwk_abcdefgh".to_owned(),
            hash: [seed; 32],
            scopes: vec![Permission::DocumentsRead],
            created_by: site.user,
            created_at: self.now(),
            expires_at: self.now() + Duration::days(1),
        }
    }

    /// A row in every table about signing in.
    pub(crate) async fn keyring(&self, site: &Site, seed: u8) -> Keyring {
        let (now, later) = (self.now(), self.now() + Duration::hours(1));
        let (session, api_key) = (self.session(site), self.api_key(site, seed));
        let mut tx = self.begin(site).await;
        tx.users().add_identity(site.user, "plant", "subject-1", now).await.unwrap();
        tx.sessions().insert(&session).await.unwrap();
        assert!(tx.security().begin_second_factor(site.user, b"sealed", now).await.unwrap());
        assert!(tx.security().take_step(site.user, 5).await.unwrap());
        tx.security().confirm_second_factor(site.user, now).await.unwrap();
        tx.security().set_recovery_codes(site.user, &[[seed; 32], [seed + 1; 32]]).await.unwrap();
        tx.api_keys().insert(&api_key).await.unwrap();
        tx.security().insert_password_link(site.user, &[seed; 32], now, later).await.unwrap();
        assert!(tx.security().take_proof(self.sources.new_uuid(), later).await.unwrap());
        tx.users().revoke_access(site.user).await.unwrap();
        tx.commit(BOOKKEEPING).await.unwrap();
        Keyring { session: session.id, api_key: api_key.id }
    }

    fn credential(site: &Site, ring: &Keyring) -> Credential {
        Credential {
            tenant: site.scope.tenant_id(),
            user: site.user,
            session: Some(ring.session),
            api_key: Some(ring.api_key),
            access_version: 2,
        }
    }

    async fn holds(&self, site: &Site, ring: &Keyring) -> bool {
        let mut tx = self.store().system().await.unwrap();
        tx.access().holds(&Self::credential(site, ring)).await.unwrap()
    }
}

#[tokio::test]
async fn a_refresh_token_is_taken_once_and_an_ended_session_takes_none() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let ring = world.keyring(&site, 1).await;
    let mut tx = world.begin(&site).await;
    assert!(tx.sessions().rotate(ring.session, 1, world.now()).await.unwrap());
    assert!(!tx.sessions().rotate(ring.session, 1, world.now()).await.unwrap(), "twice");
    assert!(!tx.sessions().rotate(ring.session, 3, world.now()).await.unwrap(), "of the future");
    assert!(!tx.sessions().rotate(ring.session, 2, world.now() + Duration::hours(2)).await.unwrap(), "after its end");
    tx.sessions().end(site.user, ring.session, SessionEnd::SignedOut, world.now()).await.unwrap();
    assert!(!tx.sessions().rotate(ring.session, 2, world.now()).await.unwrap());
    assert!(tx.sessions().end(site.user, ring.session, SessionEnd::SignedOut, world.now()).await.is_err());
    assert!(tx.sessions().list(site.user, FIRST).await.unwrap().items.is_empty());
    tx.commit(BOOKKEEPING).await.unwrap();
    world.drop().await;
}

#[tokio::test]
async fn a_sign_in_under_way_when_the_password_changes_comes_to_nothing() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.store().system().await.unwrap();
    let read = tx.accounts().find(site.scope.tenant_id(), site.user).await.unwrap().unwrap().sign_in_version;
    drop(tx);
    let mut tx = world.begin(&site).await;
    assert!(tx.users().signed_in(site.user, read, world.now()).await.unwrap());
    tx.users().set_password(site.user, "$argon2id$new").await.unwrap();
    assert!(!tx.users().signed_in(site.user, read, world.now()).await.unwrap());
    tx.users().end_sign_ins(site.user).await.unwrap();
    assert!(!tx.users().signed_in(site.user, read + 1, world.now()).await.unwrap());
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn what_is_revoked_is_seen_by_whoever_looks_next_also_when_it_commits_late() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let ring = world.keyring(&site, 1).await;
    let look = async |position| {
        let mut tx = world.store().system().await.unwrap();
        tx.access().revocations_since(position).await.unwrap()
    };
    let first = look(0).await;
    assert_eq!(first.revocations, [RevocationRow::User(site.user, 2)]);
    let mut late = world.begin(&site).await;
    late.sessions().end(site.user, ring.session, SessionEnd::EndedByAdmin, world.now()).await.unwrap();
    let mut early = world.begin(&site).await;
    early.api_keys().revoke(site.user, ring.api_key, world.now()).await.unwrap();
    early.commit(BOOKKEEPING).await.unwrap();
    let second = look(first.position).await;
    assert!(second.revocations.contains(&RevocationRow::ApiKey(ring.api_key)));
    assert!(!second.revocations.contains(&RevocationRow::Session(ring.session)));
    late.commit(BOOKKEEPING).await.unwrap();
    let third = look(second.position).await;
    assert!(third.revocations.contains(&RevocationRow::Session(ring.session)), "{third:?}");
    // Seen again while any transaction of the whole server is older, and then not any more.
    for _ in 0..200 {
        let next = look(third.position).await;
        if look(next.position).await.revocations.is_empty() {
            return world.drop().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("what was seen is seen for ever");
}

#[tokio::test]
async fn the_database_itself_says_whether_a_credential_holds() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let ring = world.keyring(&site, 1).await;
    assert!(world.holds(&site, &ring).await);
    let mut platform = Platform::open(&world.database.platform_url).await.unwrap();
    for (at, expected) in [(Some(world.now()), false), (None, true)] {
        let mut tx = platform.begin().await.unwrap();
        tx.set_suspended(&site.scope, at).await.unwrap();
        tx.commit(&[]).await.unwrap();
        assert_eq!(world.holds(&site, &ring).await, expected);
    }
    let mut tx = world.begin(&site).await;
    let change = UserChange { role: Some(Role::Viewer), ..UserChange::default() };
    tx.users().change(site.user, &change).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert!(!world.holds(&site, &ring).await, "the role changed");
    world.drop().await;
}

#[tokio::test]
async fn codes_links_and_proofs_work_once() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    world.keyring(&site, 1).await;
    let (now, user) = (world.now(), site.user);
    let mut tx = world.begin(&site).await;
    assert!(!tx.security().take_step(user, 5).await.unwrap() && !tx.security().take_step(user, 4).await.unwrap());
    assert!(tx.security().take_step(user, 6).await.unwrap());
    assert!(tx.security().take_recovery_code(user, &[1; 32], now).await.unwrap());
    assert!(!tx.security().take_recovery_code(user, &[1; 32], now).await.unwrap());
    assert!(!tx.security().take_recovery_code(user, &[9; 32], now).await.unwrap());
    let proof = world.sources.new_uuid();
    assert!(tx.security().take_proof(proof, now).await.unwrap());
    assert!(!tx.security().take_proof(proof, now).await.unwrap());
    let later = now + Duration::hours(1);
    tx.security().insert_password_link(user, &[8; 32], now, later).await.unwrap();
    assert!(!tx.security().take_password_link(&[1; 32], now).await.unwrap(), "an earlier link");
    assert!(!tx.security().take_password_link(&[8; 32], later).await.unwrap(), "after its time");
    assert!(tx.security().take_password_link(&[8; 32], now).await.unwrap());
    assert!(!tx.security().take_password_link(&[8; 32], now).await.unwrap());
    assert!(!tx.security().begin_second_factor(user, b"other", now).await.unwrap(), "a confirmed one stays");
    tx.security().remove_second_factor(user).await.unwrap();
    assert_eq!(tx.security().second_factor(user).await.unwrap(), SecondFactorState::Absent);
    assert_eq!(tx.users().require(user).await.unwrap().recovery_codes_left, 0);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn failures_are_counted_block_for_a_while_and_are_forgotten() {
    let world = World::new().await;
    let (key, now) = ([3; 32], world.now());
    let mut tx = world.store().system().await.unwrap();
    assert_eq!(tx.access().blocked_until(&[key]).await.unwrap(), None);
    for expected in 1..=3 {
        assert_eq!(tx.access().count_failure(&key, FORGIVES, now).await.unwrap(), expected);
    }
    tx.access().block_until(&key, now + Duration::seconds(30)).await.unwrap();
    tx.access().block_until(&key, now + Duration::seconds(5)).await.unwrap();
    assert_eq!(tx.access().blocked_until(&[key, [4; 32]]).await.unwrap(), Some(now + Duration::seconds(30)));
    assert_eq!(tx.access().count_failure(&key, FORGIVES, now + Duration::days(2)).await.unwrap(), 1, "a day later");
    tx.access().forget_failures(&[key]).await.unwrap();
    assert_eq!(tx.access().blocked_until(&[key]).await.unwrap(), None);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn users_are_found_by_what_an_admin_looks_for() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    world.keyring(&site, 1).await;
    let mut tx = world.begin(&site).await;
    let found = async |tx: &mut millwright_store::TenantTx, filter: UserFilter| {
        tx.users().list(&filter, FIRST).await.unwrap().items.len()
    };
    let contains = |text: &str| UserFilter { contains: Some(text.to_owned()), ..UserFilter::default() };
    assert_eq!(found(&mut tx, contains("ADMIN of")).await, 1);
    assert_eq!(found(&mut tx, contains("tenanta.example")).await, 1);
    assert_eq!(found(&mut tx, contains("%")).await, 0, "no pattern");
    assert_eq!(found(&mut tx, UserFilter { role: Some(Role::Viewer), ..UserFilter::default() }).await, 0);
    for (status, expected) in [(UserStatus::Active, 1), (UserStatus::Invited, 0), (UserStatus::Disabled, 0)] {
        assert_eq!(found(&mut tx, UserFilter { status: Some(status), ..UserFilter::default() }).await, expected);
    }
    let user = tx.users().require(site.user).await.unwrap();
    assert_eq!((user.session_count, user.api_key_count, user.recovery_codes_left), (1, 1, 2));
    assert_eq!((user.providers, user.second_factor), (vec!["plant".to_owned()], true));
    assert_eq!(tx.users().other_admins(site.user).await.unwrap(), 0);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_policy_that_asks_for_a_second_factor_ends_the_tokens_of_those_it_concerns() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.begin(&site).await;
    let policy = SecurityPolicy { second_factor_roles: vec![Role::Admin], password_sign_in: true };
    tx.security().set_policy(&policy).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let mut tx = world.read(&site).await;
    assert_eq!(tx.security().policy().await.unwrap(), policy);
    let user = tx.users().require(site.user).await.unwrap();
    assert!(user.second_factor_required && user.access_version == 2);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_deleted_tenant_leaves_its_log_and_nothing_else() {
    let world = World::new().await;
    let (full, other) = (crate::isolation::fill(&world, "TenantA").await, world.site("TenantB").await);
    let tenant = full.site.scope.tenant_id();
    let mut platform = Platform::open(&world.database.platform_url).await.unwrap();
    let mut tx = platform.begin().await.unwrap();
    assert!(tx.delete(&full.site.scope, world.now()).await.unwrap() > 20);
    tx.commit(&[world.record(&full.site, "tenant.deleted")]).await.unwrap();
    let tables = "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'millwright' \
                  AND column_name = 'tenant_id' ORDER BY 1";
    for table in world.database.peek(tables).await {
        let count = format!("SELECT count(*)::text FROM {table} WHERE tenant_id = '{}'", tenant.uuid());
        let left = world.database.peek(&count).await[0].parse::<i64>().unwrap();
        let kept = match table.as_str() {
            "tenants" | "revocations" => left == 1,
            // The commit that filled it, the call that ended in it, and the deletion itself.
            "audit_entries" => left == 3,
            _ => left == 0,
        };
        assert!(kept, "{left} rows left in {table}");
    }
    let tenants = platform.begin().await.unwrap().list().await.unwrap();
    assert!(tenants[0].deleted_at.is_some() && tenants[0].name.starts_with("TenantA (deleted"));
    assert!(world.read(&other).await.users().get(other.user).await.unwrap().is_some());
    world.drop().await;
}

#[tokio::test]
async fn the_platform_makes_a_tenant_with_an_invited_admin_and_reads_nothing_inside() {
    let world = World::new().await;
    let mut platform = Platform::open(&world.database.platform_url).await.unwrap();
    let admin = FirstAdmin {
        id: world.sources.new_id(),
        email: "first@new.example".to_owned(),
        display_name: "First".to_owned(),
        link_hash: [6; 32],
        link_expires_at: world.now() + Duration::days(1),
    };
    let mut tx = platform.begin().await.unwrap();
    let scope = tx.create(world.sources.new_id(), "New", world.now()).await.unwrap();
    tx.invite(&scope, &admin, world.now()).await.unwrap();
    tx.commit(&[]).await.unwrap();
    let mut tx = world.store().system().await.unwrap();
    let account = tx.accounts().find_by_password_link(&[6; 32]).await.unwrap().unwrap();
    assert_eq!((account.user_id, account.scope, account.role), (admin.id, scope, Role::Admin));
    drop(tx);
    for statement in ["SELECT email FROM users", "SELECT text FROM chunks", "SELECT canonical FROM audit_entries"] {
        let mut raw = <sqlx::PgConnection as sqlx::Connection>::connect(&world.database.platform_url).await.unwrap();
        let statement = format!("SET ROLE millwright_platform; {statement}");
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(&mut raw);
        assert!(refused.await.is_err(), "{statement}");
    }
    let mut app = world.store().system().await.unwrap();
    assert!(app.tenants().find_by_claim("New").await.unwrap().is_some_and(|tenant| tenant.scope == scope));
    assert!(app.tenants().find_by_claim(&scope.tenant_id().to_string()).await.unwrap().is_some());
    assert!(app.tenants().find_by_claim("new").await.unwrap().is_none());
    drop(app);
    world.drop().await;
}
