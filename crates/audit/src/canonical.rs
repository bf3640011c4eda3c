//! The bytes that are proved: RFC 8785 JSON with a schema version, and the way back.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};
use millwright_core::{
    audit::AuditRecord,
    id::{AuditEntryId, TenantId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AuditError, AuditEvent};

/// Changes when a field of the canonical bytes is added, removed or read differently.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The largest whole number that every JSON reader keeps exactly (RFC 7493).
const LARGEST_EXACT: u64 = 1 << 53;

#[derive(Serialize)]
struct Written<'e> {
    v: u32,
    key: &'e str,
    id: AuditEntryId,
    tenant_id: TenantId,
    occurred_at: String,
    actor: String,
    action: &'static str,
    resource_type: &'static str,
    resource_id: &'e str,
    trace_id: Option<&'e str>,
    details: &'e Map<String, Value>,
}

/// The event's bytes, naming the key that authenticates them.
pub(crate) fn write(event: &AuditEvent, key_id: &str) -> Result<Vec<u8>, AuditError> {
    if let Some((name, _)) = event.details.iter().find(|(_, value)| !is_exact(value)) {
        return Err(AuditError::InexactNumber(name.clone()));
    }
    serde_json_canonicalizer::to_vec(&Written {
        v: SCHEMA_VERSION,
        key: key_id,
        id: event.id,
        tenant_id: event.tenant_id,
        occurred_at: event.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        actor: event.actor.to_string(),
        action: event.action.as_str(),
        resource_type: event.action.resource_type(),
        resource_id: &event.resource_id,
        trace_id: event.trace_id.as_deref(),
        details: &event.details,
    })
    .map_err(AuditError::Unwritable)
}

/// The canonical form (RFC 8785) of whatever is to be proved, as entries are written.
///
/// # Errors
/// When it holds a whole number that JSON readers would round, or is no JSON.
pub fn canonical_json(value: &impl Serialize) -> Result<Vec<u8>, AuditError> {
    let value = serde_json::to_value(value).map_err(AuditError::Unwritable)?;
    if !is_exact(&value) {
        return Err(AuditError::InexactNumber("value".to_owned()));
    }
    serde_json_canonicalizer::to_vec(&value).map_err(AuditError::Unwritable)
}

fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => whole.unsigned_abs() <= LARGEST_EXACT,
            (None, Some(_)) => false,
            (None, None) => true,
        },
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(fields) => fields.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// What the bytes say about the columns that stand beside them.
#[derive(Deserialize)]
pub(crate) struct Claimed<'b> {
    pub(crate) v: u32,
    #[serde(borrow)]
    pub(crate) key: Cow<'b, str>,
    #[serde(borrow)]
    id: Cow<'b, str>,
    #[serde(borrow)]
    tenant_id: Cow<'b, str>,
    #[serde(borrow)]
    occurred_at: Cow<'b, str>,
    #[serde(borrow)]
    actor: Cow<'b, str>,
    #[serde(borrow)]
    action: Cow<'b, str>,
    #[serde(borrow)]
    resource_type: Cow<'b, str>,
    #[serde(borrow)]
    resource_id: Cow<'b, str>,
}

impl<'b> Claimed<'b> {
    pub(crate) fn read(canonical: &'b [u8]) -> Option<Self> {
        serde_json::from_slice(canonical).ok()
    }

    /// The first column that does not repeat what the bytes say.
    pub(crate) fn differing_column(&self, record: &AuditRecord) -> Option<&'static str> {
        let columns = [
            ("id", self.id.parse() == Ok(record.id)),
            ("tenant_id", self.tenant_id.parse() == Ok(record.tenant_id)),
            ("occurred_at", DateTime::parse_from_rfc3339(&self.occurred_at).is_ok_and(|at| at == record.occurred_at)),
            ("actor", self.actor == record.actor),
            ("action", self.action == record.action),
            ("resource_type", self.resource_type == record.resource_type),
            ("resource_id", self.resource_id == record.resource_id),
        ];
        columns.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
    }
}
