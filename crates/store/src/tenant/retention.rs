use chrono::{DateTime, Utc};

use crate::{StoreError, tenant_tx::TenantConnection};

/// What ends by itself. Each call does a part of it, so that no transaction is long; what another process is at is passed by.
pub struct Retention<'t>(pub(crate) TenantConnection<'t>);

/// What became of a batch of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Conversations, those of goals included.
    pub conversations: u64,
    /// Runs in them.
    pub runs: u64,
}

impl Retention<'_> {
    /// Deletes the events of up to `limit` runs that ended by `until`, the oldest first; how many runs there were. What such a
    /// run came to stands in its message and its steps.
    pub async fn prune_events(
        &mut self,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let gone = "DELETE FROM run_events WHERE tenant_id = $1 AND run_id IN (SELECT id FROM due)";
        self.prune(("events_pruned_at", gone), until, now, limit).await
    }

    /// Forgets what the steps of up to `limit` runs that ended by `until` recorded, the oldest first; how many runs there were.
    /// They cannot be repeated, forked or proved from then on.
    pub async fn prune_records(
        &mut self,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let gone = "UPDATE run_steps SET record = NULL \
                    WHERE tenant_id = $1 AND run_id IN (SELECT id FROM due) AND record IS NOT NULL";
        self.prune(("records_pruned_at", gone), until, now, limit).await
    }

    async fn prune(
        &mut self,
        (mark, gone): (&'static str, &'static str),
        until: DateTime<Utc>,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let statement = format!(
            "WITH due AS (SELECT id FROM runs WHERE tenant_id = $1 AND finished_at <= $2 AND {mark} IS NULL \
                          ORDER BY finished_at LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED), \
                  gone AS ({gone}) \
             UPDATE runs SET {mark} = $3 WHERE tenant_id = $1 AND id IN (SELECT id FROM due)"
        );
        let pruned = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(until)
            .bind(now)
            .bind(limit)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(pruned.rows_affected())
    }

    /// Erases all texts of up to `limit` conversations that were deleted by `until`, those of goals with the goals and their
    /// plans. Ids, times, labels and digests stay.
    pub async fn erase_deleted(
        &mut self,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Erased, StoreError> {
        let due: Vec<uuid::Uuid> = sqlx::query_scalar(
            "SELECT id FROM conversations WHERE tenant_id = $1 AND deleted_at <= $2 AND erased_at IS NULL \
             ORDER BY deleted_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED",
        )
        .bind(self.0.tenant)
        .bind(until)
        .bind(limit)
        .fetch_all(&mut *self.0.connection)
        .await?;
        if due.is_empty() {
            return Ok(Erased { conversations: 0, runs: 0 });
        }
        // One statement: all parts of it see the same runs.
        let runs = sqlx::query(
            "WITH due AS (SELECT id FROM runs WHERE tenant_id = $1 AND conversation_id = ANY ($2)), \
                  of_goals AS (SELECT DISTINCT goal_id AS id FROM conversations \
                               WHERE tenant_id = $1 AND id = ANY ($2) AND goal_id IS NOT NULL), \
                  vaults AS (DELETE FROM placeholder_vaults WHERE tenant_id = $1 AND conversation_id = ANY ($2)), \
                  events AS (DELETE FROM run_events WHERE tenant_id = $1 AND run_id IN (SELECT id FROM due)), \
                  steps AS (UPDATE run_steps SET detail = '{}', record = NULL \
                            WHERE tenant_id = $1 AND run_id IN (SELECT id FROM due)), \
                  texts AS (UPDATE messages SET content = '', citations = '[]', error_detail = NULL \
                            WHERE tenant_id = $1 AND conversation_id = ANY ($2)), \
                  goals AS (UPDATE goals SET error_detail = NULL, input = '{}' \
                            WHERE tenant_id = $1 AND id IN (SELECT id FROM of_goals)), \
                  plans AS (UPDATE goal_plans SET text = '', steps = '[]' \
                            WHERE tenant_id = $1 AND goal_id IN (SELECT id FROM of_goals)), \
                  parts AS (UPDATE goal_steps SET error_detail = NULL, note = NULL \
                            WHERE tenant_id = $1 AND goal_id IN (SELECT id FROM of_goals)), \
                  titles AS (UPDATE conversations SET title = '', erased_at = $3 WHERE tenant_id = $1 AND id = ANY ($2)) \
             UPDATE runs SET input = NULL, error_detail = NULL, events_pruned_at = coalesce(events_pruned_at, $3), \
                             records_pruned_at = coalesce(records_pruned_at, $3) \
             WHERE tenant_id = $1 AND id IN (SELECT id FROM due)",
        )
        .bind(self.0.tenant)
        .bind(&due)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(Erased { conversations: due.len() as u64, runs: runs.rows_affected() })
    }

    /// Deletes up to `limit` decisions that were made by `until`, and as many events of policy; how many there were. Decisions on a
    /// run stay as long as its records: without them its evidence would look altered.
    pub async fn prune_decisions(&mut self, until: DateTime<Utc>, limit: i64) -> Result<u64, StoreError> {
        let mut pruned = 0;
        let provable = "AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.tenant_id = $1 AND r.id = t.run_id AND r.records_pruned_at IS NULL)";
        for (table, time, kept) in [("decisions", "decided_at", provable), ("policy_events", "occurred_at", "")] {
            let statement = format!(
                "DELETE FROM {table} WHERE tenant_id = $1 AND id IN \
                 (SELECT id FROM {table} t WHERE tenant_id = $1 AND {time} <= $2 {kept} ORDER BY {time} LIMIT $3)"
            );
            let deleted = sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(self.0.tenant)
                .bind(until)
                .bind(limit)
                .execute(&mut *self.0.connection)
                .await?;
            pruned += deleted.rows_affected();
        }
        Ok(pruned)
    }
}
