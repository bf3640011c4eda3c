//! What the proof of a change looks like when it is stored. The `audit` crate makes these
//! (canonical bytes and MAC); the `store` crate writes them in the change's own transaction.

use chrono::{DateTime, Utc};

use crate::id::{AuditEntryId, TenantId};

/// An audit entry ready to be stored: the event's canonical bytes and their keyed MAC, with the
/// columns that can be searched repeated beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// The entry.
    pub id: AuditEntryId,
    /// Whose log it belongs to.
    pub tenant_id: TenantId,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// Who did it: a user id, or `system:` and a component.
    pub actor: String,
    /// What was done, for instance `document.uploaded`.
    pub action: String,
    /// The kind of thing it was done to, for instance `document`.
    pub resource_type: String,
    /// Which one, as its id is shown.
    pub resource_id: String,
    /// RFC 8785 JSON of the whole event, the bytes that MAC and chain cover.
    pub canonical: Vec<u8>,
    /// HMAC-SHA-256 over `canonical`.
    pub mac: [u8; 32],
}
