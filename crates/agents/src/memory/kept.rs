//! What is sealed of a memory.

use millwright_core::id::{MemoryId, UserId};
use millwright_governance::GovernanceError;
use millwright_store::tenant::MemoryRow;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::{AgentError, citation::Citation, runner::Inner};

/// A memory's text with what it stands on, as it was and without placeholders: it belongs to no conversation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) text: String,
    /// Of a procedure.
    pub(crate) name: Option<String>,
    /// Of a fact: what its passages say word for word.
    pub(crate) citations: Vec<Citation>,
}

impl Content {
    /// Words of a person.
    pub(super) fn of(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    pub(super) fn sealed(&self, inner: &Inner, user: UserId, id: MemoryId) -> Result<Vec<u8>, AgentError> {
        let place: Place = (user, id);
        let plain = serde_json::to_vec(self).map_err(|_| GovernanceError::Vault)?;
        Ok(inner.governance.seal_memory(place, &plain)?)
    }

    pub(crate) fn open(inner: &Inner, row: &MemoryRow) -> Result<Self, AgentError> {
        let plain = inner.governance.open_memory((row.user_id, row.id), &row.sealed)?;
        Ok(serde_json::from_slice(&plain).map_err(|_| GovernanceError::Vault)?)
    }
}
