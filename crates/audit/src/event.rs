use std::fmt;

use chrono::{DateTime, Utc};
use millwright_core::{
    Sources,
    id::{AuditEntryId, TenantId, UserId},
};
use serde_json::{Map, Value};

use crate::AuditAction;

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person who signed in.
    User(UserId),
    /// A part of Millwright acting by itself, for instance `worker`.
    System(&'static str),
}

impl fmt::Display for Actor {
    /// `usr_…`, or `system:` and the component.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::System(component) => write!(f, "system:{component}"),
        }
    }
}

/// One thing that happened, before it is made into a record.
///
/// It knows nothing of seals and sequence numbers: how entries are ordered and chained may change
/// without touching what they say.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// The entry's id.
    pub id: AuditEntryId,
    /// Whose log it belongs to.
    pub tenant_id: TenantId,
    /// When it happened; kept to the microsecond.
    pub occurred_at: DateTime<Utc>,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: AuditAction,
    /// Which thing it was done to, as its id is shown. Its kind is the action's own.
    pub resource_id: String,
    /// The request that caused it, 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// What else an auditor must know. Never a secret, a password or the text of a document.
    pub details: Map<String, Value>,
}

impl AuditEvent {
    /// An event that happens now, without trace and details.
    pub fn new(
        sources: &Sources,
        tenant_id: TenantId,
        actor: Actor,
        action: AuditAction,
        resource_id: impl fmt::Display,
    ) -> Self {
        Self {
            id: sources.new_id(),
            tenant_id,
            occurred_at: sources.now(),
            actor,
            action,
            resource_id: resource_id.to_string(),
            trace_id: None,
            details: Map::new(),
        }
    }

    /// Names the request that caused it.
    #[must_use]
    pub fn trace(mut self, trace_id: impl fmt::Display) -> Self {
        self.trace_id = Some(trace_id.to_string());
        self
    }

    /// Adds a detail. Whole numbers beyond ±2^53 are refused later: write those as strings.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}
