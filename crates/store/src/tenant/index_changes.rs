use millwright_core::id::{ChunkId, VersionId};
use uuid::Uuid;

use super::text_enum;
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// What a change asks of a keyword index.
    IndexOperation {
        /// Make the version's chunks findable.
        Upsert = "upsert",
        /// Forget the version.
        Delete = "delete",
    }
}

/// The tenant's part of the feed that keyword indexes follow.
pub struct IndexChanges<'t>(pub(crate) TenantConnection<'t>);

/// One change. Positions only grow for a reader that stays below the oldest running transaction.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct IndexChange {
    /// The writing transaction, as a number.
    pub written_by: i64,
    /// Order inside of it.
    pub sequence: i64,
    /// Which version.
    #[sqlx(try_from = "Uuid")]
    pub version_id: VersionId,
    /// What to do.
    #[sqlx(try_from = "String")]
    pub operation: IndexOperation,
}

/// What a keyword index keeps of a chunk.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct IndexedChunk {
    /// The chunk.
    #[sqlx(try_from = "Uuid")]
    pub id: ChunkId,
    /// Its version.
    #[sqlx(try_from = "Uuid")]
    pub version_id: VersionId,
    /// Number of the document's label.
    pub label_id: i64,
    /// The document's name.
    pub document_name: String,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Its text.
    pub text: String,
    /// Whether its version does not answer now, and only questions about another day find it.
    pub is_dormant: bool,
}

impl IndexChanges<'_> {
    /// Up to `limit` changes after a position, oldest first. Changes of transactions that could still be
    /// overtaken are left for the next call.
    pub async fn list_after(
        &mut self,
        written_by: i64,
        sequence: i64,
        limit: i64,
    ) -> Result<Vec<IndexChange>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT written_by::text::bigint AS written_by, sequence, version_id, operation FROM index_changes \
             WHERE tenant_id = $1 AND (written_by, sequence) > ($2::text::xid8, $3) \
               AND written_by < pg_snapshot_xmin(pg_current_snapshot()) \
             ORDER BY written_by, sequence LIMIT $4",
        )
        .bind(self.0.tenant)
        .bind(written_by.to_string())
        .bind(sequence)
        .bind(limit)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// The chunks of a version that answers, or would on another day; empty for any other.
    pub async fn chunks_of(&mut self, version: VersionId) -> Result<Vec<IndexedChunk>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT c.id, c.version_id, d.label_id, d.name AS document_name, c.heading_path, c.text, \
                    d.current_version_id IS DISTINCT FROM c.version_id AS is_dormant \
             FROM chunks c JOIN documents d ON d.tenant_id = c.tenant_id AND d.id = c.document_id AND d.deleted_at IS NULL \
             JOIN document_versions v ON v.tenant_id = c.tenant_id AND v.id = c.version_id \
             WHERE c.tenant_id = $1 AND c.version_id = $2 \
               AND (d.current_version_id = c.version_id OR v.status IN ('scheduled', 'superseded', 'expired')) \
             ORDER BY c.ordinal",
        )
        .bind(self.0.tenant)
        .bind(version.uuid())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// Tells the keyword indexes to read a version again.
    pub async fn touch(&mut self, version: VersionId) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO index_changes (tenant_id, version_id, operation) VALUES ($1, $2, 'upsert')")
            .bind(self.0.tenant)
            .bind(version.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }
}
