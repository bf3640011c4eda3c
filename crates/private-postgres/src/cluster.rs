//! The data folder: its lock, its password, its first making, and who still runs from it.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use millwright_core::Sources;
use rustix::process::{Pid, test_kill_process};

use crate::{PrivatePostgresError, Settings, account::Account};

/// Unix socket addresses hold 107 bytes; `.s.PGSQL.65535.lock` takes 19 of them beside the slash.
const LONGEST_SOCKET_FOLDER: usize = 87;
/// A predecessor that was killed has told its PostgreSQL to shut down, which takes a checkpoint.
const PREDECESSOR_TIMEOUT: Duration = Duration::from_secs(30);

/// A data folder that this process owns.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) settings: Settings,
    pub(crate) account: Account,
    /// PostgreSQL's own data folder.
    pub(crate) folder: PathBuf,
    /// Holds the Unix socket.
    pub(crate) socket_folder: PathBuf,
    /// The superuser's.
    pub(crate) password: String,
    /// Locked as long as it is open.
    _lock: File,
}

impl Cluster {
    /// Takes the data folder, and makes the cluster when there is none.
    pub(crate) fn open(settings: Settings, sources: &Sources) -> Result<Self, PrivatePostgresError> {
        let data_dir = make_data_folder(&settings.data_dir)?;
        let install_dir = match settings.install_dir.canonicalize() {
            Ok(folder) if folder.join("bin/postgres").is_file() => folder,
            _ => return Err(PrivatePostgresError::NotInstalled(settings.install_dir)),
        };
        let settings = Settings { install_dir, data_dir, ..settings };
        let lock = lock(&settings.data_dir)?;
        let folder = settings.data_dir.join("cluster");
        let account = Account::choose(&folder);
        account.check_can_reach(&settings.data_dir)?;
        account.check_can_reach(&settings.install_dir.join("bin"))?;
        let socket_folder = socket_folder(&settings.data_dir, account)?;
        let password = password(&settings.data_dir, folder.exists(), sources)?;
        let cluster = Self { settings, account, folder, socket_folder, password, _lock: lock };
        if cluster.folder.exists() {
            cluster.check_version()?;
            cluster.wait_for_predecessor()?;
        } else {
            cluster.initialise()?;
        }
        Ok(cluster)
    }

    /// A path below the installation.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.settings.install_dir.join("bin").join(name)
    }

    fn initialise(&self) -> Result<(), PrivatePostgresError> {
        let started = Instant::now();
        tracing::info!(data_dir = %self.settings.data_dir.display(), "making the private database");
        let parent = self.settings.data_dir.join("cluster.new");
        if parent.exists() {
            fs::remove_dir_all(&parent).map_err(PrivatePostgresError::io("remove the half-made folder", &parent))?;
        }
        self.account.make_private_folder(&parent)?;
        let password_file = parent.join("password");
        write_private(&password_file, &self.password)?;
        self.account.hand_over(&password_file)?;
        let made = parent.join("cluster");
        let output = self
            .account
            .command(&self.program("initdb"), &parent)
            .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums"])
            .args(["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"])
            .arg("--pwfile=password")
            .arg("--pgdata=cluster")
            .stdin(Stdio::null())
            .output()
            .map_err(no_setpriv)?;
        if !output.status.success() {
            let text = [output.stdout, output.stderr].concat();
            let log = last_lines(&String::from_utf8_lossy(&text), 12);
            let status = output.status.to_string();
            let _ = fs::remove_dir_all(&parent);
            return Err(PrivatePostgresError::from_log("initdb", status, &self.settings, log));
        }
        fs::rename(&made, &self.folder).map_err(PrivatePostgresError::io("put in place", &self.folder))?;
        fs::remove_dir_all(&parent).map_err(PrivatePostgresError::io("remove", &parent))?;
        let duration_ms = started.elapsed().as_millis() as u64;
        tracing::info!(duration_ms, "made the private database");
        Ok(())
    }

    fn check_version(&self) -> Result<(), PrivatePostgresError> {
        let path = self.folder.join("PG_VERSION");
        let found = fs::read_to_string(&path).map_err(PrivatePostgresError::io("read", &path))?.trim().to_owned();
        let program = self.program("postgres");
        let output = std::process::Command::new(&program)
            .arg("--version")
            .output()
            .map_err(PrivatePostgresError::io("run", &program))?;
        let installed = major_version(&String::from_utf8_lossy(&output.stdout));
        if found == installed {
            return Ok(());
        }
        Err(PrivatePostgresError::WrongVersion { data_dir: self.settings.data_dir.clone(), found, installed })
    }

    /// Waits until what a killed process left behind has shut down, then removes its traces where
    /// their process id now belongs to some other program or to a zombie. PostgreSQL itself would
    /// take such a number for a running server and refuse to start.
    pub(crate) fn wait_for_predecessor(&self) -> Result<(), PrivatePostgresError> {
        let started = Instant::now();
        let path = self.folder.join("postmaster.pid");
        while let Some(pid) = self.pid_file().pid
            && test_kill_process(pid).is_ok()
        {
            if !self.has_processes() {
                fs::remove_file(&path).map_err(PrivatePostgresError::io("remove the stale", &path))?;
            } else if started.elapsed() > PREDECESSOR_TIMEOUT {
                let data_dir = self.settings.data_dir.clone();
                return Err(PrivatePostgresError::StillRunning { data_dir, pid: pid.as_raw_nonzero().get() });
            } else {
                thread::sleep(Duration::from_millis(20));
            }
        }
        for entry in fs::read_dir(&self.socket_folder).into_iter().flatten().flatten() {
            let _ = fs::remove_file(entry.path());
        }
        Ok(())
    }

    /// Whether a process works in the cluster's folder, as every PostgreSQL process of it does.
    /// `true` where that cannot be told: then a live process id is believed.
    fn has_processes(&self) -> bool {
        if !Path::new("/proc/self/cwd").exists() {
            return true;
        }
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .map(|entry| fs::read_link(entry.path().join("cwd")))
            .any(|cwd| cwd.is_ok_and(|cwd| cwd == self.folder))
    }

    /// What the postmaster says of itself in `postmaster.pid`.
    pub(crate) fn pid_file(&self) -> PidFile {
        let text = fs::read_to_string(self.folder.join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        let pid = lines.next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw);
        let ready = lines.nth(6).is_some_and(|line| line.trim() == "ready");
        PidFile { pid, ready }
    }
}

/// The two lines of `postmaster.pid` that matter here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PidFile {
    pub(crate) pid: Option<Pid>,
    pub(crate) ready: bool,
}

fn make_data_folder(path: &Path) -> Result<PathBuf, PrivatePostgresError> {
    let new = !path.exists();
    fs::create_dir_all(path).map_err(PrivatePostgresError::io("create the folder", path))?;
    if new {
        // Others may pass when root is the owner, so that PostgreSQL under another uid can reach
        // its own folder inside.
        let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
        let set = fs::set_permissions(path, Permissions::from_mode(mode));
        set.map_err(PrivatePostgresError::io("set the mode of", path))?;
    }
    path.canonicalize().map_err(PrivatePostgresError::io("resolve", path))
}

fn lock(data_dir: &Path) -> Result<File, PrivatePostgresError> {
    let path = data_dir.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(PrivatePostgresError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            let _ = file.read_to_string(&mut owner);
            return Err(PrivatePostgresError::InUse { data_dir: data_dir.to_path_buf(), owner: owner.trim().into() });
        }
        Err(TryLockError::Error(source)) => return Err(PrivatePostgresError::io("lock", &path)(source)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(PrivatePostgresError::io("write", &path))?;
    Ok(file)
}

/// `run` below the data folder, or a short name in /tmp where that would be too long for a socket.
pub(crate) fn socket_path(data_dir: &Path) -> Result<PathBuf, PrivatePostgresError> {
    let inside = data_dir.join("run");
    if inside.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
        return Ok(inside);
    }
    let file = fs::metadata(data_dir).map_err(PrivatePostgresError::io("look at", data_dir))?;
    Ok(PathBuf::from(format!("/tmp/millwright-{:x}-{:x}", file.dev(), file.ino())))
}

fn socket_folder(data_dir: &Path, account: Account) -> Result<PathBuf, PrivatePostgresError> {
    let folder = socket_path(data_dir)?;
    account.make_private_folder(&folder)?;
    if !account.owns(&folder) {
        let source = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "it belongs to another user");
        return Err(PrivatePostgresError::Io { action: "use the socket folder", path: folder, source });
    }
    fs::set_permissions(&folder, Permissions::from_mode(0o700))
        .map_err(PrivatePostgresError::io("set the mode of", &folder))?;
    Ok(folder)
}

fn password(data_dir: &Path, cluster_exists: bool, sources: &Sources) -> Result<String, PrivatePostgresError> {
    let path = data_dir.join("superuser-password");
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(PrivatePostgresError::io("read", &path)(error)),
    }
    if cluster_exists {
        return Err(PrivatePostgresError::PasswordLost(path));
    }
    let password = hex::encode(sources.random_bytes::<24>());
    write_private(&path, &password)?;
    Ok(password)
}

fn write_private(path: &Path, text: &str) -> Result<(), PrivatePostgresError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        writeln!(file, "{text}")?;
        file.sync_all()
    };
    write().map_err(PrivatePostgresError::io("write", path))
}

/// `postgres (PostgreSQL) 18.4` has the major version 18.
fn major_version(text: &str) -> String {
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect()
}

pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

pub(crate) fn no_setpriv(source: std::io::Error) -> PrivatePostgresError {
    match source.kind() {
        std::io::ErrorKind::NotFound => PrivatePostgresError::NoSetpriv,
        _ => PrivatePostgresError::io("run", Path::new("setpriv"))(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_the_first_number() {
        assert_eq!(major_version("postgres (PostgreSQL) 18.4\n"), "18");
        assert_eq!(major_version("postgres (PostgreSQL) 19beta1 (Debian 19~beta1-1)\n"), "19");
        assert_eq!(major_version(""), "");
    }

    #[test]
    fn the_last_lines_are_kept() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 5), "a");
    }
}
