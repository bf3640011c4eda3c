//! The inference threads: one for queries, one for bulk work, each with its own compute pool.
//!
//! Queries never stand behind a bulk batch: they have their own thread, the bulk threads run at
//! a lower priority of the operating system, and the bulk thread starts no batch while a query
//! is in work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc as std_mpsc,
    },
    thread,
    time::Duration,
};

use rten::ThreadPool;
use tokio::sync::{mpsc, oneshot};

use super::engine::Engine;
use crate::error::RetrievalError;

/// Queries that may wait. At some 3 ms each the last one waits under a second; more would time
/// out anyway, so they are refused at once.
const QUERY_QUEUE: usize = 256;
/// Queries inferred together when several wait.
const QUERY_BATCH: usize = 16;
/// Bulk batches that may wait; callers beyond that are held back by `send`.
const BULK_QUEUE: usize = 2;
/// Longest pause of bulk work for queries, so that a steady stream of them cannot starve it.
const MAX_YIELD: Duration = Duration::from_millis(50);
/// Niceness of the bulk threads: about a third of the share of a normal thread, which keeps queries
/// and the database quick without stopping ingestion on a machine that has other work.
const BULK_NICE: i32 = 5;

type Reply = oneshot::Sender<Result<Vec<Vec<f32>>, RetrievalError>>;

struct QueryJob {
    text: String,
    reply: oneshot::Sender<Result<Vec<f32>, RetrievalError>>,
}

/// Tokenised texts of like length, at most [`super::MAX_BATCH`].
pub(super) struct BulkJob {
    pub(super) tokens: Vec<Vec<i32>>,
    pub(super) reply: Reply,
}

/// The senders' ends. Dropping them ends the threads.
pub(super) struct Queues {
    queries: std_mpsc::SyncSender<QueryJob>,
    bulk: mpsc::Sender<BulkJob>,
    waiting_queries: Arc<AtomicUsize>,
}

/// Counts a query as in work for as long as it lives.
struct InWork(Arc<AtomicUsize>);

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queues {
    /// Starts both threads, each with a pool of `threads`.
    pub(super) fn start(engine: &Arc<Engine>, threads: usize) -> std::io::Result<Self> {
        let waiting_queries = Arc::new(AtomicUsize::new(0));
        let (queries, query_jobs) = std_mpsc::sync_channel(QUERY_QUEUE);
        let (bulk, bulk_jobs) = mpsc::channel(BULK_QUEUE);
        let for_queries = Arc::clone(engine);
        thread::Builder::new()
            .name("embed-query".to_owned())
            .spawn(move || serve_queries(&for_queries, &query_jobs, threads))?;
        let (for_bulk, waiting) = (Arc::clone(engine), Arc::clone(&waiting_queries));
        thread::Builder::new()
            .name("embed-bulk".to_owned())
            .spawn(move || serve_bulk(&for_bulk, bulk_jobs, &waiting, threads))?;
        Ok(Self { queries, bulk, waiting_queries })
    }

    pub(super) async fn query(&self, text: String) -> Result<Vec<f32>, RetrievalError> {
        self.waiting_queries.fetch_add(1, Ordering::Relaxed);
        let _in_work = InWork(Arc::clone(&self.waiting_queries));
        let (reply, answer) = oneshot::channel();
        self.queries.try_send(QueryJob { text, reply }).map_err(|error| match error {
            std_mpsc::TrySendError::Full(_) => RetrievalError::Overloaded,
            std_mpsc::TrySendError::Disconnected(_) => RetrievalError::Stopped,
        })?;
        answer.await.map_err(|_| RetrievalError::Stopped)?
    }

    pub(super) async fn bulk(&self, tokens: Vec<Vec<i32>>) -> Result<Vec<Vec<f32>>, RetrievalError> {
        let (reply, answer) = oneshot::channel();
        self.bulk.send(BulkJob { tokens, reply }).await.map_err(|_| RetrievalError::Stopped)?;
        answer.await.map_err(|_| RetrievalError::Stopped)?
    }
}

fn serve_queries(engine: &Engine, jobs: &std_mpsc::Receiver<QueryJob>, threads: usize) {
    let pool = Arc::new(ThreadPool::with_num_threads(threads));
    while let Ok(first) = jobs.recv() {
        let mut waiting = vec![first];
        while waiting.len() < QUERY_BATCH
            && let Ok(next) = jobs.try_recv()
        {
            waiting.push(next);
        }
        // Whoever stopped waiting costs nothing more.
        waiting.retain(|job| !job.reply.is_closed());
        let (tokens, replies): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .filter_map(|job| match engine.query_tokens(&job.text) {
                Ok(tokens) => Some((tokens, job.reply)),
                Err(error) => {
                    let _ = job.reply.send(Err(error));
                    None
                }
            })
            .unzip();
        if tokens.is_empty() {
            continue;
        }
        let views: Vec<&[i32]> = tokens.iter().map(Vec::as_slice).collect();
        match engine.infer(&views, &pool) {
            Ok(vectors) => {
                for (reply, vector) in replies.into_iter().zip(vectors) {
                    let _ = reply.send(Ok(vector));
                }
            }
            // One bad text must not fail its neighbours: each alone.
            Err(_) => {
                for (reply, view) in replies.into_iter().zip(views) {
                    let alone = engine.infer(&[view], &pool).map(|mut vectors| vectors.swap_remove(0));
                    let _ = reply.send(alone);
                }
            }
        }
    }
}

fn serve_bulk(engine: &Engine, mut jobs: mpsc::Receiver<BulkJob>, queries: &AtomicUsize, threads: usize) {
    lower_priority();
    // Made here, so that its threads inherit the lower priority.
    let pool = Arc::new(ThreadPool::with_num_threads(threads));
    while let Some(job) = jobs.blocking_recv() {
        if job.reply.is_closed() {
            continue;
        }
        let pause = Duration::from_millis(1);
        let mut paused = Duration::ZERO;
        while queries.load(Ordering::Relaxed) > 0 && paused < MAX_YIELD {
            thread::sleep(pause);
            paused += pause;
        }
        let views: Vec<&[i32]> = job.tokens.iter().map(Vec::as_slice).collect();
        let _ = job.reply.send(engine.infer(&views, &pool));
    }
}

/// On Linux niceness belongs to the thread that sets it and to those it starts.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, BULK_NICE) {
        tracing::debug!(%error, "bulk embedding keeps the normal priority");
    }
}
