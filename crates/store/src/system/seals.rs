use chrono::{DateTime, Utc};
use millwright_core::{
    TenantScope,
    id::{AuditEntryId, TenantId},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// The audit chain: written by the sealer, read by whoever verifies.
pub struct Seals<'t>(pub(crate) &'t mut PgConnection);

/// An entry that has no place in the chain yet.
#[derive(Debug, Clone)]
pub struct UnsealedEntry {
    /// Whose entry.
    pub scope: TenantScope,
    /// The entry.
    pub id: AuditEntryId,
    /// The bytes that the chain covers.
    pub canonical: Vec<u8>,
    /// Their MAC.
    pub mac: Vec<u8>,
    /// The transaction that wrote it.
    pub inserted_by: i64,
}

/// A place in the chain, to be stored.
#[derive(Debug, Clone)]
pub struct NewSeal {
    /// Place, 1 for the first of a tenant.
    pub sequence: i64,
    /// The entry.
    pub entry_id: AuditEntryId,
    /// Hash of the seal before.
    pub previous_hash: [u8; 32],
    /// This seal's hash.
    pub hash: [u8; 32],
}

/// A place in the chain as stored, not to be trusted before it is verified.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SealRow {
    /// Place.
    pub sequence: i64,
    /// The entry.
    #[sqlx(try_from = "Uuid")]
    pub entry_id: AuditEntryId,
    /// Hash of the seal before.
    pub previous_hash: Vec<u8>,
    /// This seal's hash.
    pub hash: Vec<u8>,
}

/// The end of a tenant's chain as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HeadRow {
    /// Place of the last seal.
    pub sequence: i64,
    /// Its hash.
    pub hash: Vec<u8>,
    /// MAC over both.
    pub mac: Vec<u8>,
}

/// An entry as stored, with the columns beside its canonical bytes; not to be trusted before it is verified.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredEntry {
    /// The entry.
    #[sqlx(try_from = "Uuid")]
    pub id: AuditEntryId,
    /// Whose entry.
    #[sqlx(try_from = "Uuid")]
    pub tenant_id: TenantId,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what kind of thing.
    pub resource_type: String,
    /// To which one.
    pub resource_id: String,
    /// The canonical event.
    pub canonical: Vec<u8>,
    /// Its MAC.
    pub mac: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct UnsealedRow {
    tenant_id: Uuid,
    id: Uuid,
    canonical: Vec<u8>,
    mac: Vec<u8>,
    inserted_by: i64,
}

impl Seals<'_> {
    /// Becomes the only sealer for this transaction; false when another process seals at the moment.
    pub async fn try_lock(&mut self) -> Result<bool, StoreError> {
        let locked = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(7810774202)").fetch_one(&mut *self.0).await?;
        Ok(locked)
    }

    /// Up to `limit` entries that have no seal, in the order of arrival, all below the oldest transaction still
    /// running, so that none can arrive in front of them later.
    pub async fn list_unsealed(&mut self, limit: i64) -> Result<Vec<UnsealedEntry>, StoreError> {
        let rows: Vec<UnsealedRow> = sqlx::query_as(
            "SELECT e.tenant_id, e.id, e.canonical, e.mac, e.inserted_by::text::bigint AS inserted_by \
             FROM audit_entries e \
             WHERE e.inserted_by >= (SELECT p.inserted_by FROM audit_sealer_position p) \
               AND e.inserted_by < pg_snapshot_xmin(pg_current_snapshot()) \
               AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.tenant_id = e.tenant_id AND s.entry_id = e.id) \
             ORDER BY e.inserted_by, e.tenant_id, e.id LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| UnsealedEntry {
                scope: scope_of(row.tenant_id),
                id: AuditEntryId::from(row.id),
                canonical: row.canonical,
                mac: row.mac,
                inserted_by: row.inserted_by,
            })
            .collect())
    }

    /// Where a tenant's chain ends; `None` before its first seal.
    pub async fn head(&mut self, scope: &TenantScope) -> Result<Option<HeadRow>, StoreError> {
        let row = sqlx::query_as("SELECT sequence, hash, mac FROM audit_heads WHERE tenant_id = $1")
            .bind(scope.tenant_id().uuid())
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row)
    }

    /// Appends seals to a tenant's chain and moves its head to the last of them, never backwards.
    pub async fn insert(
        &mut self,
        scope: &TenantScope,
        seals: &[NewSeal],
        head_mac: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(last) = seals.last() else { return Ok(()) };
        sqlx::query(
            "WITH sealed AS ( \
                 INSERT INTO audit_seals (tenant_id, sealed_at, sequence, entry_id, previous_hash, hash) \
                 SELECT $1, $2, * FROM unnest($3::bigint[], $4::uuid[], $5::bytea[], $6::bytea[])) \
             INSERT INTO audit_heads AS head (tenant_id, sequence, hash, mac) VALUES ($1, $7, $8, $9) \
             ON CONFLICT (tenant_id) DO UPDATE \
             SET sequence = excluded.sequence, hash = excluded.hash, mac = excluded.mac \
             WHERE head.sequence < excluded.sequence",
        )
        .bind(scope.tenant_id().uuid())
        .bind(now)
        .bind(seals.iter().map(|seal| seal.sequence).collect::<Vec<_>>())
        .bind(seals.iter().map(|seal| seal.entry_id.uuid()).collect::<Vec<Uuid>>())
        .bind(seals.iter().map(|seal| &seal.previous_hash[..]).collect::<Vec<_>>())
        .bind(seals.iter().map(|seal| &seal.hash[..]).collect::<Vec<_>>())
        .bind(last.sequence)
        .bind(&last.hash[..])
        .bind(&head_mac[..])
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Remembers the transaction up to which all entries are sealed.
    pub async fn set_position(&mut self, inserted_by: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE audit_sealer_position SET inserted_by = $1::text::xid8")
            .bind(inserted_by.to_string())
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Up to `limit` seals of a tenant after a place, in order.
    pub async fn list_after(
        &mut self,
        scope: &TenantScope,
        sequence: i64,
        limit: i64,
    ) -> Result<Vec<SealRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT sequence, entry_id, previous_hash, hash FROM audit_seals WHERE tenant_id = $1 AND sequence > $2 \
             ORDER BY sequence LIMIT $3",
        )
        .bind(scope.tenant_id().uuid())
        .bind(sequence)
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows)
    }

    /// Entries of a tenant by id, in no order; what is missing is missing.
    pub async fn entries(&mut self, scope: &TenantScope, ids: &[AuditEntryId]) -> Result<Vec<StoredEntry>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, tenant_id, occurred_at, actor, action, resource_type, resource_id, canonical, mac \
             FROM audit_entries WHERE tenant_id = $1 AND id = ANY ($2)",
        )
        .bind(scope.tenant_id().uuid())
        .bind(ids.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>())
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows)
    }

    /// Entries of a tenant that no seal names, oldest first.
    pub async fn entries_unsealed(&mut self, scope: &TenantScope, limit: i64) -> Result<Vec<StoredEntry>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT e.id, e.tenant_id, e.occurred_at, e.actor, e.action, e.resource_type, e.resource_id, e.canonical, \
                    e.mac \
             FROM audit_entries e WHERE e.tenant_id = $1 AND NOT EXISTS ( \
                 SELECT 1 FROM audit_seals s WHERE s.tenant_id = e.tenant_id AND s.entry_id = e.id) \
             ORDER BY e.occurred_at, e.id LIMIT $2",
        )
        .bind(scope.tenant_id().uuid())
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows)
    }
}
