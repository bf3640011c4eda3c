use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{Problem, Sources, ToProblem, audit::AuditRecord};
use millwright_store::{Bookkeeping, Proof, Store, StoreError, TenantTx, system::ClaimedJob, tenant::JobOutcome};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::backoff;

/// Why an attempt did not succeed.
#[derive(Debug)]
pub enum JobFailure {
    /// Trying again may help.
    Transient(Problem),
    /// Trying again cannot help.
    Permanent(Problem),
    /// Another worker has the job: stop without a trace.
    LeaseLost,
}

impl From<StoreError> for JobFailure {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::LeaseLost) {
            return Self::LeaseLost;
        }
        // Even a statement that fails is tried again: it may be a fault that a later version mends.
        tracing::warn!(error = &error as &dyn std::error::Error, "job attempt failed in the store");
        Self::Transient(error.problem())
    }
}

/// Does one kind of job.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// The kind, as jobs name it.
    fn kind(&self) -> &'static str;

    /// Makes one attempt. It may be ended at any `await`; the next attempt goes on from what was committed.
    async fn run(&self, job: &ClaimedJob) -> Result<(), JobFailure>;

    /// Records in the given transaction that the job is given up; returns what audits that.
    async fn give_up(
        &self,
        job: &ClaimedJob,
        problem: &Problem,
        tx: &mut TenantTx,
    ) -> Result<Vec<AuditRecord>, StoreError>;
}

/// How the runner works.
#[derive(Debug, Clone)]
pub struct JobRunnerSettings {
    /// Jobs at the same time. One more may run for a tenant that has none running, so that it need not wait for the long
    /// ones of others.
    pub concurrency: usize,
    /// How often to look for jobs that other processes enqueued or that became due.
    pub poll: Duration,
    /// How long a worker may be silent before its job goes to another.
    pub lease: Duration,
}

impl Default for JobRunnerSettings {
    fn default() -> Self {
        Self { concurrency: 2, poll: Duration::from_millis(500), lease: Duration::from_secs(15) }
    }
}

/// Whose jobs a place is for.
#[derive(Debug, Clone, Copy)]
enum Whose {
    Any,
    /// Of tenants that have none running.
    OfIdleTenants,
}

/// Claims jobs and runs their handlers until told to stop.
pub struct JobRunner {
    store: Store,
    sources: Sources,
    key: Arc<AuditKey>,
    handlers: HashMap<&'static str, Arc<dyn JobHandler>>,
    settings: JobRunnerSettings,
    wake: Arc<Notify>,
    owner: Uuid,
}

impl JobRunner {
    /// A runner with its handlers; `wake` is notified by whoever enqueues in this process.
    pub fn new(
        store: Store,
        sources: Sources,
        key: Arc<AuditKey>,
        handlers: Vec<Arc<dyn JobHandler>>,
        settings: JobRunnerSettings,
        wake: Arc<Notify>,
    ) -> Self {
        let owner = sources.new_uuid();
        let handlers = handlers.into_iter().map(|handler| (handler.kind(), handler)).collect();
        Self { store, sources, key, handlers, settings, wake, owner }
    }

    /// Runs until `stop`; jobs in the middle are given back by their lease.
    pub async fn run(self: Arc<Self>, tracker: TaskTracker, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.settings.concurrency));
        let spare = Arc::new(Semaphore::new(1));
        loop {
            self.fill(&places, Whose::Any, &tracker, &stop).await;
            if places.available_permits() == 0 {
                self.fill(&spare, Whose::OfIdleTenants, &tracker, &stop).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
            }
        }
    }

    /// Starts jobs until the places are taken or nothing is left to do.
    async fn fill(
        self: &Arc<Self>,
        places: &Arc<Semaphore>,
        whose: Whose,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) {
        for job in self.claim(places.available_permits(), whose).await {
            let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
            let (runner, stop) = (Arc::clone(self), stop.clone());
            tracker.spawn(async move {
                runner.attempt(job, stop).await;
                runner.wake.notify_one();
                drop(place);
            });
        }
    }

    async fn claim(&self, places: usize, whose: Whose) -> Vec<ClaimedJob> {
        if places == 0 {
            return Vec::new();
        }
        match self.try_claim(places, whose).await {
            Ok(jobs) => jobs,
            Err(error) => {
                // Readiness reports the database; one line a poll would drown the log.
                tracing::debug!(error = &error as &dyn std::error::Error, "no jobs claimed");
                Vec::new()
            }
        }
    }

    async fn try_claim(&self, places: usize, whose: Whose) -> Result<Vec<ClaimedJob>, StoreError> {
        let mut tx = self.store.system().await?;
        let limit = i64::try_from(places).unwrap_or(i64::MAX);
        let jobs = match whose {
            Whose::Any => tx.jobs().claim(self.owner, self.settings.lease, limit).await?,
            Whose::OfIdleTenants => tx.jobs().claim_for_idle_tenants(self.owner, self.settings.lease, limit).await?,
        };
        tx.commit().await?;
        Ok(jobs)
    }

    async fn attempt(&self, job: ClaimedJob, stop: CancellationToken) {
        let result = tokio::select! {
            result = self.run_handler(&job) => result,
            lost = self.keep_lease(&job) => lost,
            () = stop.cancelled() => return,
        };
        let outcome = self.outcome(&job, result);
        let Some(outcome) = outcome else { return };
        // What was done is committed already; if its end cannot be recorded now, the lease expires and the next
        // attempt finds nothing left to do.
        if let Err(error) = self.finish(&job, outcome).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                job.id = %job.fence.id,
                "end of job not recorded; it will be attempted again"
            );
        }
    }

    async fn run_handler(&self, job: &ClaimedJob) -> Result<(), JobFailure> {
        match self.handlers.get(job.kind.as_str()) {
            // An attempt that died without a word counts, so that a job which kills its process ends too.
            Some(_) if job.fence.attempt > job.max_attempts => Err(JobFailure::Permanent(Problem::new(
                millwright_core::ErrorCode::Interrupted,
                "its process ended during each attempt",
            ))),
            Some(handler) => handler.run(job).await,
            None => Err(JobFailure::Transient(Problem::new(
                millwright_core::ErrorCode::Internal,
                "this version has no handler for the job",
            ))),
        }
    }

    /// Renews the lease for ever; returns only when it is lost.
    async fn keep_lease(&self, job: &ClaimedJob) -> Result<(), JobFailure> {
        loop {
            tokio::time::sleep(self.settings.lease / 3).await;
            match self.renew(job).await {
                Err(StoreError::LeaseLost) => return Err(JobFailure::LeaseLost),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "lease not renewed"),
                Ok(()) => {}
            }
        }
    }

    async fn renew(&self, job: &ClaimedJob) -> Result<(), StoreError> {
        let mut tx = self.store.system().await?;
        tx.jobs().renew(job, self.settings.lease).await?;
        tx.commit().await
    }

    fn outcome(&self, job: &ClaimedJob, result: Result<(), JobFailure>) -> Option<(JobOutcome, Option<Problem>)> {
        let (problem, permanent) = match result {
            Ok(()) => return Some((JobOutcome::Succeeded, None)),
            Err(JobFailure::LeaseLost) => {
                tracing::warn!(job.id = %job.fence.id, "lease lost; another worker has the job");
                return None;
            }
            Err(JobFailure::Transient(problem)) => (problem, false),
            Err(JobFailure::Permanent(problem)) => (problem, true),
        };
        let reason = format!("{}: {}", problem.code.as_str(), problem.detail);
        if permanent || job.fence.attempt >= job.max_attempts {
            return Some((JobOutcome::Dead { reason }, Some(problem)));
        }
        let after = backoff::after_attempt(job.fence.attempt, &self.sources);
        tracing::info!(job.id = %job.fence.id, job.attempt = job.fence.attempt, reason, "job will be tried again");
        Some((JobOutcome::Retry { after, reason }, None))
    }

    async fn finish(
        &self,
        job: &ClaimedJob,
        (outcome, problem): (JobOutcome, Option<Problem>),
    ) -> Result<(), StoreError> {
        let label = match &outcome {
            JobOutcome::Succeeded => "succeeded",
            JobOutcome::Retry { .. } => "retried",
            JobOutcome::Dead { .. } => "dead",
        };
        let kind = self.handlers.get(job.kind.as_str()).map_or("unknown", |handler| handler.kind());
        millwright_telemetry::metrics::job_finished(kind, label);
        let mut tx = self.store.tenant(&job.scope).begin().await?;
        tx.jobs().finish(&job.fence, &outcome).await?;
        let Some(problem) = problem else { return tx.commit(Proof::Bookkeeping(Bookkeeping::JobState)).await };
        let mut records = match self.handlers.get(job.kind.as_str()) {
            Some(handler) => handler.give_up(job, &problem, &mut tx).await?,
            None => Vec::new(),
        };
        let event = AuditEvent::new(
            &self.sources,
            job.scope.tenant_id(),
            Actor::System("worker"),
            AuditAction::JobDeadLettered,
            job.fence.id,
        )
        .detail("kind", job.kind.clone())
        .detail("attempts", job.fence.attempt)
        .detail("reason", problem.detail.clone());
        match self.key.authenticate(&event) {
            Ok(record) => records.push(record),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "audit entry cannot be made");
                return Err(StoreError::InvalidState("no change without proof"));
            }
        }
        tracing::warn!(job.id = %job.fence.id, job.kind, reason = problem.detail, "job given up");
        tx.commit(Proof::Entries(&records)).await
    }
}
