//! Lowering a label: somebody wishes it with a reason, somebody else decides.

pub(crate) mod create;
pub(crate) mod decide;
pub(crate) mod list;

use chrono::{DateTime, Utc};
use millwright_core::{
    Label,
    id::{DocumentId, LabelRequestId, UserId},
};
use millwright_store::tenant::{LabelRequestRow, LabelRequestStatus, label_of_json};
use serde::{Deserialize, Serialize};

use crate::dto::PersonResponse;

/// Where a wish stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LabelRequestStatusName {
    /// Nobody has decided.
    Pending,
    /// The document has the lower label.
    Approved,
    /// It has not.
    Rejected,
    /// The label was changed otherwise meanwhile.
    Obsolete,
}

impl From<LabelRequestStatusName> for LabelRequestStatus {
    fn from(name: LabelRequestStatusName) -> Self {
        match name {
            LabelRequestStatusName::Pending => Self::Pending,
            LabelRequestStatusName::Approved => Self::Approved,
            LabelRequestStatusName::Rejected => Self::Rejected,
            LabelRequestStatusName::Obsolete => Self::Obsolete,
        }
    }
}

impl From<LabelRequestStatus> for LabelRequestStatusName {
    fn from(status: LabelRequestStatus) -> Self {
        match status {
            LabelRequestStatus::Pending => Self::Pending,
            LabelRequestStatus::Approved => Self::Approved,
            LabelRequestStatus::Rejected => Self::Rejected,
            LabelRequestStatus::Obsolete => Self::Obsolete,
        }
    }
}

/// The wish to lower a label.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LabelRequestResponse {
    id: LabelRequestId,
    document_id: DocumentId,
    document_name: String,
    from: Label,
    to: Label,
    reason: String,
    status: LabelRequestStatusName,
    requested_by: PersonResponse,
    requested_at: DateTime<Utc>,
    decided_by: Option<PersonResponse>,
    decided_at: Option<DateTime<Utc>>,
    decision_reason: Option<String>,
}

impl From<LabelRequestRow> for LabelRequestResponse {
    fn from(row: LabelRequestRow) -> Self {
        let decided_by = row.decided_by.zip(row.decided_by_name);
        Self {
            id: row.id,
            document_id: row.document_id,
            document_name: row.document_name,
            from: label_of_json(row.from_label),
            to: label_of_json(row.to_label),
            reason: row.reason,
            status: row.status.into(),
            requested_by: PersonResponse { id: row.requested_by, display_name: row.requested_by_name },
            requested_at: row.requested_at,
            decided_by: decided_by.map(|(id, display_name)| PersonResponse { id: UserId::from(id), display_name }),
            decided_at: row.decided_at,
            decision_reason: row.decision_reason,
        }
    }
}
