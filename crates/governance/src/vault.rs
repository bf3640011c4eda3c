//! Sealing what stands for personal data in a conversation.

use millwright_core::id::ConversationId;
use millwright_policy::pii::Vault;

use crate::{Governance, GovernanceError};

fn place(conversation: ConversationId) -> String {
    format!("placeholders of {conversation}")
}

impl Governance {
    /// The vault in a form that only this conversation can open.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn seal(&self, conversation: ConversationId, vault: &Vault) -> Result<Vec<u8>, GovernanceError> {
        let sealed = self.cipher().seal(self.sources(), &place(conversation), vault.to_json().as_bytes());
        sealed.map_err(|_| GovernanceError::Vault)
    }

    /// The vault that was sealed for this conversation; an empty one where there is none.
    ///
    /// # Errors
    /// When it was altered, moved or sealed with another key.
    pub fn open(&self, conversation: ConversationId, sealed: Option<&[u8]>) -> Result<Vault, GovernanceError> {
        let Some(sealed) = sealed else { return Ok(Vault::default()) };
        let plain = self.cipher().open(&place(conversation), sealed).map_err(|_| GovernanceError::Vault)?;
        let json = std::str::from_utf8(&plain).map_err(|_| GovernanceError::Vault)?;
        Vault::from_json(json).map_err(|_| GovernanceError::Vault)
    }
}
