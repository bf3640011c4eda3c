use std::collections::{HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::catalogue::{Catalogue, CatalogueLimits};
use crate::job::{Job, Message, Stop, Task};
use crate::privileges::Checked;
use crate::{Column, Credential, OdbcError, Query, Row, Source, worker};

/// How long the database itself is given to stop a statement at its deadline, before it is cancelled from here.
const LENIENCE: Duration = Duration::from_millis(200);

/// After how long a driver is told again. What comes before the statement is at work is lost.
const REMIND: Duration = Duration::from_millis(100);

/// How many threads, how many wait, and how long.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// Threads, each with at most one connection.
    pub threads: NonZeroUsize,
    /// Requests that may wait for a thread.
    pub line: usize,
    /// For signing in.
    pub connect: Duration,
    /// For a driver to come back after it was told to stop.
    pub grace: Duration,
    /// Threads that may hang in the driver beside those at work.
    pub hung: usize,
    /// After how long without use a connection is closed.
    pub idle: Duration,
    /// After how long a connection is replaced.
    pub age: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN.saturating_add(3),
            line: 64,
            connect: Duration::from_secs(10),
            grace: Duration::from_secs(2),
            hung: 4,
            idle: Duration::from_mins(1),
            age: Duration::from_mins(30),
        }
    }
}

/// The threads and connections for one source. Dropping it stops what it does.
pub struct Pool(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) source: Source,
    pub(crate) options: PoolOptions,
    state: Mutex<State>,
    /// There is a job, or the end.
    work: Condvar,
    /// There is something for the watch.
    watch: Condvar,
}

#[derive(Default)]
struct State {
    line: VecDeque<Arc<Job>>,
    running: Vec<Running>,
    /// Threads that were given up while they hung.
    hung: HashSet<u64>,
    /// Threads that are not.
    live: usize,
    last_worker: u64,
    closed: bool,
}

struct Running {
    worker: u64,
    job: Arc<Job>,
    /// When it was told to stop, first and last.
    told: Option<(Instant, Instant)>,
}

impl Running {
    /// When there is something to do about it next.
    fn due(&self, grace: Duration) -> Instant {
        self.told.map_or(self.job.deadline + LENIENCE, |(first, last)| (first + grace).min(last + REMIND))
    }
}

/// What a thread does next.
pub(crate) enum Next {
    Job(Arc<Job>),
    /// Nothing came for a while.
    Idle,
    Closed,
}

/// How a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// Threads that can work.
    pub live: usize,
    /// Threads that hang in the driver.
    pub hung: usize,
    /// Requests at work.
    pub running: usize,
    /// Requests that wait.
    pub waiting: usize,
}

impl Pool {
    /// Starts the threads. Nothing is connected before the first request.
    pub fn new(source: Source, options: PoolOptions) -> Self {
        let shared =
            Arc::new(Shared { source, options, state: Mutex::default(), work: Condvar::new(), watch: Condvar::new() });
        let mut state = shared.state();
        for _ in 0..shared.options.threads.get() {
            start_worker(&shared, &mut state);
        }
        drop(state);
        let watched = Arc::clone(&shared);
        if thread::Builder::new().name("odbc-watch".to_owned()).spawn(move || watched.watch_over()).is_err() {
            // Without it nothing would ever be given up.
            shared.state().closed = true;
            shared.work.notify_all();
        }
        Self(shared)
    }

    /// Where it leads.
    pub fn source(&self) -> &Source {
        &self.0.source
    }

    /// How it is.
    pub fn state(&self) -> PoolState {
        let state = self.0.state();
        PoolState { live: state.live, hung: state.hung.len(), running: state.running.len(), waiting: state.line.len() }
    }

    /// Carries out one SELECT. Its rows come as they are read from the result, which ends with the value or is stopped when
    /// that is dropped.
    ///
    /// # Errors
    /// Whatever is wrong before the first row.
    pub async fn query(&self, credential: &Credential, query: Query) -> Result<Rows, OdbcError> {
        let time = query.limits.time;
        let mut rows = Rows { job: self.submit(Task::Query(query), credential, time)?, columns: Vec::new() };
        match rows.job.0.receive().await? {
            Some(Message::Columns(columns)) => rows.columns = columns,
            _ => return Err(OdbcError::NoTable),
        }
        Ok(rows)
    }

    /// What there is in the database for this login.
    ///
    /// # Errors
    /// Any [`OdbcError`].
    pub async fn catalogue(&self, credential: &Credential, limits: CatalogueLimits) -> Result<Catalogue, OdbcError> {
        let time = limits.time;
        match self.submit(Task::Catalogue(limits), credential, time)?.0.receive().await? {
            Some(Message::Catalogue(catalogue)) => Ok(catalogue),
            _ => Err(OdbcError::Driver),
        }
    }

    /// Whether the database can be reached, and what this login could write there.
    ///
    /// # Errors
    /// Any [`OdbcError`].
    pub async fn check(&self, credential: &Credential, time: Duration) -> Result<Checked, OdbcError> {
        match self.submit(Task::Check, credential, time)?.0.receive().await? {
            Some(Message::Checked(checked)) => Ok(checked),
            _ => Err(OdbcError::Driver),
        }
    }

    fn submit(&self, task: Task, credential: &Credential, time: Duration) -> Result<Wanted, OdbcError> {
        let job = Arc::new(Job::new(task, credential.clone(), time));
        let mut state = self.0.state();
        if state.closed {
            return Err(OdbcError::Closed);
        }
        if state.live == 0 {
            return Err(OdbcError::Exhausted);
        }
        if state.line.len() >= self.0.options.line {
            return Err(OdbcError::Busy);
        }
        state.line.push_back(Arc::clone(&job));
        drop(state);
        self.0.work.notify_one();
        self.0.watch.notify_one();
        Ok(Wanted(job, Arc::clone(&self.0)))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.closed = true;
        for job in state.line.drain(..) {
            job.finish(Err(OdbcError::Closed));
        }
        for running in &state.running {
            running.job.stop(Stop::Cancelled);
        }
        drop(state);
        self.0.work.notify_all();
        self.0.watch.notify_one();
    }
}

/// A job that is stopped when nobody waits for it any more.
struct Wanted(Arc<Job>, Arc<Shared>);

impl Drop for Wanted {
    fn drop(&mut self) {
        if !self.0.is_finished() {
            self.0.stop(Stop::Cancelled);
            self.1.watch.notify_one();
        }
    }
}

/// Rows as they come.
pub struct Rows {
    job: Wanted,
    columns: Vec<Column>,
}

impl Rows {
    /// The columns, in the order of each row's cells.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next block of rows, never empty; `None` after the last. Those before an error are sound.
    ///
    /// # Errors
    /// Any [`OdbcError`]. After one there are no more rows.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, OdbcError> {
        match self.job.0.receive().await? {
            Some(Message::Rows(rows)) => Ok(Some(rows)),
            _ => Ok(None),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a thread: waits for a job, at most as long as a connection is kept without use.
    pub(crate) fn next(&self, worker: u64) -> Next {
        let empty = |state: &mut State| state.line.is_empty() && !state.closed;
        let waited = self.work.wait_timeout_while(self.state(), self.options.idle, empty);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = state.line.pop_front() {
            state.running.push(Running { worker, job: Arc::clone(&job), told: None });
            Next::Job(job)
        } else if state.closed {
            state.live -= 1;
            Next::Closed
        } else {
            Next::Idle
        }
    }

    /// For a thread that is done: whether it goes on. One that was given up goes on only if it was not replaced.
    pub(crate) fn done(&self, worker: u64) -> bool {
        let mut state = self.state();
        state.running.retain(|running| running.worker != worker);
        if !state.hung.remove(&worker) {
            return true;
        }
        let needed = state.live < self.options.threads.get() && !state.closed;
        state.live += usize::from(needed);
        needed
    }

    /// The thread that holds all others to their time.
    fn watch_over(self: &Arc<Self>) {
        let mut state = self.state();
        while !(state.closed && state.running.is_empty()) {
            let wake = self.look(&mut state);
            let wait = wake.map_or(Duration::from_hours(1), |wake| wake.saturating_duration_since(Instant::now()));
            state = self.watch.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Stops what is late or unwanted, gives up what does not stop, and says when to look again.
    fn look(self: &Arc<Self>, state: &mut State) -> Option<Instant> {
        let now = Instant::now();
        state.line.retain(|job| match job.check() {
            Ok(()) => true,
            Err(error) => {
                job.finish(Err(error));
                false
            }
        });
        let grace = self.options.grace;
        let mut hanging = Vec::new();
        for running in &mut state.running {
            let late = now >= running.job.deadline + LENIENCE;
            match running.told {
                None if late || running.job.is_stopped() => {
                    running.job.stop(Stop::Late);
                    running.told = Some((now, now));
                    cancel(Arc::clone(&running.job));
                }
                Some((first, _)) if now >= first + grace => hanging.push(running.worker),
                Some((first, last)) if now >= last + REMIND => {
                    running.told = Some((first, now));
                    cancel(Arc::clone(&running.job));
                }
                _ => {}
            }
        }
        for worker in hanging {
            self.give_up(state, worker);
        }
        let deadlines = state.line.iter().map(|job| job.deadline);
        let ends = state.running.iter().map(|running| running.due(grace));
        deadlines.chain(ends).min()
    }

    fn give_up(self: &Arc<Self>, state: &mut State, worker: u64) {
        for running in state.running.extract_if(.., |running| running.worker == worker) {
            tracing::warn!(
                driver = self.source.driver(),
                "a call of an ODBC driver does not come back; its thread is given up"
            );
            running.job.finish(Err(OdbcError::Unresponsive(running.job.time)));
        }
        state.hung.insert(worker);
        state.live -= 1;
        if state.hung.len() <= self.options.hung && !state.closed {
            start_worker(self, state);
        }
        if state.live == 0 {
            for job in state.line.drain(..) {
                job.finish(Err(OdbcError::Exhausted));
            }
        }
    }
}

fn start_worker(shared: &Arc<Shared>, state: &mut State) {
    state.last_worker += 1;
    let (worker, shared) = (state.last_worker, Arc::clone(shared));
    let started = thread::Builder::new().name("odbc".to_owned()).spawn(move || worker::work(&shared, worker));
    state.live += usize::from(started.is_ok());
}

/// In a thread of its own, because drivers open a connection for it, which may hang. If it does, the thread of the statement
/// cannot free it and is given up.
fn cancel(job: Arc<Job>) {
    // Without a thread the statement goes on to its own timeout.
    _ = thread::Builder::new().name("odbc-cancel".to_owned()).spawn(move || job.cancel.cancel());
}
