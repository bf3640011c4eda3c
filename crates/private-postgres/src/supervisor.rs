//! The thread that owns PostgreSQL, and the handle on it.

use std::{
    fmt::Write,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use millwright_core::Sources;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{oneshot, watch};

use crate::{
    PrivatePostgresError, Settings,
    cluster::{Cluster, socket_path},
    postmaster::{Postmaster, Progress},
};

/// Names the socket; nothing listens on it in the network unless asked.
const DEFAULT_PORT: u16 = 5432;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A server that ran this long is healthy: the next restart is quick again.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);
/// Backends of a postmaster that was killed notice that within moments; until then its shared
/// memory is in use.
const ORPHANS_TIMEOUT: Duration = Duration::from_secs(15);
/// Fast shutdown writes a checkpoint; after this long PostgreSQL is told to stop without one.
const FAST_SHUTDOWN: Duration = Duration::from_secs(30);
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(5);

/// Starts the private PostgreSQL.
#[derive(Debug)]
pub struct PrivatePostgres;

/// A private PostgreSQL that accepts connections, and is started again whenever it ends by itself.
/// Dropping this tells it to shut down, without waiting; [`Running::stop`] waits.
#[derive(Debug)]
pub struct Running {
    control: StopOnDrop,
    state: watch::Receiver<State>,
    socket_folder: PathBuf,
    port: u16,
    password: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    Down,
    Ended,
}

#[derive(Debug, Default)]
struct Control {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    stopping: bool,
    /// Present while the process exists and is not reaped, so that a signal cannot go astray.
    pid: Option<Pid>,
}

impl PrivatePostgres {
    /// Makes the data folder on first use, starts PostgreSQL and waits until it accepts
    /// connections: about 2 s the first time, 0.1 s later, longer after a crash.
    pub async fn start(settings: Settings, sources: &Sources) -> Result<Running, PrivatePostgresError> {
        let control = Arc::new(Control::default());
        let (state_sender, state) = watch::channel(State::Down);
        let (started_sender, started) = oneshot::channel();
        let supervisor = Supervisor { control: Arc::clone(&control), state: state_sender, sources: sources.clone() };
        // A thread of its own: the kernel's death signal follows the thread that starts a process.
        thread::Builder::new()
            .name("private-postgres".to_owned())
            .spawn(move || supervisor.run(settings, started_sender))
            .map_err(PrivatePostgresError::io("start a thread for", std::path::Path::new("postgres")))?;
        let control = StopOnDrop(control);
        let facts = started.await.map_err(|_| PrivatePostgresError::SupervisorGone)??;
        let Facts { socket_folder, port, password } = facts;
        Ok(Running { control, state, socket_folder, port, password })
    }

    /// The address for a role and a database of a server that another process runs with these settings: for commands that
    /// look at the data while it is served. Whether it runs shows when somebody connects.
    pub fn url_of_running(
        settings: &Settings,
        role: &str,
        password: &str,
        database: &str,
    ) -> Result<String, PrivatePostgresError> {
        let folder = socket_path(&settings.data_dir)?;
        Ok(socket_url(&folder, settings.port.unwrap_or(DEFAULT_PORT), [role, password, database]))
    }
}

impl Running {
    /// The superuser's address, for migrations: a `postgres://` URL through the Unix socket.
    /// It holds the password: never log it.
    pub fn admin_url(&self) -> String {
        self.url("postgres", &self.password, "postgres")
    }

    /// The address for a role and a database.
    pub fn url(&self, role: &str, password: &str, database: &str) -> String {
        socket_url(&self.socket_folder, self.port, [role, password, database])
    }

    /// Where the Unix socket lies.
    pub fn socket_folder(&self) -> &std::path::Path {
        &self.socket_folder
    }

    /// Whether connections are accepted; `false` from a crash until the restart.
    pub fn is_up(&self) -> bool {
        *self.state.borrow() == State::Up
    }

    /// The postmaster's process id, while there is one.
    pub fn process_id(&self) -> Option<i32> {
        self.control.0.lock().pid.map(|pid| pid.as_raw_nonzero().get())
    }

    /// Shuts PostgreSQL down and waits for its end: sessions are cut, everything is on disk.
    pub async fn stop(mut self) {
        self.control.0.stop();
        for (signal, patience) in [(Signal::QUIT, FAST_SHUTDOWN), (Signal::KILL, IMMEDIATE_SHUTDOWN)] {
            if tokio::time::timeout(patience, self.ended()).await.is_ok() {
                return;
            }
            tracing::warn!(?signal, "the private database does not stop by itself");
            self.control.0.signal(signal);
        }
        self.ended().await;
    }

    async fn ended(&mut self) {
        // The channel closes when the thread is gone: also an end.
        let _ = self.state.wait_for(|state| *state == State::Ended).await;
    }
}

/// Tells PostgreSQL to stop when the handle, or the future that would have made it, is dropped.
#[derive(Debug)]
struct StopOnDrop(Arc<Control>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        let mut inner = self.lock();
        if inner.stopping {
            return;
        }
        inner.stopping = true;
        self.changed.notify_all();
        drop(inner);
        self.signal(Signal::INT);
    }

    fn signal(&self, signal: Signal) {
        let inner = self.lock();
        if let Some(pid) = inner.pid
            && let Err(error) = kill_process(pid, signal)
        {
            tracing::warn!(%error, "cannot signal the private database");
        }
    }

    fn stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Sleeps, but no longer than until a stop.
    fn pause(&self, duration: Duration) {
        let inner = self.lock();
        let waited = self.changed.wait_timeout_while(inner, duration, |inner| !inner.stopping);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

struct Facts {
    socket_folder: PathBuf,
    port: u16,
    password: String,
}

struct Supervisor {
    control: Arc<Control>,
    state: watch::Sender<State>,
    sources: Sources,
}

impl Supervisor {
    fn run(self, settings: Settings, started: oneshot::Sender<Result<Facts, PrivatePostgresError>>) {
        match self.begin(settings) {
            Ok((cluster, postmaster)) => {
                let facts = Facts {
                    socket_folder: cluster.socket_folder.clone(),
                    port: cluster.settings.port.unwrap_or(DEFAULT_PORT),
                    password: cluster.password.clone(),
                };
                self.state.send_replace(State::Up);
                if started.send(Ok(facts)).is_err() {
                    self.control.stop();
                }
                self.keep_up(&cluster, postmaster);
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        }
        self.state.send_replace(State::Ended);
    }

    fn begin(&self, settings: Settings) -> Result<(Cluster, Postmaster), PrivatePostgresError> {
        let begun = Instant::now();
        let cluster = Cluster::open(settings, &self.sources)?;
        let postmaster = self.start(&cluster)?;
        tracing::info!(duration_ms = begun.elapsed().as_millis() as u64, "the private database is up");
        Ok((cluster, postmaster))
    }

    /// Starts PostgreSQL and waits until it is ready, or until it shall stop again.
    fn start(&self, cluster: &Cluster) -> Result<Postmaster, PrivatePostgresError> {
        let begun = Instant::now();
        loop {
            let mut postmaster = Postmaster::spawn(cluster)?;
            self.control.lock().pid = postmaster.pid();
            if self.control.stopping() {
                self.control.signal(Signal::INT); // the stop came before there was a process to tell
            }
            match postmaster.wait_until_ready(cluster, || self.control.stopping()) {
                Progress::Ready | Progress::GaveUp => return Ok(postmaster),
                Progress::Ended => {
                    let status = self.wait_and_reap(&mut postmaster);
                    let log = postmaster.log(cluster);
                    if log.contains("shared memory block") && begun.elapsed() < ORPHANS_TIMEOUT {
                        self.control.pause(FIRST_PAUSE);
                        continue;
                    }
                    return Err(PrivatePostgresError::from_log("postgres", status, &cluster.settings, log));
                }
                Progress::TooSlow { seconds } => {
                    let log = postmaster.log(cluster);
                    self.control.signal(Signal::QUIT);
                    self.wait_and_reap(&mut postmaster);
                    return Err(PrivatePostgresError::TooSlow { seconds, log });
                }
            }
        }
    }

    fn wait_and_reap(&self, postmaster: &mut Postmaster) -> String {
        postmaster.wait_for_end();
        self.control.lock().pid = None;
        postmaster.reap().map_or_else(|| "status unknown".to_owned(), |status| status.to_string())
    }

    /// Waits for the end, and starts again unless the end was asked for.
    fn keep_up(&self, cluster: &Cluster, first: Postmaster) {
        let (mut current, mut since, mut pause) = (Some(first), Instant::now(), FIRST_PAUSE);
        loop {
            if let Some(mut postmaster) = current.take() {
                let status = self.wait_and_reap(&mut postmaster);
                if !self.control.stopping() {
                    self.state.send_replace(State::Down);
                    tracing::error!(status, log = postmaster.log(cluster), "the private database ended by itself");
                }
            }
            if self.control.stopping() {
                return;
            }
            if since.elapsed() > HEALTHY_AFTER {
                pause = FIRST_PAUSE;
            }
            self.control.pause(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
            since = Instant::now();
            match self.start(cluster) {
                Ok(postmaster) => {
                    tracing::info!(
                        duration_ms = since.elapsed().as_millis() as u64,
                        "the private database is up again"
                    );
                    self.state.send_replace(State::Up);
                    current = Some(postmaster);
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the private database does not start");
                }
            }
        }
    }
}

fn socket_url(folder: &std::path::Path, port: u16, [role, password, database]: [&str; 3]) -> String {
    format!(
        "postgres://{}:{}@localhost:{port}/{}?host={}",
        percent_encoded(role),
        percent_encoded(password),
        percent_encoded(database),
        percent_encoded(&folder.to_string_lossy()),
    )
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_names_with_odd_characters() {
        assert_eq!(percent_encoded("a b@/ü"), "a%20b%40/%C3%BC");
    }
}
