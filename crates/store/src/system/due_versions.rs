use chrono::{DateTime, Utc};
use millwright_core::{TenantScope, id::DocumentId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// Versions whose day has come, or is over.
pub struct DueVersions<'t>(pub(crate) &'t mut PgConnection);

/// A document in which another version should answer than does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDocument {
    /// Whose document.
    pub scope: TenantScope,
    /// Which document.
    pub id: DocumentId,
}

impl DueVersions<'_> {
    /// Up to `limit` documents with such a version, any of them: one that fails again and again keeps no other from its turn.
    pub async fn list(&mut self, now: DateTime<Utc>, limit: i64) -> Result<Vec<DueDocument>, StoreError> {
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "SELECT * FROM (SELECT tenant_id, document_id FROM document_versions WHERE status = 'scheduled' AND effective_from <= $1 \
             UNION SELECT v.tenant_id, v.document_id FROM document_versions v \
             JOIN documents d ON d.tenant_id = v.tenant_id AND d.current_version_id = v.id \
             WHERE v.effective_until <= $1) due ORDER BY random() LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows.into_iter().map(|(tenant, id)| DueDocument { scope: scope_of(tenant), id: id.into() }).collect())
    }
}
