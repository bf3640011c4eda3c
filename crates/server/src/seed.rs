//! The demo: two tenants, their users with random passwords, and sample documents. What is there already stays.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use millwright_agents::eval::WrittenSuite;
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_auth::{PasswordHasher, passwords};
use millwright_config::Config;
use millwright_core::{
    Classification, Integrity, Label, Role, Sources,
    id::{EvaluationSuiteId, UserId},
};
use millwright_store::{
    Proof, Store,
    platform::Platform,
    system::TenantRow,
    tenant::{NewUser, SuiteContent, UserKind},
};
use serde::Serialize;

use crate::{
    database::Database,
    intake::{File, Intake},
};

const TENANTS: [(&str, &str, &[Role]); 2] = [
    ("TenantA", "tenant-a", &[Role::Admin, Role::Operator, Role::Viewer, Role::Auditor]),
    ("TenantB", "tenant-b", &[Role::Admin]),
];

/// For the first tenant only, so that the second shows that nothing is shared.
const SAMPLES: [(&str, Classification, &[u8]); 3] = [
    ("HP-CX 80-250 pump manual.pdf", Classification::Internal, include_bytes!("../../../samples/pump-manual.pdf")),
    ("Lockout procedure.docx", Classification::Internal, include_bytes!("../../../samples/lockout-procedure.docx")),
    ("Downtime report.md", Classification::Confidential, include_bytes!("../../../samples/downtime-report.md")),
];

/// A suite about them.
const SUITE: &str = include_str!("../../../samples/evals/demo.yaml");

#[derive(Serialize)]
struct Credentials {
    tenants: Vec<TenantCredentials>,
}

#[derive(Serialize)]
struct TenantCredentials {
    name: String,
    users: Vec<UserCredentials>,
}

#[derive(Serialize)]
struct UserCredentials {
    email: String,
    role: Role,
    password: String,
}

/// Where the passwords of the demo lie.
pub(crate) fn credentials_file(config: &Config) -> PathBuf {
    config.storage.data_dir.join("demo-credentials.json")
}

/// `millwright seed`.
pub(crate) async fn command(config: &Config, sources: &Sources) -> anyhow::Result<ExitCode> {
    let key = AuditKey::derive(config.secret_key(sources)?.expose().as_bytes())?;
    let database = Database::open(config, sources).await?;
    let platform_url = database.platform_url.as_deref();
    let result = Seeder { store: &database.store, platform_url, sources, key: &key, config }.run().await;
    database.close().await;
    result?;
    Ok(ExitCode::SUCCESS)
}

/// What seeding needs.
pub(crate) struct Seeder<'s> {
    pub(crate) store: &'s Store,
    /// The platform's login, which alone may make tenants.
    pub(crate) platform_url: Option<&'s str>,
    pub(crate) sources: &'s Sources,
    pub(crate) key: &'s AuditKey,
    pub(crate) config: &'s Config,
}

impl Seeder<'_> {
    /// Creates what is missing. True when something was created.
    pub(crate) async fn run(&self) -> anyhow::Result<bool> {
        let mut tx = self.store.system().await?;
        let existing = tx.tenants().list().await?;
        drop(tx);
        if TENANTS.iter().all(|(name, ..)| existing.iter().any(|tenant| tenant.name == *name)) {
            return Ok(false);
        }
        let hasher = Arc::new(PasswordHasher::new(self.sources)?);
        let mut credentials = Credentials { tenants: Vec::new() };
        for (name, slug, roles) in TENANTS {
            if existing.iter().any(|tenant| tenant.name == name) {
                continue;
            }
            let users = self.new_users(&hasher, slug, roles).await?;
            credentials.tenants.push(TenantCredentials {
                name: name.to_owned(),
                users: users.iter().map(|(user, password)| shown(user, password)).collect(),
            });
            // The passwords are on disk before the first user exists, so that nobody is locked out by a crash.
            write_private(&credentials_file(self.config), &serde_json::to_vec_pretty(&credentials)?)?;
            let tenant = self.create_tenant(name).await?;
            let owner = self.create_users(&tenant, users.into_iter().map(|(user, _)| user).collect()).await?;
            if name == TENANTS[0].0 {
                self.load_samples(&tenant, owner).await?;
            }
        }
        tracing::info!(file = %credentials_file(self.config).display(), "demo tenants created");
        Ok(true)
    }

    async fn new_users(
        &self,
        hasher: &Arc<PasswordHasher>,
        slug: &str,
        roles: &[Role],
    ) -> anyhow::Result<Vec<(NewUser, String)>> {
        let mut users = Vec::new();
        for role in roles {
            let password = passwords::generate(self.sources).to_string();
            let (hasher, sources, given) = (Arc::clone(hasher), self.sources.clone(), password.clone());
            let hash = tokio::task::spawn_blocking(move || hasher.hash(&sources, &given)).await??;
            let user = NewUser {
                id: self.sources.new_id(),
                kind: UserKind::Person,
                email: Some(format!("{role}@{slug}.example")),
                display_name: format!("{} {}", ["Vera", "Olaf", "Ada", "Aune"][*role as usize], title(*role)),
                role: *role,
                password_hash: Some(hash),
                local: true,
                created_at: self.sources.now(),
            };
            users.push((user, password));
        }
        Ok(users)
    }

    async fn create_tenant(&self, name: &str) -> anyhow::Result<TenantRow> {
        let url =
            self.platform_url.context("PLATFORM_DATABASE_URL is not set: only the platform's login makes tenants")?;
        let mut platform = Platform::open(url).await?;
        let mut tx = platform.begin().await?;
        let scope = tx.create(self.sources.new_id(), name, self.sources.now()).await?;
        tx.commit(&[]).await?;
        platform.close().await?;
        Ok(TenantRow { scope, name: name.to_owned(), suspended: false })
    }

    /// Creates the users with the tenant's first audit entries; returns the first user.
    async fn create_users(&self, tenant: &TenantRow, users: Vec<NewUser>) -> anyhow::Result<UserId> {
        let tenant_id = tenant.scope.tenant_id();
        let actor = Actor::System("seed");
        let mut records = vec![
            self.key.authenticate(
                &AuditEvent::new(self.sources, tenant_id, actor, AuditAction::TenantCreated, tenant_id)
                    .detail("name", tenant.name.clone()),
            )?,
        ];
        let mut tx = self.store.tenant(&tenant.scope).begin().await?;
        for user in &users {
            tx.users().insert(user).await?;
            let event = AuditEvent::new(self.sources, tenant_id, actor, AuditAction::UserCreated, user.id)
                .detail("role", user.role.as_str());
            records.push(self.key.authenticate(&event)?);
        }
        tx.commit(Proof::Entries(&records)).await?;
        users.first().map(|user| user.id).context("a tenant without users")
    }

    async fn load_samples(&self, tenant: &TenantRow, owner: UserId) -> anyhow::Result<()> {
        let intake = Intake { store: self.store, sources: self.sources, key: self.key, actor: "seed" };
        for (name, classification, bytes) in SAMPLES {
            let label = Label { integrity: Integrity::Trusted, ..Label::of(classification) };
            let metadata = serde_json::json!({ "source": "sample" });
            let file = File { name, bytes, label, metadata, supersedes: None };
            intake.store(&tenant.scope, owner, file).await?;
        }
        self.load_suite(tenant, owner).await
    }

    /// Questions about the samples, with what a right answer to each is.
    async fn load_suite(&self, tenant: &TenantRow, owner: UserId) -> anyhow::Result<()> {
        let written = WrittenSuite::read(SUITE).map_err(|faults| anyhow::anyhow!("the demo's suite: {faults:?}"))?;
        let content = SuiteContent {
            classification: written.clearance(),
            cases: i32::try_from(written.cases.len())?,
            name: written.name,
            definition: SUITE.to_owned(),
        };
        let (id, actor) = (self.sources.new_id::<EvaluationSuiteId>(), Actor::System("seed"));
        let mut tx = self.store.tenant(&tenant.scope).begin().await?;
        tx.evaluations().insert_suite(id, &content, owner, self.sources.now()).await?;
        let event =
            AuditEvent::new(self.sources, tenant.scope.tenant_id(), actor, AuditAction::EvaluationSuiteCreated, id)
                .detail("name", content.name);
        tx.commit(Proof::Entry(&self.key.authenticate(&event)?)).await?;
        Ok(())
    }
}

fn title(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer",
        Role::Operator => "Operator",
        Role::Admin => "Admin",
        Role::Auditor => "Auditor",
    }
}

fn shown(user: &NewUser, password: &str) -> UserCredentials {
    UserCredentials { email: user.email.clone().unwrap_or_default(), role: user.role, password: password.to_owned() }
}

/// Writes a file that only its owner reads.
fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("writing {}", path.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}
