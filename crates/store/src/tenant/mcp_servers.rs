use chrono::{DateTime, Utc};
use millwright_core::{
    Classification,
    id::{McpServerId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// MCP servers and their tools. Credentials are sealed: this crate cannot read them.
pub struct McpServers<'t>(pub(crate) TenantConnection<'t>);

/// What of a server can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServerSettings {
    /// Where it stands.
    pub url: String,
    /// What it is sent as bearer token.
    pub sealed_bearer: Option<Vec<u8>>,
    /// The highest classification of what it may be sent.
    pub takes_up_to: Classification,
    /// What its results are at least.
    pub result_classification: Classification,
    /// Whether it is sent personal data as it is.
    pub sends_personal_data: bool,
    /// How long a call may take, seconds: 1 to 60.
    pub timeout_s: i32,
    /// Whether any of its tools is called.
    pub enabled: bool,
}

/// A server to be stored.
#[derive(Debug)]
pub struct NewMcpServer {
    /// To name it.
    pub id: McpServerId,
    /// `[a-z][a-z0-9-]{1,19}`.
    pub name: String,
    /// What can be changed.
    pub settings: McpServerSettings,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A server.
#[derive(Debug, Clone)]
pub struct McpServerRow {
    /// To name it.
    pub id: McpServerId,
    /// As it stands in definitions of agents.
    pub name: String,
    /// What can be changed.
    pub settings: McpServerSettings,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When its tools were last read.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// In which revision of the protocol.
    pub revision: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ServerColumns {
    id: Uuid,
    name: String,
    url: String,
    sealed_bearer: Option<Vec<u8>>,
    #[sqlx(try_from = "String")]
    takes_up_to: Classification,
    #[sqlx(try_from = "String")]
    result_classification: Classification,
    sends_personal_data: bool,
    timeout_s: i32,
    enabled: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    refreshed_at: Option<DateTime<Utc>>,
    revision: Option<String>,
}

impl From<ServerColumns> for McpServerRow {
    fn from(row: ServerColumns) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            settings: McpServerSettings {
                url: row.url,
                sealed_bearer: row.sealed_bearer,
                takes_up_to: row.takes_up_to,
                result_classification: row.result_classification,
                sends_personal_data: row.sends_personal_data,
                timeout_s: row.timeout_s,
                enabled: row.enabled,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            refreshed_at: row.refreshed_at,
            revision: row.revision,
        }
    }
}

/// A tool as it was last read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadMcpTool {
    /// By which it is called.
    pub name: String,
    /// As the server declares it.
    pub declaration: Value,
    /// SHA-256 of the canonical JSON of that.
    pub digest: [u8; 32],
    /// What the check for instructions says of its words.
    pub suspicion: Value,
}

/// A tool.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct McpToolRow {
    /// Its server.
    #[sqlx(try_from = "Uuid")]
    pub server_id: McpServerId,
    /// By which it is called.
    pub name: String,
    /// As the server declares it.
    pub declaration: Value,
    /// SHA-256 of the canonical JSON of that.
    pub digest: Vec<u8>,
    /// What the check for instructions says of its words.
    pub suspicion: Value,
    /// Whether the server had it when its tools were last read.
    pub offered: bool,
    /// The declaration that somebody has enabled.
    pub enabled_digest: Option<Vec<u8>>,
    /// When.
    pub enabled_at: Option<DateTime<Utc>>,
}

impl McpToolRow {
    /// Whether it may be called: it is offered, as somebody has enabled it.
    pub fn is_enabled(&self) -> bool {
        self.offered && self.enabled_digest.as_ref() == Some(&self.digest)
    }

    /// Whether it was enabled and is another by now.
    pub fn has_changed(&self) -> bool {
        self.enabled_digest.as_ref().is_some_and(|enabled| !self.offered || *enabled != self.digest)
    }
}

const SERVER: &str = "id, name, url, sealed_bearer, takes_up_to, result_classification, sends_personal_data, timeout_s, \
    enabled, created_at, updated_at, refreshed_at, revision";
const TOOL: &str = "server_id, name, declaration, digest, suspicion, offered, enabled_digest, enabled_at";

impl McpServers<'_> {
    /// Stores a server; [`StoreError::Duplicate`] when another has its name.
    pub async fn insert(&mut self, server: &NewMcpServer) -> Result<(), StoreError> {
        let settings = &server.settings;
        sqlx::query(
            "INSERT INTO mcp_servers (tenant_id, id, name, url, sealed_bearer, takes_up_to, result_classification, \
             sends_personal_data, timeout_s, enabled, created_by, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
        )
        .bind(self.0.tenant)
        .bind(server.id.uuid())
        .bind(&server.name)
        .bind(&settings.url)
        .bind(&settings.sealed_bearer)
        .bind(settings.takes_up_to.as_str())
        .bind(settings.result_classification.as_str())
        .bind(settings.sends_personal_data)
        .bind(settings.timeout_s)
        .bind(settings.enabled)
        .bind(server.created_by.uuid())
        .bind(server.created_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// All of them, by name.
    pub async fn list(&mut self) -> Result<Vec<McpServerRow>, StoreError> {
        let statement = format!("SELECT {SERVER} FROM mcp_servers WHERE tenant_id = $1 ORDER BY name");
        let rows: Vec<ServerColumns> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// One of them, or [`StoreError::NotFound`].
    pub async fn require(&mut self, id: McpServerId) -> Result<McpServerRow, StoreError> {
        let statement = format!("SELECT {SERVER} FROM mcp_servers WHERE tenant_id = $1 AND id = $2");
        let row: Option<ServerColumns> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.map(Into::into).ok_or(StoreError::NotFound("MCP server"))
    }

    /// The same, held until the end of the transaction: two changes at once must not each put back what the other changed.
    pub async fn hold(&mut self, id: McpServerId) -> Result<McpServerRow, StoreError> {
        sqlx::query("SELECT 1 FROM mcp_servers WHERE tenant_id = $1 AND id = $2 FOR UPDATE")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        self.require(id).await
    }

    /// Stores what is to be another from now on.
    pub async fn change(
        &mut self,
        id: McpServerId,
        settings: &McpServerSettings,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE mcp_servers SET url = $3, sealed_bearer = $4, takes_up_to = $5, result_classification = $6, \
             sends_personal_data = $7, timeout_s = $8, enabled = $9, updated_at = $10 WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(&settings.url)
        .bind(&settings.sealed_bearer)
        .bind(settings.takes_up_to.as_str())
        .bind(settings.result_classification.as_str())
        .bind(settings.sends_personal_data)
        .bind(settings.timeout_s)
        .bind(settings.enabled)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("MCP server")) } else { Ok(()) }
    }

    /// Takes one away, with its tools.
    pub async fn delete(&mut self, id: McpServerId) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM mcp_servers WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("MCP server")) } else { Ok(()) }
    }

    /// Stores what a server offers now. What it had and has no more stays, as not offered.
    pub async fn set_tools(
        &mut self,
        id: McpServerId,
        (tools, revision): (&[ReadMcpTool], &str),
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        // One after the other: of two that read at the same time the later stays.
        let done =
            sqlx::query("UPDATE mcp_servers SET refreshed_at = $3, revision = $4 WHERE tenant_id = $1 AND id = $2")
                .bind(self.0.tenant)
                .bind(id.uuid())
                .bind(now)
                .bind(revision)
                .execute(&mut *self.0.connection)
                .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::NotFound("MCP server"));
        }
        // What nobody has ever enabled is not kept.
        sqlx::query("DELETE FROM mcp_tools WHERE tenant_id = $1 AND server_id = $2 AND enabled_digest IS NULL")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        sqlx::query("UPDATE mcp_tools SET offered = false WHERE tenant_id = $1 AND server_id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        for tool in tools {
            sqlx::query(
                "INSERT INTO mcp_tools (tenant_id, server_id, name, declaration, digest, suspicion, offered) \
                 VALUES ($1, $2, $3, $4, $5, $6, true) ON CONFLICT (tenant_id, server_id, name) DO UPDATE \
                 SET declaration = excluded.declaration, digest = excluded.digest, suspicion = excluded.suspicion, \
                 offered = true",
            )
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(&tool.name)
            .bind(&tool.declaration)
            .bind(&tool.digest[..])
            .bind(&tool.suspicion)
            .execute(&mut *self.0.connection)
            .await?;
        }
        Ok(())
    }

    /// The tools of a server as they were last read, by name.
    pub async fn tools(&mut self, id: McpServerId) -> Result<Vec<McpToolRow>, StoreError> {
        let statement = format!("SELECT {TOOL} FROM mcp_tools WHERE tenant_id = $1 AND server_id = $2 ORDER BY name");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// One of them, or [`StoreError::NotFound`].
    pub async fn require_tool(&mut self, id: McpServerId, name: &str) -> Result<McpToolRow, StoreError> {
        let statement = format!("SELECT {TOOL} FROM mcp_tools WHERE tenant_id = $1 AND server_id = $2 AND name = $3");
        let row = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(name)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("tool"))
    }

    /// Lets a tool be called as long as it is declared so; false where it is declared otherwise by now, or offered no more.
    pub async fn enable_tool(
        &mut self,
        (id, name): (McpServerId, &str),
        digest: [u8; 32],
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE mcp_tools SET enabled_digest = digest, enabled_by = $5, enabled_at = $6 \
             WHERE tenant_id = $1 AND server_id = $2 AND name = $3 AND digest = $4 AND offered",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(name)
        .bind(&digest[..])
        .bind(by.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Has a tool called no more.
    pub async fn disable_tool(&mut self, id: McpServerId, name: &str) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE mcp_tools SET enabled_digest = NULL, enabled_by = NULL, enabled_at = NULL \
             WHERE tenant_id = $1 AND server_id = $2 AND name = $3",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(name)
        .execute(&mut *self.0.connection)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("tool")) } else { Ok(()) }
    }

    /// Has no tool of a server called any more, and forgets what was read of them.
    pub async fn forget_tools(&mut self, id: McpServerId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM mcp_tools WHERE tenant_id = $1 AND server_id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Notes that a tool is not offered any more as it was enabled; false where that was known.
    pub async fn set_changed(&mut self, (id, name): (McpServerId, &str), digest: [u8; 32]) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE mcp_tools SET offered = false \
             WHERE tenant_id = $1 AND server_id = $2 AND name = $3 AND digest = $4 AND offered",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(name)
        .bind(&digest[..])
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The tools of all servers that may be called now, with their servers, by name.
    pub async fn callable(&mut self) -> Result<Vec<(McpServerRow, McpToolRow)>, StoreError> {
        let servers = self.list().await?;
        let statement = format!(
            "SELECT {TOOL} FROM mcp_tools WHERE tenant_id = $1 AND offered AND enabled_digest = digest \
             ORDER BY server_id, name"
        );
        let tools: Vec<McpToolRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .fetch_all(&mut *self.0.connection)
            .await?;
        let of = |tool: McpToolRow| {
            let server = servers.iter().find(|server| server.id == tool.server_id && server.settings.enabled)?;
            Some((server.clone(), tool))
        };
        Ok(tools.into_iter().filter_map(of).collect())
    }
}
