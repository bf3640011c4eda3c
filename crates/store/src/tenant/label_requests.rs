use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Label, Page, PageRequest,
    id::{DocumentId, LabelRequestId, UserId},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    labels::{Reader, label_json},
    text_enum,
};
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// Where a wish stands.
    LabelRequestStatus {
        /// Nobody has decided.
        Pending = "pending",
        /// The document has the lower label.
        Approved = "approved",
        /// It has not.
        Rejected = "rejected",
        /// The label was changed otherwise meanwhile.
        Obsolete = "obsolete",
    }
}

/// Wishes to lower the label of a document.
pub struct LabelRequests<'t>(pub(crate) TenantConnection<'t>);

/// A wish.
#[derive(Debug)]
pub struct NewLabelRequest {
    /// The wish.
    pub id: LabelRequestId,
    /// For which document.
    pub document_id: DocumentId,
    /// The label that it has.
    pub from: Label,
    /// The label that it shall have.
    pub to: Label,
    /// Why.
    pub reason: String,
    /// Who wishes it.
    pub requested_by: UserId,
    /// When.
    pub requested_at: DateTime<Utc>,
}

/// A wish as it is shown.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LabelRequestRow {
    /// The wish.
    #[sqlx(try_from = "Uuid")]
    pub id: LabelRequestId,
    /// For which document.
    #[sqlx(try_from = "Uuid")]
    pub document_id: DocumentId,
    /// Its name.
    pub document_name: String,
    /// The label that it had; see [`label_of_json`](super::label_of_json).
    pub from_label: Value,
    /// The label that it shall have.
    pub to_label: Value,
    /// Why.
    pub reason: String,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: LabelRequestStatus,
    /// Who wishes it.
    #[sqlx(try_from = "Uuid")]
    pub requested_by: UserId,
    /// That person's name.
    pub requested_by_name: String,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Who decided.
    pub decided_by: Option<Uuid>,
    /// That person's name.
    pub decided_by_name: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// What they said.
    pub decision_reason: Option<String>,
}

const SELECT: &str = "SELECT r.id, r.document_id, d.name AS document_name, r.from_label, r.to_label, r.reason, r.status, \
    r.requested_by, a.display_name AS requested_by_name, r.requested_at, r.decided_by, b.display_name AS decided_by_name, \
    r.decided_at, r.decision_reason \
    FROM label_requests r \
    JOIN documents d ON d.tenant_id = r.tenant_id AND d.id = r.document_id AND d.deleted_at IS NULL \
    JOIN users a ON a.tenant_id = r.tenant_id AND a.id = r.requested_by \
    LEFT JOIN users b ON b.tenant_id = r.tenant_id AND b.id = r.decided_by \
    WHERE r.tenant_id = $1 AND d.label_id = ANY ($2)";

impl LabelRequests<'_> {
    /// Stores a wish. [`StoreError::Duplicate`] when another for the document is pending.
    pub async fn insert(&mut self, request: &NewLabelRequest) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO label_requests (tenant_id, id, document_id, from_label, to_label, reason, status, requested_by, \
                                         requested_at) \
             VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8)",
        )
        .bind(self.0.tenant)
        .bind(request.id.uuid())
        .bind(request.document_id.uuid())
        .bind(label_json(&request.from))
        .bind(label_json(&request.to))
        .bind(&request.reason)
        .bind(request.requested_by.uuid())
        .bind(request.requested_at)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// The wish, if the reader may see its document; locked until the transaction ends.
    pub async fn require(&mut self, reader: &Reader, id: LabelRequestId) -> Result<LabelRequestRow, StoreError> {
        let row = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND r.id = $3 FOR UPDATE OF r")))
            .bind(self.0.tenant)
            .bind(reader.visible())
            .bind(id.uuid())
            .fetch_optional(&mut *self.0.connection)
            .await?;
        row.ok_or(StoreError::NotFound("label request"))
    }

    /// Wishes for documents that the reader may see, newest first.
    pub async fn list(
        &mut self,
        reader: &Reader,
        status: Option<LabelRequestStatus>,
        page: PageRequest,
    ) -> Result<Page<LabelRequestRow>, StoreError> {
        let statement = format!(
            "{SELECT} AND ($3::text IS NULL OR r.status = $3) \
             AND ($4::timestamptz IS NULL OR (r.requested_at, r.id) < ($4, $5)) \
             ORDER BY r.requested_at DESC, r.id DESC LIMIT $6"
        );
        let rows: Vec<LabelRequestRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(reader.visible())
            .bind(status.map(LabelRequestStatus::as_str))
            .bind(page.after.map(|cursor| cursor.at))
            .bind(page.after.map(|cursor| cursor.id))
            .bind(i64::from(page.limit) + 1)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.requested_at, id: row.id.uuid() }))
    }

    /// Decides a pending wish. False when it was decided meanwhile.
    pub async fn decide(
        &mut self,
        id: LabelRequestId,
        status: LabelRequestStatus,
        by: UserId,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE label_requests SET status = $3, decided_by = $4, decision_reason = $5, decided_at = $6 \
             WHERE tenant_id = $1 AND id = $2 AND status = 'pending'",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(status.as_str())
        .bind(by.uuid())
        .bind(reason)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Closes what is pending for a document whose label was changed otherwise.
    pub async fn close_pending(
        &mut self,
        document: DocumentId,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE label_requests SET status = 'obsolete', decided_by = $3, decided_at = $4 \
             WHERE tenant_id = $1 AND document_id = $2 AND status = 'pending'",
        )
        .bind(self.0.tenant)
        .bind(document.uuid())
        .bind(by.uuid())
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }
}
