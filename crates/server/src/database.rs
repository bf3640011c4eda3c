//! Which database: the private one, started as a child, or the one that `DATABASE_URL` names.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use millwright_config::{Config, DatabaseConfig, Secret};
use millwright_core::Sources;
use millwright_private_postgres::{PrivatePostgres, PrivatePostgresError, Running, Settings};
use millwright_store::{AppLogin, MigrationReport, Store, StoreSettings, VectorIndexes, migrate, pending_migrations};
use sha2::{Digest, Sha256};

use crate::health::DatabaseProbe;

const APP_ROLE: &str = "millwright_app";
const PLATFORM_ROLE: &str = "millwright_operator";
const DATABASE: &str = "postgres";

/// The database, and the server behind it where it is ours.
pub(crate) struct Database {
    pub(crate) store: Store,
    /// The platform's login, where it is known: to make the tenants of the demo.
    pub(crate) platform_url: Option<String>,
    /// Makes indexes of embedding models, where the login that migrates is known: for commands. See [`Self::own_indexes`].
    pub(crate) indexes: Option<VectorIndexes>,
    /// Present for the private PostgreSQL; to be stopped last.
    private: Option<Arc<Running>>,
}

impl Database {
    /// Opens the database as the application. The private one is started, and migrated, first.
    pub(crate) async fn open(config: &Config, sources: &Sources) -> anyhow::Result<Self> {
        let (url, platform_url, private) = if let Some(url) = &config.database.url {
            let platform_url = config.database.platform_url.as_ref().map(|url| url.expose().to_owned());
            (url.expose().to_owned(), platform_url, None)
        } else {
            let running = start_private(config, sources).await?;
            let app = private_login(config, sources)?;
            let platform = platform_login(config, sources)?;
            let report =
                migrate(&running.admin_url(), &app, Some(&platform)).await.context("migrating the private database")?;
            report_migration(&report);
            let url = running.url(APP_ROLE, app.password.as_deref().unwrap_or_default(), DATABASE);
            let platform_url = running.url(PLATFORM_ROLE, platform.password.as_deref().unwrap_or_default(), DATABASE);
            (url, Some(platform_url), Some(Arc::new(running)))
        };
        if private.is_none() {
            let pending = pending_migrations(&url).await.context("connecting to DATABASE_URL")?;
            if pending > 0 {
                bail!("the database lacks {pending} migrations; run `millwright migrate` first");
            }
        }
        let store =
            Store::open(&store_settings(config, url)).await.context("opening the database as the application")?;
        let admin_url = match &private {
            Some(running) => Some(running.admin_url()),
            None => config.database.admin_url.as_ref().map(|url| url.expose().to_owned()),
        };
        Ok(Self { store, platform_url, indexes: admin_url.map(VectorIndexes::new), private })
    }

    /// The same for commands that look at the data: where a server is being served from already, beside it.
    pub(crate) async fn open_beside(config: &Config, sources: &Sources) -> anyhow::Result<Self> {
        match Self::open(config, sources).await {
            Err(error) if is_in_use(&error) => {
                let app = private_login(config, sources)?;
                let password = app.password.unwrap_or_default();
                let url = PrivatePostgres::url_of_running(&settings(config), APP_ROLE, &password, DATABASE)?;
                let store = Store::open(&store_settings(config, url)).await.context("opening the running database")?;
                let password = platform_login(config, sources)?.password.unwrap_or_default();
                let platform_url =
                    PrivatePostgres::url_of_running(&settings(config), PLATFORM_ROLE, &password, DATABASE)?;
                Ok(Self { store, platform_url: Some(platform_url), indexes: None, private: None })
            }
            other => other,
        }
    }

    /// Tells whether a server of our own runs; always true for one that is not ours.
    pub(crate) fn probe(&self) -> DatabaseProbe {
        let running = self.private.as_ref().map(Arc::downgrade);
        Arc::new(move || {
            running.as_ref().is_none_or(|running| running.upgrade().is_some_and(|running| running.is_up()))
        })
    }

    /// The same for a server that goes on: over a database of our own alone. Of another, a server must not use the owner's login.
    pub(crate) fn own_indexes(&self) -> Option<VectorIndexes> {
        self.private.as_ref().and(self.indexes.clone())
    }

    /// Closes the connections, then stops a server of our own.
    pub(crate) async fn close(self) {
        // A connection that hangs must not keep the server of our own alive.
        let _ = tokio::time::timeout(Duration::from_secs(3), self.store.close()).await;
        if let Some(running) = self.private.and_then(Arc::into_inner) {
            running.stop().await;
        }
    }
}

/// Where the private PostgreSQL's programs lie.
pub(crate) fn install_dir(config: &DatabaseConfig, cache_dir: &std::path::Path) -> PathBuf {
    config.postgres_install_dir.clone().unwrap_or_else(|| cache_dir.join("postgres-18"))
}

async fn start_private(config: &Config, sources: &Sources) -> anyhow::Result<Running> {
    let install = install_dir(&config.database, &config.storage.cache_dir);
    if !install.join("bin/postgres").exists() {
        bail!("no PostgreSQL at {}; `make run` fetches one, or set DATABASE_URL to use your own", install.display());
    }
    PrivatePostgres::start(settings(config), sources).await.context("starting the private PostgreSQL")
}

fn settings(config: &Config) -> Settings {
    let install = install_dir(&config.database, &config.storage.cache_dir);
    Settings::new(install, config.storage.data_dir.join("postgres"))
}

fn store_settings(config: &Config, url: String) -> StoreSettings {
    StoreSettings {
        url,
        max_connections: config.database.max_connections,
        // Longer than any healthy wait, shorter than a client's patience.
        acquire_timeout: Duration::from_secs(3),
    }
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<PrivatePostgresError>(), Some(PrivatePostgresError::InUse { .. }))
}

/// The application's login of the private database: its password follows from the secret key, so nothing more is kept.
fn private_login(config: &Config, sources: &Sources) -> anyhow::Result<AppLogin> {
    Ok(login_from(APP_ROLE, b"millwright private database login v1\0", &config.secret_key(sources)?))
}

/// The platform's login of the private database: its password follows from a key of its own.
fn platform_login(config: &Config, sources: &Sources) -> anyhow::Result<AppLogin> {
    Ok(login_from(PLATFORM_ROLE, b"millwright platform database login v1\0", &config.platform_key(sources)?))
}

fn login_from(role: &str, purpose: &[u8], secret: &Secret) -> AppLogin {
    let mut hash = Sha256::new_with_prefix(purpose);
    hash.update(secret.expose().as_bytes());
    AppLogin { role: role.to_owned(), password: Some(hex::encode(hash.finalize())) }
}

fn report_migration(report: &MigrationReport) {
    for name in &report.applied {
        tracing::info!(migration = name, "migration applied");
    }
}

/// `millwright migrate`.
pub(crate) async fn migrate_command(config: &Config, sources: &Sources) -> anyhow::Result<ExitCode> {
    let Some(url) = &config.database.url else {
        let running = start_private(config, sources).await?;
        let (app, platform) = (private_login(config, sources)?, platform_login(config, sources)?);
        let result = migrate(&running.admin_url(), &app, Some(&platform)).await;
        running.stop().await;
        report_migration(&result.context("migrating the private database")?);
        return Ok(ExitCode::SUCCESS);
    };
    let admin = config.database.admin_url.as_ref().context(
        "DATABASE_ADMIN_URL is not set: migration needs a login that may create roles and owns the schema; \
         DATABASE_URL is the application's own, which must not",
    )?;
    let app = login_of(url.expose())?;
    let platform = config.database.platform_url.as_ref().map(|url| login_of(url.expose())).transpose()?;
    let report = migrate(admin.expose(), &app, platform.as_ref()).await.context("migrating")?;
    report_migration(&report);
    tracing::info!(applied = report.applied.len(), "the schema fits this version");
    Ok(ExitCode::SUCCESS)
}

/// The role and password that DATABASE_URL names, to be created where they are missing.
fn login_of(url: &str) -> anyhow::Result<AppLogin> {
    let rest = url.split_once("://").map(|(_, rest)| rest).context("DATABASE_URL is not a URL")?;
    let (user_info, _) = rest.rsplit_once('@').context("DATABASE_URL names no user")?;
    let (role, password) = match user_info.split_once(':') {
        Some((role, password)) => (role, Some(percent_decode(password)?)),
        None => (user_info, None),
    };
    Ok(AppLogin { role: percent_decode(role)?, password })
}

fn percent_decode(text: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap_or_default(), rest.next().unwrap_or_default()];
            bytes
                .push(hex::decode(digits).ok().and_then(|decoded| decoded.first().copied()).context("bad % in a URL")?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).context("a URL is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_to_create_is_the_one_that_serve_will_use() {
        let login = login_of("postgres://app:p%40ss:w@db.example:5432/mw").unwrap();
        assert_eq!((login.role.as_str(), login.password.as_deref()), ("app", Some("p@ss:w")));
        assert!(login_of("postgres://db.example/mw").is_err());
    }
}
