//! `millwright tenant`: tenants are made, suspended and deleted from outside, with the platform's own login, and each act is
//! written into the tenant's own log.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, bail};
use chrono::Duration;
use clap::Subcommand;
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_auth::api_key;
use millwright_config::Config;
use millwright_core::{Sources, audit::AuditRecord, id::TenantId};
use millwright_store::platform::{FirstAdmin, Platform, PlatformTenant};

use crate::database::Database;

/// How long the first admin's link works, days.
const LINK_DAYS: i64 = 7;

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// All tenants.
    List,
    /// Create a tenant, and its first admin where an address is given; prints the admin's link.
    Create {
        /// Its name, unique over the platform.
        name: String,
        /// E-mail address of the first admin.
        #[arg(long)]
        admin_email: Option<String>,
        /// Name of the first admin.
        #[arg(long, default_value = "Administrator")]
        admin_name: String,
    },
    /// Nobody of the tenant can sign in or go on, within a second; nothing is removed.
    Suspend {
        /// Its name.
        name: String,
    },
    /// Let a suspended tenant go on.
    Resume {
        /// Its name.
        name: String,
    },
    /// Remove everything of a suspended tenant but its audit log.
    Delete {
        /// Its name.
        name: String,
        /// The name once more, because this cannot be undone.
        #[arg(long)]
        confirm: String,
    },
}

pub(crate) async fn run(config: &Config, sources: &Sources, command: TenantCommand) -> anyhow::Result<ExitCode> {
    let key = AuditKey::derive(config.secret_key(sources)?.expose().as_bytes())?;
    let database = Database::open_beside(config, sources).await?;
    let url = database.platform_url.clone();
    let done = async {
        let url = url.context("PLATFORM_DATABASE_URL is not set: tenants are managed with the platform's own login")?;
        let platform = Platform::open(&url).await.context("connecting with the platform's login")?;
        let mut office = Office { config, sources, key, platform };
        let result = office.execute(command).await;
        office.platform.close().await?;
        result
    }
    .await;
    database.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

/// Something before and after one `@`, without spaces: the rest only the mail server knows.
fn is_email(text: &str) -> bool {
    let (local, domain) = text.split_once('@').unwrap_or_default();
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    plain && !local.is_empty() && !domain.is_empty() && !domain.contains('@') && text.len() <= 320
}

struct Office<'c> {
    config: &'c Config,
    sources: &'c Sources,
    key: AuditKey,
    platform: Platform,
}

impl Office<'_> {
    async fn execute(&mut self, command: TenantCommand) -> anyhow::Result<()> {
        match command {
            TenantCommand::List => self.list().await,
            TenantCommand::Create { name, admin_email, admin_name } => {
                self.create(&name, admin_email.as_deref(), &admin_name).await
            }
            TenantCommand::Suspend { name } => self.suspend(&name, true).await,
            TenantCommand::Resume { name } => self.suspend(&name, false).await,
            TenantCommand::Delete { name, confirm } => self.delete(&name, &confirm).await,
        }
    }

    fn entry(&self, tenant: TenantId, action: AuditAction, name: &str) -> anyhow::Result<AuditRecord> {
        let event = AuditEvent::new(self.sources, tenant, Actor::System("platform-operator"), action, tenant);
        Ok(self.key.authenticate(&event.detail("name", name))?)
    }

    async fn list(&mut self) -> anyhow::Result<()> {
        let tenants = self.platform.begin().await?.list().await?;
        let mut out = std::io::stdout();
        for tenant in tenants {
            let state = match (tenant.deleted_at, tenant.suspended_at) {
                (Some(_), _) => "deleted",
                (None, Some(_)) => "suspended",
                (None, None) => "active",
            };
            let created = tenant.created_at.format("%Y-%m-%d");
            writeln!(out, "{}\t{state}\t{created}\t{}", tenant.scope.tenant_id(), tenant.name)?;
        }
        Ok(())
    }

    async fn find(&mut self, name: &str) -> anyhow::Result<PlatformTenant> {
        let tenants = self.platform.begin().await?.list().await?;
        let found = tenants.into_iter().find(|tenant| tenant.name == name && tenant.deleted_at.is_none());
        found.with_context(|| format!("there is no tenant `{name}`; `millwright tenant list` shows all"))
    }

    async fn create(&mut self, name: &str, admin_email: Option<&str>, admin_name: &str) -> anyhow::Result<()> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 80 || name.contains(char::is_control) {
            bail!("a tenant's name has 1 to 80 characters on one line");
        }
        if admin_email.is_some_and(|email| !is_email(email.trim())) {
            bail!("--admin-email is no e-mail address");
        }
        let (id, now): (TenantId, _) = (self.sources.new_id(), self.sources.now());
        let mut entries = vec![self.entry(id, AuditAction::TenantCreated, name)?];
        let secret = api_key::random_secret(self.sources);
        let admin = admin_email.map(|email| FirstAdmin {
            id: self.sources.new_id(),
            email: email.trim().to_lowercase(),
            display_name: admin_name.to_owned(),
            link_hash: api_key::hash(&secret),
            link_expires_at: now + Duration::days(LINK_DAYS),
        });
        if let Some(admin) = &admin {
            let actor = Actor::System("platform-operator");
            let event = AuditEvent::new(self.sources, id, actor, AuditAction::UserCreated, admin.id);
            entries.push(self.key.authenticate(&event.detail("role", "admin"))?);
        }
        let mut tx = self.platform.begin().await?;
        let scope = tx.create(id, name, now).await.context("is the name taken?")?;
        if let Some(admin) = &admin {
            tx.invite(&scope, admin, now).await.context("is the e-mail address taken?")?;
        }
        tx.commit(&entries).await?;
        let mut out = std::io::stdout();
        writeln!(out, "{id}\t{name}")?;
        if admin.is_some() {
            let address = std::net::SocketAddr::new(self.config.server.host, self.config.server.port);
            let url = self.config.identity.public_url(address);
            writeln!(out, "The admin sets a password within {LINK_DAYS} days at {url}/set-password#token={}", *secret)?;
        }
        Ok(())
    }

    async fn suspend(&mut self, name: &str, suspend: bool) -> anyhow::Result<()> {
        let tenant = self.find(name).await?;
        if tenant.suspended_at.is_some() == suspend {
            bail!("`{name}` is {}", if suspend { "suspended already" } else { "not suspended" });
        }
        let action = if suspend { AuditAction::TenantSuspended } else { AuditAction::TenantResumed };
        let entry = self.entry(tenant.scope.tenant_id(), action, name)?;
        let at = suspend.then(|| self.sources.now());
        let mut tx = self.platform.begin().await?;
        tx.set_suspended(&tenant.scope, at).await?;
        tx.commit(&[entry]).await?;
        Ok(())
    }

    async fn delete(&mut self, name: &str, confirm: &str) -> anyhow::Result<()> {
        if name != confirm {
            bail!("--confirm must repeat the name: everything of `{name}` but its audit log is removed");
        }
        let tenant = self.find(name).await?;
        if tenant.suspended_at.is_none() {
            bail!("suspend `{name}` first, so that nobody is working in it");
        }
        let entry = self.entry(tenant.scope.tenant_id(), AuditAction::TenantDeleted, name)?;
        let now = self.sources.now();
        let mut tx = self.platform.begin().await?;
        let removed = tx.delete(&tenant.scope, now).await?;
        tx.commit(&[entry]).await?;
        writeln!(std::io::stdout(), "{removed} rows removed")?;
        Ok(())
    }
}
