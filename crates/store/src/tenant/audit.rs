use chrono::{DateTime, Utc};
use millwright_core::{Cursor, Page, PageRequest, audit::AuditRecord, id::AuditEntryId};
use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::QueryAs};
use uuid::Uuid;

use crate::{StoreError, system::HeadRow, tenant_tx::TenantConnection};

/// The tenant's audit log. Entries are appended by [`TenantTx::commit`](crate::TenantTx::commit).
pub struct AuditEntries<'t>(pub(crate) TenantConnection<'t>);

/// Which entries are asked for; an absent field does not restrict.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Exactly this actor.
    pub actor: Option<String>,
    /// Exactly this action.
    pub action: Option<String>,
    /// Exactly this kind of resource.
    pub resource_type: Option<String>,
    /// Exactly this resource.
    pub resource_id: Option<String>,
    /// Not before this time.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
}

/// An entry with its place in the chain, once it is sealed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuditEntryRow {
    /// The entry.
    #[sqlx(try_from = "Uuid")]
    pub id: AuditEntryId,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// User id or `system:` and a component.
    pub actor: String,
    /// The actor's display name where it is a user of this tenant.
    pub actor_name: Option<String>,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub resource_type: String,
    /// To which one.
    pub resource_id: String,
    /// The event's canonical JSON.
    pub canonical: Vec<u8>,
    /// Place in the tenant's chain; `None` until sealed.
    pub sequence: Option<i64>,
    /// Chain hash; `None` until sealed.
    pub hash: Option<Vec<u8>>,
}

/// An entry with all that proves it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ProvedEntryRow {
    /// The entry.
    #[sqlx(try_from = "Uuid")]
    pub id: AuditEntryId,
    /// The event's canonical JSON.
    pub canonical: Vec<u8>,
    /// The MAC over that.
    pub mac: Vec<u8>,
    /// Place in the tenant's chain; `None` until sealed.
    pub sequence: Option<i64>,
    /// Chain hash of the place before; `None` until sealed.
    pub previous_hash: Option<Vec<u8>>,
    /// Chain hash; `None` until sealed.
    pub hash: Option<Vec<u8>>,
}

/// Binds the columns of entries, each as an array: nine parameters.
pub(super) fn bind_records<'q, O>(
    query: QueryAs<'q, Postgres, O, PgArguments>,
    records: &[&'q AuditRecord],
) -> QueryAs<'q, Postgres, O, PgArguments> {
    let text = |of: fn(&AuditRecord) -> &str| records.iter().map(|record| of(record)).collect::<Vec<&'q str>>();
    query
        // The records' own tenant, not the transaction's: row-level security refuses a mix-up.
        .bind(records.iter().map(|record| record.tenant_id.uuid()).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.id.uuid()).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.occurred_at).collect::<Vec<_>>())
        .bind(text(|record| &record.actor))
        .bind(text(|record| &record.action))
        .bind(text(|record| &record.resource_type))
        .bind(text(|record| &record.resource_id))
        .bind(records.iter().map(|record| record.canonical.as_slice()).collect::<Vec<_>>())
        .bind(records.iter().map(|record| &record.mac[..]).collect::<Vec<_>>())
}

/// Writes entries, of whichever tenant they are, in one trip.
pub(crate) async fn append(connection: &mut PgConnection, records: &[AuditRecord]) -> Result<(), StoreError> {
    let query = sqlx::query_as::<_, ()>(
        "INSERT INTO audit_entries \
         (tenant_id, id, occurred_at, actor, action, resource_type, resource_id, canonical, mac) \
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], \
                              $7::text[], $8::bytea[], $9::bytea[])",
    );
    let records: Vec<_> = records.iter().collect();
    bind_records(query, &records).fetch_optional(connection).await?;
    Ok(())
}

impl AuditEntries<'_> {
    /// All entries in one trip.
    pub(crate) async fn append(&mut self, records: &[AuditRecord]) -> Result<(), StoreError> {
        append(self.0.connection, records).await
    }

    /// Entries, newest first.
    pub async fn list(&mut self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEntryRow>, StoreError> {
        let rows: Vec<AuditEntryRow> = sqlx::query_as(
            "SELECT e.id, e.occurred_at, e.actor, u.display_name AS actor_name, e.action, e.resource_type, \
                    e.resource_id, e.canonical, s.sequence, s.hash \
             FROM audit_entries e \
             LEFT JOIN audit_seals s ON s.tenant_id = e.tenant_id AND s.entry_id = e.id \
             LEFT JOIN users u ON u.tenant_id = e.tenant_id \
                  AND e.actor = 'usr_' || replace(u.id::text, '-', '') \
             WHERE e.tenant_id = $1 \
               AND ($2::text IS NULL OR e.actor = $2) AND ($3::text IS NULL OR e.action = $3) \
               AND ($4::text IS NULL OR e.resource_type = $4) AND ($5::text IS NULL OR e.resource_id = $5) \
               AND ($6::timestamptz IS NULL OR e.occurred_at >= $6) \
               AND ($7::timestamptz IS NULL OR e.occurred_at < $7) \
               AND ($8::timestamptz IS NULL OR (e.occurred_at, e.id) < ($8, $9)) \
             ORDER BY e.occurred_at DESC, e.id DESC LIMIT $10",
        )
        .bind(self.0.tenant)
        .bind(&filter.actor)
        .bind(&filter.action)
        .bind(&filter.resource_type)
        .bind(&filter.resource_id)
        .bind(filter.from)
        .bind(filter.to)
        .bind(page.after.map(|cursor| cursor.at))
        .bind(page.after.map(|cursor| cursor.id))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.occurred_at, id: row.id.uuid() }))
    }

    /// Up to `limit` entries about these things, each a kind and an id, in the order of the chain and then of time.
    pub async fn proved(&mut self, things: &[(&str, String)], limit: i64) -> Result<Vec<ProvedEntryRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT e.id, e.canonical, e.mac, s.sequence, s.previous_hash, s.hash \
             FROM unnest($2::text[], $3::text[]) AS t (kind, id) \
             JOIN audit_entries e ON e.tenant_id = $1 AND e.resource_type = t.kind AND e.resource_id = t.id \
             LEFT JOIN audit_seals s ON s.tenant_id = $1 AND s.entry_id = e.id \
             ORDER BY s.sequence NULLS LAST, e.occurred_at, e.id LIMIT $4",
        )
        .bind(self.0.tenant)
        .bind(things.iter().map(|(kind, _)| *kind).collect::<Vec<_>>())
        .bind(things.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>())
        .bind(limit)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// The newest signed head of the chain.
    pub async fn head(&mut self) -> Result<Option<HeadRow>, StoreError> {
        let row = sqlx::query_as("SELECT sequence, hash, mac FROM audit_heads WHERE tenant_id = $1")
            .bind(self.0.tenant)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(row)
    }

    /// What the seals of these places cover of their entries, in order: with them anybody can go along the chain without
    /// having the entries.
    pub async fn leaves(&mut self, from: i64, to: i64) -> Result<Vec<Vec<u8>>, StoreError> {
        let leaves = sqlx::query_scalar(
            "SELECT sha256('\\x00'::bytea || e.mac || e.canonical) FROM audit_seals s \
             JOIN audit_entries e ON e.tenant_id = $1 AND e.id = s.entry_id \
             WHERE s.tenant_id = $1 AND s.sequence BETWEEN $2 AND $3 ORDER BY s.sequence",
        )
        .bind(self.0.tenant)
        .bind(from)
        .bind(to)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(leaves)
    }
}
