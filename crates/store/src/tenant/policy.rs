use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest,
    id::{DecisionId, RunId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// The tenant's policy: what it chose for personal data and injection, its own Cedar policies by version, and the decisions
/// that were made.
pub struct Policies<'t>(pub(crate) TenantConnection<'t>);

/// Which rows hold: a change of either shows here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct PolicyState {
    /// Of the settings; 0 for the defaults.
    pub settings_version: i64,
    /// Number of the own policies in force; 0 for none.
    pub policy_number: i32,
    /// When those came into force: a number may come into force again.
    pub activated_at: Option<DateTime<Utc>>,
}

/// What the tenant chose.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PolicySettingsRow {
    /// Modes by type, own patterns and lists.
    pub personal_data: Value,
    /// Modes of the injection check.
    pub injection: Value,
    /// How models are chosen; an empty object for the defaults.
    pub routing: Value,
    /// 1 for the first; a change names the one that it follows.
    pub version: i64,
    /// When.
    pub updated_at: DateTime<Utc>,
}

/// A version of the tenant's own policies.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PolicyVersionRow {
    /// 1 for the first.
    pub number: i32,
    /// `[{"name", "text"}, …]`.
    pub files: Value,
    /// What it is for.
    pub note: String,
    /// Who wrote it.
    #[sqlx(try_from = "Uuid")]
    pub created_by: UserId,
    /// That person's name.
    pub created_by_name: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it came into force last; the newest of all is in force.
    pub activated_at: Option<DateTime<Utc>>,
    /// Whether it is in force.
    pub active: bool,
}

/// A decision to be stored.
#[derive(Debug, Clone)]
pub struct NewDecision {
    /// The decision.
    pub id: DecisionId,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// Who asked.
    pub user_id: UserId,
    /// In which run.
    pub run_id: Option<RunId>,
    /// What was to be done.
    pub action: String,
    /// All that it was decided on.
    pub request: Value,
    /// SHA-256 of the canonical form of that.
    pub inputs_digest: [u8; 32],
    /// SHA-256 over all policies.
    pub policy_version: [u8; 32],
    /// `ALLOW`, `DENY` or `REQUIRE_APPROVAL`.
    pub verdict: &'static str,
    /// The policies that determined it.
    pub policies: Value,
    /// What would make it allowed.
    pub would_allow: Value,
}

/// A decision as it was made.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DecisionRow {
    /// The decision.
    #[sqlx(try_from = "Uuid")]
    pub id: DecisionId,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// Who asked.
    #[sqlx(try_from = "Uuid")]
    pub user_id: UserId,
    /// In which run.
    pub run_id: Option<Uuid>,
    /// What was to be done.
    pub action: String,
    /// All that it was decided on.
    pub request: Value,
    /// SHA-256 of the canonical form of that.
    pub inputs_digest: Vec<u8>,
    /// SHA-256 over all policies.
    pub policy_version: Vec<u8>,
    /// `ALLOW`, `DENY` or `REQUIRE_APPROVAL`.
    pub verdict: String,
    /// The policies that determined it.
    pub policies: Value,
    /// What would make it allowed.
    pub would_allow: Value,
}

const DECISION: &str = "SELECT id, decided_at, user_id, run_id, action, request, inputs_digest, policy_version, verdict, \
    policies, would_allow FROM decisions WHERE tenant_id = $1";

const VERSION: &str = "SELECT v.number, v.files, v.note, v.created_by, u.display_name AS created_by_name, v.created_at, \
    v.activated_at, v.activated_at IS NOT NULL AND v.activated_at = max(v.activated_at) OVER () AS active \
    FROM policy_versions v JOIN users u ON u.tenant_id = v.tenant_id AND u.id = v.created_by WHERE v.tenant_id = $1";

impl Policies<'_> {
    /// Which rows hold now.
    pub async fn state(&mut self) -> Result<PolicyState, StoreError> {
        let state = sqlx::query_as(
            "SELECT coalesce((SELECT version FROM policy_settings WHERE tenant_id = $1), 0) AS settings_version, \
                    coalesce(p.number, 0) AS policy_number, p.activated_at \
             FROM (SELECT 1) one LEFT JOIN LATERAL ( \
                 SELECT number, activated_at FROM policy_versions WHERE tenant_id = $1 AND activated_at IS NOT NULL \
                 ORDER BY activated_at DESC LIMIT 1) p ON true",
        )
        .bind(self.0.tenant)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(state)
    }

    /// What the tenant chose; `None` for the defaults.
    pub async fn settings(&mut self) -> Result<Option<PolicySettingsRow>, StoreError> {
        let row = sqlx::query_as(
            "SELECT personal_data, injection, routing, version, updated_at FROM policy_settings WHERE tenant_id = $1",
        )
        .bind(self.0.tenant)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(row)
    }

    /// Sets what the tenant chose, if nobody else has since `after`; 0 for the first. Without `routing` that stays as it is.
    /// Returns the new version.
    pub async fn set_settings(
        &mut self,
        (personal_data, injection, routing): (&Value, &Value, Option<&Value>),
        after: i64,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>, StoreError> {
        let version = sqlx::query_scalar(
            "INSERT INTO policy_settings (tenant_id, personal_data, injection, routing, version, updated_by, updated_at) \
             SELECT $1, $2, $3, coalesce($7, '{}'), $4 + 1, $5, $6 WHERE $4 = 0 \
                OR EXISTS (SELECT 1 FROM policy_settings WHERE tenant_id = $1 AND version = $4) \
             ON CONFLICT (tenant_id) DO UPDATE SET personal_data = excluded.personal_data, injection = excluded.injection, \
                 routing = coalesce($7, policy_settings.routing), version = excluded.version, updated_by = excluded.updated_by, updated_at = excluded.updated_at \
             WHERE policy_settings.version = $4 RETURNING version",
        )
        .bind(self.0.tenant)
        .bind(personal_data)
        .bind(injection)
        .bind(after)
        .bind(by.uuid())
        .bind(now)
        .bind(routing)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(version)
    }

    /// The tenant's own policies in force: number and files.
    pub async fn active(&mut self) -> Result<Option<(i32, Value)>, StoreError> {
        let row = sqlx::query_as(
            "SELECT number, files FROM policy_versions WHERE tenant_id = $1 AND activated_at IS NOT NULL \
             ORDER BY activated_at DESC LIMIT 1",
        )
        .bind(self.0.tenant)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(row)
    }

    /// All versions, newest first.
    pub async fn versions(&mut self) -> Result<Vec<PolicyVersionRow>, StoreError> {
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(format!("{VERSION} ORDER BY v.number DESC LIMIT 200")))
            .bind(self.0.tenant)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// A version, or [`StoreError::NotFound`].
    pub async fn require_version(&mut self, number: i32) -> Result<PolicyVersionRow, StoreError> {
        let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT * FROM ({VERSION}) v WHERE v.number = $2")))
            .bind(self.0.tenant)
            .bind(number)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("policy version"))
    }

    /// Stores a version that is not in force yet; returns its number.
    pub async fn insert_version(
        &mut self,
        files: &Value,
        note: &str,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<i32, StoreError> {
        let number = sqlx::query_scalar(
            "INSERT INTO policy_versions (tenant_id, number, files, note, created_by, created_at) \
             SELECT $1, 1 + coalesce(max(number), 0), $2, $3, $4, $5 FROM policy_versions WHERE tenant_id = $1 \
             RETURNING number",
        )
        .bind(self.0.tenant)
        .bind(files)
        .bind(note)
        .bind(by.uuid())
        .bind(now)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(number)
    }

    /// Brings a version into force.
    pub async fn activate(&mut self, number: i32, by: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE policy_versions SET activated_by = $3, activated_at = $4 WHERE tenant_id = $1 AND number = $2",
        )
        .bind(self.0.tenant)
        .bind(number)
        .bind(by.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("policy version")) } else { Ok(()) }
    }

    /// Stores decisions, in one trip.
    pub async fn insert_decisions(&mut self, decisions: &[NewDecision]) -> Result<(), StoreError> {
        if decisions.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO decisions (tenant_id, id, decided_at, user_id, run_id, action, request, inputs_digest, \
                                    policy_version, verdict, policies, would_allow) \
             SELECT $1, * FROM unnest($2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[], $7::jsonb[], \
                                      $8::bytea[], $9::bytea[], $10::text[], $11::jsonb[], $12::jsonb[])",
        )
        .bind(self.0.tenant)
        .bind(decisions.iter().map(|decision| decision.id.uuid()).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| decision.decided_at).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| decision.user_id.uuid()).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| decision.run_id.map(RunId::uuid)).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| decision.action.as_str()).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| &decision.request).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| &decision.inputs_digest[..]).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| &decision.policy_version[..]).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| decision.verdict).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| &decision.policies).collect::<Vec<_>>())
        .bind(decisions.iter().map(|decision| &decision.would_allow).collect::<Vec<_>>())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Decisions, newest first.
    pub async fn decisions(&mut self, page: PageRequest) -> Result<Page<DecisionRow>, StoreError> {
        let rows: Vec<DecisionRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "{DECISION} AND ($2::timestamptz IS NULL OR (decided_at, id) < ($2, $3)) \
             ORDER BY decided_at DESC, id DESC LIMIT $4"
        )))
        .bind(self.0.tenant)
        .bind(page.after.map(|cursor| cursor.at))
        .bind(page.after.map(|cursor| cursor.id))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.decided_at, id: row.id.uuid() }))
    }

    /// The decisions of a run that were made in a span of time, oldest first.
    pub async fn decisions_of(
        &mut self,
        run: RunId,
        from: DateTime<Utc>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<DecisionRow>, StoreError> {
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "{DECISION} AND run_id = $2 AND decided_at >= $3 AND ($4::timestamptz IS NULL OR decided_at <= $4) \
             ORDER BY decided_at, id"
        )))
        .bind(self.0.tenant)
        .bind(run.uuid())
        .bind(from)
        .bind(to)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// Up to `limit` of the newest decisions since a moment, to be made again.
    pub async fn decisions_since(&mut self, since: DateTime<Utc>, limit: i64) -> Result<Vec<DecisionRow>, StoreError> {
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "{DECISION} AND decided_at >= $2 ORDER BY decided_at DESC, id DESC LIMIT $3"
        )))
        .bind(self.0.tenant)
        .bind(since)
        .bind(limit)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }
}
