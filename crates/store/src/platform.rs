//! Tenants as platform operators see them: from outside, through a login of their own.

use chrono::{DateTime, Utc};
use millwright_core::{
    TenantScope,
    audit::AuditRecord,
    id::{TenantId, UserId},
};
use sqlx::{Connection, PgConnection, Postgres, Transaction, postgres::PgConnectOptions};
use std::str::FromStr;
use uuid::Uuid;

use crate::{StoreError, system::scope_of};

/// A connection with the platform's login. It makes, suspends and deletes tenants and reads nothing of what is inside.
pub struct Platform {
    connection: PgConnection,
}

/// A tenant as the platform sees it.
#[derive(Debug, Clone)]
pub struct PlatformTenant {
    /// To name it.
    pub scope: TenantScope,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Set while nobody of it may sign in.
    pub suspended_at: Option<DateTime<Utc>>,
    /// Set when all but its audit log was removed.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// The first person of a new tenant, who sets a password by a link.
#[derive(Debug)]
pub struct FirstAdmin {
    /// The user's id.
    pub id: UserId,
    /// Lower-case e-mail address.
    pub email: String,
    /// As shown to others.
    pub display_name: String,
    /// SHA-256 of the link's secret.
    pub link_hash: [u8; 32],
    /// Until when the link works.
    pub link_expires_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant_id: Uuid,
    name: String,
    created_at: DateTime<Utc>,
    suspended_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
}

impl From<Row> for PlatformTenant {
    fn from(row: Row) -> Self {
        Self {
            scope: scope_of(row.tenant_id),
            name: row.name,
            created_at: row.created_at,
            suspended_at: row.suspended_at,
            deleted_at: row.deleted_at,
        }
    }
}

/// Tables with a tenant's rows, in an order in which their references allow deletion. All but the audit log.
const TABLES: &[&str] = &[
    "evaluation_cases",
    "evaluations",
    "evaluation_suites",
    "memories",
    "goal_steps",
    "goal_plans",
    "goals",
    "run_events",
    "run_steps",
    "runs",
    "messages",
    "placeholder_vaults",
    "conversations",
    "chunk_vectors",
    "dormant_vectors",
    "chunks",
    "document_pages",
    "document_contents",
    "document_versions",
    "label_requests",
    "source_files",
    "documents",
    "labels",
    "index_changes",
    "policy_events",
    "policy_settings",
    "policy_versions",
    "agent_states",
    "agent_versions",
    "decisions",
    "budget_reservations",
    "budget_periods",
    "budgets",
    "glossary_entries",
    "mcp_tools",
    "mcp_servers",
    "source_clocks",
    "sources",
    "model_usage",
    "notification_outbox",
    "jobs",
    "recovery_codes",
    "second_factors",
    "api_keys",
    "password_links",
    "used_proofs",
    "revocations",
    "identities",
    "sessions",
    "users",
];

impl Platform {
    /// Connects.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?.application_name("millwright-platform");
        Ok(Self { connection: PgConnection::connect_with(&options).await? })
    }

    /// Opens a transaction.
    pub async fn begin(&mut self) -> Result<PlatformTx<'_>, StoreError> {
        let tx = self.connection.begin_with("BEGIN; SET LOCAL ROLE millwright_platform").await?;
        Ok(PlatformTx { tx })
    }

    /// Closes the connection.
    pub async fn close(self) -> Result<(), StoreError> {
        self.connection.close().await?;
        Ok(())
    }
}

/// A transaction of the platform. Undone unless committed.
pub struct PlatformTx<'p> {
    tx: Transaction<'p, Postgres>,
}

impl PlatformTx<'_> {
    /// All tenants, oldest first, deleted ones too.
    pub async fn list(&mut self) -> Result<Vec<PlatformTenant>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT tenant_id, name, created_at, suspended_at, deleted_at FROM tenants ORDER BY created_at, tenant_id",
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(rows.into_iter().map(PlatformTenant::from).collect())
    }

    /// Creates a tenant.
    pub async fn create(&mut self, id: TenantId, name: &str, now: DateTime<Utc>) -> Result<TenantScope, StoreError> {
        sqlx::query("INSERT INTO tenants (tenant_id, name, created_at) VALUES ($1, $2, $3)")
            .bind(id.uuid())
            .bind(name)
            .bind(now)
            .execute(&mut *self.tx)
            .await?;
        Ok(scope_of(id.uuid()))
    }

    /// Creates the first admin of a tenant, without a password, and the link that sets one.
    pub async fn invite(
        &mut self,
        scope: &TenantScope,
        admin: &FirstAdmin,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tenant = scope.tenant_id().uuid();
        sqlx::query(
            "INSERT INTO users (tenant_id, id, email, display_name, role, local, created_at, clearance) \
             VALUES ($1, $2, $3, $4, 'admin', true, $5, 'RESTRICTED')",
        )
        .bind(tenant)
        .bind(admin.id.uuid())
        .bind(&admin.email)
        .bind(&admin.display_name)
        .bind(now)
        .execute(&mut *self.tx)
        .await?;
        sqlx::query(
            "INSERT INTO password_links (tenant_id, hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(tenant)
        .bind(&admin.link_hash[..])
        .bind(admin.id.uuid())
        .bind(now)
        .bind(admin.link_expires_at)
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Suspends a tenant, or lets it go on, and tells every replica.
    pub async fn set_suspended(&mut self, scope: &TenantScope, at: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        let tenant = scope.tenant_id().uuid();
        sqlx::query("UPDATE tenants SET suspended_at = $2 WHERE tenant_id = $1")
            .bind(tenant)
            .bind(at)
            .execute(&mut *self.tx)
            .await?;
        sqlx::query("INSERT INTO revocations (tenant_id, kind, subject, version) VALUES ($1, 'tenant', $1, $2)")
            .bind(tenant)
            .bind(i64::from(at.is_some()))
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Removes everything of a tenant but its audit log, and frees its name. Returns how many rows went.
    pub async fn delete(&mut self, scope: &TenantScope, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let tenant = scope.tenant_id().uuid();
        let mut removed = 0;
        for table in TABLES {
            let statement = format!("DELETE FROM {table} WHERE tenant_id = $1");
            let done = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(tenant).execute(&mut *self.tx).await?;
            removed += done.rows_affected();
        }
        sqlx::query(
            "UPDATE tenants SET deleted_at = $2, suspended_at = coalesce(suspended_at, $2), \
                    name = left(name, 80) || ' (deleted ' || left(tenant_id::text, 13) || ')' WHERE tenant_id = $1",
        )
        .bind(tenant)
        .bind(now)
        .execute(&mut *self.tx)
        .await?;
        sqlx::query("INSERT INTO revocations (tenant_id, kind, subject, version) VALUES ($1, 'tenant', $1, 1)")
            .bind(tenant)
            .execute(&mut *self.tx)
            .await?;
        Ok(removed)
    }

    /// Makes the change permanent with its entries in the tenant's log.
    pub async fn commit(mut self, records: &[AuditRecord]) -> Result<(), StoreError> {
        crate::tenant::append_audit(&mut self.tx, records).await?;
        self.tx.commit().await?;
        Ok(())
    }
}
