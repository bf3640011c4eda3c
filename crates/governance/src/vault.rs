//! Sealing what stands for personal data in a conversation, what a person has remembered, and tokens of MCP servers.

use millwright_core::id::{ConversationId, McpServerId, MemoryId, UserId};
use millwright_policy::pii::Vault;
use zeroize::Zeroizing;

use crate::{Governance, GovernanceError};

fn place(conversation: ConversationId) -> String {
    format!("placeholders of {conversation}")
}

fn place_of_token(server: McpServerId) -> String {
    format!("token of {server}")
}

fn place_of(user: UserId, memory: MemoryId) -> String {
    format!("memory {memory} of {user}")
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

    /// A memory's text in a form that only opens for this memory of this person.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn seal_memory(&self, (user, memory): (UserId, MemoryId), text: &[u8]) -> Result<Vec<u8>, GovernanceError> {
        let sealed = self.cipher().seal(self.sources(), &place_of(user, memory), text);
        sealed.map_err(|_| GovernanceError::Vault)
    }

    /// The text that was sealed for this memory of this person.
    ///
    /// # Errors
    /// When it was altered, moved or sealed with another key.
    pub fn open_memory(&self, (user, memory): (UserId, MemoryId), sealed: &[u8]) -> Result<Vec<u8>, GovernanceError> {
        let plain = self.cipher().open(&place_of(user, memory), sealed).map_err(|_| GovernanceError::Vault)?;
        Ok(plain.to_vec())
    }

    /// The token of an MCP server in a form that only opens for this server.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn seal_token(&self, server: McpServerId, token: &str) -> Result<Vec<u8>, GovernanceError> {
        let sealed = self.cipher().seal(self.sources(), &place_of_token(server), token.as_bytes());
        sealed.map_err(|_| GovernanceError::Vault)
    }

    /// The token that was sealed for this server.
    ///
    /// # Errors
    /// When it was altered, moved or sealed with another key.
    pub fn open_token(&self, server: McpServerId, sealed: &[u8]) -> Result<Zeroizing<String>, GovernanceError> {
        let plain = self.cipher().open(&place_of_token(server), sealed).map_err(|_| GovernanceError::Vault)?;
        let token = std::str::from_utf8(&plain).map_err(|_| GovernanceError::Vault)?;
        Ok(Zeroizing::new(token.to_owned()))
    }
}
