//! One request on its way: what is asked, how far it came, and whether anybody still wants it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::catalogue::{Catalogue, CatalogueLimits};
use crate::fetch::Sink;
use crate::privileges::Checked;
use crate::statement::Cancel;
use crate::{Column, Credential, OdbcError, Query, Row};

/// How many blocks of rows wait for the reader before the thread does.
const BLOCKS: usize = 4;

pub(crate) enum Task {
    Query(Query),
    Catalogue(CatalogueLimits),
    Check,
}

pub(crate) enum Message {
    Columns(Vec<Column>),
    Rows(Vec<Row>),
    Catalogue(Catalogue),
    Checked(Checked),
}

/// Why a request ends before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Late,
    Cancelled,
}

pub(crate) struct Job {
    pub(crate) task: Task,
    pub(crate) credential: Credential,
    pub(crate) time: Duration,
    pub(crate) deadline: Instant,
    pub(crate) cancel: Cancel,
    state: Mutex<State>,
    /// There is space for a block, or no need of one.
    space: Condvar,
    /// There is something for the reader.
    news: Notify,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    stopped: Option<Stop>,
    finished: bool,
    error: Option<OdbcError>,
}

impl Job {
    pub(crate) fn new(task: Task, credential: Credential, time: Duration) -> Self {
        Self {
            task,
            credential,
            time,
            deadline: Instant::now() + time,
            cancel: Cancel::default(),
            state: Mutex::default(),
            space: Condvar::new(),
            news: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time that is left, at least a millisecond.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }

    /// Nobody wants it any more, or its time is up. The first reason counts.
    pub(crate) fn stop(&self, stop: Stop) {
        self.state().stopped.get_or_insert(stop);
        self.space.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state().stopped.is_some()
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.state().finished
    }

    fn error_of(&self, stop: Stop) -> OdbcError {
        match stop {
            Stop::Late => OdbcError::Timeout(self.time),
            Stop::Cancelled => OdbcError::Cancelled,
        }
    }

    /// Whether to go on.
    pub(crate) fn check(&self) -> Result<(), OdbcError> {
        match self.state().stopped {
            Some(stop) => Err(self.error_of(stop)),
            None if Instant::now() >= self.deadline => Err(OdbcError::Timeout(self.time)),
            None => Ok(()),
        }
    }

    /// Hands a message to the reader, and waits while it has enough.
    pub(crate) fn send(&self, message: Message) -> Result<(), OdbcError> {
        let full = |state: &mut State| state.messages.len() >= BLOCKS && state.stopped.is_none() && !state.finished;
        let mut state = self.space.wait_while(self.state(), full).unwrap_or_else(PoisonError::into_inner);
        if let Some(stop) = state.stopped {
            return Err(self.error_of(stop));
        }
        state.messages.push_back(message);
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// It is done. What a driver says of a statement that was stopped is not what happened: the stop is.
    pub(crate) fn finish(&self, result: Result<(), OdbcError>) {
        let mut state = self.state();
        if !state.finished {
            state.finished = true;
            state.error = match (result, state.stopped) {
                (Ok(()), _) => None,
                (Err(error @ OdbcError::Unresponsive(_)), _) | (Err(error), None) => Some(error),
                (Err(_), Some(stop)) => Some(self.error_of(stop)),
            };
        }
        drop(state);
        self.news.notify_one();
    }

    /// The next message, or the end.
    pub(crate) async fn receive(&self) -> Result<Option<Message>, OdbcError> {
        loop {
            {
                let mut state = self.state();
                if let Some(message) = state.messages.pop_front() {
                    drop(state);
                    self.space.notify_all();
                    return Ok(Some(message));
                }
                if state.finished {
                    return state.error.take().map_or(Ok(None), Err);
                }
            }
            self.news.notified().await;
        }
    }
}

impl Sink for &Job {
    fn columns(&mut self, columns: Vec<Column>) -> Result<(), OdbcError> {
        self.send(Message::Columns(columns))
    }

    fn rows(&mut self, rows: Vec<Row>) -> Result<(), OdbcError> {
        self.check()?;
        self.send(Message::Rows(rows))
    }
}
