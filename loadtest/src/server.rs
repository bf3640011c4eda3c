//! A Millwright of this benchmark's own: its data folder, its process, and their end.

use std::{
    fs::{self, File, Permissions},
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{http::Client, proc};

/// A first start makes a database cluster; on a slow disk that takes its time.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// The benchmark's own variables must not leak into what it measures, so the child gets a plain path.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A data folder, gone with this value.
pub(crate) struct Installation {
    folder: TempDir,
    binary: PathBuf,
    cache_dir: PathBuf,
}

impl Installation {
    pub(crate) fn new(binary: &Path, cache_dir: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("millwright-bench-").tempdir().context("a temporary folder")?;
        // When root runs this, PostgreSQL runs under another user and must be able to pass.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        Ok(Self { folder, binary: binary.to_owned(), cache_dir: cache_dir.to_owned() })
    }

    /// Where Millwright keeps its data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for what else the benchmark writes.
    pub(crate) fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// The key that was made at the first start.
    pub(crate) fn secret_key(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(self.data_dir().join("secret_key")).context("the secret key")?;
        Ok(text.trim().to_owned())
    }

    /// Address and password of the private PostgreSQL's superuser, as a URL.
    pub(crate) fn admin_url(&self) -> anyhow::Result<String> {
        let folder = self.data_dir().join("postgres");
        let password = fs::read_to_string(folder.join("superuser-password")).context("the superuser's password")?;
        let sockets = fs::read_dir(folder.join("run")).context("the socket's folder")?;
        let port = sockets
            .flatten()
            .find_map(|entry| entry.file_name().to_str()?.strip_prefix(".s.PGSQL.")?.parse::<u16>().ok())
            .context("PostgreSQL has no socket")?;
        let host = folder.join("run").display().to_string().replace('/', "%2F");
        Ok(format!("postgres://postgres:{}@localhost:{port}/postgres?host={host}", password.trim()))
    }

    /// Starts the server and waits until it is ready; how long that took. The load is made by one user from one address,
    /// faster than people are.
    pub(crate) async fn start(&self) -> anyhow::Result<(Server, Duration)> {
        self.start_more(&[]).await
    }

    /// The same with some settings more.
    pub(crate) async fn start_more(&self, settings: &[(&'static str, String)]) -> anyhow::Result<(Server, Duration)> {
        let unlimited = || "1000000".to_owned();
        let mut all = vec![
            ("RATE_LIMIT_PER_MINUTE", unlimited()),
            ("RATE_LIMIT_BURST", unlimited()),
            ("RATE_LIMIT_TENANT_PER_MINUTE", unlimited()),
            ("RATE_LIMIT_ADDRESS_PER_MINUTE", unlimited()),
            ("SIGN_IN_LIMIT_PER_MINUTE", unlimited()),
        ];
        all.extend_from_slice(settings);
        self.start_with(&all).await
    }

    /// The same with settings of one's own.
    pub(crate) async fn start_with(&self, settings: &[(&str, String)]) -> anyhow::Result<(Server, Duration)> {
        let log = self.folder.path().join("server.log");
        // Taken and given back: nobody else asks for it in the moment between.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let started = Instant::now();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(&self.binary)
            .arg("serve")
            .args(settings.iter().all(|(name, _)| *name != "DATABASE_URL").then_some("--demo"))
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", self.folder.path())
            .env("MILLWRIGHT_DATA_DIR", self.data_dir())
            .env("MILLWRIGHT_CACHE_DIR", &self.cache_dir)
            .env("PORT", address.port().to_string())
            .env("LOG_FORMAT", "json")
            // As `make run` and the Dockerfile have it.
            .env("MIMALLOC_PURGE_DELAY", "10")
            .env("ACCESS_TOKEN_TTL_MINUTES", "60")
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("starting the server through setpriv (util-linux)")?;
        let mut server = Server { child, address, log, stopped: false };
        server.wait_until_ready(started).await?;
        Ok((server, started.elapsed()))
    }
}

/// A running server. Stopped when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
    /// Whether it was told to stop.
    stopped: bool,
}

impl Server {
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    async fn wait_until_ready(&mut self, started: Instant) -> anyhow::Result<()> {
        while started.elapsed() < READY_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", self.last_lines());
            }
            // The port opens first and answers when everything behind it is there.
            if let Ok(mut client) = Client::connect(self.address, None).await
                && let Ok(Ok(answer)) = tokio::time::timeout(READY_TIMEOUT, client.get("/health/ready")).await
                && answer.status == 200
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("the server was not ready after {} s:\n{}", READY_TIMEOUT.as_secs(), self.last_lines())
    }

    /// Signs in as a user of the demo; the access token.
    pub(crate) async fn sign_in(&self, installation: &Installation, email: &str) -> anyhow::Result<String> {
        let file = fs::read(installation.data_dir().join("demo-credentials.json")).context("the demo's passwords")?;
        let file: Value = serde_json::from_slice(&file)?;
        let tenants = file["tenants"].as_array().into_iter().flatten();
        let mut users = tenants.flat_map(|tenant| tenant["users"].as_array().into_iter().flatten());
        let user = users.find(|user| user["email"] == email).with_context(|| format!("the demo has no {email}"))?;
        let body = json!({ "email": email, "password": user["password"] });
        let answer = Client::connect(self.address, None).await?.post("/api/v1/auth/login", &body).await?.json()?;
        Ok(answer["access_token"].as_str().context("no token")?.to_owned())
    }

    /// Tells the server to stop, waits, and makes sure that nothing of it is left.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    /// kill -9, and waits until it is gone. Not for one that started a PostgreSQL of its own.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.stopped = true;
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            ensure!(self.stopped, "the server had ended with {status}");
            return Ok(());
        }
        self.stopped = true;
        let below: Vec<(u32, Option<String>)> =
            proc::descendants(self.child.id()).into_iter().map(|pid| (pid, proc::name_of(pid))).collect();
        signal(self.child.id(), Signal::TERM);
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            if asked.elapsed() > STOP_TIMEOUT {
                self.child.kill()?;
                self.child.wait()?;
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let left = || below.iter().filter(|(pid, name)| name.is_some() && proc::name_of(*pid) == *name);
        while left().next().is_some() && asked.elapsed() < STOP_TIMEOUT {
            std::thread::sleep(Duration::from_millis(10));
        }
        let stayed: Vec<u32> = left().map(|(pid, _)| *pid).collect();
        for pid in &stayed {
            signal(*pid, Signal::KILL);
        }
        if !stayed.is_empty() {
            bail!("the server left processes behind, which were killed: {stayed:?}");
        }
        Ok(())
    }

    fn last_lines(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only a measurement that failed leaves the server running: what it said last may tell why.
        if !self.stopped {
            crate::say(&format!("the last words of the server:\n{}", self.last_lines()));
        }
        if let Err(error) = self.end() {
            crate::say(&format!("stopping the server: {error}"));
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended by itself in the meantime.
        let _ = kill_process(pid, signal);
    }
}
