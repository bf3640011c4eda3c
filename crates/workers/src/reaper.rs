use std::{sync::Arc, time::Duration};

use millwright_agents::Runner;
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{ErrorCode, Sources, id::RunId};
use millwright_store::{Proof, Store, StoreError, TenantTx, system::ExpiredRun, tenant::StepStatus};
use tokio_util::sync::CancellationToken;

/// Small beside a run's lease of 30 s.
const ROUND: Duration = Duration::from_secs(5);
const DETAIL: &str = "the process that worked on this run ended; what it had written is kept";
const UNANSWERED: &str = "nobody answered what was asked in its time; ask again";

/// Finds runs whose process died. They are taken over; those that cannot be are ended, so that no message streams for ever.
pub struct RunReaper {
    runner: Runner,
    store: Store,
    sources: Sources,
    key: Arc<AuditKey>,
}

impl RunReaper {
    /// A reaper; any number of processes may run one.
    pub fn new(runner: Runner, store: Store, sources: Sources, key: Arc<AuditKey>) -> Self {
        Self { runner, store, sources, key }
    }

    /// Reaps until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.reap_once().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "no runs reaped");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Takes over or ends the runs whose lease has run out; returns how many it ended.
    pub async fn reap_once(&self) -> Result<usize, StoreError> {
        let mut tx = self.store.system().await?;
        let expired = tx.runs().list_expired(100).await?;
        drop(tx);
        let mut reaped = 0;
        for run in expired {
            match self.runner.take_over(run.scope, run.id).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, run.id = %run.id, "a run could not be taken over yet");
                    continue;
                }
            }
            if self.reap(&run).await? {
                reaped += 1;
            }
        }
        Ok(reaped)
    }

    /// The step in the middle of which a run ends, with what its readers are told of that.
    async fn end_step(&self, tx: &mut TenantTx, run: RunId) -> Result<(), StoreError> {
        let last = tx.runs().steps(run).await?.pop();
        let Some(mut step) = last.filter(|step| step.status == StepStatus::Running) else { return Ok(()) };
        let (name, at) = (step.kind.as_str(), self.sources.now());
        (step.status, step.finished_at) = (StepStatus::Failed, Some(at));
        tx.runs().put_step(run, &step).await?;
        let timestamp = at.timestamp_millis();
        let nobody_waits = serde_json::json!([{ "op": "add", "path": "/waiting", "value": null }]);
        for event in [
            serde_json::json!({ "type": "STATE_DELTA", "timestamp": timestamp, "delta": nobody_waits }),
            serde_json::json!({ "type": "STEP_FINISHED", "timestamp": timestamp, "stepName": name }),
        ] {
            tx.runs().append_last_event(run, &event).await?;
        }
        Ok(())
    }

    async fn reap(&self, expired: &ExpiredRun) -> Result<bool, StoreError> {
        let mut tx = self.store.tenant(&expired.scope).begin().await?;
        let Some(run) = tx.runs().get(expired.id).await? else { return Ok(false) };
        let (code, told) = match run.waits_until {
            Some(_) => (ErrorCode::Unanswered, UNANSWERED),
            None => (ErrorCode::Interrupted, DETAIL),
        };
        let code = code.as_str();
        if !tx.runs().finish_expired(run.id, (code, told), self.sources.now()).await? {
            return Ok(false);
        }
        tx.messages().fail_from_events(run.assistant_message_id, run.id, code, told).await?;
        self.end_step(&mut tx, run.id).await?;
        let event = serde_json::json!({
            "type": "RUN_ERROR",
            "timestamp": self.sources.now().timestamp_millis(),
            "message": told,
            "code": code,
        });
        tx.runs().append_last_event(run.id, &event).await?;
        let proof = AuditEvent::new(
            &self.sources,
            expired.scope.tenant_id(),
            Actor::System("reaper"),
            AuditAction::RunFailed,
            run.id,
        )
        .detail("code", code);
        let record = self.key.authenticate(&proof).map_err(|_| StoreError::InvalidState("no change without proof"))?;
        tx.commit(Proof::Entry(&record)).await?;
        tracing::warn!(run.id = %run.id, code, "run ended: its process died or its person did not answer, and no other may go on with it");
        Ok(true)
    }
}
