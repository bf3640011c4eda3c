//! A folder, a database, a tenant and its people that live only for one evaluation.

use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use anyhow::Context;
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_config::Config;
use millwright_core::{Classification, Clearance, Role, Sources, TenantScope, id::UserId};
use millwright_store::{
    Proof,
    platform::Platform,
    tenant::{NewUser, UserChange, UserKind},
};

use crate::database::Database;

/// A folder that goes away with this.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("millwright-eval-{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        let scratch = Self(folder);
        // Others may pass: PostgreSQL runs under another uid where root started it.
        std::fs::set_permissions(&scratch.0, std::fs::Permissions::from_mode(0o711))?;
        Ok(scratch)
    }

    /// Has everything kept in the folder, and in a database of our own there.
    pub(crate) fn hold(&self, config: &mut Config) {
        config.storage.data_dir = self.0.join("data");
        config.database.url = None;
        config.storage.watch_root = None;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is a folder of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The tenant of an evaluation.
pub(crate) async fn tenant(database: &Database, sources: &Sources) -> anyhow::Result<TenantScope> {
    let url = database.platform_url.as_deref().context("the database is not our own")?;
    let mut platform = Platform::open(url).await?;
    let mut tx = platform.begin().await?;
    let scope = tx.create(sources.new_id(), "Evaluation", sources.now()).await?;
    tx.commit(&[]).await?;
    platform.close().await?;
    Ok(scope)
}

/// A person of the tenant who may read up to a classification.
pub(crate) async fn user(
    database: &Database,
    sources: &Sources,
    key: &AuditKey,
    scope: &TenantScope,
    role: Role,
    clearance: Classification,
) -> anyhow::Result<UserId> {
    let word = clearance.as_str().to_lowercase();
    let user = NewUser {
        id: sources.new_id(),
        kind: UserKind::Person,
        email: Some(format!("{role}.{word}@evaluation.example")),
        display_name: format!("Evaluation, {role}, {word}"),
        role,
        password_hash: None,
        local: true,
        created_at: sources.now(),
    };
    let change = UserChange { clearance: Some(Clearance::up_to(clearance)), ..UserChange::default() };
    let mut tx = database.store.tenant(scope).begin().await?;
    tx.users().insert(&user).await?;
    tx.users().change(user.id, &change).await?;
    let event = AuditEvent::new(sources, scope.tenant_id(), Actor::System("eval"), AuditAction::UserCreated, user.id)
        .detail("clearance", clearance.as_str());
    tx.commit(Proof::Entry(&key.authenticate(&event)?)).await?;
    Ok(user.id)
}
