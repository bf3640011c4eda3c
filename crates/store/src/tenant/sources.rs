//! Watched folders: what is to be watched, and how fresh what is known of it is.

use std::time::Duration;

use chrono::{DateTime, Utc};
use millwright_core::{
    Label,
    id::{SourceId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    labels::{label_json, label_of_json},
    text_enum,
};
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// What of a source is kept fresh.
    SourceClock {
        /// Which files there are, and what they hold.
        Contents = "contents",
        /// Who may read them.
        Permissions = "permissions",
    }
}

/// Watched folders and their clocks.
pub struct WatchedSources<'t>(pub(crate) TenantConnection<'t>);

/// A folder to be watched.
#[derive(Debug)]
pub struct NewSource {
    /// The source.
    pub id: SourceId,
    /// Unique, whatever is written in capitals.
    pub name: String,
    /// Below the tenant's folder; `.` for all of it.
    pub path: String,
    /// The rest.
    pub settings: SourceChange,
    /// Who had it watched, and owns its documents.
    pub created_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What may be changed of a source, as it is to be from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceChange {
    /// The least that its documents carry.
    pub label: Label,
    /// What new documents get.
    pub tags: Vec<String>,
    /// Which access group stands for which Unix group, as JSON; `None` where permissions of files say nothing.
    pub group_map: Option<Value>,
    /// Seconds between two passes over the contents.
    pub content_interval_s: i32,
    /// Seconds between two passes over the permissions.
    pub permission_interval_s: i32,
    /// Permissions that were checked longer ago hide the documents, seconds.
    pub permission_max_age_s: i32,
}

/// One clock of a source.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ClockRow {
    #[sqlx(try_from = "Uuid")]
    source_id: SourceId,
    /// Which.
    #[sqlx(try_from = "String")]
    pub clock: SourceClock,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// When the last pass that went through everything began.
    pub checked_at: Option<DateTime<Utc>>,
    /// Whether a pass is under way.
    pub running: bool,
    /// When the last pass began.
    pub started_at: Option<DateTime<Utc>>,
    /// When the last pass ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Of the running pass, else of the last one.
    pub report: Value,
    /// Why the last pass did not go through.
    pub failure_code: Option<String>,
    /// In words.
    pub failure_detail: Option<String>,
}

/// A watched folder.
#[derive(Debug, Clone)]
pub struct WatchedSourceRow {
    /// The source.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// Below the tenant's folder; `.` for all of it.
    pub path: String,
    /// What may be changed of it.
    pub settings: SourceChange,
    /// Counts changes of label and groups.
    pub revision: i64,
    /// Who had it watched.
    pub created_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether it waits to be removed.
    pub deleted: bool,
    /// Until when its documents are shown; in the past for one that hides them.
    pub fresh_until: Option<DateTime<Utc>>,
    /// Whether they are hidden now.
    pub stale: bool,
    /// How many documents it has, and how many files nobody can vouch for.
    pub documents: (i64, i64),
    /// The clock of the contents.
    pub contents: Option<ClockRow>,
    /// The clock of the permissions.
    pub permissions: Option<ClockRow>,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "Uuid")]
    id: SourceId,
    name: String,
    path: String,
    label: Value,
    tags: Vec<String>,
    group_map: Option<Value>,
    content_interval_s: i32,
    permission_interval_s: i32,
    permission_max_age_s: i32,
    revision: i64,
    #[sqlx(try_from = "Uuid")]
    created_by: UserId,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    deleted: bool,
    fresh_until: Option<DateTime<Utc>>,
    stale: bool,
    document_count: i64,
    hidden_count: i64,
}

impl Row {
    fn with(self, clocks: &mut Vec<ClockRow>) -> WatchedSourceRow {
        let mut take = |clock| {
            let place = clocks.iter().position(|row| row.source_id == self.id && row.clock == clock);
            place.map(|place| clocks.swap_remove(place))
        };
        let (contents, permissions) = (take(SourceClock::Contents), take(SourceClock::Permissions));
        WatchedSourceRow {
            id: self.id,
            name: self.name,
            path: self.path,
            settings: SourceChange {
                label: label_of_json(self.label),
                tags: self.tags,
                group_map: self.group_map,
                content_interval_s: self.content_interval_s,
                permission_interval_s: self.permission_interval_s,
                permission_max_age_s: self.permission_max_age_s,
            },
            revision: self.revision,
            created_by: self.created_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
            deleted: self.deleted,
            fresh_until: self.fresh_until,
            stale: self.stale,
            documents: (self.document_count, self.hidden_count),
            contents,
            permissions,
        }
    }
}

/// The right to write on behalf of a claimed clock: void as soon as another worker has claimed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockFence {
    /// Whose clock.
    pub source: SourceId,
    /// Which clock.
    pub clock: SourceClock,
    /// The worker.
    pub owner: Uuid,
    /// Which attempt.
    pub attempt: i64,
}

/// How a pass ended.
#[derive(Debug, Clone)]
pub struct PassEnd {
    /// What it met.
    pub report: Value,
    /// Code and detail of what kept it from going through everything.
    pub failure: Option<(&'static str, String)>,
    /// The source's revision that it went by.
    pub revision: i64,
    /// When to come again.
    pub again_after: Duration,
}

const SELECT: &str = "SELECT s.id, s.name, s.path, s.label, s.tags, s.group_map, s.content_interval_s, s.permission_interval_s, \
    s.permission_max_age_s, s.revision, s.created_by, s.created_at, s.updated_at, s.deleted_at IS NOT NULL AS deleted, \
    p.fresh_until, coalesce(p.fresh_until <= now(), true) AS stale, n.document_count, n.hidden_count \
    FROM sources s \
    LEFT JOIN LATERAL (SELECT c.checked_at + make_interval(secs => s.permission_max_age_s) AS fresh_until \
        FROM source_clocks c WHERE c.tenant_id = $1 AND c.source_id = s.id AND c.clock = 'permissions') p ON true \
    CROSS JOIN LATERAL (SELECT count(*) AS document_count, count(*) FILTER (WHERE l.hidden) AS hidden_count \
        FROM source_files f JOIN documents d ON d.tenant_id = $1 AND d.id = f.document_id AND d.deleted_at IS NULL \
        JOIN labels l ON l.tenant_id = $1 AND l.id = d.label_id \
        WHERE f.tenant_id = $1 AND f.source_id = s.id) n \
    WHERE s.tenant_id = $1";

impl WatchedSources<'_> {
    /// Stores a source with both clocks due; [`StoreError::Duplicate`] when the name is taken.
    pub async fn insert(&mut self, source: &NewSource) -> Result<(), StoreError> {
        let settings = &source.settings;
        sqlx::query(
            "WITH made AS (INSERT INTO sources (tenant_id, id, name, path, label, tags, group_map, content_interval_s, \
                 permission_interval_s, permission_max_age_s, created_by, created_at, updated_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) RETURNING id) \
             INSERT INTO source_clocks (tenant_id, source_id, clock) \
             SELECT $1, made.id, c.clock FROM made, (VALUES ('contents'), ('permissions')) AS c (clock)",
        )
        .bind(self.0.tenant)
        .bind(source.id.uuid())
        .bind(&source.name)
        .bind(&source.path)
        .bind(label_json(&settings.label))
        .bind(&settings.tags)
        .bind(&settings.group_map)
        .bind(settings.content_interval_s)
        .bind(settings.permission_interval_s)
        .bind(settings.permission_max_age_s)
        .bind(source.created_by.uuid())
        .bind(source.created_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// All that are watched, by name. Who makes one next waits until the transaction ends where `for_change` is set.
    pub async fn list(&mut self, for_change: bool) -> Result<Vec<WatchedSourceRow>, StoreError> {
        if for_change {
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('sources ' || $1::text, 0))")
                .bind(self.0.tenant)
                .execute(&mut *self.0.connection)
                .await?;
        }
        let statement = format!("{SELECT} AND s.deleted_at IS NULL ORDER BY lower(s.name), s.id");
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .fetch_all(&mut *self.0.connection)
            .await?;
        let mut clocks = self.clocks(None).await?;
        Ok(rows.into_iter().map(|row| row.with(&mut clocks)).collect())
    }

    /// One of them, also one that waits to be removed.
    pub async fn get(&mut self, id: SourceId) -> Result<Option<WatchedSourceRow>, StoreError> {
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND s.id = $2")))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        let mut clocks = self.clocks(Some(id)).await?;
        Ok(row.map(|row| row.with(&mut clocks)))
    }

    /// One of those that are watched, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: SourceId) -> Result<WatchedSourceRow, StoreError> {
        self.get(id).await?.filter(|source| !source.deleted).ok_or(StoreError::NotFound("source"))
    }

    /// Keeps a source as it is until the transaction ends, so that what is computed from it now still holds when it is
    /// stored. A statement of its own: one that waits for the lock reads the rows beside it as they were before it waited.
    pub async fn hold(&mut self, id: SourceId) -> Result<(), StoreError> {
        sqlx::query("SELECT id FROM sources WHERE tenant_id = $1 AND id = $2 FOR UPDATE")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    async fn clocks(&mut self, source: Option<SourceId>) -> Result<Vec<ClockRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT source_id, clock, due_at, checked_at, coalesce(lease_expires_at >= now(), false) AS running, started_at, \
             finished_at, report, failure_code, failure_detail \
             FROM source_clocks WHERE tenant_id = $1 AND ($2::uuid IS NULL OR source_id = $2)",
        )
        .bind(self.0.tenant)
        .bind(source.map(SourceId::uuid))
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// Stores a source as it is to be from now on, computed from how it stands under [`hold`](Self::hold);
    /// [`StoreError::Duplicate`] when the name is another's. Where `relabels` is set, its documents are hidden until a pass
    /// over the permissions that begins from now on went through.
    pub async fn change(
        &mut self,
        id: SourceId,
        name: &str,
        settings: &SourceChange,
        relabels: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE sources SET name = $3, label = $4, tags = $5, group_map = $6, content_interval_s = $7, \
                    permission_interval_s = $8, permission_max_age_s = $9, revision = revision + $10::int, updated_at = $11 \
             WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(name)
        .bind(label_json(&settings.label))
        .bind(&settings.tags)
        .bind(&settings.group_map)
        .bind(settings.content_interval_s)
        .bind(settings.permission_interval_s)
        .bind(settings.permission_max_age_s)
        .bind(i32::from(relabels))
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::NotFound("source"));
        }
        sqlx::query(
            "UPDATE source_clocks c SET \
                 checked_at = CASE WHEN $3 AND clock = 'permissions' THEN NULL ELSE checked_at END, \
                 requested_at = CASE WHEN $3 THEN clock_timestamp() ELSE requested_at END, \
                 due_at = CASE WHEN $3 THEN now() ELSE least(due_at, now() + make_interval(secs => \
                     CASE clock WHEN 'contents' THEN $4 ELSE $5 END)) END \
             WHERE tenant_id = $1 AND source_id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(relabels)
        .bind(f64::from(settings.content_interval_s))
        .bind(f64::from(settings.permission_interval_s))
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Has both passes begin now; after the running one, where there is one.
    pub async fn request_pass(&mut self, id: SourceId) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE source_clocks SET due_at = now(), requested_at = clock_timestamp() WHERE tenant_id = $1 AND source_id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Hides the documents of a source from now on, and lets the next pass over its contents remove them and it.
    pub async fn delete(&mut self, id: SourceId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE sources SET deleted_at = $3, updated_at = $3, revision = revision + 1 \
             WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::NotFound("source"));
        }
        // A pass over the permissions that is under way loses its lease; one over the contents is followed by another.
        sqlx::query("DELETE FROM source_clocks WHERE tenant_id = $1 AND source_id = $2 AND clock = 'permissions'")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        self.request_pass(id).await
    }

    /// Removes a deleted source of which no document is left.
    pub async fn remove(&mut self, id: SourceId) -> Result<(), StoreError> {
        for statement in [
            "DELETE FROM source_files WHERE tenant_id = $1 AND source_id = $2",
            "DELETE FROM source_clocks WHERE tenant_id = $1 AND source_id = $2",
            "DELETE FROM sources WHERE tenant_id = $1 AND id = $2",
        ] {
            sqlx::query(statement).bind(self.0.tenant).bind(id.uuid()).execute(&mut *self.0.connection).await?;
        }
        Ok(())
    }

    /// Locks lease and source for the rest of the transaction, or fails with [`StoreError::LeaseLost`]. Every write of a pass
    /// begins with this. Whether the source is still as it was at that revision: what a pass writes by older settings,
    /// another pass by the new ones may have been past already.
    pub async fn require_lease(&mut self, fence: &ClockFence, revision: i64) -> Result<bool, StoreError> {
        // The source before its clock, as where it is changed or deleted; one statement would promise no order.
        let now: Option<i64> =
            sqlx::query_scalar("SELECT revision FROM sources WHERE tenant_id = $1 AND id = $2 FOR SHARE")
                .bind(self.0.tenant)
                .bind(fence.source.uuid())
                .fetch_optional(&mut *self.0.connection)
                .await?;
        let held: Option<bool> = sqlx::query_scalar(
            "SELECT true FROM source_clocks WHERE tenant_id = $1 AND source_id = $2 AND clock = $3 AND lease_owner = $4 \
             AND attempt = $5 FOR SHARE",
        )
        .bind(self.0.tenant)
        .bind(fence.source.uuid())
        .bind(fence.clock.as_str())
        .bind(fence.owner)
        .bind(fence.attempt)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        held.and(now).map(|now| now == revision).ok_or(StoreError::LeaseLost)
    }

    /// Renews a lease and says how far the pass is; [`StoreError::LeaseLost`] when another worker has it.
    pub async fn renew(&mut self, fence: &ClockFence, lease: Duration, report: &Value) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE source_clocks SET lease_expires_at = now() + make_interval(secs => $6), report = $7 \
             WHERE tenant_id = $1 AND source_id = $2 AND clock = $3 AND lease_owner = $4 AND attempt = $5",
        )
        .bind(self.0.tenant)
        .bind(fence.source.uuid())
        .bind(fence.clock.as_str())
        .bind(fence.owner)
        .bind(fence.attempt)
        .bind(lease.as_secs_f64())
        .bind(report)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }

    /// Ends a pass. The clock goes forward, to when the pass began, only if it went through everything by settings that
    /// still hold.
    pub async fn finish(&mut self, fence: &ClockFence, end: &PassEnd) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE source_clocks c SET lease_owner = NULL, lease_expires_at = NULL, finished_at = clock_timestamp(), \
                 report = $6, failure_code = $7, failure_detail = $8, \
                 checked_at = CASE WHEN $7::text IS NULL AND s.revision = $9 THEN c.started_at ELSE c.checked_at END, \
                 due_at = CASE WHEN c.requested_at > c.started_at THEN now() ELSE now() + make_interval(secs => $10) END \
             FROM sources s WHERE c.tenant_id = $1 AND c.source_id = $2 AND c.clock = $3 AND c.lease_owner = $4 \
             AND c.attempt = $5 AND s.tenant_id = $1 AND s.id = c.source_id",
        )
        .bind(self.0.tenant)
        .bind(fence.source.uuid())
        .bind(fence.clock.as_str())
        .bind(fence.owner)
        .bind(fence.attempt)
        .bind(&end.report)
        .bind(end.failure.as_ref().map(|(code, _)| *code))
        .bind(end.failure.as_ref().map(|(_, detail)| detail))
        .bind(end.revision)
        .bind(end.again_after.as_secs_f64())
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }
}
