use chrono::{DateTime, Utc};
use millwright_core::id::UserId;
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// The tenant's own definitions of agents by version, and which of them holds. Versions are never changed.
pub struct Agents<'t>(pub(crate) TenantConnection<'t>);

/// A version of an agent's definition.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AgentVersionRow {
    /// Of the agent.
    pub name: String,
    /// 1 for the first of this name.
    pub number: i32,
    /// YAML, as it was written.
    pub definition: String,
    /// SHA-256 of it.
    pub digest: Vec<u8>,
    /// What it is for.
    pub note: String,
    /// Who wrote it.
    #[sqlx(try_from = "Uuid")]
    pub created_by: UserId,
    /// That person's name.
    pub created_by_name: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Whether it is in force.
    pub active: bool,
}

/// A version to be stored.
#[derive(Debug)]
pub struct NewAgentVersion<'v> {
    /// Of the agent.
    pub name: &'v str,
    /// YAML, as it was written.
    pub definition: &'v str,
    /// SHA-256 of it.
    pub digest: [u8; 32],
    /// What it is for.
    pub note: &'v str,
}

/// What the tenant has said of an agent.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AgentStateRow {
    /// Of the agent.
    pub name: String,
    /// Whether it answers.
    pub enabled: bool,
    /// The version in force; `None` for the definition that ships.
    pub active: Option<i32>,
    /// Its text.
    pub definition: Option<String>,
    /// The newest version that is stored; `None` where there is none of one's own.
    pub latest: Option<i32>,
}

/// Which version of an agent holds, and whether it answers. Versions are never changed, so agents with the same stamps are the same.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AgentStamp {
    /// Of the agent.
    pub name: String,
    /// Whether it answers.
    pub enabled: bool,
    /// The version in force; `None` for the definition that ships.
    pub active: Option<i32>,
}

const VERSION: &str = "SELECT v.name, v.number, v.definition, v.digest, v.note, v.created_by, \
    u.display_name AS created_by_name, v.created_at, coalesce(s.active = v.number, false) AS active \
    FROM agent_versions v JOIN users u ON u.tenant_id = v.tenant_id AND u.id = v.created_by \
    LEFT JOIN agent_states s ON s.tenant_id = v.tenant_id AND s.name = v.name WHERE v.tenant_id = $1 AND v.name = $2";

impl Agents<'_> {
    /// Every agent of which the tenant has said or stored something, by name.
    pub async fn states(&mut self) -> Result<Vec<AgentStateRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT n.name, coalesce(s.enabled, true) AS enabled, s.active, v.definition, n.latest FROM ( \
                 SELECT name, max(number) AS latest FROM ( \
                     SELECT name, number FROM agent_versions WHERE tenant_id = $1 \
                     UNION ALL SELECT name, NULL FROM agent_states WHERE tenant_id = $1) every GROUP BY name) n \
             LEFT JOIN agent_states s ON s.tenant_id = $1 AND s.name = n.name \
             LEFT JOIN agent_versions v ON v.tenant_id = $1 AND v.name = n.name AND v.number = s.active \
             ORDER BY n.name",
        )
        .bind(self.0.tenant)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// What the tenant has said of agents, by name, without their definitions.
    pub async fn stamps(&mut self) -> Result<Vec<AgentStamp>, StoreError> {
        let rows = sqlx::query_as("SELECT name, enabled, active FROM agent_states WHERE tenant_id = $1 ORDER BY name")
            .bind(self.0.tenant)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// The versions of an agent, newest first, at most 200.
    pub async fn versions(&mut self, name: &str) -> Result<Vec<AgentVersionRow>, StoreError> {
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(format!("{VERSION} ORDER BY v.number DESC LIMIT 200")))
            .bind(self.0.tenant)
            .bind(name)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// A version, or [`StoreError::NotFound`].
    pub async fn require_version(&mut self, name: &str, number: i32) -> Result<AgentVersionRow, StoreError> {
        let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("{VERSION} AND v.number = $3")))
            .bind(self.0.tenant)
            .bind(name)
            .bind(number)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("agent version"))
    }

    /// Stores a version that is not in force yet; returns its number. [`StoreError::Duplicate`] where somebody else did so in
    /// the same moment.
    pub async fn insert_version(
        &mut self,
        version: &NewAgentVersion<'_>,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<i32, StoreError> {
        let number = sqlx::query_scalar(
            "INSERT INTO agent_versions (tenant_id, name, number, definition, digest, note, created_by, created_at) \
             SELECT $1, $2, 1 + coalesce(max(number), 0), $3, $4, $5, $6, $7 FROM agent_versions \
             WHERE tenant_id = $1 AND name = $2 RETURNING number",
        )
        .bind(self.0.tenant)
        .bind(version.name)
        .bind(version.definition)
        .bind(&version.digest[..])
        .bind(version.note)
        .bind(by.uuid())
        .bind(now)
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(number)
    }

    /// Brings a version into force, or with `None` the definition that ships.
    pub async fn activate(
        &mut self,
        name: &str,
        number: Option<i32>,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO agent_states (tenant_id, name, active, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant_id, name) DO UPDATE \
             SET active = excluded.active, changed_by = excluded.changed_by, changed_at = excluded.changed_at",
        )
        .bind(self.0.tenant)
        .bind(name)
        .bind(number)
        .bind(by.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Takes an agent out of service, or lets it answer again.
    pub async fn set_enabled(
        &mut self,
        name: &str,
        enabled: bool,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO agent_states (tenant_id, name, enabled, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant_id, name) DO UPDATE \
             SET enabled = excluded.enabled, changed_by = excluded.changed_by, changed_at = excluded.changed_at",
        )
        .bind(self.0.tenant)
        .bind(name)
        .bind(enabled)
        .bind(by.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }
}
