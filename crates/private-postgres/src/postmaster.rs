//! One run of the postmaster: started, watched until it is ready, reaped.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::{
    PrivatePostgresError,
    cluster::{Cluster, last_lines, no_setpriv},
};

/// Recovery after a crash replays at most `max_wal_size`; this leaves room for a slow disk.
const READY_TIMEOUT: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(10);
const LOG_TIMEOUT: Duration = Duration::from_secs(2);
const KEPT_LINES: usize = 20;

const PARAMETERS: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("max_connections", "100"),
    ("shared_buffers", "128MB"),
    ("work_mem", "8MB"),
    // An HNSW index is built several times faster when its graph fits.
    ("maintenance_work_mem", "256MB"),
    ("max_wal_size", "1GB"),
    ("wal_compression", "on"),
    // Compiling a plan costs more than any query here gains by it.
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "on"),
    ("log_destination", "stderr"),
    ("log_directory", "log"),
    ("log_filename", "postgresql-%a.log"),
    ("log_truncate_on_rotation", "on"),
    ("log_rotation_age", "1d"),
    ("log_rotation_size", "0"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    // The text of a failing statement can hold a password or a person's data.
    ("log_min_error_statement", "panic"),
];

/// How a start came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It accepts connections.
    Ready,
    /// It has ended instead.
    Ended,
    /// It is not wanted any more.
    GaveUp,
    /// It does neither.
    TooSlow {
        /// How long was waited.
        seconds: u64,
    },
}

/// A postmaster that runs.
#[derive(Debug)]
pub(crate) struct Postmaster {
    child: Child,
    said: Arc<Mutex<VecDeque<String>>>,
    listener: Option<thread::JoinHandle<()>>,
    /// The newest log file before this run, and how much of it is older than this run.
    earlier: Option<(PathBuf, usize)>,
}

impl Postmaster {
    /// Starts the postmaster. To be called on a thread that lives as long as it shall run.
    pub(crate) fn spawn(cluster: &Cluster) -> Result<Self, PrivatePostgresError> {
        cluster.wait_for_predecessor()?;
        let mut command = cluster.account.command(&cluster.program("postgres"), &cluster.settings.data_dir);
        command.arg("-D").arg(&cluster.folder);
        for (name, value) in PARAMETERS {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.arg("-c").arg(format!("unix_socket_directories={}", quoted_path(&cluster.socket_folder)));
        match cluster.settings.port {
            Some(port) => command.args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}")]),
            None => command.args(["-c", "listen_addresses="]),
        };
        // Its own process group: Ctrl-C in a terminal reaches this process alone, which then stops
        // PostgreSQL last.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let earlier = newest_log(cluster).map(|path| {
            let length = fs::metadata(&path).map_or(0, |found| found.len() as usize);
            (path, length)
        });
        let mut child = command.spawn().map_err(no_setpriv)?;
        let said = Arc::new(Mutex::new(VecDeque::new()));
        let listener = child.stderr.take().map(|stderr| listen(stderr, Arc::clone(&said)));
        Ok(Self { child, said, listener, earlier })
    }

    /// The postmaster's process.
    pub(crate) fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Waits until connections are accepted. `give_up` is asked every 10 ms. Does not reap.
    pub(crate) fn wait_until_ready(&self, cluster: &Cluster, give_up: impl Fn() -> bool) -> Progress {
        let started = Instant::now();
        loop {
            let file = cluster.pid_file();
            if file.ready && file.pid == self.pid() {
                return Progress::Ready;
            }
            if self.observe(WaitIdOptions::NOHANG) {
                return Progress::Ended;
            }
            if give_up() {
                return Progress::GaveUp;
            }
            if started.elapsed() > READY_TIMEOUT {
                return Progress::TooSlow { seconds: READY_TIMEOUT.as_secs() };
            }
            thread::sleep(POLL);
        }
    }

    /// Waits for the end without reaping, so that the pid still belongs to this process.
    pub(crate) fn wait_for_end(&self) {
        self.observe(WaitIdOptions::empty());
    }

    fn observe(&self, options: WaitIdOptions) -> bool {
        let Some(pid) = self.pid() else { return true };
        loop {
            match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | options) {
                Ok(status) => return status.is_some(),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return true,
            }
        }
    }

    /// Collects the exit status of a postmaster that has ended.
    pub(crate) fn reap(&mut self) -> Option<ExitStatus> {
        self.child.wait().ok()
    }

    /// The last lines it wrote: to its log file, and to standard error where it could not.
    pub(crate) fn log(&self, cluster: &Cluster) -> String {
        // The process that writes the log file ends last and holds the pipe until then.
        let asked = Instant::now();
        while self.observe(WaitIdOptions::NOHANG)
            && self.listener.as_ref().is_some_and(|listener| !listener.is_finished())
            && asked.elapsed() < LOG_TIMEOUT
        {
            thread::sleep(POLL);
        }
        let newest = newest_log(cluster);
        let text = newest.as_ref().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let old = match &self.earlier {
            Some((path, length)) if newest.as_ref() == Some(path) && *length <= text.len() => *length,
            _ => 0,
        };
        let mut log = last_lines(&String::from_utf8_lossy(&text[old..]), KEPT_LINES);
        for line in self.said.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            log.push('\n');
            log.push_str(line);
        }
        log.trim().to_owned()
    }
}

fn newest_log(cluster: &Cluster) -> Option<PathBuf> {
    let entries = fs::read_dir(cluster.folder.join("log")).ok()?;
    let dated = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
    });
    dated.max().map(|(_, path)| path)
}

/// Keeps the last lines of standard error: what is said before the log file is open, or when it
/// cannot be written. The thread ends with the last process that holds the pipe.
fn listen(stderr: ChildStderr, said: Arc<Mutex<VecDeque<String>>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if line.contains("redirecting log output") || line.contains("Future log output") {
                continue;
            }
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_back(line);
            if said.len() > KEPT_LINES {
                said.pop_front();
            }
        }
    })
}

/// `unix_socket_directories` is a list: a path with a comma or a space must be quoted in it.
fn quoted_path(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('"', "\"\""))
}
