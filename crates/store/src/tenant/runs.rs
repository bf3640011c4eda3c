use chrono::{DateTime, Utc};
use millwright_core::{
    Label,
    id::{ConversationId, MessageId, RunId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    labels::{label_json, run_label},
    text_enum,
};
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// Where a run stands.
    RunStatus {
        /// A process works on it.
        Running = "running",
        /// It came to an answer, or to the finding that there is none.
        Finished = "finished",
        /// It could not come to an end.
        Failed = "failed",
        /// A person stopped it.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// The kinds of steps.
    StepKind {
        /// Gather what is known.
        Observe = "observe",
        /// Have the question thought through by several voices.
        Deliberate = "deliberate",
        /// Draft an answer.
        Think = "think",
        /// Read on by the tools that a draft asked for.
        Tool = "tool",
        /// Wait for the person to answer what a draft asked them.
        Person = "person",
        /// Check the draft against its sources.
        Verify = "verify",
    }
}

text_enum! {
    /// Where a step stands.
    StepStatus {
        /// Begun.
        Running = "running",
        /// Done.
        Finished = "finished",
        /// Not done.
        Failed = "failed",
    }
}

/// Runs with their steps and events.
pub struct Runs<'t>(pub(crate) TenantConnection<'t>);

/// A run to be started.
#[derive(Debug)]
pub struct NewRun {
    /// The run.
    pub id: RunId,
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// For whom.
    pub user_id: UserId,
    /// The question.
    pub user_message_id: MessageId,
    /// The answer that it writes.
    pub assistant_message_id: MessageId,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    pub tier: String,
    /// Which model.
    pub model: String,
    /// Which attempt at it writes.
    pub owner: Uuid,
    /// What it is begun with beside its question.
    pub input: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Which attempt at a run writes: another process that takes the run over has another owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunFence {
    /// The run.
    pub id: RunId,
    /// The attempt.
    pub owner: Uuid,
}

/// A run.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RunRow {
    /// The run.
    #[sqlx(try_from = "Uuid")]
    pub id: RunId,
    /// In which conversation.
    #[sqlx(try_from = "Uuid")]
    pub conversation_id: ConversationId,
    /// For whom.
    #[sqlx(try_from = "Uuid")]
    pub user_id: UserId,
    /// The question.
    #[sqlx(try_from = "Uuid")]
    pub user_message_id: MessageId,
    /// The answer.
    #[sqlx(try_from = "Uuid")]
    pub assistant_message_id: MessageId,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: RunStatus,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    pub tier: String,
    /// Which model.
    pub model: String,
    /// Code of a failure.
    pub error_code: Option<String>,
    /// What failed.
    pub error_detail: Option<String>,
    /// When a person asked it to stop.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// The join of the labels of all that it has read; see [`label_of_json`](super::label_of_json).
    pub label: Option<Value>,
    /// The same as it was stored, whatever became of what it has read.
    pub stored_label: Option<Value>,
    /// Which attempt at it writes; none for runs from before there were several.
    pub lease_owner: Option<Uuid>,
    /// How often another process took it over.
    pub takeovers: i32,
    /// What it was begun with beside its question.
    pub input: Option<Value>,
    /// The goal that it is a step of.
    pub goal_id: Option<Uuid>,
    /// Until when it waits for a person; no process works on it then.
    pub waits_until: Option<DateTime<Utc>>,

    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When its events were deleted.
    pub events_pruned_at: Option<DateTime<Utc>>,
    /// When what its steps recorded was deleted.
    pub records_pruned_at: Option<DateTime<Utc>>,
}

/// A step of a run.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RunStepRow {
    /// 1 for the first.
    pub number: i32,
    /// What it does.
    #[sqlx(try_from = "String")]
    pub kind: StepKind,
    /// Which time round.
    pub attempt: i32,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: StepStatus,
    /// What it found, as the API shows it.
    pub detail: Value,
    /// What it brought about, for whoever repeats the run; with its end.
    pub record: Option<Value>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// An event of a run.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RunEventRow {
    /// 1 for the first; gaps are possible, order is not broken.
    pub sequence: i64,
    /// The AG-UI event.
    pub payload: Value,
}

/// How long a run may go without a sign of life before another process ends it. A database pause of a few
/// seconds must not end healthy runs.
const LEASE: &str = "interval '30 seconds'";

impl Runs<'_> {
    /// Starts a run with its first lease and its first events, in one trip.
    pub async fn insert(&mut self, run: &NewRun, events: &[RunEventRow]) -> Result<(), StoreError> {
        let statement = format!(
            "WITH run AS ( \
                 INSERT INTO runs (tenant_id, id, conversation_id, user_id, user_message_id, assistant_message_id, status, \
                                   tier, model, lease_expires_at, lease_owner, input, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $8, now() + {LEASE}, $9, $10, $11)) \
             INSERT INTO run_events (tenant_id, run_id, sequence, payload) \
             SELECT $1, $2, * FROM unnest($12::bigint[], $13::jsonb[])"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(run.id.uuid())
            .bind(run.conversation_id.uuid())
            .bind(run.user_id.uuid())
            .bind(run.user_message_id.uuid())
            .bind(run.assistant_message_id.uuid())
            .bind(&run.tier)
            .bind(&run.model)
            .bind(run.owner)
            .bind(&run.input)
            .bind(run.created_at)
            .bind(events.iter().map(|event| event.sequence).collect::<Vec<_>>())
            .bind(events.iter().map(|event| &event.payload).collect::<Vec<&Value>>())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// The run, if there is one.
    pub async fn get(&mut self, id: RunId) -> Result<Option<RunRow>, StoreError> {
        // Its events name what its steps have read, cited or not.
        let statement = format!(
            "SELECT r.id, r.conversation_id, r.user_id, r.user_message_id, r.assistant_message_id, r.status, r.tier, r.model, \
             r.error_code, r.error_detail, r.cancel_requested_at, r.lease_owner, r.takeovers, r.input, r.goal_id, r.waits_until, \
             r.created_at, r.finished_at, r.events_pruned_at, r.records_pruned_at, r.label AS stored_label, {} AS label \
             FROM runs r WHERE r.tenant_id = $1 AND r.id = $2",
            run_label("r")
        );
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// The name of the agent that the newest run of a conversation was worked on by.
    pub async fn newest_agent(&mut self, conversation: ConversationId) -> Result<Option<String>, StoreError> {
        let name: Option<Option<String>> = sqlx::query_scalar(
            "SELECT r.input #>> '{agent,shown,name}' FROM messages m JOIN runs r ON r.tenant_id = $1 AND r.id = m.run_id \
             WHERE m.tenant_id = $1 AND m.conversation_id = $2 ORDER BY m.created_at DESC, m.id DESC LIMIT 1",
        )
        .bind(self.0.tenant)
        .bind(conversation.uuid())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(name.flatten())
    }

    /// The user's run, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: RunId, user: UserId) -> Result<RunRow, StoreError> {
        self.get(id).await?.filter(|run| run.user_id == user).ok_or(StoreError::NotFound("run"))
    }

    /// Locks the lease for the rest of the transaction, or fails with [`StoreError::LeaseLost`]. Every write of a run begins
    /// with this, so that a process that was thought dead writes nothing into what another has taken over.
    pub async fn require_lease(&mut self, fence: RunFence) -> Result<(), StoreError> {
        let held: Option<i32> = sqlx::query_scalar(
            "SELECT 1 FROM runs WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND lease_owner = $3 FOR SHARE",
        )
        .bind(self.0.tenant)
        .bind(fence.id.uuid())
        .bind(fence.owner)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        held.map(|_| ()).ok_or(StoreError::LeaseLost)
    }

    /// Renews the lease; tells whether a person asked the run to stop. [`StoreError::LeaseLost`] when it has ended or another
    /// process has it.
    pub async fn renew_lease(&mut self, fence: RunFence) -> Result<bool, StoreError> {
        let statement = format!(
            "UPDATE runs SET lease_expires_at = now() + {LEASE} \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND lease_owner = $3 \
             RETURNING cancel_requested_at IS NOT NULL"
        );
        let cancel: Option<bool> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(fence.id.uuid())
            .bind(fence.owner)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        cancel.ok_or(StoreError::LeaseLost)
    }

    /// Gives the lease back, so that another process takes the run over at once.
    pub async fn release_lease(&mut self, fence: RunFence) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE runs SET lease_expires_at = now() - interval '1 second' \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND lease_owner = $3",
        )
        .bind(self.0.tenant)
        .bind(fence.id.uuid())
        .bind(fence.owner)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Leaves a run to a person, until they have answered or that time is over. [`StoreError::LeaseLost`] as for
    /// [`renew_lease`](Self::renew_lease), and where somebody has asked the run to stop.
    pub async fn wait(&mut self, fence: RunFence, until: DateTime<Utc>) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE runs SET waits_until = $4, lease_expires_at = $4, lease_owner = NULL \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND lease_owner = $3 AND cancel_requested_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(fence.id.uuid())
        .bind(fence.owner)
        .bind(until)
        .execute(&mut *self.0.connection)
        .await?;
        if changed.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }

    /// Ends the waiting of a run, whose last step is the one that waits; another process takes it over at once. False when it
    /// does not wait, or not any more.
    pub async fn answer(&mut self, id: RunId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let changed = sqlx::query(
            "UPDATE runs SET waits_until = NULL, answered_at = $3, lease_expires_at = now() - interval '1 second' \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND waits_until > now() AND cancel_requested_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Takes over a run whose lease ran out, unless that was done `most` times already beside once after each answer, it began or was answered by its person
    /// before `since`, it waits for them, or its tenant is suspended. False when it lives after all, or is to be ended.
    pub async fn take_over(&mut self, fence: RunFence, most: i32, since: DateTime<Utc>) -> Result<bool, StoreError> {
        let statement = format!(
            "UPDATE runs SET lease_owner = $3, lease_expires_at = now() + {LEASE}, takeovers = takeovers + 1 \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND lease_expires_at < now() \
               AND takeovers < $4 + (SELECT count(*) FROM run_steps s WHERE s.tenant_id = $1 AND s.run_id = $2 AND s.kind = 'person') \
               AND coalesce(answered_at, created_at) >= $5 AND waits_until IS NULL AND input IS NOT NULL \
               AND EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = $1 AND t.suspended_at IS NULL AND t.deleted_at IS NULL)"
        );
        let changed = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(fence.id.uuid())
            .bind(fence.owner)
            .bind(most)
            .bind(since)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Asks a run to stop. True when it was running. One that waits is taken over at once, to be ended.
    pub async fn request_cancel(&mut self, id: RunId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let changed = sqlx::query(
            "UPDATE runs SET cancel_requested_at = coalesce(cancel_requested_at, $3), \
                 lease_expires_at = CASE WHEN waits_until IS NULL THEN lease_expires_at ELSE now() - interval '1 second' END, \
                 answered_at = CASE WHEN waits_until IS NULL THEN answered_at ELSE $3 END, waits_until = NULL \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running'",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// The model that the run uses and the join of the labels of all that it has read so far.
    pub async fn set_label(&mut self, id: RunId, label: &Label, model: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE runs SET label = $3, model = $4 WHERE tenant_id = $1 AND id = $2 AND status = 'running'")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(label_json(label))
            .bind(model)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Ends a run. [`StoreError::LeaseLost`] when it has ended already.
    pub async fn finish(
        &mut self,
        id: RunId,
        status: RunStatus,
        error: Option<(&str, &str)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE runs SET status = $3, error_code = $4, error_detail = $5, finished_at = $6 \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running'",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(status.as_str())
        .bind(error.map(|(code, _)| code))
        .bind(error.map(|(_, detail)| detail))
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if changed.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }

    /// Ends a run whose lease ran out. False when it lives after all.
    pub async fn finish_expired(
        &mut self,
        id: RunId,
        error: (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query(
            "UPDATE runs SET status = 'failed', error_code = $3, error_detail = $4, finished_at = $5 \
             WHERE tenant_id = $1 AND id = $2 AND status = 'running' AND lease_expires_at < now()",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(error.0)
        .bind(error.1)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Stores or updates a step.
    pub async fn put_step(&mut self, run: RunId, step: &RunStepRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO run_steps (tenant_id, run_id, number, kind, attempt, status, detail, record, started_at, finished_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (tenant_id, run_id, number) DO UPDATE SET status = excluded.status, detail = excluded.detail, \
                 record = excluded.record, finished_at = excluded.finished_at",
        )
        .bind(self.0.tenant)
        .bind(run.uuid())
        .bind(step.number)
        .bind(step.kind.as_str())
        .bind(step.attempt)
        .bind(step.status.as_str())
        .bind(&step.detail)
        .bind(&step.record)
        .bind(step.started_at)
        .bind(step.finished_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Steps in order.
    pub async fn steps(&mut self, run: RunId) -> Result<Vec<RunStepRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT number, kind, attempt, status, detail, record, started_at, finished_at FROM run_steps \
             WHERE tenant_id = $1 AND run_id = $2 ORDER BY number",
        )
        .bind(self.0.tenant)
        .bind(run.uuid())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// Appends events; their sequence numbers are the writer's, and only one writer holds a run's lease.
    pub async fn append_events(&mut self, run: RunId, events: &[RunEventRow]) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO run_events (tenant_id, run_id, sequence, payload) \
             SELECT $1, $2, * FROM unnest($3::bigint[], $4::jsonb[])",
        )
        .bind(self.0.tenant)
        .bind(run.uuid())
        .bind(events.iter().map(|event| event.sequence).collect::<Vec<_>>())
        .bind(events.iter().map(|event| &event.payload).collect::<Vec<&Value>>())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Appends one event after all others.
    pub async fn append_last_event(&mut self, run: RunId, payload: &Value) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO run_events (tenant_id, run_id, sequence, payload) \
             SELECT $1, $2, 1 + coalesce(max(sequence), 0), $3 FROM run_events WHERE tenant_id = $1 AND run_id = $2",
        )
        .bind(self.0.tenant)
        .bind(run.uuid())
        .bind(payload)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Up to `limit` events after a sequence number, in order.
    pub async fn events_after(
        &mut self,
        run: RunId,
        sequence: i64,
        limit: i64,
    ) -> Result<Vec<RunEventRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT sequence, payload FROM run_events WHERE tenant_id = $1 AND run_id = $2 AND sequence > $3 \
             ORDER BY sequence LIMIT $4",
        )
        .bind(self.0.tenant)
        .bind(run.uuid())
        .bind(sequence)
        .bind(limit)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// Runs begun since a time, and how many of them found an answer.
    pub async fn count_since(&mut self, since: DateTime<Utc>) -> Result<(i64, i64), StoreError> {
        let counts = sqlx::query_as(
            "SELECT count(*), count(*) FILTER (WHERE m.answered) FROM runs r \
             JOIN messages m ON m.tenant_id = r.tenant_id AND m.id = r.assistant_message_id \
             WHERE r.tenant_id = $1 AND r.created_at >= $2",
        )
        .bind(self.0.tenant)
        .bind(since)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(counts)
    }
}
