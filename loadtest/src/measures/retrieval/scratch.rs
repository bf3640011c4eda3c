//! A private PostgreSQL and a folder for keyword indexes that go away with this.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};
use millwright_core::Sources;
use millwright_private_postgres::{PrivatePostgres, Running, Settings};
use millwright_store::{AppLogin, Store, StoreSettings, migrate, platform::Platform};
use tempfile::TempDir;

const APP_ROLE: &str = "millwright_loadtest";
const PLATFORM_ROLE: &str = "millwright_loadtest_platform";
const DATABASE: &str = "postgres";
const CONNECTIONS: u32 = 8;

/// The database, opened as the application.
pub(super) struct Scratch {
    pub(super) store: Store,
    pub(super) sources: Sources,
    folder: TempDir,
    platform_url: String,
    psql: PathBuf,
    running: Running,
}

impl Scratch {
    pub(super) async fn open(cache_dir: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("millwright-bench-").tempdir().context("a temporary folder")?;
        // When root runs this, PostgreSQL runs under another user and must be able to pass.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let (sources, install) = (Sources::system(), cache_dir.join("postgres-18"));
        let psql = install.join("bin/psql");
        let running = PrivatePostgres::start(Settings::new(install, folder.path().join("postgres")), &sources).await?;
        let password = hex::encode(sources.random_bytes::<16>());
        let login = |role: &str| AppLogin { role: role.to_owned(), password: Some(password.clone()) };
        migrate(&running.admin_url(), &login(APP_ROLE), Some(&login(PLATFORM_ROLE))).await.context("migrating")?;
        let store = Store::open(&StoreSettings {
            url: running.url(APP_ROLE, &password, DATABASE),
            max_connections: CONNECTIONS,
            acquire_timeout: Duration::from_secs(10),
        })
        .await?;
        let platform_url = running.url(PLATFORM_ROLE, &password, DATABASE);
        Ok(Self { store, sources, folder, platform_url, psql, running })
    }

    pub(super) async fn platform(&self) -> anyhow::Result<Platform> {
        Ok(Platform::open(&self.platform_url).await?)
    }

    pub(super) fn keyword_folder(&self) -> PathBuf {
        self.folder.path().join("keyword")
    }

    /// What PostgreSQL answers its superuser, without decoration.
    pub(super) fn query(&self, statement: &str) -> anyhow::Result<String> {
        let output = Command::new(&self.psql)
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
            .args(["--command", "SET search_path = millwright, public"])
            .args(["--command", statement, &self.running.admin_url()])
            .output()
            .context("running psql")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A number of bytes that the database tells.
    pub(super) fn megabytes(&self, statement: &str) -> anyhow::Result<f64> {
        Ok(self.query(statement)?.parse::<f64>().context("a number of bytes")? / 1e6)
    }

    pub(super) fn keyword_megabytes(&self) -> anyhow::Result<f64> {
        Ok(size(&self.keyword_folder())? / 1e6)
    }

    pub(super) async fn close(self) {
        self.store.close().await;
        self.running.stop().await;
    }
}

fn size(folder: &Path) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let kind = entry.metadata()?;
        sum += if kind.is_dir() { size(&entry.path())? } else { kind.len() as f64 };
    }
    Ok(sum)
}
